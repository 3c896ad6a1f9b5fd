"""Cells may only be left out where nothing in them can be near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sorter.archive.bound import least_difference
from sorter.color.difference import ciede2000
from sorter.records import Lab

ROUNDING = 1e-7
PLACES = {
    "anywhere": ([50, 0, 0], [35, 60, 60]),
    "blue, where the formula bends": ([35, 15, -70], [20, 25, 30]),
    "gray, where hues turn": ([50, 0, 0], [40, 4, 4]),
    "red, where hues wrap": ([50, 60, 0], [25, 20, 12]),
    "green, opposite of it": ([50, -60, 0], [25, 20, 12]),
}


def points_of(lows: NDArray[np.float64], highs: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Of each box some points inside, and its corners."""
    inside = rng.random((len(lows), 24, 3))
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1]), axis=-1).reshape(1, 8, 3).repeat(len(lows), axis=0)
    parts = np.concatenate([inside, corners], axis=1)
    return lows[:, None] * (1 - parts) + highs[:, None] * parts


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [0.0, 0.5, 5.0, 40.0])
def test_nothing_in_a_box_is_nearer_than_the_bound(place, size):
    rng = np.random.default_rng(7)
    middle, spread = PLACES[place]
    for _ in range(20):
        color = rng.normal(middle, spread)
        centers = np.concatenate([rng.normal(middle, spread, (150, 3)), rng.normal(color, 6, (100, 3))])
        half = size / 2 * rng.random(centers.shape)
        lows, highs = centers - half, centers + half
        nearest = ciede2000(color, points_of(lows, highs, rng)).min(axis=1)
        assert (least_difference(Lab(*color), lows, highs) <= nearest + ROUNDING).all()


def test_of_a_single_color_away_from_blue_and_gray_the_bound_is_nearly_the_difference():
    """What leaves nothing out would be a bound, too."""
    rng = np.random.default_rng(8)
    color = np.array([55.0, 40.0, 45.0])
    points = rng.normal(color, 12, (1000, 3))
    parts = least_difference(Lab(*color), points, points) / ciede2000(color, points)
    assert parts.min() > 0.99


coordinates = st.tuples(st.floats(-1, 101), st.floats(-130, 130), st.floats(-130, 130))


@given(coordinates, coordinates, st.tuples(*[st.floats(0, 60)] * 3), st.integers(0, 2**32 - 1))
def test_nothing_is_nearer_whatever_the_box(color, low, sizes, seed):
    lows = np.array([low])
    highs = lows + sizes
    nearest = ciede2000(np.array(color), points_of(lows, highs, np.random.default_rng(seed))).min()
    assert least_difference(Lab(*color), lows, highs)[0] <= nearest + ROUNDING


@given(coordinates, coordinates)
def test_a_single_color_is_no_nearer_than_its_bound(color, other):
    bound = least_difference(Lab(*color), np.array([other]), np.array([other]))[0]
    assert bound <= ciede2000(np.array(color), np.array(other)) + ROUNDING
