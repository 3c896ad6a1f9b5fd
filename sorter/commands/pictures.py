"""Pictures that a user names: each a product, or the picture of several."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sorter.capture.picture import GreyscaleError, greyscale_sentence, is_grey, read_picture
from sorter.commands.boxes import PictureBox
from sorter.errors import SourceError
from sorter.records import BgrImage

MIN_SIDE_PX = 3
"""Smaller regions hold no pixel that is not edge."""


def whole_picture(path: Path) -> PictureBox:
    """A picture that is one product."""
    # A file's name may hold bytes that are no text at all.
    name = str(path).encode("utf-8", "backslashreplace").decode()
    return PictureBox(path, None, {"file": name}, name)


def read_color_picture(path: Path) -> BgrImage:
    """Read a picture that has color.

    Returns:
        Shape (height, width, 3), uint8.

    Raises:
        SourceError: it cannot be read, or has no color to sort by.
    """
    if path.is_dir():
        raise SourceError(f"{path}: a folder, not a picture: name the pictures in it")
    image = read_picture(path)
    # One even gray is a product; shades of gray without any color are a greyscale camera's picture.
    if is_grey(image) and len(np.unique(image[..., 1])) > 16:
        raise GreyscaleError(greyscale_sentence(str(path)))
    return image
