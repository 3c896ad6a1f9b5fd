"""The methods and the spaces, beside other implementations of the same."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

from sorter import ColorAnalyzer
from sorter.color.difference import ciede2000
from sorter.color.lab import srgb_to_lab
from sorter.palette.clustering import cluster, nearest
from sorter.palette.names import CSS_NAMES, color_of, nearest_name
from sorter.palette.result import Method, Space
from sorter.palette.sample import Span, spans
from sorter.palette.spaces import to_space, to_srgb
from sorter.palette.ward import ward_centers
from sorter.records import Lab

colors = st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=20).map(lambda rows: np.array(rows) / 255)


@given(colors, st.sampled_from(Space))
def test_every_space_has_a_way_back(rgb: np.ndarray, space: Space) -> None:
    assert np.array_equal(np.rint(255 * to_srgb(to_space(rgb, space), space)), np.rint(255 * rgb))


def test_oklab_is_that_of_css() -> None:
    """Figures from CSS Color Module Level 4, for red, lime, blue and white."""
    theirs = [[0.62796, 0.22486, 0.12585], [0.86644, -0.23389, 0.17950], [0.45201, -0.03246, -0.31153], [1, 0, 0]]
    rgb = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], float)
    assert np.allclose(to_space(rgb, Space.OKLAB) / 100, theirs, atol=2e-4)


@given(colors)
def test_the_cone_is_hue_saturation_and_value(rgb: np.ndarray) -> None:
    for color, (along, across, up) in zip(rgb, to_space(rgb, Space.HSV) / 100, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*color)
        assert (along, across, up) == pytest.approx(
            (saturation * value * np.cos(2 * np.pi * hue), saturation * value * np.sin(2 * np.pi * hue), value),
            abs=1e-9,
        )


def partition(points: np.ndarray, centers: np.ndarray) -> set[frozenset[int]]:
    labels = nearest(points, centers)
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@pytest.mark.parametrize("seed", range(5))
def test_wards_method_is_that_of_scipy_with_each_point_as_often_as_it_weighs(seed: int) -> None:
    chance = np.random.default_rng(seed)
    points = chance.normal(0, 3, (60, 3)) + chance.choice([-40, 0, 40], (60, 3))
    weights = chance.integers(1, 6, 60).astype(float)
    repeated = np.repeat(np.arange(60), weights.astype(int))
    labels = fcluster(linkage(points[repeated], "ward"), 5, "maxclust")
    theirs = [points[repeated][labels == label].mean(axis=0) for label in range(1, 6)]
    ours = ward_centers(points, weights, 5)
    assert np.allclose(np.array(sorted(ours.tolist())), np.array(sorted(np.array(theirs).tolist())))


def test_opencv_and_scikit_learn_see_the_same_weights() -> None:
    """One point that weighs as much as all others draws a center to it."""
    chance = np.random.default_rng(0)
    points = np.concatenate([chance.normal(0, 1, (50, 3)), chance.normal(30, 1, (50, 3)), [[12.0, 0, 0]]])
    weights = np.append(np.ones(100), 200_000.0)
    for method in Method:
        found = cluster(points, weights, 2, method, 5)
        assert np.isclose(found.centers, [12.0, 0, 0], atol=0.1).all(axis=1).any(), method


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_the_palette_of_a_photograph_is_that_of_a_converged_kmeans_on_the_same_pixels(name: str) -> None:
    """Every third row and column of 427 x 640 pixels, from the second on; without counting or weighting anything."""
    picture = load_sample_image(name)
    pixels = picture[1:426:3, 1:639:3].reshape(-1, 3)
    lab = srgb_to_lab(pixels / 255).astype(np.float64)
    model = KMeans(4, n_init=10, tol=0, max_iter=1000, random_state=7).fit(lab)
    analyzer = ColorAnalyzer(picture, 4)
    assert analyzer.palette.pixels == len(pixels)
    for place, swatch in zip(np.argsort(-np.bincount(model.labels_)), analyzer.palette.colors, strict=True):
        assert ciede2000(np.array(swatch.lab), model.cluster_centers_[place]) < 2
        assert swatch.share == pytest.approx(np.mean(model.labels_ == place), abs=0.01)
    assert analyzer.palette.inertia == pytest.approx(model.inertia_ / len(pixels), rel=1e-3)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1000, 70_000))
def test_pixels_are_taken_evenly_and_no_more_than_are_wanted(width: int, height: int, most: int) -> None:
    for length, span in zip((width, height), spans(width, height, most), strict=True):
        taken = range(length)[span.of()]
        assert len(taken) == span.places >= 1
        # As far from the one end as from the other, but for what cannot be halved.
        assert abs(taken[0] - (length - 1 - taken[-1])) <= 1
    columns, rows = spans(width, height, most)
    assert columns.places * rows.places <= most
    assert columns.places * rows.places == width * height or max(columns.step, rows.step) > 1


def test_a_picture_within_the_bound_is_taken_whole_and_an_empty_one_is_none() -> None:
    assert spans(40, 25, 1000) == (Span(0, 1, 40), Span(0, 1, 25))
    assert spans(0, 25, 1000)[0].places == 0


def test_names_are_those_of_css() -> None:
    assert len(CSS_NAMES) == 148
    assert nearest_name(Lab(*srgb_to_lab(np.array([102, 51, 153]) / 255).tolist())) == "rebeccapurple"
    assert nearest_name(Lab(53.6, 0.0, 0.0)) == "gray"
    assert (color_of("#0af"), color_of(" 00AAFF "), color_of("Tomato")) == ((0, 170, 255), (0, 170, 255), (255, 99, 71))
