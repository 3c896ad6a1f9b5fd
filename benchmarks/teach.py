"""Bins taught from samples of known color, for sets that come without a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.records import Lab
from sorter.settings.bins import BinSettings
from sorter.settings.recipe import FallbackBranches, Recipe

_BRANCH = "out"
_LEAST_SCATTER = 3.0
"""A few samples may lie nearer together than a product's color does (CIEDE2000)."""


def teach(samples: Mapping[str, Sequence[Lab]]) -> Recipe:
    """Make a bin of each color: its center is the median of its samples.

    Neighbors share the way between them in proportion to how far their own samples scatter, so that no two bins
    reach each other; a bin alone reaches twice as far as its samples scatter.

    Args:
        samples: dominant colors by the name of their bin; at least one of each.
    """
    centers = {name: np.median(np.array(colors), axis=0) for name, colors in samples.items()}
    scatters = {name: _scatter(np.array(samples[name]), center) for name, center in centers.items()}
    bins = []
    for name, center in centers.items():
        lab = tuple(center.tolist())
        bins.append(BinSettings(name=name, lab=lab, tolerance=_tolerance(name, centers, scatters), branch=_BRANCH))
    fallback = FallbackBranches(unknown=_BRANCH, ambiguous=_BRANCH, late=_BRANCH, invalid=_BRANCH)
    return Recipe(name="taught", bins=tuple(bins), fallback=fallback)


def _scatter(colors: NDArray[np.float64], center: NDArray[np.float64]) -> float:
    """The distance that all but a twentieth of the samples keep to."""
    return max(float(np.percentile(ciede2000(colors, center), 95)), _LEAST_SCATTER)


def _tolerance(name: str, centers: Mapping[str, NDArray[np.float64]], scatters: Mapping[str, float]) -> float:
    own = scatters[name]
    shares = [
        float(ciede2000(centers[name], center)) * own / (own + scatters[other])
        for other, center in centers.items()
        if other != name
    ]
    return min(shares, default=2 * own)
