from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sorter.capture.genicam.pixels import CODES, Layout, check_format, format_of, to_bgr
from sorter.capture.picture import GreyscaleError
from sorter.errors import SourceError
from sorter.settings.genicam import PixelFormat

ORANGE_RGB = (220, 130, 40)
WIDTH, HEIGHT = 16, 12
FIRST_ROWS = {"BayerRG": "RGGB", "BayerGR": "GRBG", "BayerGB": "GBRG", "BayerBG": "BGGR"}


def named(pixel_format: PixelFormat) -> tuple[str, int]:
    found = re.fullmatch(r"(\D+)(\d+)", str(pixel_format))
    assert found
    return found[1], int(found[2])


def plain(pixel_format: PixelFormat, rgb: tuple[int, int, int] = ORANGE_RGB) -> NDArray[np.uint8]:
    """The bytes of a picture in one color, made as the convention says and without any of our code."""
    pattern, bits = named(pixel_format)
    value = {"R": rgb[0], "G": rgb[1], "B": rgb[2], "a": 255}
    letters = FIRST_ROWS.get(pattern)
    if letters:
        rows = [[value[one] for one in letters[:2]] * (WIDTH // 2), [value[one] for one in letters[2:]] * (WIDTH // 2)]
        numbers = np.array(rows * (HEIGHT // 2))
    else:
        numbers = np.tile([value[one] for one in pattern], (HEIGHT, WIDTH))
    if bits == 8:
        return numbers.astype(np.uint8).ravel()
    return np.rint(numbers / 255 * (2**bits - 1)).astype("<u2").view(np.uint8).ravel()


@pytest.mark.parametrize("pixel_format", PixelFormat)
def test_every_format_gives_the_right_color_in_the_right_channels(pixel_format: PixelFormat) -> None:
    image = to_bgr(plain(pixel_format), Layout(pixel_format, WIDTH, HEIGHT))
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert (image == ORANGE_RGB[::-1]).all()


@pytest.mark.parametrize("pixel_format", [PixelFormat.BGR_8, PixelFormat.RGB_12, PixelFormat.BAYER_RG_8])
def test_padding_behind_each_line_is_no_pixel(pixel_format: PixelFormat) -> None:
    lines = plain(pixel_format).reshape(HEIGHT, -1)
    padded = np.hstack([lines, np.full((HEIGHT, 8), 99, np.uint8)]).ravel()
    layout = Layout(pixel_format, WIDTH, HEIGHT, line_padding=8)
    for raw in (padded, padded[:-8], np.append(padded, [1, 2, 3]).astype(np.uint8)):
        assert (to_bgr(raw, layout) == ORANGE_RGB[::-1]).all()


def test_a_picture_has_memory_of_its_own() -> None:
    raw = plain(PixelFormat.BGR_8)
    image = to_bgr(raw, Layout(PixelFormat.BGR_8, WIDTH, HEIGHT))
    raw[:] = 0
    assert (image == ORANGE_RGB[::-1]).all()


@given(st.sampled_from([10, 12, 16]), st.integers(0, 65535))
def test_many_bits_are_scaled_to_eight(bits: int, number: int) -> None:
    number %= 2**bits
    raw = np.full(3, number, "<u2").view(np.uint8)
    image = to_bgr(raw, Layout(PixelFormat(f"BGR{bits}"), 1, 1))
    assert int(image[0, 0, 0]) == pytest.approx(number / (2**bits - 1) * 255, abs=0.51)


def test_too_few_bytes_are_no_picture() -> None:
    with pytest.raises(ValueError, match="hold no picture of 16 x 12"):
        to_bgr(plain(PixelFormat.RGB_8)[:-1], Layout(PixelFormat.RGB_8, WIDTH, HEIGHT))


def test_the_numbers_of_the_formats_are_those_of_harvesters() -> None:
    table: dict[int, Any] = pytest.importorskip("harvesters.util.pfnc").dict_by_ints
    assert {str(one): code for one, code in CODES.items()} == {table[code]: code for code in CODES.values()}
    assert all(format_of(code, "camera") is one for one, code in CODES.items())


def test_a_picture_of_an_unknown_format_is_told() -> None:
    with pytest.raises(SourceError, match=r"camera 7: .* not known here \(0x010a0058\): set pixel_format"):
        format_of(0x010A0058, "camera 7")


def test_a_camera_is_refused_by_the_format_it_is_set_to() -> None:
    check_format("BayerRG8", "", "camera 7")
    for grey in ("Mono8", "Mono12Packed", "R8"):
        with pytest.raises(GreyscaleError, match="camera 7: the picture is greyscale"):
            check_format(grey, "Mono8", "camera 7")
    for packed in ("BayerRG10p", "BayerRG12Packed", "YCbCr422_8"):
        with pytest.raises(SourceError, match=rf"sends {packed}, which is not read here: .*\(it has BayerRG8, Mono8\)"):
            check_format(packed, "BayerRG8, Mono8", "camera 7")
