from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.color.bins import Bins
from sorter.decision import Ballot, Saying, cast, judge, vote
from sorter.records import BinMatch, ColorReading, Doubt, Lab, PaletteColor, RunnerUp, Verdict
from sorter.settings.recipe import Recipe

FALLBACK = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject")
ROUTED, UNKNOWN, AMBIGUOUS = Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS


def recipe(min_margin: float = 1.0, sort_mode: str = "nearest_within_tolerance", min_stability: float = 0.7) -> Recipe:
    bins = [
        {"name": "red", "lab": [40, 60, 38], "tolerance": 8, "branch": "to red"},
        {"name": "green", "lab": [55, -45, 32], "tolerance": 8, "branch": "to green"},
    ]
    asked = {"min_margin": min_margin, "sort_mode": sort_mode, "min_stability": min_stability}
    return Recipe.model_validate({"name": "r", "bins": bins, "fallback": FALLBACK} | asked)


def match(delta_e: float = 2.0, runner_up: float | None = 20.0, in_reach: int = 1, name: str = "red") -> BinMatch:
    return BinMatch(
        bin=name,
        branch=f"to {name}",
        delta_e=delta_e,
        is_in_reach=in_reach > 0,
        runner_up=None if runner_up is None else RunnerUp("other", runner_up),
        bins_in_reach=in_reach,
    )


def ballot(one: BinMatch, lab: Lab = Lab(40, 60, 38), parts: tuple[BinMatch, ...] = ()) -> Ballot:  # noqa: B008 - a value that never changes
    return Ballot(ColorReading((PaletteColor(lab, 1.0),)), one, parts)


SEVERAL, UNCLEAR, DISAGREE = Doubt.SEVERAL_BINS, Doubt.NOT_CLEARLY_NEAREST, Doubt.SAMPLES_DISAGREE
DEFAULT, NEAREST, UNIQUE = "nearest_within_tolerance", "nearest", "unique"


