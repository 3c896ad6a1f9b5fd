"""A surface's color in stronger or weaker light of the same kind: shading, and an exposure that changed.

Light of another strength multiplies X, Y and Z alike, which is exact for any surface without gloss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sorter.color.lab import EPSILON, KAPPA

_DARKEST = 1e-9


def light_of(lightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """L* 0..100 as the part of the white's light, 0..1, in the same shape."""
    return np.asarray(_ratio((lightness + 16) / 116))


def in_light_of(
    lab: NDArray[np.float64], wanted: NDArray[np.float64], most: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Colors as they would be if the light on them changed until they are as light as is wanted.

    Args:
        lab: shape (..., 3).
        wanted: the light that the colors shall have, as of ``light_of``; broadcasts against the colors.
        most: the light may become so many times stronger or weaker, 1 or more; broadcasts against the colors.

    Returns:
        Lab, in the broadcast shape.
    """
    lightness = lab[..., 0]
    factor = np.minimum(np.maximum(wanted / np.maximum(light_of(lightness), _DARKEST), 1 / most), most)
    return np.stack(_in_light(np, (lightness, lab[..., 1], lab[..., 2]), factor), axis=-1)


def brightened_to(lab: Sequence[float], lightness: float, most: float) -> tuple[float, float, float]:
    """One color, as plain floats, in up to ``most`` times more light, no more than brings it up to a lightness."""
    wanted = _ratio((lightness + 16) / 116) / max(_ratio((lab[0] + 16) / 116), _DARKEST)
    brightened: tuple[float, float, float] = _in_light(math, lab, min(max(wanted, 1.0), most))
    return brightened


def _in_light(of: Any, lab: Sequence[Any], factor: Any) -> tuple[Any, Any, Any]:
    """For floats and for arrays: ``of`` is the module `math` or `numpy`, whose cube roots bear one name."""
    lightness, a, b = lab
    middle = (lightness + 16) / 116
    x, y, z = (_curve(of, _ratio(curve) * factor) for curve in (middle + a / 500, middle, middle - b / 200))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _ratio(curve: Any) -> Any:
    """X, Y or Z by the white's."""
    cubed = curve * curve * curve
    return (cubed > EPSILON) * cubed + (cubed <= EPSILON) * ((116 * curve - 16) / KAPPA)


def _curve(of: Any, ratio: Any) -> Any:
    """CIE 15:2004, 8.2.1; below the knee a straight line."""
    return (ratio > EPSILON) * of.cbrt(ratio) + (ratio <= EPSILON) * ((KAPPA * ratio + 16) / 116)
