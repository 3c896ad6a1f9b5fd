"""What is searched for: colors as people write them, or those of a picture."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sorter.color.lab import rgb_to_lab
from sorter.errors import UsageError
from sorter.palette.names import color_of
from sorter.palette.result import Palette
from sorter.records import Lab

TOLERANCE, MIN_SHARE = 8.0, 0.05
"""Where nothing else is said: CIEDE2000, and part of the picture."""
MOST_TOLERANCE = 30.0
"""CIEDE2000: a gray within 30 is in nearly every picture, so more asks for nothing."""
_MOST_OF_EXAMPLE = 5
"""Colors of an example that are wanted: the largest."""
_LONGEST = 64
"""Characters that a color is written in."""
_NUMBER = r"[-+]?\d{1,6}(?:\.\d{0,9})?"
_BETWEEN = r"(?:\s*,\s*|\s+)"
_FUNCTION = re.compile(rf"(rgb|lab)\(\s*({_NUMBER})%?{_BETWEEN}({_NUMBER}){_BETWEEN}({_NUMBER})\s*\)", re.ASCII | re.I)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{0,9})?|\.\d{1,9})(%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One color that a picture must have.

    Raises:
        UsageError: a number is outside its range.
    """

    lab: Lab
    tolerance: float = TOLERANCE
    """CIEDE2000, 0..30."""
    min_share: float = MIN_SHARE
    """That the colors within the tolerance must have together, 0..1."""
    best_share: float = 1.0
    """From which on more of it is no better, above 0, to 1."""

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        # Rounding can leave black a hair below 0, and white above 100.
        if not (-0.1 <= self.lab.lightness <= 100.1 and abs(self.lab.a) <= 200 and abs(self.lab.b) <= 200):
            raise UsageError(f"lab{tuple(self.lab)} is no color: L* is 0 to 100, a* and b* are -200 to 200")
        if not 0 <= self.tolerance <= MOST_TOLERANCE:
            raise UsageError(f"the tolerance is {self.tolerance}: give a CIEDE2000 difference from 0 to 30")
        if not 0 <= self.min_share <= 1:
            raise UsageError(f"the least share is {self.min_share}: give a part of the picture from 0 to 1")
        if not 0 < self.best_share <= 1:
            raise UsageError(f"the best share is {self.best_share}: give a part of the picture above 0, up to 1")


def wanted_of(palette: Palette, tolerance: float = TOLERANCE, min_share: float = MIN_SHARE) -> tuple[Wanted, ...]:
    """What makes a picture like another: its five largest colors, each at half its share at least.

    Colors that have less than ``min_share`` of the picture are left out, but for the largest. More of a color than the
    example has is no better, so nothing is more like it than itself.

    Raises:
        UsageError: the palette is empty.
    """
    if not palette.colors:
        raise UsageError("the example has no color: every pixel is transparent or ignored: take another picture")
    first, *others = palette.colors[:_MOST_OF_EXAMPLE]
    return tuple(
        Wanted(one.lab, tolerance, one.share / 2, min(one.share, 1.0))
        for one in (first, *(one for one in others if one.share >= min_share))
    )


def wanted_color(text: str, tolerance: float = TOLERANCE, min_share: float = MIN_SHARE) -> Wanted:
    """A color that a user wrote: "#c0392b", "c0392b", "teal", "rgb(192, 57, 43)" or "lab(45 54 36)".

    Behind a colon may stand its own least share, as "teal:0.2" or "teal:20%".

    Raises:
        UsageError: it cannot be read, or a number is outside its range.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"{text[:20]!r}... is no color: it is longer than {_LONGEST} characters")
    color, colon, share = text.strip().partition(":")
    return Wanted(_lab(color.strip()), tolerance, _share(share.strip(), text) if colon else min_share)


def _lab(text: str) -> Lab:
    function = _FUNCTION.fullmatch(text)
    if function is None:
        if "(" in text:
            raise UsageError(f"{text!r} is no color: write rgb(192, 57, 43) or lab(45 54 36)")
        return rgb_to_lab(*color_of(text))
    numbers = [float(number) for number in function.groups()[1:]]
    if function[1].lower() == "lab":
        return Lab(*numbers)
    if "%" in text or not all(0 <= number <= 255 and number == math.floor(number) for number in numbers):
        raise UsageError(f"{text!r} is no color: red, green and blue are whole numbers from 0 to 255")
    return rgb_to_lab(*map(int, numbers))


def _share(text: str, whole: str) -> float:
    share = _SHARE.fullmatch(text)
    if share is None:
        raise UsageError(f"{whole!r}: behind the colon stands a share, such as 0.2 or 20%")
    return float(share[1]) / (100 if share[2] else 1)
