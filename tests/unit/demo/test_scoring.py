"""Decisions held against the simulator's truth."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sorter.capture.simulator.truth import TrueProduct, truth
from sorter.demo.scoring import Score, Scorer
from sorter.line_reports import Heartbeat, LineStatus
from sorter.product.region import direction_deg
from sorter.records import BinMatch, Box, Deadline, Decision, RecipeId, Verdict
from sorter.settings.site import LineSettings

START_S = 1000.0
RATE_HZ = 30.0


def settings(**changes: object) -> LineSettings:
    return LineSettings.model_validate({
        "name": "one",
        "recipe": "r.yaml",
        "source": {
            "kind": "simulator", "seed": 5, "width_px": 320, "height_px": 180, "frame_rate_hz": RATE_HZ, "mm_per_px": 1,
            "belt_speed_mm_per_s": 250, "lead_in_s": 0.4, "gap_mm": 30,
            "products": [
                {"name": "red", "hex": "#c8202c", "length_mm": 40, "width_mm": 40},
                {"name": "green", "hex": "#2e9e4f", "length_mm": 40, "width_mm": 40},
            ],
        },
        "belt": {"direction": "right"},
        "branches": {"gate": {"distance_mm": 800}},
        "timing": {"belt_speed_mm_per_s": 250},
        **changes,
    })  # fmt: skip


class Belt:
    """A simulated line, and the decisions that are right for it."""

    def __init__(self, **changes: object) -> None:
        self.line = settings(**changes)
        self.schedule = truth(self.line.source, direction_deg(self.line.belt.direction))
        self.scorer = Scorer([self.line])

    def due(self, until_s: float) -> list[tuple[TrueProduct, float]]:
        """Each product with the frame's time at which it is to be decided: its middle has crossed."""
        line_px = (self.line.decision_line - 0.5) * self.schedule.belt.length_px
        found = []
        for product in self.schedule.products_between(0.0, until_s):
            frames = (number / RATE_HZ for number in range(int(until_s * RATE_HZ) + 1))
            at_s = next((one for one in frames if self.schedule.along_px(product, one) > line_px + 0.5), None)
            if at_s is not None:
                found.append((product, at_s))
        return found

    def in_doubt(self, at_s: float) -> bool:
        """Whether a product's middle is so near to the line that rounding decides if it has crossed."""
        line_px = (self.line.decision_line - 0.5) * self.schedule.belt.length_px
        products = self.schedule.products_between(0.0, at_s)
        return any(abs(self.schedule.along_px(product, at_s) - line_px) < 3.0 for product in products)

    def box(self, product: TrueProduct, at_s: float) -> Box:
        x, y = self.schedule.center_px(product, at_s)
        return Box(round(x - 15), round(y - 15), round(x + 15), round(y + 15))

    def beat(self, last_s: float, *, first: int = 4, start_s: float = START_S) -> None:
        """A heartbeat of a line whose first frame was number ``first``."""
        frames = (first, start_s + first / RATE_HZ)
        beat = Heartbeat(LineStatus.RUNNING, "", 1, 0, 0, first_frame=frames, last_frame_at_s=start_s + last_s)
        self.scorer.note_heartbeat("one", beat)

    def decide(self, product: TrueProduct, at_s: float, start_s: float = START_S, **changes: object) -> None:
        chosen = {"verdict": Verdict.ROUTED, "bin": product.bin, "box": self.box(product, at_s), **changes}
        match = BinMatch(chosen["bin"], "gate", 1.0, is_in_reach=True, runner_up=None, bins_in_reach=1)
        captured_at_s = start_s + at_s
        times = (captured_at_s, captured_at_s, Deadline(0, 1))
        recipe = RecipeId("r", 1, "0" * 16)
        decision = Decision(1, chosen["verdict"], "gate", *times, 3, recipe, match=match, box=chosen["box"])
        self.scorer.note_decision("one", decision)


@pytest.fixture
def belt() -> Belt:
    made = Belt()
    made.beat(5.0)
    return made


