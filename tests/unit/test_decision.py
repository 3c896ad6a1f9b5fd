from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.decision import Ballot, judge, vote
from sorter.records import BinMatch, ColorReading, Lab, PaletteColor, RunnerUp, Verdict

ROUTED, UNKNOWN, AMBIGUOUS = Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS


def match(
    delta_e: float = 2.0, runner_up: float | None = 20.0, in_reach: int = 1, name: str = "red", tolerance: float = 8.0
) -> BinMatch:
    return BinMatch(
        bin=name,
        branch=f"to {name}",
        delta_e=delta_e,
        tolerance=tolerance,
        runner_up=None if runner_up is None else RunnerUp("other", runner_up),
        bins_in_reach=in_reach,
    )


def ballot(one: BinMatch, lab: Lab = Lab(40, 60, 38)) -> Ballot:  # noqa: B008 - a value that never changes
    return Ballot(ColorReading((PaletteColor(lab, 1.0),)), one)


class TestJudge:
    @pytest.mark.parametrize(
        ("found", "min_margin", "verdict"),
        [
            (match(2, 20), 1, ROUTED),
            (match(2, None), 1, ROUTED),  # the recipe has one bin
            (match(8, 9), 1, ROUTED),  # a margin of just what is asked
            (match(8, 8.9), 1, AMBIGUOUS),
            (match(2, 2), 1, AMBIGUOUS),  # a tie
            (match(2, 5, in_reach=2), 1, AMBIGUOUS),
            (match(2, 50, in_reach=2), 0, AMBIGUOUS),
            (match(7, 3), 1, AMBIGUOUS),  # a nearer bin that does not reach it
            (match(7, 3), 0, AMBIGUOUS),
            (match(2, 2.001), 0, ROUTED),
            (match(30, 31, in_reach=0), 1, UNKNOWN),
            (match(30, 80, in_reach=0), 0, UNKNOWN),
            (match(30, None, in_reach=0), 0, UNKNOWN),
        ],
    )
    def test_a_color_is_routed_only_when_one_bin_is_near_and_clearly_nearest(
        self, found: BinMatch, min_margin: float, verdict: Verdict
    ) -> None:
        assert judge(found, min_margin) is verdict

    @given(st.floats(0, 50), st.none() | st.floats(0, 50), st.integers(0, 3), st.floats(0, 20))
    def test_it_is_routed_exactly_when_one_bin_reaches_and_the_margin_is_kept(
        self, delta_e: float, runner_up: float | None, in_reach: int, min_margin: float
    ) -> None:
        clear = runner_up is None or runner_up - delta_e >= min_margin
        verdict = judge(match(delta_e, runner_up, in_reach), min_margin)
        assert (verdict is ROUTED) == (in_reach == 1 and clear)
        assert (verdict is UNKNOWN) == (in_reach == 0)


RED, GREEN, NONE, BOTH = match(), match(name="green"), match(30, 40, in_reach=0), match(in_reach=2)


class TestVote:
    @pytest.mark.parametrize(
        ("said", "verdict", "name"),
        [
            ([RED], ROUTED, "red"),
            ([RED, RED, RED], ROUTED, "red"),
            ([RED, RED, GREEN], ROUTED, "red"),
            ([RED, RED, NONE], ROUTED, "red"),
            ([RED, GREEN], AMBIGUOUS, None),  # a tie
            ([RED, RED, GREEN, GREEN], AMBIGUOUS, None),
            ([RED, RED, GREEN, NONE], AMBIGUOUS, None),  # half is not more than half
            ([RED, GREEN, NONE], AMBIGUOUS, None),
            ([NONE, NONE, RED], UNKNOWN, None),
            ([NONE, RED], AMBIGUOUS, None),
            ([BOTH, BOTH, RED], AMBIGUOUS, None),
            ([BOTH], AMBIGUOUS, None),
            ([NONE], UNKNOWN, None),
        ],
    )
    def test_what_more_than_half_of_the_frames_say_is_the_verdict(
        self, said: list[BinMatch], verdict: Verdict, name: str | None
    ) -> None:
        outcome = vote([ballot(one) for one in said], 1.0)
        assert outcome.verdict is verdict
        if name is not None:
            assert outcome.ballot.match.bin == name

    def test_the_frame_nearest_to_the_median_color_speaks_for_the_others(self) -> None:
        colors = [Lab(40, 60, 38), Lab(41, 60, 38), Lab(90, 0, 0), Lab(42, 60, 38), Lab(39, 60, 38)]
        outcome = vote([ballot(RED, lab) for lab in colors], 1.0)
        assert outcome.ballot.reading.dominant.lab == Lab(41, 60, 38)

    def test_only_frames_of_the_winning_bin_can_speak(self) -> None:
        ballots = [ballot(GREEN, Lab(50, 0, 0)), ballot(RED, Lab(40, 60, 38)), ballot(RED, Lab(48, 10, 0))]
        outcome = vote(ballots, 1.0)
        assert outcome.ballot.match.bin == "red"

    @given(st.lists(st.sampled_from([RED, GREEN, NONE, BOTH]), min_size=1, max_size=12), st.randoms())
    def test_the_verdict_is_the_same_in_any_order_of_the_frames(self, said: list[BinMatch], dice: Any) -> None:
        shuffled = list(said)
        dice.shuffle(shuffled)
        one, other = (vote([ballot(each) for each in order], 1.0) for order in (said, shuffled))
        assert one.verdict is other.verdict
        if one.verdict is ROUTED:
            assert one.ballot.match.bin == other.ballot.match.bin

    @given(st.lists(st.sampled_from([RED, GREEN, NONE, BOTH]), min_size=1, max_size=12))
    def test_a_bin_wins_exactly_when_more_than_half_of_the_frames_are_for_it(self, said: list[BinMatch]) -> None:
        outcome = vote([ballot(one) for one in said], 1.0)
        counts = Counter(one.bin for one in said if one in (RED, GREEN))
        winners = [name for name, count in counts.items() if 2 * count > len(said)]
        assert (outcome.verdict is ROUTED) == bool(winners)
        if winners:
            assert outcome.ballot.match.bin == winners[0]
