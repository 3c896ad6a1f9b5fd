from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import rgb2lab

from sorter.color.lab import bgr_to_lab, lab_to_hex, lab_to_srgb, rgb_to_lab, srgb_to_lab
from sorter.records import Lab

with warnings.catch_warnings():  # it complains that it cannot plot
    warnings.simplefilter("ignore")
    from colour import XYZ_to_Lab, sRGB_to_XYZ

# The corners of sRGB in Lab, D65, by Bruce Lindbloom's calculator; white points differ in the fifth digit.
PUBLISHED = {
    "#ffffff": (100.0, 0.0, 0.0),
    "#000000": (0.0, 0.0, 0.0),
    "#ff0000": (53.24, 80.09, 67.20),
    "#00ff00": (87.73, -86.18, 83.18),
    "#0000ff": (32.30, 79.19, -107.86),
    "#00ffff": (91.11, -48.09, -14.13),
    "#ff00ff": (60.32, 98.23, -60.82),
    "#ffff00": (97.14, -21.55, 94.48),
    "#808080": (53.59, 0.0, 0.0),
}


def rgb_of(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


@pytest.mark.parametrize(("color", "lab"), PUBLISHED.items())
def test_the_corners_of_srgb_have_their_published_lab(color: str, lab: tuple[float, float, float]) -> None:
    assert rgb_to_lab(*rgb_of(color)) == pytest.approx(lab, abs=0.02)


def test_lab_agrees_with_scikit_image() -> None:
    # Its sRGB matrix is the rounded one, which moves saturated colors by up to 0.015.
    pixels = np.random.default_rng(1).random((20_000, 3))
    assert np.abs(srgb_to_lab(pixels) - rgb2lab(pixels)).max() < 0.02


def test_every_gray_is_neutral() -> None:
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    assert np.abs(srgb_to_lab(grays / 255)[:, 1:]).max() < 1e-6
    assert np.abs(bgr_to_lab(grays)[:, 1:]).max() < 1e-3
    assert (np.diff(bgr_to_lab(grays)[:, 0]) > 0).all()


def test_bytes_give_what_floats_give() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (50_000, 3), dtype=np.uint8)
    assert np.abs(bgr_to_lab(pixels) - srgb_to_lab(pixels[:, ::-1] / 255)).max() < 1e-3


@pytest.mark.parametrize("shape", [(3,), (0, 3), (4, 3), (2, 5, 3)])
def test_lab_keeps_the_shape_and_is_single_precision(shape: tuple[int, ...]) -> None:
    for lab in (srgb_to_lab(np.zeros(shape)), bgr_to_lab(np.zeros(shape, np.uint8))):
        assert lab.shape == shape
        assert lab.dtype == np.float32


def test_the_input_is_not_written_to() -> None:
    pixels = np.full((4, 3), 0.5)
    picture = np.full((4, 3), 128, np.uint8)
    srgb_to_lab(pixels)
    bgr_to_lab(picture)
    assert (pixels == 0.5).all()
    assert (picture == 128).all()


def all_bytes(red: int) -> NDArray[np.float64]:
    green, blue = (grid.ravel() for grid in np.meshgrid(np.arange(256), np.arange(256)))
    return np.stack([np.full(green.shape, red), green, blue], axis=1) / 255


@pytest.mark.parametrize("red", [*range(0, 256, 15), 1, 10, 11, 12, 254])
def test_every_color_of_srgb_comes_back_and_none_is_told_clipped(red: int) -> None:
    pixels = all_bytes(red)
    back, clipped = lab_to_srgb(srgb_to_lab(pixels))
    assert np.abs(back - pixels).max() * 255 < 0.001
    assert not clipped.any()


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_a_hex_color_comes_back_from_lab(rgb: tuple[int, int, int]) -> None:
    assert lab_to_hex(rgb_to_lab(*rgb)) == "#{:02x}{:02x}{:02x}".format(*rgb)


def test_colors_outside_srgb_are_clipped_and_told() -> None:
    back, clipped = lab_to_srgb(np.array([[50.0, 100.0, -100.0], [50.0, 0.0, 0.0]]))
    assert clipped.tolist() == [True, False]
    assert back.min() >= 0
    assert back.max() <= 1


@given(
    st.tuples(
        st.floats(0, 100, allow_subnormal=False),
        st.floats(-128, 128, allow_subnormal=False),
        st.floats(-128, 128, allow_subnormal=False),
    )
)
def test_any_lab_of_a_recipe_has_a_hex_color(lab: tuple[float, float, float]) -> None:
    encoded, clipped = lab_to_srgb(np.array(lab))
    red, green, blue = rgb_of(lab_to_hex(Lab(*lab)))
    if not clipped:
        # Half a step of rounding, and no more.
        assert np.abs(encoded * 255 - (red, green, blue)).max() <= 0.5


def test_lab_agrees_with_colour_science() -> None:
    pixels = np.random.default_rng(11).random((5000, 3))
    white = np.array([0.31270, 0.32900])
    # Its matrix of sRGB is rounded to four digits, and its white to five.
    np.testing.assert_allclose(srgb_to_lab(pixels), XYZ_to_Lab(sRGB_to_XYZ(pixels), white), atol=0.03)


@given(st.floats(0, 100), st.floats(-120, 120), st.floats(-120, 120))
def test_a_color_outside_srgb_is_said_to_be_clipped(lightness: float, a: float, b: float) -> None:
    encoded, clipped = lab_to_srgb(np.array([lightness, a, b]))
    back = srgb_to_lab(encoded)
    moved = float(np.abs(back - np.array([lightness, a, b])).max())
    assert moved < 3 or clipped
    assert not clipped or moved > 1e-4