def test_every_product_decided_once_and_right_is_a_clean_score(belt):
    due = belt.due(5.0)
    for product, at_s in due:
        belt.decide(product, at_s)
    assert len(due) >= 8
    score = belt.scorer.score()
    assert score == Score(len(due), len(due), len(due), 0, 0, 0)
    assert score.clean


def test_a_wrong_bin_and_no_bin_are_wrong(belt):
    (first, first_s), (second, second_s), *others = belt.due(5.0)
    belt.decide(first, first_s, bin="green" if first.bin == "red" else "red")
    belt.decide(second, second_s, verdict=Verdict.UNKNOWN)
    for product, at_s in others:
        belt.decide(product, at_s)
    score = belt.scorer.score()
    assert (score.wrong, score.missed, score.extra, score.clean) == (2, 0, 0, False)


def test_a_product_that_crossed_undecided_is_missed_though_nothing_was_decided_after_it(belt):
    due = belt.due(5.0)
    for product, at_s in due[:-3]:
        belt.decide(product, at_s)
    score = belt.scorer.score()
    assert (score.products, score.decided, score.missed) == (len(due), len(due) - 3, 3)


def test_a_second_decision_of_a_product_and_one_of_nothing_are_extra(belt):
    due = belt.due(5.0)
    for product, at_s in due:
        belt.decide(product, at_s)
    belt.decide(due[0][0], due[0][1] + 0.1)
    belt.decide(due[1][0], due[1][1], box=Box(0, 0, 8, 8))
    belt.decide(due[1][0], due[1][1], box=None)
    score = belt.scorer.score()
    assert (score.decided, score.correct, score.extra) == (len(due) + 3, len(due), 3)


def test_a_product_decided_at_the_end_before_it_crossed_counts_too(belt):
    due = belt.due(5.0)
    for product, at_s in due:
        belt.decide(product, at_s)
    (coming, *_) = [
        one for one in belt.schedule.products_between(0.0, 5.0) if one not in [product for product, _ in due]
    ]
    belt.decide(coming, 5.0)
    assert belt.scorer.score() == Score(len(due) + 1, len(due) + 1, len(due) + 1, 0, 0, 0)


def test_a_line_that_is_started_again_begins_a_belt_of_its_own(belt):
    for product, at_s in belt.due(5.0):
        belt.decide(product, at_s)
    again_s = START_S + 7.3
    belt.beat(3.0, first=0, start_s=again_s)
    for product, at_s in belt.due(3.0):
        belt.decide(product, at_s, start_s=again_s)
    count = len(belt.due(5.0)) + len(belt.due(3.0))
    assert belt.scorer.score() == Score(count, count, count, 0, 0, 0)


def test_a_line_that_saw_no_frame_is_blind():
    belt = Belt()
    belt.scorer.note_heartbeat("one", Heartbeat(LineStatus.CONNECTING, "", 0, 0, 0))
    assert belt.scorer.blind == ["one"]
    assert belt.scorer.score() == Score(0, 0, 0, 0, 0, 0)
    belt.beat(0.1)
    assert belt.scorer.blind == []


@given(st.sampled_from(["left", "right", "up", "down"]), st.floats(0.3, 0.8), st.data())
def test_the_sums_hold_whatever_is_left_out(direction, line, data):
    belt = Belt(belt={"direction": direction}, decision_line=line)
    assume(not belt.in_doubt(4.0))
    belt.beat(4.0)
    due = belt.due(4.0)
    kept = data.draw(st.lists(st.booleans(), min_size=len(due), max_size=len(due)))
    for (product, at_s), keep in zip(due, kept, strict=True):
        if keep:
            belt.decide(product, at_s)
    score = belt.scorer.score()
    assert score.decided == sum(kept) == score.correct
    assert score.products == score.correct + score.wrong + score.missed
    assert (score.wrong, score.extra) == (0, 0)
    assert score.products == len(due)
