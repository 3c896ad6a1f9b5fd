from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import deltaE_cie76, deltaE_ciede94, deltaE_ciede2000

from sorter.color.difference import cie76, cie94, ciede2000, ciede2000_of_pair

with warnings.catch_warnings():  # it complains that it cannot plot
    warnings.simplefilter("ignore")
    from colour.difference import delta_E_CIE1976, delta_E_CIE1994, delta_E_CIE2000

LABS = st.tuples(
    st.floats(0, 100, allow_subnormal=False),
    st.floats(-128, 128, allow_subnormal=False),
    st.floats(-128, 128, allow_subnormal=False),
)
LabValues = tuple[float, float, float]
Formula = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def difference(one: LabValues, other: LabValues) -> float:
    return float(ciede2000(np.array(one), np.array(other)))


def of_lch(lightness: float, chroma: float, hue_deg: float) -> LabValues:
    hue = np.radians(hue_deg)
    return lightness, float(chroma * np.cos(hue)), float(chroma * np.sin(hue))


# Sharma, Wu, Dalal (2005), table 1: pairs 1, 7, 15 (hues half a turn apart), 17 and 25.
@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, -0.0010, 2.4900), (50, 0.0011, -2.4900), 4.7461),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_published_pairs_have_their_published_difference(one: LabValues, other: LabValues, published: float) -> None:
    assert difference(one, other) == pytest.approx(published, abs=1e-4)


def test_all_of_sharmas_pairs_have_their_published_difference(data: Path) -> None:
    with (data / "ciede2000" / "sharma34.csv").open(newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert len(rows) == 34
    ones = np.array([[row["L1"], row["a1"], row["b1"]] for row in rows])
    others = np.array([[row["L2"], row["a2"], row["b2"]] for row in rows])
    published = [row["dE00"] for row in rows]
    np.testing.assert_allclose(ciede2000(ones, others), published, atol=1e-4)
    np.testing.assert_allclose(ciede2000(others, ones), published, atol=1e-4)


def random_labs(seed: int, count: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform((0, -128, -128), (100, 128, 128), (count, 3))


@pytest.mark.parametrize("spread", [0.1, 3.0, 200.0])
def test_the_difference_agrees_with_scikit_image(spread: float) -> None:
    ones = random_labs(1, 20_000)
    others = ones + np.random.default_rng(2).normal(0, spread, ones.shape)
    np.testing.assert_allclose(ciede2000(ones, others), deltaE_ciede2000(ones, others), atol=1e-9)


@given(LABS, LABS)
def test_the_difference_is_the_same_both_ways_and_never_negative(one: LabValues, other: LabValues) -> None:
    there, back = difference(one, other), difference(other, one)
    assert there == pytest.approx(back, abs=1e-9)
    assert there >= 0
    assert np.isfinite(there)


@given(LABS)
def test_equal_colors_have_no_difference(lab: LabValues) -> None:
    assert difference(lab, lab) == 0


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_missing_component_gives_no_number(place: int) -> None:
    lab = [50.0, 10.0, 10.0]
    lab[place] = float("nan")
    there = ciede2000(np.array([lab, [50.0, 10.0, 10.0]]), np.array([50.0, 0.0, 0.0]))
    assert np.isnan(there[0])
    assert np.isfinite(there[1])


def test_on_the_gray_axis_only_lightness_counts() -> None:
    # At the mean L* of 50 the weight of lightness is exactly 1.
    assert difference((45, 0, 0), (55, 0, 0)) == pytest.approx(10)
    assert difference((0, 0, 0), (100, 0, 0)) == pytest.approx(100)


@given(st.floats(1, 99), st.floats(0.1, 120), st.floats(0, 360))
def test_a_grays_difference_to_a_color_does_not_hang_on_the_grays_hue(
    lightness: float, chroma: float, hue_deg: float
) -> None:
    # A gray has no hue: arctan2 gives it one of 0 or 180 degrees, by the sign of a zero.
    color = of_lch(lightness, chroma, hue_deg)
    assert difference((lightness, 0.0, 0.0), color) == difference((lightness, -0.0, -0.0), color)


@given(st.floats(1, 99), st.floats(1, 120), st.floats(0.01, 30))
def test_hue_is_measured_the_short_way_round(lightness: float, chroma: float, apart_deg: float) -> None:
    over_zero = difference(of_lch(lightness, chroma, apart_deg), of_lch(lightness, chroma, 360 - apart_deg))
    beside = difference(of_lch(lightness, chroma, 2 * apart_deg), of_lch(lightness, chroma, 0))
    # The weights differ a little with the mean hue; the long way round would be many times as much.
    assert over_zero == pytest.approx(beside, rel=0.5)


def test_the_two_sides_broadcast() -> None:
    ones, others = random_labs(3, 4), random_labs(4, 5)
    table = ciede2000(ones[:, None], others[None])
    assert table.shape == (4, 5)
    assert table[2, 3] == pytest.approx(difference(tuple(ones[2]), tuple(others[3])))
    assert ciede2000(ones[0], others[0]).shape == ()


def test_the_formula_for_a_pair_of_floats_is_the_one_for_arrays(data: Path) -> None:
    ones, others = random_labs(5, 500), random_labs(6, 500)
    pairs = [ciede2000_of_pair(one, other) for one, other in zip(ones.tolist(), others.tolist(), strict=True)]
    np.testing.assert_allclose(pairs, ciede2000(ones, others), rtol=1e-12)
    with (data / "ciede2000" / "sharma34.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            one, other = ([float(row[key + number]) for key in ("L", "a", "b")] for number in "12")
            assert ciede2000_of_pair(one, other) == pytest.approx(float(row["dE00"]), abs=1e-4)


@pytest.mark.parametrize("spread", [0.1, 3.0, 200.0])
def test_all_three_formulas_agree_with_colour_science(spread: float) -> None:
    ones = random_labs(7, 5_000)
    others = ones + np.random.default_rng(8).normal(0, spread, ones.shape)
    np.testing.assert_allclose(ciede2000(ones, others), delta_E_CIE2000(ones, others), atol=1e-9)
    np.testing.assert_allclose(cie94(ones, others), delta_E_CIE1994(ones, others), atol=1e-6)
    np.testing.assert_allclose(cie76(ones, others), delta_E_CIE1976(ones, others), atol=1e-9)


@pytest.mark.parametrize("spread", [0.1, 3.0, 200.0])
def test_cie94_and_cie76_agree_with_scikit_image(spread: float) -> None:
    ones = random_labs(9, 5_000)
    others = ones + np.random.default_rng(10).normal(0, spread, ones.shape)
    np.testing.assert_allclose(cie94(ones, others), deltaE_ciede94(ones, others), atol=1e-6)
    np.testing.assert_allclose(cie76(ones, others), deltaE_cie76(ones, others), atol=1e-9)


@pytest.mark.parametrize("formula", [cie76, cie94, ciede2000])
def test_on_the_gray_axis_and_over_zero_hue_all_formulas_are_whole(formula: Formula) -> None:
    grays = np.column_stack([np.linspace(0, 100, 11), np.zeros(11), np.zeros(11)])
    assert (np.diff(formula(grays[:1], grays)) > 0).all()
    around = np.array([of_lch(50, 40, degrees) for degrees in (-1, 1, 359, 361)])
    np.testing.assert_allclose(formula(around[0], around[1]), formula(around[2], around[3]), rtol=1e-9)
    assert np.isnan(formula(np.array([np.nan, 0, 0]), grays[0]))
