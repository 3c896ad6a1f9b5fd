from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.color.dominant import read_color
from sorter.color.lab import bgr_to_lab
from sorter.readings import pack_readings, unpack_readings
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
