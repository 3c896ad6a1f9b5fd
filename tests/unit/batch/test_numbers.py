"""What a report says in numbers: distributions, drift, certainty, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.batch.certainty import Certainty, Least, certainty_of, draw
from sorter.batch.counting import Gaps
from sorter.batch.distribution import Distribution
from sorter.batch.drift import Mean, drift_of
from sorter.color.difference import ciede2000_of_pair
from sorter.settings.recipe import Recipe
from tests.unit.batch.told import RECIPE, decision

HUNDREDTHS = st.integers(-500, 15_000)


def distribution(values: list[float]) -> Distribution:
    made = Distribution()
    for value in values:
        made.take(value)
    return made


def test_nothing_has_no_percentile_and_no_histogram() -> None:
    assert distribution([]).percentile(50) is None
    assert distribution([]).histogram() is None


@given(st.lists(HUNDREDTHS, min_size=1), st.sampled_from([0, 5, 50, 95, 100]))
def test_percentiles_are_exact_and_histograms_lose_nothing(hundredths: list[int], percent: int) -> None:
    found = distribution([value / 100 for value in hundredths])
    expected = np.percentile(hundredths, percent, method="inverted_cdf")
    assert found.percentile(percent) == expected / 100
    bars = found.histogram()
    assert bars is not None
    assert sum(bars.counts) == len(hundredths)
    assert bars.first <= min(hundredths) / 100 < bars.first + bars.width + 1e-9
    assert max(hundredths) / 100 < bars.first + bars.width * len(bars.counts) + 1e-9
    assert len(bars.counts) <= 24
    assert min(bars.counts[0], bars.counts[-1]) > 0


def means(*slots: list[list[float]]) -> list[Mean]:
    made = [Mean() for _ in slots]
    for mean, colors in zip(made, slots, strict=True):
        for color in colors:
            mean.take(color)
    return made


def test_drift_is_from_the_first_tenth_to_the_last_and_each_slot_is_held_against_the_mean_of_all() -> None:
    dark, middle, light = [40.0, 60.0, 40.0], [45.0, 60.0, 40.0], [50.0, 60.0, 40.0]
    found = drift_of(means([dark] * 10, [], [middle] * 80, [light] * 10))
    assert found is not None
    assert (found.first.lab, found.first.products) == (tuple(dark), 10)
    assert (found.last.lab, found.last.products) == (tuple(light), 10)
    assert found.delta_e == ciede2000_of_pair(dark, light)
    assert found.mean == tuple(middle)
    assert found.series == (ciede2000_of_pair(dark, middle), None, 0.0, ciede2000_of_pair(light, middle))
    assert not found.is_of_few


def test_what_came_all_at_once_has_no_drift_and_what_is_of_few_says_so() -> None:
    red = [40.0, 60.0, 40.0]
    assert drift_of(means([], [])) is None
    alone = drift_of(means([], [red] * 9, []))
    assert alone is not None
    assert alone.delta_e is None
    few = drift_of(means([red], [red] * 9))
    assert few is not None
    assert (few.delta_e, few.is_of_few) == (0.0, True)
    two = drift_of(means([red] * 5, [red] * 5))
    assert two is not None
    assert (two.delta_e, two.is_of_few) == (0.0, False)


@pytest.mark.parametrize(
    ("changes", "certainty"),
    [
        ({}, Certainty(0.9, "tolerance")),  # 1 of 10
        ({"delta_e": 10.0}, Certainty(0.0, "tolerance")),
        ({"margin": 8.0, "runner_up": {"bin": "green", "delta_e": 9.0}}, Certainty(6 / 9, "margin")),
        ({"margin": 2.0, "runner_up": {"bin": "green", "delta_e": 3.0}}, Certainty(0.0, "margin")),
        ({"stability": 0.75}, Certainty(0.5, "stability")),
        ({"bin": "green", "delta_e": 8.0}, Certainty(57 / 60, "margin")),  # its tolerance is a cylinder
        ({"runner_up": None, "margin": None}, Certainty(0.9, "tolerance")),
    ],
)
def test_certainty_is_the_room_that_is_left_to_the_nearest_limit(changes: dict, certainty: Certainty) -> None:
    found = certainty_of(decision(1, **changes), RECIPE)
    assert found is not None
    assert (found.limit, found.part) == (certainty.limit, pytest.approx(certainty.part))


def test_a_recipe_that_asks_for_no_tolerance_has_no_limit_there() -> None:
    nearest = Recipe.model_validate(RECIPE.model_dump() | {"sort_mode": "nearest", "min_stability": 1.0})
    found = certainty_of(decision(1, delta_e=9.0, margin=51.0), nearest)
    assert found == Certainty(49 / 60, "margin")
    assert certainty_of(decision(1, runner_up=None, margin=None), nearest) is None


@given(st.lists(st.floats(0, 1), max_size=50))
def test_the_least_are_kept_and_of_equals_the_first(ranks: list[float]) -> None:
    least = Least(5)
    for seq, rank in enumerate(ranks):
        least.take(rank, decision(seq))
    expected = sorted(enumerate(ranks), key=lambda one: one[1])[:5]
    assert [(message["seq"], rank) for rank, _, message in least.ranked()] == expected


def test_a_sample_is_the_same_whenever_it_is_drawn_and_from_all_over() -> None:
    sample = Least(100)
    for seq in range(1000):
        sample.take(draw(decision(seq)), decision(seq))
    seqs = [message["seq"] for _, _, message in sample.ranked()]
    assert 350 < sum(seqs) / len(seqs) < 650
    assert draw(decision(7)) == draw(decision(7))


def test_gaps_are_told_at_the_beginning_between_and_at_the_end() -> None:
    gaps = Gaps({"a": 10})
    for seq in (12, 13, 16):
        gaps.take("a", seq)
    gaps.take("b", 5)
    gaps.take("b", 6)
    gaps.end("a", 18)
    assert (gaps.missing, gaps.ranges) == (5, [("a", 11, 11), ("a", 14, 15), ("a", 17, 18)])
