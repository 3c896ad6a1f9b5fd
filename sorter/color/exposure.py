"""The same surface in other light: shading, and an exposure that changed, leave its chromaticity alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sorter.color.lab import lab_of_xyz, luminance_of, xyz_of_lab

_DARKEST = 1e-6
"""Luminance below which there is no light to be multiplied; the white's is 1."""


def in_light_of(
    lab: NDArray[np.floating], others_lab: NDArray[np.floating], most: NDArray[np.floating] | float
) -> NDArray[np.float64]:
    """Show colors in the light that brings them nearest to the lightness of others.

    Light of another strength multiplies X, Y and Z alike, which is exact for any surface without gloss.

    Args:
        lab: shape (..., 3).
        others_lab: shape (..., 3); the two broadcast against each other.
        most: how many times stronger or weaker the light may become, at least 1; broadcasts likewise, without the
            last axis.

    Returns:
        The broadcast shape.
    """
    xyz = xyz_of_lab(lab)
    wanted = luminance_of(others_lab) / np.maximum(xyz[..., 1], _DARKEST)
    factor = np.minimum(np.maximum(wanted, 1 / np.asarray(most)), most)
    return np.asarray(lab_of_xyz(xyz * factor[..., None]))
