"""A candidate recipe beside the one in force: what the service tells of it is what the journal's readings say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sorter.color.bins import Bins
from sorter.deciding import branch_of
from sorter.decision import decide_readings
from sorter.outputs.journal.reading import Reader
from sorter.outputs.messages import Message
from sorter.outputs.shadow import Said
from sorter.readings import unpack_readings
from sorter.records import ColorReading, Verdict
from sorter.settings.recipe import Recipe

pytestmark = pytest.mark.system

SCHEMA = Path(__file__).parents[2] / "config/schema/shadow.schema.json"
PRODUCT = {"length_mm": 40, "width_mm": 40}
SOURCE = {
    "kind": "simulator", "seed": 3, "width_px": 320, "height_px": 180, "frame_rate_hz": 30, "mm_per_px": 1,
    "belt_speed_mm_per_s": 300, "lead_in_s": 0.4, "gap_mm": 20,
    "products": [
        {"name": "red", "hex": "#c8202c", **PRODUCT},
        {"name": "brick", "hex": "#d8704c", **PRODUCT},
        {"name": "green", "hex": "#2e9e4f", **PRODUCT},
    ],
}  # fmt: skip
LINE = {
    "name": "one", "recipe": "recipe.yaml", "shadow": "candidate.yaml", "source": SOURCE,
    "belt": {"direction": "right", "learn_s": 0.3},
    "branches": {name: {"distance_mm": 800} for name in ("gate-1", "gate-2", "gate-3", "reject")},
    "timing": {"belt_speed_mm_per_s": 300},
}  # fmt: skip
RED = {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"}
GREEN = {"name": "green", "hex": "#2e9e4f", "tolerance": 11, "branch": "gate-2"}
FALLBACK = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject")
RECIPE = {"name": "in force", "bins": [RED, GREEN], "fallback": FALLBACK}
WIDER = [{**RED, "tolerance": 25}, {**GREEN, "branch": "gate-3"}]
CANDIDATE = {"name": "candidate", "revision": 2, "bins": WIDER, "fallback": FALLBACK}
DECISIONS = 8


def write(folder: Path, port: int) -> Path:
    document = {
        "site": "plant", "lines": [LINE], "mqtt": {"port": port, "keepalive_s": 5}, "metrics": {"port": 0},
        "journal": {"path": "journal.sqlite"},
    }  # fmt: skip
    for name, content in (("sorter", document), ("recipe", RECIPE), ("candidate", CANDIDATE)):
        (folder / f"{name}.yaml").write_text(json.dumps(content, indent=1), "utf-8")
    return folder


def recorded(path: Path) -> Iterator[tuple[Message, tuple[ColorReading, ...]]]:
    """Each decision of the journal that the color made, with what was read of the product."""
    columns = "message, readings FROM decisions LEFT JOIN readings ON decision = id ORDER BY id"
    with Reader(path) as reader:
        for text, packed in reader.rows(f"SELECT {columns}"):
            message = json.loads(text)
            if message["verdict"] in {"routed", "unknown", "ambiguous"}:
                yield message, unpack_readings(packed)


def said(readings: tuple[ColorReading, ...], recipe: Recipe) -> Said:
    outcome = decide_readings(readings, Bins.of(recipe), recipe)
    return Said.of(outcome.verdict, outcome.ballot.match.bin, branch_of(outcome, recipe))


def of_wire(facts: dict[str, Any]) -> Said:
    return Said(Verdict(facts["verdict"]), facts["bin"], facts["branch"])


def test_the_retained_message_counts_what_the_journals_readings_say_under_both_recipes(
    tmp_path, mosquitto, read, start_sorter, wait_for
):
    wire = read(mosquitto.port)
    service = start_sorter("run", "--config", write(tmp_path, mosquitto.port))
    wait_for("decisions", lambda: len(wire.on("decision")) >= DECISIONS, 20.0)
    service.end()
    wire.close()
    (last,) = wait_for_retained(read(mosquitto.port), wait_for)
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(last)

    live, candidate = Recipe.model_validate(RECIPE), Recipe.model_validate(CANDIDATE)
    journal = list(recorded(tmp_path / "journal.sqlite"))
    answers = [(said(readings, live), said(readings, candidate)) for _, readings in journal]
    assert [of_wire(message) for message, _ in journal] == [now for now, _ in answers], "the journal's readings decide"
    expected = Counter((now, then) for now, then in answers if now != then)
    assert {
        (of_wire(one["decision"]), of_wire(one["shadow"])): one["count"] for one in last["disagreements"]
    } == expected
    assert {(now.bin, now.branch, then.branch) for now, then in expected} == {
        (None, "reject", "gate-1"), ("green", "gate-2", "gate-3"),
    }  # fmt: skip
    assert (last["products"], last["compared"]) == (len(wire.on("decision")), len(journal))
    assert (last["disagreeing"], last["rerouted"]) == (expected.total(), expected.total())
    differing = [
        message["decision_id"] for (message, _), (now, then) in zip(journal, answers, strict=True) if now != then
    ]
    assert [one["decision_id"] for one in last["examples"]] == differing[::-1]
    for message in wire.on("decision"):
        assert b"shadow" not in message.payload
        assert b"candidate" not in message.payload


def wait_for_retained(reader, wait_for) -> list[dict[str, Any]]:
    """What the broker has kept of the candidate, told to somebody who comes after the service has ended."""
    wait_for("it is told", lambda: reader.on("shadow"))
    assert all((one.retain, one.qos) == (True, 1) for one in reader.on("shadow"))
    return [json.loads(one.payload) for one in reader.on("shadow")]
