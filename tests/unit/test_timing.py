from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.records import BinMatch, Deadline, Decision, RecipeId, Verdict
from sorter.settings.site import LineSettings
from sorter.timing import Timing, diverted, retimed


def line_of(**timing: float) -> LineSettings:
    return LineSettings.model_validate(
        {
            "name": "line",
            "source": {"kind": "file", "path": "film.mp4"},
            "recipe": "recipe.yaml",
            "belt": {"direction": "right"},
            "branches": {"near": {"distance_mm": 100}, "far": {"distance_mm": 500}, "here": {"distance_mm": 0}},
            "timing": {"belt_speed_mm_per_s": 250} | timing,
        }
    )


class TestTiming:
    def test_a_diverter_acts_when_the_product_is_there_less_its_delay(self) -> None:
        timing = Timing.of(line_of(actuator_delay_s=0.05, tolerance_s=0.1))
        near, far = timing.deadline("near", 10.0), timing.deadline("far", 10.0)
        assert (near.act_after_s, near.act_before_s) == pytest.approx((10.25, 10.45))
        assert (far.act_after_s, far.act_before_s) == pytest.approx((11.85, 12.05))

    def test_a_branch_at_the_decision_line_leaves_only_the_tolerance(self) -> None:
        deadline = Timing.of(line_of(actuator_delay_s=0.2, tolerance_s=0.1)).deadline("here", 10.0)
        assert (deadline.act_after_s, deadline.act_before_s) == pytest.approx((9.7, 9.9))

    def test_a_diverter_of_its_own_speed_has_its_own_delay(self) -> None:
        line = line_of(actuator_delay_s=0.05, tolerance_s=0.1)
        slow = line.branches["near"].model_copy(update={"actuator_delay_s": 0.25})
        timing = Timing.of(line.model_copy(update={"branches": line.branches | {"near": slow}}))
        assert timing.deadline("near", 10.0).act_before_s == pytest.approx(10.25)
        assert timing.deadline("far", 10.0).act_before_s == pytest.approx(12.05)

    @given(
        st.floats(1, 5000),
        st.floats(0, 60),
        st.floats(0.001, 60),
        st.floats(0, 1e6),
        st.sampled_from(["near", "far", "here"]),
    )
    def test_every_window_is_twice_the_tolerance_and_later_for_what_is_farther(
        self, speed: float, delay_s: float, tolerance_s: float, crossed_at_s: float, branch: str
    ) -> None:
        line = line_of(belt_speed_mm_per_s=speed, actuator_delay_s=delay_s, tolerance_s=tolerance_s)
        timing = Timing.of(line)
        deadline = timing.deadline(branch, crossed_at_s)
        assert deadline.act_before_s - deadline.act_after_s == pytest.approx(2 * tolerance_s, abs=1e-6)
        middle_s = (deadline.act_before_s + deadline.act_after_s) / 2
        travel_s = line.branches[branch].distance_mm / speed - delay_s
        assert math.isclose(middle_s, crossed_at_s + travel_s, abs_tol=1e-6)
        here, near, far = (timing.deadline(name, crossed_at_s).act_after_s for name in ("here", "near", "far"))
        assert here <= near <= far


MEASURED = Timing.of(line_of(), 500.0)
DECISION = Decision(
    product=1,
    verdict=Verdict.ROUTED,
    branch="far",
    captured_at_s=10.0,
    decided_at_s=10.1,
    deadline=Timing.of(line_of()).deadline("far", 10.0),
    frames_used=3,
    recipe=RecipeId("fruit", 1, "0123456789abcdef"),
    crossed_at_s=10.0,
)


def test_a_measured_speed_takes_the_place_of_the_settings() -> None:
    timing = Timing.of(line_of(actuator_delay_s=0.05, tolerance_s=0.1), 125.0)
    assert timing.deadline("near", 10.0).act_after_s == pytest.approx(10.65)


def test_a_decision_gets_the_deadline_of_the_measured_speed() -> None:
    timed = retimed(DECISION, MEASURED, "here", now_s=10.2)
    assert (timed.deadline.act_after_s, timed.deadline.act_before_s) == pytest.approx((10.85, 11.05))
    assert timed == replace(DECISION, deadline=timed.deadline)


def test_a_decision_whose_deadline_has_passed_at_the_measured_speed_is_late_and_goes_to_the_safe_branch() -> None:
    timed = retimed(DECISION, MEASURED, "near", now_s=11.1)
    assert (timed.verdict, timed.branch) == (Verdict.LATE, "near")
    assert timed.deadline.act_before_s == pytest.approx(10.25)


def test_late_is_never_taken_back() -> None:
    late = replace(DECISION, verdict=Verdict.LATE)
    assert retimed(late, Timing.of(line_of(), 1.0), "near", now_s=10.2).verdict is Verdict.LATE


def test_a_decision_of_a_single_picture_has_no_crossing_to_count_from() -> None:
    alone = replace(DECISION, crossed_at_s=None)
    assert retimed(alone, MEASURED, "near", now_s=99.0) == alone


def test_a_diverted_decision_keeps_its_color_and_gets_the_branchs_deadline_and_a_late_one_stays_late():
    line = Timing({"left": 2.0, "reject": 3.0}, 0.1)
    match = BinMatch("red", "left", 1.0, is_in_reach=True, runner_up=None, bins_in_reach=1)
    recipe = RecipeId("any", 1, "0" * 16)
    made = Decision(
        1, Verdict.ROUTED, "left", 9.9, 10.0, Deadline(11.9, 12.1), 3, recipe, match=match, crossed_at_s=10.0
    )
    sent = diverted(made, "paused", "reject", line)
    assert (sent.verdict, sent.branch, sent.diverted_by, sent.match) == (Verdict.INVALID, "reject", "paused", match)
    assert (sent.deadline.act_after_s, sent.deadline.act_before_s) == (pytest.approx(12.9), pytest.approx(13.1))
    late = replace(made, verdict=Verdict.LATE, branch="reject")
    assert diverted(late, "paused", "left", line) == late
