"""The same surface in other light: shading, and an exposure that changed, leave its chromaticity alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sorter.color.lab import EPSILON, KAPPA

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
    lightness, a, b = np.moveaxis(np.asarray(lab, np.float64), -1, 0)
    wanted = _luminance(np.asarray(others_lab, np.float64)[..., 0]) / np.maximum(_luminance(lightness), _DARKEST)
    factor = np.minimum(np.maximum(wanted, 1 / np.asarray(most)), most)
    return np.stack(np.broadcast_arrays(*_in_light(np, (lightness, a, b), factor)), axis=-1)


def brightened_to(lab: Sequence[float], lightness: float, most: float) -> tuple[float, float, float]:
    """One color in more light, at most ``most`` times as much, that brings it up to a lightness: for plain floats."""
    wanted = _luminance(lightness) / max(_luminance(lab[0]), _DARKEST)
    brightened: tuple[float, float, float] = _in_light(math, lab, min(max(wanted, 1.0), most))
    return brightened


def _in_light(of: Any, lab: Sequence[Any], factor: Any) -> Any:
    """For floats and for arrays: ``of`` is the module `math` or `numpy`, whose cube roots bear one name."""
    lightness, a, b = lab
    fy = (lightness + 16) / 116
    x, y, z = (_ratio(curve) * factor for curve in (fy + a / 500, fy, fy - b / 200))
    fx, fy, fz = _curve(of, x), _curve(of, y), _curve(of, z)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _luminance(lightness: Any) -> Any:
    return _ratio((lightness + 16) / 116)


def _ratio(curve: Any) -> Any:
    """X, Y or Z by the white's, from the curve of CIE 15:2004, 8.2.1."""
    cubed = curve * curve * curve
    return (cubed > EPSILON) * cubed + (cubed <= EPSILON) * ((116 * curve - 16) / KAPPA)


def _curve(of: Any, ratio: Any) -> Any:
    return (ratio > EPSILON) * of.cbrt(ratio) + (ratio <= EPSILON) * ((KAPPA * ratio + 16) / 116)