class TestJudge:
    @pytest.mark.parametrize(
        ("found", "min_margin", "verdict", "doubt"),
        [
            (match(2, 20), 1, ROUTED, None),
            (match(2, None), 1, ROUTED, None),  # the recipe has one bin
            (match(8, 9), 1, ROUTED, None),  # a margin of just what is asked
            (match(8, 8.9), 1, AMBIGUOUS, UNCLEAR),
            (match(2, 2), 1, AMBIGUOUS, UNCLEAR),  # a tie
            (match(2, 5, in_reach=2), 1, ROUTED, None),  # both reach it, one is clearly nearer
            (match(2, 2.5, in_reach=2), 1, AMBIGUOUS, SEVERAL),
            (match(2, 2, in_reach=2), 0, ROUTED, None),  # no margin is asked: the first by its name
            (match(7, 3), 1, AMBIGUOUS, UNCLEAR),  # a nearer bin that does not reach it
            (match(7, 3), 0, AMBIGUOUS, UNCLEAR),
            (match(2, 2.001), 0, ROUTED, None),
            (match(30, 31, in_reach=0), 1, UNKNOWN, None),
            (match(30, 80, in_reach=0), 0, UNKNOWN, None),
            (match(30, None, in_reach=0), 0, UNKNOWN, None),
        ],
    )
    def test_a_color_is_routed_only_when_one_bin_is_near_and_clearly_nearest(
        self, found: BinMatch, min_margin: float, verdict: Verdict, doubt: Doubt | None
    ) -> None:
        expected = Saying(verdict, found.bin if verdict is ROUTED else None, doubt)
        assert judge(found, recipe(min_margin)) == expected

    @pytest.mark.parametrize(
        ("found", "mode", "verdict", "doubt"),
        [
            (match(2, 5, in_reach=2), UNIQUE, AMBIGUOUS, SEVERAL),
            (match(2, 50, in_reach=2), UNIQUE, AMBIGUOUS, SEVERAL),
            (match(2, 50), UNIQUE, ROUTED, None),
            (match(2, 2.5), UNIQUE, AMBIGUOUS, UNCLEAR),
            (match(30, 50, in_reach=0), UNIQUE, UNKNOWN, None),
            (match(30, 50, in_reach=0), NEAREST, ROUTED, None),
            (match(30, 30.5, in_reach=0), NEAREST, AMBIGUOUS, UNCLEAR),
            (match(2, 2.5, in_reach=2), NEAREST, AMBIGUOUS, UNCLEAR),  # tolerances are not asked
            (match(2, 5, in_reach=2), NEAREST, ROUTED, None),
            (match(30, None, in_reach=0), NEAREST, ROUTED, None),
        ],
    )
    def test_the_sort_mode_says_what_is_asked_of_a_bin(
        self, found: BinMatch, mode: str, verdict: Verdict, doubt: Doubt | None
    ) -> None:
        expected = Saying(verdict, found.bin if verdict is ROUTED else None, doubt)
        assert judge(found, recipe(1, mode)) == expected

    @given(
        st.floats(0, 50),
        st.none() | st.floats(0, 50),
        st.integers(0, 3),
        st.floats(0, 20),
        st.sampled_from([DEFAULT, NEAREST, UNIQUE]),
    )
    def test_it_is_routed_exactly_when_its_mode_allows_it_and_the_margin_is_kept(
        self, delta_e: float, runner_up: float | None, in_reach: int, min_margin: float, mode: str
    ) -> None:
        clear = runner_up is None or runner_up - delta_e >= min_margin
        allowed = {DEFAULT: in_reach > 0, NEAREST: True, UNIQUE: in_reach == 1}[mode]
        saying = judge(match(delta_e, runner_up, in_reach), recipe(min_margin, mode))
        assert (saying.verdict is ROUTED) == (allowed and clear)
        assert (saying.verdict is UNKNOWN) == (in_reach == 0 and mode != NEAREST)
        assert (saying.doubt is not None) == (saying.verdict is AMBIGUOUS)
        assert (saying.bin is not None) == (saying.verdict is ROUTED)


LOOSE = recipe(min_stability=0.5)
RED, GREEN, NONE, BOTH = match(), match(name="green"), match(30, 40, in_reach=0), match(2, 2.1, in_reach=2)


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
        outcome = vote([ballot(one) for one in said], LOOSE)
        assert outcome.verdict is verdict
        if name is not None:
            assert outcome.ballot.match.bin == name

    def test_the_frame_nearest_to_the_median_color_speaks_for_the_others(self) -> None:
        colors = [Lab(40, 60, 38), Lab(41, 60, 38), Lab(90, 0, 0), Lab(42, 60, 38), Lab(39, 60, 38)]
        outcome = vote([ballot(RED, lab) for lab in colors], LOOSE)
        assert outcome.ballot.reading.dominant.lab == Lab(41, 60, 38)

    def test_only_frames_of_the_winning_bin_can_speak(self) -> None:
        ballots = [ballot(GREEN, Lab(50, 0, 0)), ballot(RED, Lab(40, 60, 38)), ballot(RED, Lab(48, 10, 0))]
        outcome = vote(ballots, LOOSE)
        assert outcome.ballot.match.bin == "red"

    @given(st.lists(st.sampled_from([RED, GREEN, NONE, BOTH]), min_size=1, max_size=12), st.randoms())
    def test_the_verdict_is_the_same_in_any_order_of_the_frames(self, said: list[BinMatch], dice: Any) -> None:
        shuffled = list(said)
        dice.shuffle(shuffled)
        one, other = (vote([ballot(each) for each in order], LOOSE) for order in (said, shuffled))
        assert one.verdict is other.verdict
        if one.verdict is ROUTED:
            assert one.ballot.match.bin == other.ballot.match.bin

    @given(st.lists(st.sampled_from([RED, GREEN, NONE, BOTH]), min_size=1, max_size=12))
    def test_a_bin_wins_exactly_when_more_than_half_of_the_frames_are_for_it(self, said: list[BinMatch]) -> None:
        outcome = vote([ballot(one) for one in said], LOOSE)
        counts = Counter(one.bin for one in said if one in (RED, GREEN))
        winners = [name for name, count in counts.items() if 2 * count > len(said)]
        assert (outcome.verdict is ROUTED) == bool(winners)
        if winners:
            assert outcome.ballot.match.bin == winners[0]

    @pytest.mark.parametrize(
        ("said", "doubt"),
        [
            ([RED, GREEN], DISAGREE),
            ([RED, BOTH], DISAGREE),
            ([BOTH], SEVERAL),
            ([BOTH, BOTH, RED], SEVERAL),
            ([RED, RED, GREEN], None),
            ([NONE], None),
        ],
    )
    def test_an_ambiguous_product_says_why(self, said: list[BinMatch], doubt: Doubt | None) -> None:
        assert vote([ballot(one) for one in said], LOOSE).doubt is doubt


