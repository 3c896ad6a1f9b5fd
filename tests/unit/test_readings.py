from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.color.dominant import read_color
from sorter.color.lab import bgr_to_lab
from sorter.readings import pack_readings, stack_readings, unpack_readings
from sorter.records import ColorReading, Lab, PaletteColor

numbers = st.floats(-200, 200)
colors = st.builds(PaletteColor, st.builds(Lab, numbers, numbers, numbers), st.floats(0, 1))
palettes = st.lists(colors, min_size=1, max_size=5).map(tuple)
readings = st.builds(ColorReading, palettes, st.floats(0, 100), st.lists(palettes, max_size=8).map(tuple))


def test_what_was_read_of_real_pixels_comes_back_to_the_bit():
    pixels = np.random.default_rng(5).integers(0, 256, (3, 400, 3), np.uint8)
    read = tuple(read_color(bgr_to_lab(some)) for some in pixels)
    assert unpack_readings(pack_readings(read)) == read


@given(st.lists(readings, max_size=9).map(tuple))
def test_every_reading_comes_back_to_the_bit(read):
    assert unpack_readings(pack_readings(read)) == read


@given(st.lists(readings, min_size=1, max_size=3), st.data())
def test_what_is_cut_short_is_refused(read, data):
    packed = pack_readings(read)
    with pytest.raises(ValueError, match="readings"):
        unpack_readings(packed[: data.draw(st.integers(0, len(packed) - 1))])


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="newer version"):
        unpack_readings(b"\x09\x00")


@given(st.lists(st.lists(readings, max_size=2).map(tuple), min_size=1, max_size=3))
def test_stacked_they_are_the_same_one_after_the_other(products):
    stacked = stack_readings([pack_readings(one) for one in products])
    palettes = [palette for one in products for reading in one for palette in (reading.palette, *reading.parts)]
    assert stacked.readings.tolist() == [len(one) for one in products]
    assert stacked.palettes.tolist() == [1 + len(reading.parts) for one in products for reading in one]
    assert stacked.sizes.tolist() == [len(palette) for palette in palettes]
    assert stacked.colors.tolist() == [[*color.lab, color.share] for palette in palettes for color in palette]


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x01",
        b"\x01\x01" + bytes(8),
        b"\x01\x01" + bytes(9),
        b"\x01\x01" + bytes(8) + b"\x01\x00",
        b"\x01\x00more",
    ],
)
def test_nonsense_is_refused_stacked_or_not(packed):
    for read in (unpack_readings, lambda one: stack_readings([one])):
        with pytest.raises(ValueError, match="readings"):
            read(packed)
