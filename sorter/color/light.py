"""A surface's color in stronger or weaker light of the same kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Below these the curve of CIE 15:2004 (8.2.1) is a straight line.
_KNEE_CURVE = 6 / 29
_KNEE_RATIO = _KNEE_CURVE**3
_SLOPE = 1 / (3 * _KNEE_CURVE**2)
_FOOT = 4 / 29
_DARKEST = 1e-9


def light_of(lightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """L* 0..100 as the part of the white's light, 0..1, in the same shape."""
    return _ratio((lightness + 16) / 116)


def in_light_of(
    lab: NDArray[np.float64], wanted: NDArray[np.float64], most: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Colors as they would be if the light on them changed until they are as light as is wanted.

    The light of a surface is scaled in X, Y and Z alike, so this is exact, dark colors included.

    Args:
        lab: shape (..., 3).
        wanted: the light that the colors shall have, as of ``light_of``; broadcasts against the colors.
        most: the light may become so many times stronger or weaker, 1 or more; broadcasts against the colors.

    Returns:
        Lab, in the broadcast shape.
    """
    middle = (lab[..., 0] + 16) / 116
    curve = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], axis=-1)
    ratios = _ratio(curve)
    factor = np.clip(wanted / np.maximum(ratios[..., 1], _DARKEST), 1 / most, most)
    x, y, z = np.moveaxis(_curve(ratios * factor[..., None]), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _ratio(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(curve > _KNEE_CURVE, curve**3, (curve - _FOOT) / _SLOPE)


def _curve(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(ratio > _KNEE_RATIO, np.cbrt(ratio), ratio * _SLOPE + _FOOT)
