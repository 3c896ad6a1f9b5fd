"""Decisions on the wire against the belt: pairing, excuses, and what is never excused."""

from __future__ import annotations

import pytest

from benchmarks.belt import BenchBelt
from benchmarks.camera.truth import BeltTruth, Interval, WireDecision
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.records import Verdict

BELT = BenchBelt.of_config().with_source(width_px=480, height_px=270, mm_per_px=1.0)
TRUTH = BeltTruth(BELT.line, BELT.source)
WITHIN = Interval(5.0, 15.0)
EPOCH_WALL_S = 1_790_000_000.25


def decisions(**changes: object) -> list[WireDecision]:
    """The right ones, each with changes."""
    return [
        WireDecision(**{  # type: ignore[arg-type]
            "crossed_s": TRUTH.crossing_s(one) + 0.04, "verdict": Verdict.ROUTED, "bin": one.bin,
            "age_ms": 40.0, "decided_s": TRUTH.crossing_s(one) + 0.08, **changes,
        })
        for one in TRUTH.due(WITHIN)
    ]  # fmt: skip


def changed(place: int, **changes: object) -> list[WireDecision]:
    told = decisions()
    told[place] = decisions(**changes)[place]
    return told


def test_the_sorters_own_decisions_are_paired_through_their_deadlines() -> None:
    pipeline, made = None, []
    for frame in BELT.frames(12.0):
        pipeline = pipeline or BELT.open_pipeline(frame)
        made += pipeline.process(frame)
    identity = LineIdentity("demo", "line-1", "boot", simulated=False)
    messages = [decision_message(one, identity, seq, EPOCH_WALL_S) for seq, one in enumerate(made)]
    seen = [WireDecision.of(message, TRUTH.timing, EPOCH_WALL_S) for message in messages]
    score = TRUTH.score(seen, Interval(4.0, 11.5))
    assert score.clean
    assert score.products == score.correct > 8
    assert score.worst_crossing_off_ms is not None
    assert abs(score.worst_crossing_off_ms) < 15


def test_right_decisions_make_a_clean_score() -> None:
    score = TRUTH.score(decisions(), WITHIN)
    assert score.clean
    assert score.products == score.correct == len(decisions()) > 10
    assert score.crossing_off_ms == pytest.approx(40)


def test_a_product_without_a_decision_is_missed_and_one_not_routed_is_told_by_its_verdict() -> None:
    score = TRUTH.score([*changed(3, verdict=Verdict.UNKNOWN, bin=None)[:-1]], WITHIN)
    assert (score.missed, dict(score.not_routed), score.clean) == (1, {"unknown": 1}, False)


def test_a_decision_far_from_every_product_and_a_second_one_of_a_product_are_extra() -> None:
    first, second = sorted(TRUTH.crossing_s(one) for one in TRUTH.due(WITHIN))[:2]
    between = decisions(crossed_s=(first + second) / 2)[0]
    score = TRUTH.score([*decisions(), between, decisions()[4]], WITHIN)
    assert (score.extra, score.correct, score.missed) == (2, score.products, 0)


def test_a_decision_that_tells_a_crossing_far_away_is_extra_where_it_was_made() -> None:
    far = WireDecision(250.0, Verdict.ROUTED, "blue", 300.0, decided_s=11.3)
    assert TRUTH.score([*decisions(), far], WITHIN).extra == 1
    assert TRUTH.score([*decisions(), far], Interval(12.0, 15.0)).extra == 0


def test_blind_intervals_excuse_what_was_not_decided_but_no_wrong_bin_and_nothing_extra() -> None:
    at_s = [TRUTH.crossing_s(one) for one in TRUTH.due(WITHIN)]
    told = changed(5, bin="violet")
    del told[4]
    told += [told[0]]
    score = TRUTH.score(told, WITHIN, [Interval(min(at_s[4:6]), max(at_s[4:6]))])
    assert (score.excused, score.missed, score.wrong_bin, score.extra) == (1, 0, 1, 1)


def test_the_margin_widens_the_excuse() -> None:
    at_s = TRUTH.crossing_s(TRUTH.due(WITHIN)[4])
    told = decisions()
    del told[4]
    blind = [Interval(at_s + 0.1, at_s + 0.2)]
    assert TRUTH.score(told, WITHIN, blind).missed == 1
    assert TRUTH.score(told, WITHIN, blind, margin_s=0.15).missed == 0
