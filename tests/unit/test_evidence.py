from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sorter.color.lab import bgr_to_lab
from sorter.evidence import pack_samples, unpack_samples
from sorter.records import LabPixels
from sorter.thumbnail import THUMBNAIL_PX, shrink, to_jpeg

PIXELS = arrays(np.uint8, st.tuples(st.integers(0, 80), st.just(3)))
LAB = arrays(np.float32, st.tuples(st.integers(0, 12), st.just(3)), elements=st.floats(-200, 200, width=32))


def bits(samples: tuple[LabPixels, ...] | list[LabPixels]) -> list[bytes]:
    return [np.ascontiguousarray(one).tobytes() for one in samples]


def test_a_sample_of_one_color_takes_a_few_bytes_and_comes_back() -> None:
    sample = bgr_to_lab(np.full((1000, 3), (44, 32, 200), np.uint8))
    packed = pack_samples([sample])
    assert len(packed) < 60
    assert bits(unpack_samples(packed).samples) == bits([sample])


@given(st.lists(PIXELS, max_size=4), st.data())
def test_what_was_cut_out_of_longer_samples_comes_back_to_the_bit(several: list, data: st.DataObject) -> None:
    whole = [bgr_to_lab(pixels) for pixels in several]
    cut = [lab.T[:, data.draw(arrays(np.bool_, len(lab)))].T for lab in whole]
    unpacked = unpack_samples(pack_samples(cut))
    assert unpacked.is_exact
    assert bits(unpacked.samples) == bits(cut)


@given(st.lists(LAB, max_size=3))
def test_any_finite_colors_come_back_to_the_bit(samples: list[LabPixels]) -> None:
    unpacked = unpack_samples(pack_samples(samples))
    assert (unpacked.is_exact, bits(unpacked.samples)) == (True, bits(samples))


@given(st.binary(max_size=60))
def test_what_is_no_sample_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="samples"):
        unpack_samples(junk)


def test_samples_that_this_machine_rounds_otherwise_are_told() -> None:
    packed = bytearray(pack_samples([bgr_to_lab(np.zeros((5, 3), np.uint8))]))
    packed[5] ^= 1  # of the sum over all Lab values
    assert not unpack_samples(bytes(packed)).is_exact


@pytest.mark.parametrize(("height", "width"), [(300, 200), (1, 500), (96, 96), (10, 4)])
def test_a_thumbnail_is_small_and_is_never_enlarged(height: int, width: int) -> None:
    picture = shrink(np.full((height, width, 3), 90, np.uint8))
    assert max(picture.shape) == min(THUMBNAIL_PX, max(height, width))
    decoded = cv2.imdecode(np.frombuffer(to_jpeg(picture), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == picture.shape
    assert abs(int(decoded.mean()) - 90) < 3


def test_there_is_no_thumbnail_of_nothing() -> None:
    assert to_jpeg(None) == to_jpeg(np.empty((0, 4, 3), np.uint8)) == b""
