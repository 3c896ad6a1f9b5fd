"""The palette of a picture in little more than the time to decode it is the palette of that picture."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

from sorter import ColorAnalyzer
from sorter.archive.swift import colors_of
from sorter.color.difference import ciede2000
from sorter.errors import SourceError


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def halves(left: str, right: str, part: float = 0.75) -> Image.Image:
    picture = Image.new("RGB", (400, 200), right)
    picture.paste(Image.new("RGB", (int(400 * part), 200), left), (0, 0))
    return picture


def test_flat_colors_are_found_exactly_with_their_shares():
    found = colors_of(encoded(halves("#c0392b", "#2980b9")), 4)
    assert found.hex == ("#c0392b", "#2980b9")
    assert found.shares.tolist() == pytest.approx([0.75, 0.25], abs=0.005)
    assert (found.width, found.height) == (400, 200)
    assert found.background == "#c0392b"


def test_a_small_vivid_color_is_the_accent():
    picture = Image.new("RGB", (400, 400), "#dddddd")
    picture.paste(Image.new("RGB", (60, 60), "#e01020"), (170, 170))
    assert colors_of(encoded(picture), 2).accent == "#e01020"


def test_what_is_transparent_does_not_count():
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    assert colors_of(encoded(picture), 4).hex == ()
    picture.paste((10, 200, 30, 255), (0, 0, 50, 100))
    assert colors_of(encoded(picture), 4).hex == ("#0ac81e",)


def test_a_picture_laid_on_its_side_is_told_upright_also_when_decoded_smaller():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = colors_of(encoded(Image.new("RGB", (1600, 1200), "#336699"), "JPEG", exif=exif), 3)
    assert (found.width, found.height) == (1200, 1600)


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_of_a_photograph_it_is_near_what_the_analyzer_finds(name):
    content = encoded(Image.fromarray(load_sample_image(name)), "JPEG", quality=95)
    found, full = colors_of(content, 4), ColorAnalyzer(content, 4, n_init=10)
    lab = np.array([swatch.lab for swatch in full.palette.colors])
    away = ciede2000(found.lab[:, None], lab).min(axis=1)
    # K-means has more than one answer; by what is lost to it, this one is as good.
    assert _inertia(content, found.lab) <= 1.1 * _inertia(content, lab), away


def _inertia(content: bytes, centers: np.ndarray) -> float:
    from sorter.color.lab import srgb_to_lab  # noqa: PLC0415 - for this alone

    pixels = srgb_to_lab(np.asarray(Image.open(BytesIO(content)))[::3, ::3].reshape(-1, 3) / 255)
    return float(((pixels[:, None] - centers) ** 2).sum(axis=2).min(axis=1).mean())


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=40), st.sampled_from([1, 2, 4, 7, None]))
def test_shares_are_whole_sorted_and_repeatable(colors, count):
    content = encoded(Image.fromarray(np.array([colors], np.uint8)))
    found, again = colors_of(content, count), colors_of(content, count)
    assert found.hex == again.hex
    assert found.lab.tobytes() == again.lab.tobytes()
    assert found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.shares) <= 0).all()
    assert 1 <= len(found.hex) <= (count or 10)
    assert len(set(found.hex)) == len(found.hex)


def test_half_a_file_is_an_error():
    content = encoded(halves("red", "blue"), "JPEG")
    with pytest.raises(SourceError, match="not a readable picture"):
        colors_of(content[: len(content) // 2], 4)
