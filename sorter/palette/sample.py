"""The pixels of a picture that are looked at, counted: each color once, with its weight."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import srgb_to_lab
from sorter.palette.result import Rgb

FULL = 65535
"""A channel at its most: all pictures are worked on as of 16 bits, which 8 bits (times 257) fit exactly."""
_PLACES = 255
"""Steps that the way from the edge to the center is counted in: whole numbers, whose sums know no order."""


class Raster(NamedTuple):
    """Every s-th pixel of a picture."""

    rgb: NDArray[np.uint16]
    """Gamma-encoded sRGB, shape (h, w, 3), 0..65535."""
    alpha: NDArray[np.uint16]
    """Opacity, shape (h, w), 0..65535."""
    width: int
    """Of the whole picture, upright."""
    height: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The colors of a picture, each once, in the order of red, green, blue."""

    rgb: NDArray[np.float64]
    """Gamma-encoded sRGB, 0..1, shape (m, 3), no two alike."""
    weights: NDArray[np.float64]
    """Of each color, shape (m,): opacities of its pixels, added, without their common divisor; whole numbers."""
    pixels: NDArray[np.float64]
    """How many pixels have the color, shape (m,)."""
    at_center: NDArray[np.float64]
    """As ``weights``, each pixel by how near to the center it is: 1 there, 0 at the edge, squared."""
    at_edge: NDArray[np.float64]
    """Likewise by how near to the edge: 0 in the center, 1 at the edge, squared."""
    width: int
    height: int


class Span(NamedTuple):
    """Which places of a row or column are looked at: so many, evenly from ``start`` on, a ``step`` apart."""

    start: int
    step: int
    places: int

    def of(self) -> slice:
        """The places themselves."""
        return slice(self.start, self.start + self.step * self.places, self.step)


def spans(width: int, height: int, most: int) -> tuple[Span, Span]:
    """Columns and rows to look at, no more than ``most`` pixels in all: every s-th of each, s as small as can be."""
    steps = range(1, max(width, height, 1) + 1)
    step = steps[bisect_left(steps, -most, key=lambda step: -_count(width, step) * _count(height, step))]
    return _span(width, step), _span(height, step)


def _count(length: int, step: int) -> int:
    return length // min(step, max(length, 1))


def _span(length: int, step: int) -> Span:
    step = min(step, max(length, 1))
    count = length // step
    return Span((length - step * count) // 2 + step // 2, step, count)


def count_pixels(raster: Raster) -> Sample:
    """Count the pixels of a picture; one that is half transparent counts by half, one that is wholly so not at all.

    Neither the order of the pixels nor how often the whole picture is repeated shows in colors and weights.
    """
    seen = raster.alpha > 0
    rgb, alpha = raster.rgb[seen].astype(np.uint64), raster.alpha[seen].astype(np.float64)
    near = _nearness_to_center(*raster.alpha.shape)[seen]
    keys = rgb[:, 0] << np.uint64(32) | rgb[:, 1] << np.uint64(16) | rgb[:, 2]
    colors, of_pixel = np.unique(keys, return_inverse=True)
    channels = np.stack([colors >> np.uint64(shift) & np.uint64(FULL) for shift in (32, 16, 0)], axis=1)
    count = len(colors)
    weights = sums_by(of_pixel, alpha, count)
    return Sample(
        rgb=channels.astype(np.float64) / FULL,
        weights=_without_common_divisor(weights),
        pixels=np.bincount(of_pixel, minlength=count).astype(np.float64),
        at_center=sums_by(of_pixel, alpha * near**2, count),
        at_edge=sums_by(of_pixel, alpha * (_PLACES - near) ** 2, count),
        width=raster.width,
        height=raster.height,
    )


def sums_by(groups: NDArray[np.intp], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The sum of the values in each group, shape (count,)."""
    return np.bincount(groups, values, count).astype(np.float64, copy=False)


def _without_common_divisor(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the picture is the same picture: also to the last bit of what is added up of it."""
    whole = weights.astype(np.int64)
    return (whole // max(int(np.gcd.reduce(whole)), 1)).astype(np.float64)


def _nearness_to_center(height: int, width: int) -> NDArray[np.float64]:
    """Of each pixel, shape (height, width), in steps: 0 beside the edge, 255 in the center, by the nearest edge."""
    rows, columns = _from_edge(height), _from_edge(width)
    return np.asarray(np.rint(_PLACES * np.minimum(rows[:, None], columns)))


def _from_edge(length: int) -> NDArray[np.float64]:
    middles = 2 * np.arange(length) + 1
    return np.asarray(np.minimum(middles, 2 * length - middles) / max(length, 1))


def without(sample: Sample, ignored: Sequence[Rgb], tolerance: float) -> Sample:
    """A sample less all colors that are within a CIEDE2000 difference of one of some colors."""
    if not ignored or not len(sample.rgb):
        return sample
    lab = srgb_to_lab(sample.rgb)
    away = [ciede2000(lab, srgb_to_lab(np.array(color) / 255)) for color in ignored]
    kept = np.min(away, axis=0) > tolerance
    return replace(
        sample,
        rgb=sample.rgb[kept],
        weights=_without_common_divisor(sample.weights[kept]),
        pixels=sample.pixels[kept],
        at_center=sample.at_center[kept],
        at_edge=sample.at_edge[kept],
    )
