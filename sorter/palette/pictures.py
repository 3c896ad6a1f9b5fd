"""Anything that is a picture, opened safely: a file, its bytes, an array, a Pillow image."""

from __future__ import annotations

import os
import stat
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sorter.capture.picture import MAX_PIXELS, unreadable_because
from sorter.errors import SourceError, UsageError
from sorter.palette.channels import rgb_and_alpha
from sorter.palette.sample import FULL, Raster, Span, spans

Picture = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[np.generic] | Image.Image
"""A path, a file's bytes, an array, or an image of Pillow's."""

MAX_BYTES = 512 * 2**20
"""Largest file that is opened: some decoders read all of it into memory first."""
MAX_FRAME_PIXELS = 4_000_000_000
"""Pixels that may have to be decoded on the way to a later frame of an animation."""
# What people have pictures in; JPEG opens MPO too. Each decoder left out is one that a hostile file cannot reach.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "DIB", "JPEG2000", "PPM", "TGA", "ICO")
_ORIENTATION = 0x0112
"""EXIF's tag."""
_TURNED = frozenset({5, 6, 7, 8})
"""Its values that lay a picture on its side."""


class PictureTooLargeError(SourceError):
    """More pixels than are decoded."""


def read_raster(picture: Picture, most: int, frame: int = 0, *, reduced: bool = False) -> Raster:
    """Read a picture, upright and in sRGB, and take every s-th of its pixels.

    Args:
        picture: see `Picture`. Arrays are of shape (h, w), (h, w, 3) or (h, w, 4), the last one's alpha not multiplied
            in; uint8, uint16, or float 0..1.
        most: pixels to take.
        frame: of an animation or a file of several pages, from 0.
        reduced: a JPEG may be decoded at a half, a quarter or an eighth of its size, as small as still has ``most``
            pixels: several times faster, and each pixel is then the mean of a square of the picture's.

    Raises:
        UsageError: what is given is no picture, or an address on a network.
        SourceError: missing, unreadable, truncated, without that frame, or larger than `MAX_PIXELS`.
    """
    if isinstance(picture, np.ndarray):
        _only_first(frame, "an array")
        return _of_array(picture, most)
    if isinstance(picture, Image.Image):
        _only_first(frame, "an image of Pillow's")
        return _guarded(picture, most, 0, str(getattr(picture, "filename", "") or "the picture"))
    if isinstance(picture, bytes | bytearray | memoryview):
        return _guarded(BytesIO(picture), most, frame, "the picture's bytes", reduced=reduced)
    if isinstance(picture, str | os.PathLike):
        return _guarded(_local_file(picture), most, frame, os.fspath(picture), reduced=reduced)
    raise UsageError(
        f"a {type(picture).__name__} is no picture: give a path, a file's bytes, an array or an image of Pillow's"
    )


def _only_first(frame: int, what: str) -> None:
    if frame:
        raise UsageError(f"{what} has one frame, not a frame {frame}: take the frame wanted, and hand in that")


def _local_file(path: str | os.PathLike[str]) -> Path:
    if "://" in os.fspath(path):
        raise UsageError(f"{os.fspath(path)}: addresses are not read: download the picture, and name the file")
    try:
        status = Path(path).stat()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # a name with a zero in it is a ValueError
        raise SourceError(f"{path}: it cannot be read ({unreadable_because(error)}): name another file") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{path}: a folder, not a picture: name the pictures in it")
    # What waits for a writer, or has no end, would hold us for ever.
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path}: not a file: name a picture's file")
    if status.st_size > MAX_BYTES:
        raise SourceError(f"{path}: the file is larger than {MAX_BYTES // 2**20} MB: make it smaller")
    return Path(path)


