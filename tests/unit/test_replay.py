from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sorter.capture.clock import SystemClock
from sorter.color.bins import Bins
from sorter.color.sample import sample_box
from sorter.deciding import branch_of
from sorter.decision import decide_readings, read_samples
from sorter.evidence import unpack_samples
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.pipeline import open_pipeline
from sorter.records import Deadline, Decision, Evidence, RecipeId
from sorter.replay import decide_again, differences, recipe_of
from sorter.settings.recipe import Recipe
from tests.unit.test_pipeline import KINDS, RECIPE, line_of, simulated

IDENTITY = LineIdentity("plant", "belt-1", "0123456789abcdef", simulated=True)
BY_COLOR = Recipe.model_validate(
    {
        "name": "fruit",
        "revision": 7,
        "bins": [
            {"name": "red", "any_of": [{"hex": "#a01820"}, {"hex": "#d04030"}], "tolerance": 18, "branch": "a"},
            {"name": "green", "lab": [60, -30, 40], "tolerance": {"delta_l": 30, "delta_ab": 25}, "branch": "b"},
            {"name": "yellow", "rgb": [230, 200, 40], "tolerance": 15, "exposure_range": 2, "branch": "a"},
            {
                "name": "two colors",
                "all_of": [{"hex": "#c8202c", "min_share": 0.2}, {"hex": "#e0c040", "min_share": 0.2}],
                "tolerance": 20,
                "branch": "b",
            },
        ],
        "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "c"),
    }
)


def written_down(decisions: Iterable[Decision], recipe: Recipe, path: Path) -> None:
    journal = Journal(path, Limits(100_000_000, 1e12), SystemClock())
    journal.remember(recipe)
    journal.start()
    for seq, decision in enumerate(decisions, start=1):
        journal.add(decision, decision_message(decision, IDENTITY, seq, 1.7e9))
    journal.close(time.monotonic() + 20)
    assert journal.counts.waiting == journal.counts.failed == 0


def replayed(path: Path) -> list[tuple[dict[str, Any], list[str]]]:
    """Each message of a journal, and what differs when it is decided again from nothing but the journal."""
    answers = []
    with Reader(path) as reader:
        for entry in reader.entries(Wanted()):
            identity = RecipeId(**entry.message["recipe"])
            meaning = reader.recipe_meaning(identity.hash)
            assert meaning is not None
            recipe = recipe_of(meaning, identity)
            assert recipe.identity == identity
            packed = reader.pixels(entry.message["decision_id"]).samples
            unpacked = unpack_samples(packed) if packed else None
            assert unpacked is None or unpacked.is_exact
            samples = () if unpacked is None else unpacked.samples
            answers.append((entry.message, [str(one) for one in differences(entry.message, samples, recipe)]))
    return answers


def belt_decisions(more: dict[str, Any], late_s: float = 0.0, **line_more: Any) -> list[Decision]:
    line = line_of(more, **line_more)
    frames = list(simulated(line, 8))
    pipeline = open_pipeline(line, RECIPE, frames[0], lambda frame: frame.captured_at_s + late_s, keep_evidence=True)
    return [decision for frame in frames for decision in pipeline.process(frame)] + pipeline.finish()


@pytest.mark.parametrize(
    ("more", "line_more", "late_s", "verdicts"),
    [
        ({"noise": 1, "glare": 1, "texture": 1, "gap_mm": 25}, {}, 0.0, {"routed"}),
        ({"noise": 1}, {}, 30.0, {"late"}),
        (
            {"products": [KINDS[0], {"name": "purple", "hex": "#8030a0", "shape": "disc", "length_mm": 56}]},
            {},
            0.0,
            {"routed", "unknown"},
        ),
        ({"noise": 1}, {"product": {"min_length_px": 44}}, 0.0, {"invalid"}),
    ],
)
def test_a_belts_decisions_are_the_same_to_the_bit_out_of_the_journal(
    tmp_path: Path, more: dict[str, Any], line_more: dict[str, Any], late_s: float, verdicts: set[str]
) -> None:
    decisions = belt_decisions(more, late_s, **line_more)
    assert len(decisions) > 5
    written_down(decisions, RECIPE, tmp_path / "j.sqlite")
    answers = replayed(tmp_path / "j.sqlite")
    assert len(answers) == len(decisions)
    assert {message["verdict"] for message, _ in answers} >= verdicts
    assert [said for _, said in answers if said] == []


