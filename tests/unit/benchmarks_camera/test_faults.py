"""The campaign of faults: its timetable, and what it makes of what was seen."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.camera.reel import Fault
from benchmarks.camera.truth import WireScore, sum_scores
from benchmarks.faults import FULL, SHORT, TrialResult, _segments

SCORE = WireScore(10, 8, 0, {"late": 1}, 1, 0, 0, 30.0, -50.0)
RESULT = TrialResult("cut", 5.0, 1.0, "halted, camera_lost", 1.4, 2.0, 2.5, SCORE, must_tell=True, watched_s=17.0)


def test_trials_follow_each_other_and_those_of_the_reel_lie_where_they_begin() -> None:
    for plan in (FULL, SHORT):
        assert plan.starts_s[0] == plan.lead_in_s + plan.plain_s
        assert len(plan.starts_s) == len(plan.trials) + 1
        segments = {segment.fault: segment for segment in _segments(plan)}
        for trial, start_s in zip(plan.trials, plan.starts_s, strict=False):
            assert (trial.in_reel is None) == (trial.begin is not None) == (trial.end is not None)
            if trial.in_reel is not None:
                segment = segments[trial.in_reel]
                assert (segment.first, segment.until) == (30 * start_s, 30 * (start_s + trial.lasts_s))
        assert set(segments) == {Fault.REPEAT, Fault.DAMAGE_HEAVY, Fault.DAMAGE_LIGHT, Fault.RESIZE}


def test_what_never_came_counts_as_long_as_it_was_waited_for() -> None:
    assert round(RESULT.told_late_s, 6) == 0.4
    assert RESULT.resumed_after_s == 2.5
    silent = replace(RESULT, told=None, told_after_s=None, right_after_s=None)
    assert (silent.told_late_s, silent.resumed_after_s) == (16.0, 12.0)
    assert replace(silent, must_tell=False).told_late_s == 0.0


def test_scores_add_up_and_the_worst_crossing_stays_the_worst() -> None:
    both = sum_scores([SCORE, replace(SCORE, wrong_bin=2, not_routed={"late": 1, "unknown": 3}, crossing_off_ms=None)])
    assert (both.products, both.correct, both.wrong_bin, both.missed) == (20, 16, 2, 2)
    assert both.not_routed == {"late": 2, "unknown": 3}
    assert (both.crossing_off_ms, both.worst_crossing_off_ms) == (30.0, -50.0)