def _guarded(
    source: Path | BytesIO | Image.Image, most: int, frame: int, name: str, *, reduced: bool = False
) -> Raster:
    """Read; whatever goes wrong on the way is told in one sentence that names the picture."""
    try:
        with warnings.catch_warnings():
            # Warnings of Pillow about odd metadata would reach the user's screen; its own bomb warning comes later
            # than our limit.
            warnings.simplefilter("ignore")
            if isinstance(source, Image.Image):
                return _of_image(source, most, name)
            with Image.open(source, formats=_FORMATS) as picture:
                _check_size(picture, name)
                _go_to(picture, frame, name)
                return _of_image(picture, most, name, reduced=reduced)
    except SourceError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, which lies beyond ours and is looked at before
        sentence = f"{name}: the picture has more than {MAX_PIXELS // 10**6} megapixels: make it smaller"
        raise PictureTooLargeError(sentence) from error
    # Pillow's decoders raise nearly anything on hostile files: SyntaxError, struct.error, EOFError, ...
    except Exception as error:
        reason = " ".join(unreadable_because(error).split())
        raise SourceError(f"{name}: not a readable picture ({reason}): replace or remove it") from error


def _check_size(picture: Image.Image, name: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise PictureTooLargeError(
            f"{name}: the picture is {picture.width} x {picture.height} pixels, more than "
            f"{MAX_PIXELS // 10**6} megapixels: make it smaller"
        )


def _go_to(picture: Image.Image, frame: int, name: str) -> None:
    if not frame:
        return
    if (frame + 1) * picture.width * picture.height > MAX_FRAME_PIXELS:
        raise SourceError(f"{name}: frame {frame} is too far into the file to be decoded: ask for an earlier one")
    try:
        picture.seek(frame)
    except EOFError as error:
        raise SourceError(f"{name}: there is no frame {frame}, counted from 0: ask for an earlier one") from error


def _of_image(picture: Image.Image, most: int, name: str, *, reduced: bool = False) -> Raster:
    _check_size(picture, name)
    width, height = picture.size
    if reduced:
        _reduce(picture, most)
    picture.load()
    orientation = picture.getexif().get(_ORIENTATION, 1)
    if orientation != 1:
        picture = ImageOps.exif_transpose(picture)
    if orientation in _TURNED:
        width, height = height, width
    columns, rows = spans(picture.width, picture.height, most)
    rgb, alpha = rgb_and_alpha(_every_nth(picture, columns, rows))
    return Raster(rgb, alpha, width, height)


def _reduce(picture: Image.Image, most: int) -> None:
    """Have a JPEG decoded smaller, where it still has enough pixels then; other formats cannot."""
    width, height = picture.size
    for part in (8, 4, 2):
        if (width // part) * (height // part) >= most:
            picture.draft(None, (width // part, height // part))
            return


def _every_nth(picture: Image.Image, columns: Span, rows: Span) -> Image.Image:
    """The pixels of some columns and rows, as they are, in the picture's own mode."""
    if columns.step == rows.step == 1:
        return picture
    # To the nearest, Pillow takes the middle pixel of each step, and none of its neighbors.
    box = (
        columns.start - columns.step // 2,
        rows.start - rows.step // 2,
        columns.start - columns.step // 2 + columns.step * columns.places,
        rows.start - rows.step // 2 + rows.step * rows.places,
    )
    return picture.resize((columns.places, rows.places), Image.Resampling.NEAREST, box)


def _of_array(array: NDArray[np.generic], most: int) -> Raster:
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise UsageError(f"an array of shape {array.shape} is no picture: give (h, w), (h, w, 3) or (h, w, 4)")
    height, width = array.shape[:2]
    columns, rows = spans(width, height, most)
    taken = _of_16_bits(array[rows.of(), columns.of()])
    if taken.ndim == 2:
        taken = taken[..., None]
    rgb = taken[..., :3] if taken.shape[2] > 1 else np.repeat(taken, 3, axis=2)
    alpha = taken[..., 3] if taken.shape[2] == 4 else np.full(taken.shape[:2], FULL, np.uint16)
    return Raster(rgb, alpha, width, height)


def _of_16_bits(values: NDArray[np.generic]) -> NDArray[np.uint16]:
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(257)
    if values.dtype.newbyteorder("=") == np.uint16:
        return values.astype(np.uint16)
    if not np.issubdtype(values.dtype, np.floating):
        raise UsageError(f"an array of {values.dtype} is no picture: give uint8, uint16, or float 0..1")
    floats = values.astype(np.float64)
    # Written so that NaN fails too.
    if not ((floats >= 0) & (floats <= 1)).all():
        raise UsageError("an array of floats must lie in 0..1: divide it by its white first")
    return np.rint(floats * FULL).astype(np.uint16)
