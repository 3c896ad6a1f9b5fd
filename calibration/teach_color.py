"""The one color that the samples of a bin agree on; samples that lie apart from the others are left out, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.records import ColorReading, Lab

_OUTLIER_FACTOR = 6.0
"""An outlier lies this many times farther from the center than half of the samples do; shading alone makes 4."""
_OUTLIER_LEAST = 6.0
"""Nearer than this (CIEDE2000) nothing is an outlier."""
_MOST_OUTLIERS = 1 / 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a product whose color is known."""

    name: str
    reading: ColorReading
    edge_width: float | None = None
    """Width of its sharpest edges as a part of its shorter side; None where it has no edges to tell by."""
    glare_share: float = 0.0
    """Part of it that is highlight, 0..1."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the samples of one bin agree on."""

    color: Lab
    """Rounded to two decimals."""
    differences: tuple[float, ...]
    """CIEDE2000 from the color to each sample that was used; at least one."""
    outliers: tuple[str, ...]
    """Names of the samples left out."""
    apart: int = 0
    """So many lie apart from the others that nothing could be left out; 0 where the samples agree."""

    @property
    def used(self) -> int:
        """How many samples the color was learned from."""
        return len(self.differences)

    @property
    def scatter(self) -> float:
        """What all but a twentieth of the used samples keep to (CIEDE2000)."""
        return float(np.percentile(self.differences, 95))

    @property
    def spread(self) -> float:
        """Root mean square of the differences."""
        return float(np.sqrt(np.mean(np.square(self.differences))))

    def within(self, tolerance: float) -> int:
        """How many of the used samples a tolerance takes in."""
        return sum(one <= tolerance for one in self.differences)


def learn_color(samples: Sequence[Sample]) -> Learned:
    """Find the median color of the samples that lie together; of all where more than a third lie apart.

    Args:
        samples: at least one.
    """
    colors = np.array([sample.reading.dominant.lab for sample in samples], np.float64)
    kept = _lies_with_the_others(ciede2000(colors, np.median(colors, axis=0)))
    apart = int((~kept).sum())
    agree = apart <= _MOST_OUTLIERS * len(kept)
    if not agree:  # who is to say which of them are the outliers?
        kept = np.ones_like(kept)
    # Adding zero takes the sign off a zero. A mean would follow the few that are in shadow.
    center = np.median(colors[kept], axis=0).round(2) + 0.0
    return Learned(
        color=Lab(*center.tolist()),
        differences=tuple(ciede2000(colors[kept], center).tolist()),
        outliers=tuple(sample.name for sample, keep in zip(samples, kept, strict=True) if not keep),
        apart=0 if agree else apart,
    )


def _lies_with_the_others(differences: NDArray[np.float64]) -> NDArray[np.bool_]:
    limit = max(_OUTLIER_FACTOR * float(np.median(differences)), _OUTLIER_LEAST)
    return np.asarray(differences <= limit)
