"""One picture file: looked at by its header before it is decoded, then upright 8-bit BGR."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sorter.errors import SourceError, SourceRefusedError
from sorter.records import BgrImage, Mask

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded: 192 MB as BGR. A 48 KB PNG can unfold to 2.3 GB."""
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

# Only these are tried: each decoder left out is one that a hostile file cannot reach.
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
_ONE_CHANNEL = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
# JPEG rounding moves the channels of a grey picture apart by no more than this.
_GREY_SPREAD = 4
_HALF_OPAQUE = 128


class GreyscaleError(SourceRefusedError):
    """The picture has no color at all: the camera is a greyscale one, or set to greyscale."""


def is_grey(image_bgr: BgrImage) -> bool:
    """Whether no pixel has a color: the picture of a greyscale camera stored as a color picture."""
    blue, green, red = cv2.split(image_bgr)
    spread = max(float(cv2.norm(blue, green, cv2.NORM_INF)), float(cv2.norm(green, red, cv2.NORM_INF)))
    return spread <= _GREY_SPREAD


class ColorWatch:
    """Tells a greyscale camera from a color camera that looks at something grey, by its first pictures.

    Args:
        place: the camera, for the message.
    """

    PATIENCE = 250
    """Pictures without any color, from the first on, after which the camera is taken for a greyscale one. A
    color sensor's noise alone has color."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._grey_left: int | None = self.PATIENCE

    def see(self, image_bgr: BgrImage) -> None:
        """Look at the next picture; costs nothing once a color was seen.

        Raises:
            GreyscaleError: patience is at its end.
        """
        if self._grey_left is None:
            return
        self._grey_left = self._grey_left - 1 if is_grey(image_bgr) else None
        if self._grey_left == 0:
            raise GreyscaleError(greyscale_sentence(self._place))


def read_picture(path: Path) -> BgrImage:
    """Read a picture, turned upright by its EXIF orientation.

    Decoded by Pillow, which refuses a truncated file; OpenCV fills the missing part with grey without a word.

    Returns:
        Shape (height, width, 3), uint8, C-contiguous. 16-bit channels are cut to 8; of transparent pixels the color
        is given that the file has for them.

    Raises:
        GreyscaleError: the file has a single channel.
        SourceError: missing, unreadable, truncated, or larger than `MAX_PIXELS`.
    """
    return read_cut_out(path)[0]


def read_cut_out(path: Path) -> tuple[BgrImage, Mask | None]:
    """Read a picture as `read_picture` does, and which of its pixels can be seen at all.

    Returns:
        The picture, and a mask of the same height and width that is set where it is at least half opaque; None where
        the file knows no transparency.

    Raises:
        GreyscaleError: the file has a single channel.
        SourceError: missing, unreadable, truncated, or larger than `MAX_PIXELS`.
    """
    try:
        return _read(path)
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    # Pillow's decoders raise nearly anything on hostile files: SyntaxError, struct.error, EOFError, ...
    except Exception as error:
        raise SourceError(
            f"{path}: not a readable picture ({unreadable_because(error)}): replace or remove it"
        ) from error


def _read(path: Path) -> tuple[BgrImage, Mask | None]:
    with warnings.catch_warnings():
        # Warnings of Pillow about odd metadata would reach the operator's screen; its own bomb warning comes
        # later than our limit.
        warnings.simplefilter("ignore")
        with Image.open(path, formats=_FORMATS) as picture:
            _check_header(path, picture)
            upright = ImageOps.exif_transpose(picture)
            opaque = _opaque(upright) if upright.has_transparency_data else None
            rgb = np.asarray(upright.convert("RGB"))
    return np.ascontiguousarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8), opaque


def _opaque(picture: Image.Image) -> Mask:
    alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    return np.where(alpha >= _HALF_OPAQUE, np.uint8(255), np.uint8(0))


def _check_header(path: Path, picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise SourceError(
            f"{path}: the picture is {picture.width} x {picture.height} pixels, more than "
            f"{MAX_PIXELS // 10**6} megapixels: make it smaller"
        )
    if picture.mode in _ONE_CHANNEL:
        raise GreyscaleError(greyscale_sentence(str(path)))


def greyscale_sentence(place: str) -> str:
    """What a user is told of a greyscale camera."""
    return f"{place}: the picture is greyscale and has no color to sort by: use a camera set to color"


def unreadable_because(error: Exception) -> str:
    """Why Pillow could not read a picture, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "unknown format"
    # An OSError of the system names the file once more, and in Python's own way.
    told = error.strerror if isinstance(error, OSError) else None
    return told or str(error) or type(error).__name__
