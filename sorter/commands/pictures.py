"""Pictures that a user names: each a product, or the picture of several."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from sorter.capture.picture import GreyscaleError, greyscale_sentence, is_grey, read_cut_out
from sorter.color.sample import sample_box, sample_cut_out
from sorter.commands.boxes import PictureBox
from sorter.errors import SourceError
from sorter.records import BgrImage, Box, LabPixels, Mask

MIN_SIDE_PX = 3
"""Smaller regions hold no pixel that is not edge."""


class CutOut(NamedTuple):
    """A region of a picture."""

    image_bgr: BgrImage
    opaque: Mask | None
    """Where it shows something, shape (height, width); None where the picture knows no transparency."""

    def within(self, box: Box) -> CutOut:
        """A part of it."""
        rows, columns = slice(box.y0, box.y1), slice(box.x0, box.x1)
        return CutOut(self.image_bgr[rows, columns], None if self.opaque is None else self.opaque[rows, columns])

    def sample(self) -> LabPixels | None:
        """See `sample_box` and `sample_cut_out`."""
        if self.opaque is None or self.opaque.all():
            return sample_box(self.image_bgr)
        return sample_cut_out(self.image_bgr, self.opaque)


def whole_picture(path: Path) -> PictureBox:
    """A picture that is one product."""
    # A file's name may hold bytes that are no text at all.
    name = str(path).encode("utf-8", "backslashreplace").decode()
    return PictureBox(path, None, {"file": name}, name)


def read_color_picture(path: Path) -> CutOut:
    """Read a picture that has color.

    Raises:
        SourceError: it cannot be read, or has no color to sort by.
    """
    if path.is_dir():
        raise SourceError(f"{path}: a folder, not a picture: name the pictures in it")
    image, opaque = read_cut_out(path)
    # One even gray is a product; shades of gray without any color are a greyscale camera's picture.
    if is_grey(image) and len(np.unique(image[..., 1])) > 16:
        raise GreyscaleError(greyscale_sentence(str(path)))
    return CutOut(image, opaque)