def test_each_decision_of_a_belt_has_a_picture_and_the_samples_that_voted() -> None:
    for decision in belt_decisions({"noise": 1}):
        assert decision.evidence is not None
        assert len(decision.evidence.samples) == decision.frames_used
        picture = cv2.imdecode(np.frombuffer(decision.evidence.thumbnail_jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert decision.reading is not None
        shown = sample_box(picture[picture.shape[0] // 3 : -picture.shape[0] // 3 or None]).mean(axis=0)
        assert np.linalg.norm(shown - np.array(decision.reading.dominant.lab)) < 20
        assert len(decision.evidence.thumbnail_jpeg) < 6000


def test_evidence_changes_no_decision_and_nobody_pays_for_it_unasked() -> None:
    line = line_of({"noise": 1})
    frames = list(simulated(line, 6))

    def run(**asked: bool) -> list[Decision]:
        pipeline = open_pipeline(line, RECIPE, frames[0], lambda frame: frame.captured_at_s, **asked)
        return [decision for frame in frames for decision in pipeline.process(frame)]

    without, kept = run(), run(keep_evidence=True)
    assert without
    assert all(decision.evidence is None for decision in without)
    assert [replace(decision, evidence=None) for decision in kept] == without


def test_real_crops_are_decided_the_same_to_the_bit_out_of_the_journal(data: Path, tmp_path: Path) -> None:
    crops = sorted((data / "fruit").rglob("*.jpg"))[::9][:210] + sorted((data / "candy_plates").rglob("*.jpg"))[:60]
    pictures = [cv2.imread(str(path)) for path in crops]
    samples = [sample for picture in pictures if picture is not None and len(sample := sample_box(picture))]
    triples = [samples[first : first + 3] for first in range(0, len(samples), 3)]
    assert len(samples) > 100
    bins, decisions = Bins.of(BY_COLOR), []
    for product, voted in enumerate(triples, start=1):
        outcome = decide_readings(read_samples(voted), bins, BY_COLOR)
        decisions.append(
            Decision(
                product=product,
                verdict=outcome.verdict,
                branch=branch_of(outcome, BY_COLOR),
                captured_at_s=0.0,
                decided_at_s=0.0,
                deadline=Deadline(0.0, 1.0),
                frames_used=len(voted),
                recipe=BY_COLOR.identity,
                reason=outcome.doubt,
                match=outcome.ballot.match,
                reading=outcome.ballot.reading,
                stability=outcome.stability,
                evidence=Evidence(tuple(voted), b""),
            )
        )
    written_down(decisions, BY_COLOR, tmp_path / "j.sqlite")
    answers = replayed(tmp_path / "j.sqlite")
    assert len({message["verdict"] for message, _ in answers}) >= 2
    assert [said for _, said in answers if said] == []


def test_another_recipe_tells_what_it_would_change() -> None:
    decision = belt_decisions({})[0]
    assert decision.evidence is not None
    message = decision_message(decision, IDENTITY, 1, 0.0)
    assert differences(message, decision.evidence.samples, RECIPE) == []
    moved = RECIPE.model_copy(update={"bins": tuple(one.model_copy(update={"branch": "z"}) for one in RECIPE.bins)})
    (changed,) = differences(message, decision.evidence.samples, moved)
    assert str(changed) == f"branch was {decision.branch!r} and is 'z'"


def test_a_decision_that_was_overridden_is_held_to_its_color_alone() -> None:
    decision = belt_decisions({})[0]
    assert decision.evidence is not None
    message = decision_message(decision, IDENTITY, 1, 0.0) | {
        "verdict": "invalid",
        "reason": "paused",
        "bin": None,
        "branch": "reject",
    }
    assert differences(message, decision.evidence.samples, RECIPE) == []


def test_a_field_that_was_forged_is_told() -> None:
    decision = belt_decisions({})[0]
    assert decision.evidence is not None
    message = decision_message(decision, IDENTITY, 1, 0.0)
    forged = message | {"delta_e": message["delta_e"] + 0.01}
    assert [one.field for one in differences(forged, decision.evidence.samples, RECIPE)] == ["delta_e"]


def test_nothing_is_decided_of_nothing() -> None:
    assert decide_again([], RECIPE) is None
