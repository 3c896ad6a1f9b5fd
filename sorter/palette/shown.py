"""A picture made fit to be shown: upright, in sRGB, no larger than a screen needs."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from sorter.palette.pictures import Picture, read_raster

MOST_PIXELS_READ = 4_000_000
LONGEST_SIDE = 800
"""Pixels of what is shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to be shown."""

    png: bytes
    """RGB, or RGBA where some of it is transparent; no side longer than `LONGEST_SIDE`."""
    columns: int
    """Of the PNG."""
    rows: int
    width: int
    """Of the whole picture, upright, in its own pixels."""
    height: int


def make_fit_to_show(picture: Picture, frame: int) -> Shown | None:
    """Read a picture and make it small; None where it has no pixels.

    Args:
        picture: see `sorter.palette.pictures.Picture`.
        frame: of an animation or a file of several pages, from 0.

    Raises:
        UsageError: what is given is no picture.
        SourceError: missing, unreadable, truncated, without that frame, or too large.
    """
    raster = read_raster(picture, MOST_PIXELS_READ, frame)
    if not raster.alpha.size:
        return None
    rgb = np.rint(raster.rgb / 257).astype(np.uint8)
    alpha = np.rint(raster.alpha / 257).astype(np.uint8)
    image = Image.fromarray(rgb if (alpha == 255).all() else np.dstack([rgb, alpha]))
    # From the whole picture's shape: that of the taken rows and columns may be a little off.
    longest = max(raster.width, raster.height)
    most = min(LONGEST_SIDE, max(image.size))
    size = (max(round(raster.width * most / longest), 1), max(round(raster.height * most / longest), 1))
    if size != image.size:
        # Pillow weighs colors by their opacity, so that what is transparent leaves no fringe.
        image = image.resize(size, Image.Resampling.LANCZOS)
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return Shown(file.getvalue(), *image.size, raster.width, raster.height)
