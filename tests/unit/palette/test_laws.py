"""What must hold of every picture, whatever is in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sorter import ColorAnalyzer
from sorter.palette.result import Method, Palette, Space

few = st.tuples(st.integers(1, 8), st.integers(1, 8)).flatmap(
    lambda size: arrays(np.uint8, (*size, 4), elements=st.integers(0, 255) | st.sampled_from([0, 255]))
)


@st.composite
def noise(draw: st.DrawFn) -> np.ndarray:
    """More colors than hypothesis would draw one by one; some pixels opaque, some not to be seen."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    picture = chance.integers(0, 256, (draw(st.integers(9, 30)), draw(st.integers(9, 30)), 4)).astype(np.uint8)
    picture[..., 3] = chance.choice([0, 100, 255], picture.shape[:2])
    return picture


pictures = few | noise()
methods = st.sampled_from(Method)
spaces = st.sampled_from(Space)
quick = settings(max_examples=25)


def palette_of(picture: np.ndarray, method: Method = Method.MINIBATCH, space: Space = Space.LAB) -> Palette:
    return ColorAnalyzer(picture, 3, method=method, space=space, n_init=1).palette


@quick
@given(pictures, methods, spaces)
def test_shares_sum_to_one_and_fall(picture: np.ndarray, method: Method, space: Space) -> None:
    palette = palette_of(picture, method, space)
    shares = [one.share for one in palette.colors]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0 if (picture[..., 3] > 0).any() else 0.0)
    assert len({one.rgb for one in palette.colors}) == len(palette.colors) <= 3
    assert palette.pixels == (picture[..., 3] > 0).sum()


@quick
@given(pictures, methods, st.randoms(use_true_random=False))
def test_the_order_of_the_pixels_does_not_matter(picture: np.ndarray, method: Method, chance: object) -> None:
    pixels = picture.reshape(-1, 4).tolist()
    chance.shuffle(pixels)
    assert palette_of(np.array(pixels, np.uint8).reshape(picture.shape), method).colors == (
        palette_of(picture, method).colors
    )


@quick
@given(pictures, methods, st.integers(1, 3), st.integers(1, 3))
def test_the_picture_several_times_over_is_the_same_picture(
    picture: np.ndarray, method: Method, across: int, down: int
) -> None:
    tiled = palette_of(np.tile(picture, (down, across, 1)), method)
    grown = palette_of(picture.repeat(down, axis=0).repeat(across, axis=1), method)
    once = palette_of(picture, method)
    assert (tiled.colors, tiled.inertia) == (grown.colors, grown.inertia) == (once.colors, once.inertia)


@quick
@given(pictures, st.integers(1, 3))
def test_turning_the_picture_changes_nothing_but_its_size(picture: np.ndarray, quarters: int) -> None:
    upright, turned = (ColorAnalyzer(one, 3, n_init=1) for one in (picture, np.rot90(picture, quarters)))
    assert turned.palette.colors == upright.palette.colors
    assert (turned.foreground, turned.background, turned.accent) == (
        (upright.foreground, upright.background, upright.accent)
    )


@quick
@given(pictures, methods, st.integers(1, 5))
def test_what_cannot_be_seen_does_not_count(picture: np.ndarray, method: Method, rows: int) -> None:
    unseen = np.random.default_rng(rows).integers(0, 256, (rows, picture.shape[1], 4)).astype(np.uint8)
    unseen[..., 3] = 0
    assert palette_of(np.concatenate([unseen, picture]), method).colors == palette_of(picture, method).colors


@quick
@given(pictures)
def test_8_bits_16_bits_and_fractions_are_one_picture(picture: np.ndarray) -> None:
    colors = palette_of(picture).colors
    assert palette_of(picture.astype(np.uint16) * np.uint16(257)).colors == colors
    assert palette_of(picture / 255).colors == colors
    assert palette_of((picture / 255).astype(np.float32)).colors == colors


@quick
@given(few)
def test_as_many_colors_as_there_are_is_the_picture_itself(picture: np.ndarray) -> None:
    seen, counts = np.unique(picture[picture[..., 3] == 255][:, :3], axis=0, return_counts=True)
    opaque = picture[picture[..., 3] == 255][None]
    palette = ColorAnalyzer(opaque, 64).palette
    assert {one.rgb: one.share for one in palette.colors} == {
        tuple(color): count / counts.sum() for color, count in zip(seen.tolist(), counts.tolist(), strict=True)
    }
