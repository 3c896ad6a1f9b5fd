"""A widened tolerance: what the backtest says it would reroute is what it reroutes, on a film and live."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.messages import Message

pytestmark = pytest.mark.system

EXAMPLES = Path(__file__).parents[2] / "config/examples"
FILM = "threezinedine_conveyor_packs.mp4"
PRODUCT = {"length_mm": 40, "width_mm": 40}
SOURCE = {
    "kind": "simulator", "seed": 5, "width_px": 320, "height_px": 180, "frame_rate_hz": 30, "mm_per_px": 1,
    "belt_speed_mm_per_s": 300, "lead_in_s": 0.4, "gap_mm": 20,
    "products": [{"name": name, "hex": color, **PRODUCT} for name, color in
                 (("red", "#c8202c"), ("brick", "#d8704c"), ("green", "#2e9e4f"))],
}  # fmt: skip
LINE = {
    "name": "one", "recipe": "recipe.yaml", "source": SOURCE, "belt": {"direction": "right", "learn_s": 0.3},
    "branches": {name: {"distance_mm": 800} for name in ("gate-1", "gate-2", "reject")},
    "timing": {"belt_speed_mm_per_s": 300},
}  # fmt: skip
NARROW = {
    "name": "narrow",
    "bins": [
        {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"},
        {"name": "green", "hex": "#2e9e4f", "tolerance": 11, "branch": "gate-2"},
    ],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
}
WIDE = NARROW | {"revision": 2, "bins": [NARROW["bins"][0] | {"tolerance": 25}, NARROW["bins"][1]]}
ENOUGH = 9
"""Products to try the change on."""


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return path


def rerouted(run_sorter, recipe: Path, config: Path) -> tuple[int, dict[tuple[str, str], set[int]]]:
    """How many products the backtest says go elsewhere, and which (by ``seq``): from branch, to branch."""
    done = run_sorter("backtest", "--recipe", recipe, "--config", config, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ways = {
        (move["then"]["branch"], move["now"]["branch"]): {int(one.rpartition("/")[2]) for one in move["examples"]}
        for move in found["moves"]
    }
    return found["rerouted"], ways


def decided(journal: Path) -> list[Message]:
    with Reader(journal) as reader:
        return [entry.message for entry in reader.entries(Wanted())]


def test_on_a_film_exactly_those_products_go_elsewhere_that_the_backtest_names(tmp_path, data, mosquitto, run_sorter):
    right = yaml.safe_load((EXAMPLES / "recipes/packs.yaml").read_text("utf-8"))
    blue = next(one for one in right["bins"] if one["name"] == "blue")
    narrow = right | {"bins": [one | {"tolerance": 0.5} if one is blue else one for one in right["bins"]]}
    site = yaml.safe_load((EXAMPLES / "packs.yaml").read_text("utf-8"))
    site["lines"][0] |= {"recipe": "recipe.yaml", "source": {"kind": "file", "path": FILM}}
    site |= {"mqtt": {"port": mosquitto.port}, "metrics": {"port": 0}, "journal": {"path": "journal.sqlite"}}

    runs = []
    for name, recipe in (("narrow", narrow), ("wide", right)):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(data / "belt_videos" / FILM, folder)
        write(folder / "recipe.yaml", recipe)
        done = run_sorter("run", "--config", write(folder / "sorter.yaml", site))
        assert done.returncode == 0, done.stderr
        runs.append(decided(folder / "journal.sqlite"))
    before, after = runs
    assert [one["product"] for one in before] == [one["product"] for one in after]
    changed = {one["seq"] for one, other in zip(before, after, strict=True) if one["branch"] != other["branch"]}
    assert changed

    count, ways = rerouted(run_sorter, tmp_path / "wide/recipe.yaml", tmp_path / "narrow/sorter.yaml")
    assert count == len(changed)
    assert ways == {("inspect", blue["branch"]): changed}


def test_live_those_products_go_elsewhere_from_the_edit_on_that_the_backtest_names(  # noqa: PLR0913, PLR0917 - fixtures
    tmp_path, mosquitto, read, start_sorter, run_sorter, wait_for
):
    wire = read(mosquitto.port)
    site = {
        "site": "plant", "lines": [LINE], "mqtt": {"port": mosquitto.port}, "metrics": {"port": 0},
        "journal": {"path": "journal.sqlite"},
    }  # fmt: skip
    config = write(tmp_path / "sorter.yaml", site)
    recipe, wide = write(tmp_path / "recipe.yaml", NARROW), write(tmp_path / "wide.yaml", WIDE)
    service = start_sorter("run", "--config", config)
    wait_for("products", lambda: len(wire.on("decision")) >= ENOUGH, 20.0)

    _, ways = rerouted(run_sorter, wide, config)
    unknown = {one["seq"] for one in decided(tmp_path / "journal.sqlite") if one["verdict"] == "unknown"}
    assert unknown, "some bricks must have come"
    (named,) = ways.items()
    assert named[0] == ("reject", "gate-1")
    assert named[1] <= unknown
    assert max(unknown - named[1], default=10**9) > max(named[1]), "those it does not name came after it had looked"

    shutil.copy(wide, recipe)
    wait_for("it waits: it reroutes too much", lambda: b"recipe_waits" in b"".join(m.payload for m in wire.on("alarm")))
    assert run_sorter("recipes", "confirm", "--config", config, "--by", "Anna").returncode == 0
    wait_for("it is live", lambda: json.loads(wire.on("recipe")[-1].payload)["revision"] == 2)
    so_far = len(wire.on("decision"))
    wait_for("products under it", lambda: len(wire.on("decision")) >= so_far + ENOUGH, 20.0)
    service.end()

    every = decided(tmp_path / "journal.sqlite")
    under = {revision: [one for one in every if one["recipe"]["revision"] == revision] for revision in (1, 2)}
    assert [*under[1], *under[2]] == every, "each product is decided under one recipe, and none under the old one again"
    bricks = {revision: [one for one in some if one["bin"] != "green" and one["delta_e"] > 11]
              for revision, some in under.items()}  # fmt: skip
    assert bricks[2], "some bricks must have come"
    assert {(one["verdict"], one["branch"]) for one in bricks[1]} == {("unknown", "reject")}
    assert {(one["verdict"], one["branch"]) for one in bricks[2]} == {("routed", "gate-1")}
    others = {(one["bin"], one["branch"]) for one in every if one not in bricks[1] and one not in bricks[2]}
    assert others == {("red", "gate-1"), ("green", "gate-2")}
