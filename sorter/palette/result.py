"""What a palette is: colors with their shares, and how they were found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sorter.records import Lab


class Method(StrEnum):
    """How pixels are clustered."""

    MINIBATCH = "minibatch"
    """scikit-learn's MiniBatchKMeans, then a few rounds over all pixels."""
    KMEANS = "kmeans"
    """scikit-learn's KMeans, until it converges."""
    OPENCV = "opencv"
    """OpenCV's kmeans."""
    AGGLOMERATIVE = "agglomerative"
    """Ward's: colors are joined two by two, those first whose union adds the least variance."""


class Space(StrEnum):
    """The space that distances are measured in."""

    LAB = "lab"
    """CIE L*a*b*, D65."""
    RGB = "rgb"
    """Gamma-encoded sRGB, 0..255."""
    HSV = "hsv"
    """As a cone, since hue is an angle: S V cos H, S V sin H and V, each times 100."""
    OKLAB = "oklab"
    """Björn Ottosson's OKLab, times 100."""


class Rgb(NamedTuple):
    """8-bit sRGB, 0..255 each."""

    red: int
    green: int
    blue: int


@dataclass(frozen=True, slots=True)
class Swatch:
    """One color of a palette."""

    rgb: Rgb
    lab: Lab
    """Of the cluster's center, before it was rounded to 8 bits."""
    share: float
    """Of the pixels that count, above 0, to 1."""
    name: str
    """The CSS color that is nearest by CIEDE2000."""

    @property
    def hex(self) -> str:
        """As "#rrggbb"."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)

    @property
    def percentage(self) -> str:
        """The share as people write it, such as "54.56%"."""
        return f"{self.share:.2%}"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colors of a picture."""

    colors: tuple[Swatch, ...]
    """Largest share first, equal shares by color; empty where no pixel counts."""
    inertia: float
    """Mean squared distance of the pixels from their color, in units of the space."""
    pixels: int
    """Looked at and counted: neither wholly transparent nor ignored."""
    width: int
    """Of the picture, upright."""
    height: int
    method: Method
    space: Space

    @property
    def dominant(self) -> Swatch | None:
        """The color of the largest share."""
        return self.colors[0] if self.colors else None

    @property
    def second_dominant(self) -> Swatch | None:
        """The color of the second largest share."""
        return self.colors[1] if len(self.colors) > 1 else None
