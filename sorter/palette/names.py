"""The names that CSS has for colors (CSS Color Module Level 4, 6.1): 148 names of 139 colors."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from sorter.color.difference import ciede2000
from sorter.color.lab import srgb_to_lab
from sorter.errors import UsageError
from sorter.palette.result import Rgb
from sorter.records import Lab

CSS_NAMES = tuple(ImageColor.colormap)
"""In alphabetical order; of two names for one color, such as aqua and cyan, the first is given."""


def nearest_name(lab: Lab) -> str:
    """The CSS name of the color that is nearest by CIEDE2000."""
    return CSS_NAMES[int(ciede2000(_css_labs(), np.array(lab)).argmin())]


@cache
def _css_labs() -> NDArray[np.float64]:
    rgb = np.array([ImageColor.getrgb(name) for name in CSS_NAMES])
    return srgb_to_lab(rgb / 255).astype(np.float64)


def color_of(text: str) -> Rgb:
    """A color that a user wrote: "#rrggbb", "rrggbb", "#rgb", or a CSS name.

    Raises:
        UsageError: it is none of them.
    """
    bare = text.strip().removeprefix("#")
    digits = len(bare) in {3, 6} and all(digit in "0123456789abcdefABCDEF" for digit in bare)
    if not digits and bare.lower() not in CSS_NAMES:
        raise UsageError(f"{text!r} is no color: write it as #rrggbb, or by its CSS name")
    red, green, blue = ImageColor.getrgb(f"#{bare}" if digits else bare)[:3]
    return Rgb(red, green, blue)
