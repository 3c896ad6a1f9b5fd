"""From the bytes of a GenICam picture to BGR (GenICam Pixel Format Naming Convention 2.4, "PFNC")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.picture import GreyscaleError, greyscale_sentence
from sorter.errors import SourceRefusedError
from sorter.records import BgrImage
from sorter.settings.genicam import PixelFormat

CODES: Mapping[PixelFormat, int] = {
    PixelFormat.BAYER_GR_8: 0x01080008,
    PixelFormat.BAYER_RG_8: 0x01080009,
    PixelFormat.BAYER_GB_8: 0x0108000A,
    PixelFormat.BAYER_BG_8: 0x0108000B,
    PixelFormat.BAYER_GR_10: 0x0110000C,
    PixelFormat.BAYER_RG_10: 0x0110000D,
    PixelFormat.BAYER_GB_10: 0x0110000E,
    PixelFormat.BAYER_BG_10: 0x0110000F,
    PixelFormat.BAYER_GR_12: 0x01100010,
    PixelFormat.BAYER_RG_12: 0x01100011,
    PixelFormat.BAYER_GB_12: 0x01100012,
    PixelFormat.BAYER_BG_12: 0x01100013,
    PixelFormat.BAYER_GR_16: 0x0110002E,
    PixelFormat.BAYER_RG_16: 0x0110002F,
    PixelFormat.BAYER_GB_16: 0x01100030,
    PixelFormat.BAYER_BG_16: 0x01100031,
    PixelFormat.RGB_8: 0x02180014,
    PixelFormat.BGR_8: 0x02180015,
    PixelFormat.RGBA_8: 0x02200016,
    PixelFormat.BGRA_8: 0x02200017,
    PixelFormat.RGB_10: 0x02300018,
    PixelFormat.BGR_10: 0x02300019,
    PixelFormat.RGB_12: 0x0230001A,
    PixelFormat.BGR_12: 0x0230001B,
    PixelFormat.RGB_16: 0x02300033,
    PixelFormat.BGR_16: 0x0230004B,
}
"""The number by which each picture tells its format."""
_FORMATS = {code: pixel_format for pixel_format, code in CODES.items()}

# By the pattern's first two rows. OpenCV's older names begin at the second pixel of the second row, so that its
# BayerBG is what all cameras call BayerRG: taken by the same name, red and blue are exchanged.
_TO_BGR = {
    "BayerRG": cv2.COLOR_BayerRGGB2BGR,
    "BayerGR": cv2.COLOR_BayerGRBG2BGR,
    "BayerGB": cv2.COLOR_BayerGBRG2BGR,
    "BayerBG": cv2.COLOR_BayerBGGR2BGR,
    "RGB": cv2.COLOR_RGB2BGR,
    "RGBa": cv2.COLOR_RGBA2BGR,
    "BGRa": cv2.COLOR_BGRA2BGR,
}
_CHANNELS = {"RGB": 3, "BGR": 3, "RGBa": 4, "BGRa": 4}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a picture lies in its buffer."""

    pixel_format: PixelFormat
    width_px: int
    height_px: int
    line_padding: int = 0
    """Bytes behind each line that are no pixels."""

    @property
    def pattern(self) -> str:
        """The format's name without its number of bits."""
        return str(self.pixel_format).rstrip("0123456789")

    @property
    def bits(self) -> int:
        """Of one channel: 8 in a byte, else in the lower bits of two bytes, the lower byte first."""
        return int(str(self.pixel_format).removeprefix(self.pattern))

    @property
    def channels(self) -> int:
        """Numbers for each pixel; a Bayer pattern has one."""
        return _CHANNELS.get(self.pattern, 1)


def format_of(code: int, place: str) -> PixelFormat:
    """The format that a picture tells by its number.

    Raises:
        SourceRefusedError: we cannot read it.
    """
    try:
        return _FORMATS[code]
    except KeyError:
        sentence = f"{place}: the camera sends pictures in a format that is not known here ({code:#010x}): {_REMEDY}"
        raise SourceRefusedError(sentence) from None


def check_format(name: str, offered: str, place: str) -> None:
    """Refuse a camera by the format it is set to.

    Args:
        name: the format's name in the convention.
        offered: what else the camera has, for the sentence.
        place: the camera, likewise.

    Raises:
        GreyscaleError: it has no color.
        SourceRefusedError: we cannot read it: packed, or a YCbCr that leaves its color space open.
    """
    if re.match(r"Mono|R\d|G\d|B\d", name):
        raise GreyscaleError(greyscale_sentence(place))
    if name not in {str(one) for one in PixelFormat}:
        raise SourceRefusedError(
            f"{place}: the camera sends {name}, which is not read here: {_REMEDY} (it has {offered})"
        )


_REMEDY = "set pixel_format to an unpacked Bayer, RGB or BGR one"


def to_bgr(raw: NDArray[np.uint8], layout: Layout) -> BgrImage:
    """Turn a picture's bytes into BGR in memory of its own, 8 bits a channel.

    More than 8 bits are scaled, so that the largest number becomes 255.

    Args:
        raw: one dimension; may be longer than the picture.
        layout: how it lies there.

    Raises:
        ValueError: there are fewer bytes than the picture needs.
    """
    pixels = _eight_bits(_lines(raw, layout), layout.bits)
    conversion = _TO_BGR.get(layout.pattern)
    image: Any = pixels.copy() if conversion is None else cv2.cvtColor(pixels, conversion)
    return np.ascontiguousarray(image, np.uint8)


def _lines(raw: NDArray[np.uint8], layout: Layout) -> NDArray[Any]:
    """Shape (height, width) or (height, width, channels), without padding."""
    used = layout.width_px * layout.channels * (1 if layout.bits == 8 else 2)
    pitch = used + layout.line_padding
    if raw.size < layout.height_px * pitch - layout.line_padding:
        msg = f"{raw.size} bytes hold no picture of {layout.width_px} x {layout.height_px} pixels"
        raise ValueError(msg)
    # The last line may come without its padding.
    whole = np.resize(raw, layout.height_px * pitch) if raw.size < layout.height_px * pitch else raw
    lines = whole[: layout.height_px * pitch].reshape(layout.height_px, pitch)[:, :used]
    numbers = lines if layout.bits == 8 else np.ascontiguousarray(lines).view("<u2")
    shape = (layout.height_px, layout.width_px)
    return numbers.reshape(shape if layout.channels == 1 else (*shape, layout.channels))


def _eight_bits(pixels: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    contiguous = np.ascontiguousarray(pixels)
    if bits == 8:
        return contiguous
    return np.asarray(cv2.convertScaleAbs(contiguous, alpha=255 / (2**bits - 1)), np.uint8)
