"""Recipes that change under a running service: waiting, a person's answer, changeover, shadow, last known good."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.test_fail_safe import HERE, Plant
from tests.system.test_service import LINE, RECIPE

pytestmark = pytest.mark.system

SETTLES_S = 20.0
"""An edit is in force within two seconds; a machine that does much else may take longer."""


class Line:
    """A plant whose recipes somebody edits."""

    def __init__(
        self, folder: Path, port: int, wire: Any, start_sorter: Callable[..., Any], wait_for: Callable[..., None]
    ) -> None:
        self.folder = folder
        self._start, self._wait_for = start_sorter, wait_for
        self.plant = Plant(None, wire, wait_for)
        folder.mkdir()
        document = {
            "site": "plant", "lines": [LINE], "mqtt": {"port": port, "keepalive_s": 5}, "metrics": {"port": 0},
        }  # fmt: skip
        self.write("sorter", document)
        self.write("recipe", RECIPE)
        self.write("other", RECIPE | {"name": "all green", "bins": [RECIPE["bins"][1]]})
        self.write("candidate", RECIPE | {"name": "candidate", "min_margin": 2})
        self.start()

    def start(self) -> None:
        """The service anew, until it decides."""
        self.boots = {one["boot_id"] for one in self.plant.messages("decision")}
        self.plant.service = self._start("run", "--config", self.folder)
        self.wait_for("it decides", lambda: self.told("decision"))

    def write(self, name: str, content: dict[str, Any]) -> None:
        (self.folder / f"{name}.yaml").write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    def told(self, leaf: str) -> list[dict[str, Any]]:
        """What this run of the service said, and none before it."""
        return [one for one in self.plant.messages(leaf) if one["boot_id"] not in self.boots]

    def wait_for(self, what: str, true: Callable[[], Any]) -> None:
        self._wait_for(what, true, SETTLES_S)

    def wait_for_alarm(self, cause: str, *, raised: bool = True) -> str:
        def last() -> list[dict[str, Any]]:
            return [one for one in self.told("alarm") if one["cause"] == cause][-1:]

        self.wait_for(f"{cause} {raised}", lambda: [one["raised"] for one in last()] == [raised])
        return str(last()[0]["reason"])

    def wait_until_decided_by(self, name: str, revision: int = 1) -> dict[str, Any]:
        def recipe() -> dict[str, Any]:
            return dict(self.told("decision")[-1]["recipe"])

        self.wait_for(f"{name} decides", lambda: (recipe()["name"], recipe()["revision"]) == (name, revision))
        (in_force,) = [one for one in self.told("recipe") if (one["name"], one["revision"]) == (name, revision)][-1:]
        assert recipe()["hash"] == in_force["hash"]
        return recipe()


@pytest.fixture
def line(tmp_path, mosquitto, read, start_sorter, wait_for) -> Line:
    return Line(tmp_path / "config", mosquitto.port, read(mosquitto.port), start_sorter, wait_for)


def test_an_edit_that_takes_a_bin_away_waits_and_the_last_good_recipe_outlives_a_kill(line, run_sorter):
    plant = line.plant
    first = line.wait_until_decided_by("two colors")
    fewer = RECIPE | {"revision": 2, "bins": RECIPE["bins"][:1]}
    line.write("recipe", fewer)
    reason = line.wait_for_alarm("recipe_waits")
    assert "it takes away the bin 'green'" in reason
    (waiting,) = [json.loads(run_sorter("recipes", "waiting", "--config", line.folder, "--json").stdout)]
    wanted = waiting["recipe"]["hash"]
    assert wanted in reason
    refused = plant.ask("confirm_recipe", {"hash": first["hash"]})
    assert (refused["code"], wanted in refused["reason"]) == ("refused", True)
    assert plant.next_decisions(1)[0]["recipe"] == first
    assert plant.ask("confirm_recipe", {"hash": wanted, "by": "Anna"})["code"] == "done"
    second = line.wait_until_decided_by("two colors", 2)
    assert second["hash"] == wanted
    line.wait_for_alarm("recipe_waits", raised=False)
    assert plant.ask("confirm_recipe")["code"] == "refused"

    assert plant.ask("pause", {"by": "Anna"})["ok"]
    line.wait_for("the pause is kept", (line.folder / "journal/paused.json").exists)
    plant.service.process.kill()
    plant.service.process.wait(10)
    line.wait_for("the will", lambda: plant.messages("state")[-1]["state"] == "offline")
    (line.folder / "recipe.yaml").write_text("name: [\n", "utf-8")
    line.start()
    assert "recipe.yaml:2:1" in line.wait_for_alarm("recipe_refused")
    line.wait_for("it is paused", lambda: "paused" in plant.messages("state")[-1]["active"])
    assert plant.ask("resume")["ok"]
    assert line.wait_until_decided_by("two colors", 2) == second
    line.write("recipe", fewer | {"revision": 3, "min_margin": 2})
    line.wait_for_alarm("recipe_refused", raised=False)
    line.wait_until_decided_by("two colors", 3)
    said = run_sorter("recipes", "list", "--config", line.folder, "--json").stdout.splitlines()
    lives = [json.loads(one)["live"] for one in said]
    assert [(one["recipe"]["revision"], one["origin"], one["by"]) for one in lives] == [
        (1, "start", None), (2, "confirmed", "Anna"), (3, "file", None)
    ]  # fmt: skip
    assert run_sorter("recipes", "verify", "--config", line.folder).returncode == 0


def test_a_changeover_begins_a_batch_and_a_shadow_is_promoted(line):
    plant = line.plant
    plant.next_decisions(1)
    began = plant.messages("stats")[-1:] or [{"batch": {"since": ""}}]
    assert plant.ask("recipe", {"name": "all green", "by": "Anna"})["code"] == "done"
    line.wait_until_decided_by("all green")
    line.wait_for("a new batch", lambda: batch_of(plant) not in {None, began[0]["batch"]["since"]})
    stats = plant.messages("stats")[-1]
    by_the_one_before = [one for one in plant.messages("decision") if one["recipe"]["name"] == "two colors"]
    assert 0 < stats["products"] - stats["batch"]["products"] <= len(by_the_one_before)

    ask_until_taken(line, "shadow", {"name": "candidate"})
    line.wait_for("it is compared", lambda: plant.messages("shadow")[-1].get("compared", 0) > 0)
    told = plant.messages("shadow")[-1]
    assert (told["recipe"]["name"], told["shadow"]["name"]) == ("all green", "candidate")
    assert {one["recipe"]["name"] for one in plant.messages("decision")} == {"two colors", "all green"}
    ask_until_taken(line, "promote", {"by": "Anna"})
    line.wait_until_decided_by("candidate")
    line.wait_for("no shadow is left", lambda: plant.messages("shadow")[-1]["shadow"] is None)
    assert plant.ask("promote")["code"] == "refused"
    assert all(one.topic.startswith(HERE) for one in plant.wire.on("recipe"))


def batch_of(plant: Plant) -> str | None:
    """When the batch began that the last stats tell of."""
    stats = plant.messages("stats")
    return stats[-1]["batch"]["since"] if stats else None


def ask_until_taken(line: Line, name: str, payload: dict[str, Any]) -> None:
    """A line that has not taken the change before is busy for a moment."""
    line.wait_for(f"{name} is taken", lambda: line.plant.ask(name, payload)["code"] == "done")