class TestStability:
    def test_without_parts_it_is_the_part_of_the_frames_that_agree(self) -> None:
        outcome = vote([ballot(RED), ballot(RED), ballot(GREEN), ballot(RED)], LOOSE)
        assert (outcome.verdict, outcome.stability) == (ROUTED, 0.75)

    def test_it_counts_the_parts_of_all_frames(self) -> None:
        one, other = (RED, RED, RED, GREEN), (RED, RED, NONE, RED)
        assert vote([ballot(RED, parts=one), ballot(RED, parts=other)], LOOSE).stability == 0.75

    @pytest.mark.parametrize(
        ("min_stability", "verdict"), [(0.75, ROUTED), (0.76, AMBIGUOUS), (0, ROUTED), (1, AMBIGUOUS)]
    )
    def test_a_routed_product_whose_samples_disagree_is_ambiguous(self, min_stability: float, verdict: Verdict) -> None:
        ballots = [ballot(RED, parts=(RED, RED, RED, GREEN))]
        outcome = vote(ballots, recipe(min_stability=min_stability))
        assert (outcome.verdict, outcome.doubt) == (verdict, DISAGREE if verdict is AMBIGUOUS else None)
        assert outcome.ballot is ballots[0]

    @pytest.mark.parametrize("found", [NONE, BOTH])
    def test_what_is_not_routed_stays_what_it_is(self, found: BinMatch) -> None:
        outcome = vote([ballot(found, parts=(RED, GREEN, NONE, BOTH))], recipe(min_stability=1))
        assert outcome.verdict is judge(found, recipe()).verdict
        assert outcome.stability == 0.25

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([RED, GREEN, NONE, BOTH]), st.lists(st.sampled_from([RED, GREEN, NONE]), max_size=5)
            ),
            min_size=1,
            max_size=6,
        ),
        st.floats(0, 1),
    )
    def test_stricter_stability_only_takes_routes_away(
        self, said: list[tuple[BinMatch, list[BinMatch]]], min_stability: float
    ) -> None:
        ballots = [ballot(one, parts=tuple(parts)) for one, parts in said]
        strict, loose = (vote(ballots, recipe(min_stability=asked)) for asked in (min_stability, 0.0))
        assert 0 <= strict.stability <= 1
        assert strict.stability == loose.stability
        if strict.verdict is ROUTED:
            assert strict == loose
            assert strict.stability >= min_stability


def test_a_reading_is_cast_with_each_part_of_its_sample() -> None:
    red, green = Lab(41, 58, 37), Lab(54, -44, 31)
    parts = ((PaletteColor(red, 1.0),), (PaletteColor(green, 1.0),))
    bins = Bins.of(recipe())
    one = cast(ColorReading((PaletteColor(red, 0.6), PaletteColor(green, 0.4)), parts=parts), bins)
    assert (one.match.bin, [part.bin for part in one.parts]) == ("red", ["red", "green"])
    assert one.match == one.parts[0] == bins.match(parts[0])
