"""Pause, resume, recipe and reset over a real broker into a real service, and what is told when the broker forgets."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.system.test_service import LINE, RECIPE

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
HERE = "sorter/plant/one"


def schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / f"config/schema/{kind}.schema.json").read_text("utf-8")))


@dataclass
class Plant:
    """A service, its broker, and an operator who commands by MQTT 5 and reads everything."""

    service: Any
    wire: Any
    wait_for: Callable[..., None]
    asked: list[bytes] = field(default_factory=list)

    def messages(self, leaf: str) -> list[dict[str, Any]]:
        return [json.loads(one.payload) for one in self.wire.on(leaf) if one.topic == f"{HERE}/{leaf}"]

    def wait_for_state(self, state: str) -> dict[str, Any]:
        def last() -> dict[str, Any]:
            return (self.messages("state") or [{"state": ""}])[-1]

        self.wait_for(f"the line is {state}", lambda: last()["state"] == state, 20.0)
        return last()

    def next_decisions(self, count: int) -> list[dict[str, Any]]:
        before = len(self.messages("decision"))
        self.wait_for("decisions", lambda: len(self.messages("decision")) >= before + count, 20.0)
        return self.messages("decision")[before:]

    def ask(self, name: str, payload: bytes | dict[str, Any] = b"", topic: str = "hmi/7", **facts: Any) -> Any:
        """The answer, once it comes back with the correlation data that was sent."""
        mark = f"ask-{len(self.asked)}".encode()
        self.asked.append(mark)
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = topic, mark
        if isinstance(payload, dict):
            payload = json.dumps({"schema": "sorter.command/1", **payload}).encode()
        self.wire.client.publish(f"{HERE}/command/{name}", payload, qos=1, properties=properties, **facts)

        def answers() -> list[Any]:
            mine = [one for one in list(self.wire.messages) if getattr(one.properties, "CorrelationData", b"") == mark]
            return [one for one in mine if "/command/" not in one.topic]

        self.wait_for(f"an answer to {name}", answers)
        (answer,) = answers()
        assert (answer.qos, answer.retain) == (1, False)
        message = json.loads(answer.payload)
        schema("command_answer").validate(message)
        return message | {"topic": answer.topic}


@pytest.fixture
def plant(tmp_path, mosquitto, read, start_sorter, wait_for) -> Plant:
    folder = tmp_path / "config"
    folder.mkdir()
    document = {
        "site": "plant",
        "lines": [LINE | {"fail_safe": {"paused": {"branch": "gate-1", "stop_line": True}}}],
        "mqtt": {"port": mosquitto.port, "keepalive_s": 5},
        "metrics": {"port": 0},
    }
    other = RECIPE | {"name": "all green", "revision": 4, "bins": [RECIPE["bins"][1] | {"branch": "gate-1"}]}
    elsewhere = RECIPE | {"name": "elsewhere", "fallback": RECIPE["fallback"] | {"late": "gate-9"}}
    files = {"sorter": document, "recipe": RECIPE, "other": other, "elsewhere": elsewhere, "broken": {"name": "bad"}}
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(json.dumps(content), "utf-8")
    made = Plant(start_sorter("run", "--config", folder), read(mosquitto.port), wait_for)
    made.wait_for_state("running")
    return made


def the_journal_tells_it(run_sorter: Callable[..., Any], config: Path, products: int) -> None:
    """The batches that began, the alarms, and what the process that was lost has cost."""

    def told(*arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in run_sorter(*arguments, "--config", config, "--json").stdout.splitlines()]

    batches = told("report", "--list")
    assert [(one["reason"], one["recipe"]["name"]) for one in batches] == [
        ("start", "two colors"), ("command", "two colors"), ("recipe_change", "all green")
    ]  # fmt: skip
    assert sum(one["products"] for one in batches) >= products
    alarms = [(one["cause"], one["raised"]) for one in told("journal", "events", "--kind", "alarm")]
    assert alarms[:2] == [("paused", True), ("paused", False)]
    (report,) = told("report")
    assert report["running"]
    assert report["time"]["by_cause"]["line_process_lost"]["times"] == 1


def test_an_operator_pauses_goes_on_and_changes_the_recipe(plant, tmp_path, run_sorter):
    plant.next_decisions(1)
    answer = plant.ask("pause", {"by": "Ann", "reason": "cleaning", "command_id": "a-1"})
    assert (answer["code"], answer["ok"], answer["topic"], answer["command_id"]) == ("done", True, "hmi/7", "a-1")
    state = plant.wait_for_state("ready")
    schema("state").validate(state)
    assert (state["reason"], state["cause"]) == ("paused by Ann: cleaning", "paused")
    assert state["fail_safe"] == {"cause": "paused", "action": "divert", "branch": "gate-1", "stop_line": True}
    assert state["active"] == ["paused"]
    assert plant.ask("pause", {"command_id": "a-1"})["code"] == "done", "it came a second time"
    assert plant.ask("pause")["code"] == "already"
    for decision in plant.next_decisions(3)[1:]:
        schema("decision").validate(decision)
        assert (decision["verdict"], decision["reason"], decision["bin"]) == ("invalid", "paused", None)
        assert decision["branch"] == "gate-1"
        assert decision["lab"]
    assert plant.ask("resume")["code"] == "done"
    assert plant.wait_for_state("running")["fail_safe"] is None
    assert plant.ask("resume")["code"] == "already"
    assert [(one["cause"], one["raised"]) for one in plant.messages("alarm")] == [("paused", True), ("paused", False)]

    before = plant.messages("stats")
    assert plant.ask("reset_batch")["ok"]
    plant.wait_for("new counts", lambda: len(plant.messages("stats")) > len(before))
    stats = plant.messages("stats")[-1]
    schema("stats").validate(stats)
    assert stats["batch"]["products"] == 0 < stats["products"]

    for name, why in (("nowhere", "there is no recipe 'nowhere'"), ("elsewhere", "has no branch gate-9")):
        refused = plant.ask("recipe", {"name": name})
        assert refused["code"] == "refused"
        assert why in refused["reason"]
    assert plant.ask("recipe", {"name": "bad"})["code"] == "refused"
    assert plant.ask("recipe", {"name": "two colors"})["code"] == "already"
    assert plant.ask("recipe", {"name": "all green"})["code"] == "done"
    plant.wait_for("the recipe is told", lambda: plant.messages("recipe")[-1]["name"] == "all green")
    assert plant.messages("state")[-1]["recipe"]["revision"] == 4
    plant.wait_for("it decides", lambda: plant.messages("decision")[-1]["recipe"]["name"] == "all green")
    plant.wait_for("a green one", lambda: plant.messages("decision")[-1]["bin"] == "green", 20.0)
    assert plant.messages("decision")[-1]["branch"] == "gate-1"
    # A line that is started again goes on with the recipe that was commanded.
    plant.service.lines[0].kill()
    plant.wait_for("it is missed", lambda: "line_process_lost" in {one["cause"] for one in plant.messages("state")})
    plant.wait_for_state("running")
    assert plant.next_decisions(1)[0]["recipe"]["name"] == "all green"
    numbers = [one["seq"] for one in plant.messages("decision")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    the_journal_tells_it(run_sorter, tmp_path / "config", products=numbers[-1])


def test_what_is_no_command_is_answered_or_counted_and_never_obeyed(plant, mosquitto):
    for name, payload, code in (
        ("pause", b"{", "malformed"),
        ("pause", b'{"schema":"sorter.command/2"}', "malformed"),
        ("recipe", b"", "malformed"),
        ("self_destruct", b"", "unknown_command"),
    ):
        assert plant.ask(name, payload)["code"] == code
    retained = plant.ask("pause", retain=True)
    assert (retained["code"], retained["ok"]) == ("retained", False)
    # Where an answer may not go it goes to where answers without a place go.
    for topic in (f"{HERE}/command/pause", f"{HERE}/state", "sorter/plant/two/confirm", "$SYS/x"):
        assert plant.ask("resume", topic=topic)["topic"] == f"{HERE}/command_answer"
    assert plant.ask("resume", topic=f"{HERE}/command_answer/hmi")["topic"] == f"{HERE}/command_answer/hmi"
    told = plant.service.get("/metrics")[1]
    assert 'sorter_commands_total{code="retained",command="pause",line="one"} 1.0' in told
    assert 'sorter_commands_total{code="unknown_command",command="other",line="one"} 1.0' in told
    assert 'sorter_command_responses_ignored_total{line="one"} 4.0' in told
    assert {one["state"] for one in plant.messages("state")} <= {"starting", "running"}

    # A broker that was restarted with its data lost is told everything again, what was commanded included.
    assert plant.ask("pause", {"reason": "cleaning"})["ok"]
    plant.wait_for_state("ready")
    plant.service.process.send_signal(signal.SIGSTOP)  # until the reader is back: alarms are told once
    mosquitto.stop()
    plant.wire.granted = False
    plant.wire.messages.clear()
    mosquitto.start()
    plant.wait_for("the reader is back", lambda: plant.wire.granted)
    plant.service.process.send_signal(signal.SIGCONT)
    plant.wait_for("alarm", lambda: any(one["cause"] == "paused" and one["raised"] for one in plant.messages("alarm")))
    assert plant.wait_for_state("ready")["fail_safe"]["branch"] == "gate-1"
    plant.wait_for("recipe", lambda: plant.messages("recipe"))


def test_a_vanished_service_leaves_what_to_do_in_its_will(plant):
    plant.service.process.kill()
    will = plant.wait_for_state("offline")
    schema("state").validate(will)
    assert will["fail_safe"] == {"cause": "sorter_lost", "action": "halt", "branch": "reject", "stop_line": False}
    assert will["active"] == ["sorter_lost"]


def test_the_selftest_walks_the_rows_of_a_table_that_differs_in_every_key(tmp_path, mosquitto_program, run_sorter):
    assert mosquitto_program
    rows = {
        "camera_lost": {"clears": "by_command", "branch": "gate-1", "stop_line": True, "alarm": "call 4711"},
        "sorter_lost": {"branch": "gate-2", "stop_line": True},
        "paused": {"action": "halt", "clears": "by_command"},
        "too_many_unknowns": {"action": "divert", "after": 2, "branch": "gate-2"},
        "broker_lost": {"action": "divert", "hold_s": 0.3},
        "disk_full": {"action": "halt", "clears": "by_command", "alarm": "make room"},
        "latency_drift": {"degrades": True},
    }
    line = LINE | {"fail_safe": rows, "source": {"kind": "rtsp", "url": "rtsp://127.0.0.1:1/belt"}}
    (tmp_path / "sorter.yaml").write_text(json.dumps({"site": "plant", "lines": [line]}), "utf-8")
    (tmp_path / "recipe.yaml").write_text(json.dumps(RECIPE), "utf-8")
    done = run_sorter("selftest", "--config", tmp_path, "--json", "--rows", ",".join(rows), timeout_s=100)
    *walked, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["cause"]: one["failures"] for one in walked} == {cause: [] for cause in rows}
    assert last == {"summary": {"rows": len(rows), "failed": 0}}
    assert done.returncode == 0
    told = {one["cause"]: one for one in walked}
    assert (told["camera_lost"]["branch"], told["camera_lost"]["stop_line"]) == ("gate-1", True)
    assert {one["cause"] for one in walked if one["produced"] != "for real"} == {"disk_full", "latency_drift"}
