"""A shadow recipe's opinions against the decisions, with a publisher that has no broker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import LineIdentity, Message, decision_message
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.shadow import MOST_EXAMPLES, Comparison
from sorter.outputs.shadow_metrics import ShadowMetrics
from sorter.outputs.wall_clock import AnchoredClock
from sorter.records import (
    BinMatch,
    ColorReading,
    Deadline,
    Decision,
    Lab,
    Opinion,
    PaletteColor,
    RecipeId,
    Verdict,
)
from sorter.settings.recipe import Recipe
from sorter.settings.site import MqttSettings
from sorter.shadow_desk import ShadowDesk, ShadowTally
from sorter.timing import Timing, diverted
from tests.unit.conftest import RECIPE as DOCUMENT

RECIPE = Recipe.model_validate(DOCUMENT)
CANDIDATE = RECIPE.model_copy(update={"name": "candidate", "revision": 7})
IDENTITY = LineIdentity("plant", "one", "boot", simulated=True)
READING = ColorReading((PaletteColor(Lab(50.0, 60.0, 40.0), 1.0),))
ROUTED, UNKNOWN, AMBIGUOUS = Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS


def decided(
    verdict: Verdict, nearest: str, branch: str, would: tuple[Verdict, str, str] | None, number: int = 1
) -> Decision:
    match = BinMatch(nearest, branch, 3.0, is_in_reach=verdict is ROUTED, runner_up=None, bins_in_reach=1)
    opinion = None
    if would is not None:
        other, other_nearest, other_branch = would
        opinion = Opinion(CANDIDATE.identity, other, other_branch, other_nearest, 2.0, None)
    deadline = Deadline(2.0, 3.0)
    return Decision(
        number, verdict, branch, 1.0, 1.04, deadline, 3, RECIPE.identity, match=match, reading=READING, shadow=opinion
    )


def told(decision: Decision) -> Message:
    return decision_message(decision, IDENTITY, decision.product, 1.7e9)


class Clock:
    """Stands still."""

    def monotonic_s(self) -> float:
        return 100.0

    def wall_s(self) -> float:
        return 1.7e9

    def wait_s(self, duration_s: float) -> None:
        """Nobody waits here."""


class Voice(LinePublisher):
    """Keeps what it would publish; nothing is connected here."""

    def __init__(self, clock: AnchoredClock) -> None:
        super().__init__(IDENTITY, MqttSettings(), clock, Ledger(clock), Path())
        self.said: list[dict[str, Any]] = []

    def publish_shadow(self, message) -> None:
        self.said.append(dict(message))


class Desk:
    """A desk with its metrics and what it has said."""

    def __init__(self) -> None:
        clock = AnchoredClock(Clock())
        self.registry = CollectorRegistry()
        self.voice = Voice(clock)
        self.desk = ShadowDesk(IDENTITY, self.voice, ShadowMetrics(self.registry), clock)

    def note(self, *decisions: Decision) -> None:
        for decision in decisions:
            self.desk.note(decision, told(decision))

    def said(self) -> dict[str, Any]:
        self.desk.publish()
        return self.voice.said[-1]

    def metrics(self) -> dict[str, float | None]:
        value = self.registry.get_sample_value
        labels = [{"line": "one", "outcome": one.value} for one in Comparison]
        return {one["outcome"]: value("sorter_shadow_products_total", one) for one in labels}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.desk.use(RECIPE, CANDIDATE)
    return made


SAME = decided(ROUTED, "red", "gate-1", (ROUTED, "red", "gate-1"))
OTHER_BIN = decided(ROUTED, "red", "gate-1", (ROUTED, "crimson", "gate-1"))
OTHER_BRANCH = decided(ROUTED, "red", "gate-1", (ROUTED, "red", "gate-2"))
NOW_KNOWN = decided(UNKNOWN, "red", "reject", (ROUTED, "red", "gate-1"))


def test_each_product_is_counted_once_and_disagreements_by_their_kind(desk):
    desk.note(SAME, OTHER_BIN, OTHER_BRANCH, NOW_KNOWN, NOW_KNOWN, replace(SAME, verdict=Verdict.LATE))
    said = desk.said()
    keys = ("products", "compared", "not_compared", "agreeing", "disagreeing", "rerouted", "other_disagreements")
    assert {key: said[key] for key in keys} == dict(zip(keys, (6, 5, 1, 1, 4, 3, 0), strict=True))
    assert said["disagreements"][0] == {
        "count": 2,
        "decision": {"verdict": "unknown", "bin": None, "branch": "reject"},
        "shadow": {"verdict": "routed", "bin": "red", "branch": "gate-1"},
    }
    assert [one["count"] for one in said["disagreements"]] == [2, 1, 1]
    assert (said["shadow"]["name"], said["recipe"]["name"]) == ("candidate", "two colors")
    assert desk.metrics() == {"agrees": 1, "disagrees": 1, "rerouted": 3, "not_compared": 1}


def test_an_example_has_both_answers_with_their_numbers_and_names_the_decision(desk):
    desk.note(NOW_KNOWN)
    (example,) = desk.said()["examples"]
    message = told(NOW_KNOWN)
    assert {key: example[key] for key in ("decision_id", "captured_at", "decided_at", "lab", "hex")} == {
        key: message[key] for key in ("decision_id", "captured_at", "decided_at", "lab", "hex")
    }
    assert example["decision"] == {
        "verdict": "unknown", "bin": None, "branch": "reject", "delta_e": 3.0, "margin": None,
    }  # fmt: skip
    assert example["shadow"] == {
        "verdict": "routed", "bin": "red", "branch": "gate-1", "delta_e": 2.0, "margin": None,
    }  # fmt: skip


def test_an_unknown_product_whose_nearest_bin_is_another_agrees(desk):
    desk.note(decided(UNKNOWN, "red", "reject", (UNKNOWN, "green", "reject")))
    assert desk.said()["agreeing"] == 1


@pytest.mark.parametrize(
    "decision",
    [
        replace(NOW_KNOWN, verdict=Verdict.LATE),
        replace(NOW_KNOWN, verdict=Verdict.INVALID),
        diverted(NOW_KNOWN, "camera_lost", "reject", Timing({"reject": 1.0}, 0.1)),
        replace(NOW_KNOWN, diverted_by="paused"),
        replace(NOW_KNOWN, shadow=None),
        replace(NOW_KNOWN, recipe=RecipeId("the one before", 1, "0" * 16)),
        replace(NOW_KNOWN, shadow=replace(NOW_KNOWN.shadow, recipe=RecipeId("an earlier candidate", 1, "0" * 16))),
    ],
    ids=["late", "invalid", "diverted", "diverted late", "no opinion", "other recipe", "other candidate"],
)
def test_what_the_color_did_not_decide_or_another_recipe_did_is_counted_and_not_compared(desk, decision):
    desk.note(decision)
    said = desk.said()
    assert (said["not_compared"], said["compared"], said["disagreements"], said["examples"]) == (1, 0, [], [])


def test_it_speaks_when_the_candidate_changes_and_then_only_when_there_is_news(desk):
    assert len(desk.voice.said) == 1
    desk.desk.publish()
    assert len(desk.voice.said) == 1
    desk.note(SAME)
    for _ in range(2):
        desk.desk.publish()
    assert len(desk.voice.said) == 2
    desk.desk.use(RECIPE, CANDIDATE)
    assert len(desk.voice.said) == 2, "the same two: the counts go on"


def test_another_recipe_on_either_side_begins_anew_and_none_ends_it(desk):
    desk.note(NOW_KNOWN)
    desk.desk.use(CANDIDATE, RECIPE)
    assert (desk.voice.said[-1]["products"], desk.voice.said[-1]["recipe"]["name"]) == (0, "candidate")
    desk.desk.use(CANDIDATE, None)
    desk.note(NOW_KNOWN)
    said = desk.said()
    assert (said["shadow"], said["since"], said["products"], said["examples"]) == (None, None, 0, [])
    assert desk.desk.recipe is None
    assert desk.metrics()["rerouted"] == 1, "counted since the service began"


def test_without_a_candidate_it_says_so_once_and_has_no_metrics():
    desk = Desk()
    desk.desk.use(RECIPE, None)
    desk.note(replace(SAME, shadow=None))
    desk.desk.publish()
    assert [one["shadow"] for one in desk.voice.said] == [None]
    assert set(desk.metrics().values()) == {None}


def test_a_rare_kind_keeps_its_last_examples_among_many_of_another():
    tally = ShadowTally(RECIPE.identity, CANDIDATE.identity, 0.0)
    rare = [replace(OTHER_BRANCH, product=number) for number in (1, 2, 3)]
    for decision in (*rare, *(replace(NOW_KNOWN, product=number) for number in range(4, 104))):
        tally.note(decision, told(decision))
    seqs = [int(one.facts["decision_id"].rsplit("/", 1)[1]) for one in tally.report.examples]
    assert seqs == [2, 3, *range(86, 104)]


branches = st.sampled_from(["gate-1", "gate-2", "reject"])
answers = st.tuples(st.sampled_from([ROUTED, UNKNOWN, AMBIGUOUS]), st.sampled_from(["red", "green"]), branches)
pairs = st.lists(st.tuples(answers, answers), max_size=60)


@given(pairs)
def test_counts_add_up_and_of_few_kinds_each_has_its_newest_examples(pairs):
    tally = ShadowTally(RECIPE.identity, CANDIDATE.identity, 0.0)
    decisions = [decided(*one, other, number) for number, (one, other) in enumerate(pairs, start=1)]
    compared = [tally.note(decision, told(decision)) for decision in decisions]
    report = tally.report
    assert Counter(compared) == report.counts
    disagreeing = sum(report.counts.get(one, 0) for one in (Comparison.DISAGREES, Comparison.REROUTED))
    assert sum(report.kinds.values()) == disagreeing
    assert len(report.examples) == min(disagreeing, MOST_EXAMPLES)
    kept = Counter(one.kind for one in report.examples)
    if len(report.kinds) <= MOST_EXAMPLES // 2:
        assert all(kept[kind] >= min(count, 2) for kind, count in report.kinds.items())
    seqs = [int(one.facts["decision_id"].rsplit("/", 1)[1]) for one in report.examples]
    assert seqs == sorted(seqs)
