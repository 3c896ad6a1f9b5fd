"""Color differences: CIEDE2000, which everything is measured in, and the older CIE94 and CIE76 beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_POW_25_7 = 25.0**7
_TURN = 2 * math.pi
_ANGLE_6, _ANGLE_25, _ANGLE_30, _ANGLE_60, _ANGLE_63, _ANGLE_275 = map(math.radians, (6, 25, 30, 60, 63, 275))


def cie76(lab1: NDArray[np.floating], lab2: NDArray[np.floating]) -> NDArray[np.float64]:
    """CIE 1976 color difference: the distance in Lab (CIE 15:2004, 8.2.1.3).

    Args:
        lab1: shape (..., 3).
        lab2: shape (..., 3); the two broadcast against each other.

    Returns:
        The differences, in the broadcast shape without its last axis; NaN where a component is NaN.
    """
    away = np.asarray(lab1, np.float64) - np.asarray(lab2, np.float64)
    return np.asarray(np.sqrt((away * away).sum(axis=-1)))


def cie94(lab1: NDArray[np.floating], lab2: NDArray[np.floating]) -> NDArray[np.float64]:
    """CIE 1994 color difference, graphic arts: kL = kC = kH = 1, K1 = 0.045, K2 = 0.015 (CIE 116-1995).

    Args:
        lab1: shape (..., 3); the reference, whose chroma weighs: the difference is not symmetric.
        lab2: shape (..., 3); the two broadcast against each other.

    Returns:
        The differences, in the broadcast shape without its last axis; NaN where a component is NaN.
    """
    l1, a1, b1 = _components(lab1)
    l2, a2, b2 = _components(lab2)
    c1, c2 = np.sqrt(a1 * a1 + b1 * b1), np.sqrt(a2 * a2 + b2 * b2)
    chroma = c1 - c2
    # What of the distance in the a*b* plane is not chroma is hue; rounding can leave a hair below zero.
    hue_squared = np.maximum((a1 - a2) ** 2 + (b1 - b2) ** 2 - chroma**2, 0.0)
    squared = (l1 - l2) ** 2 + (chroma / (1 + 0.045 * c1)) ** 2 + hue_squared / (1 + 0.015 * c1) ** 2
    return np.asarray(np.sqrt(squared))


def ciede2000(lab1: NDArray[np.floating], lab2: NDArray[np.floating]) -> NDArray[np.float64]:
    """CIEDE2000 color difference with kL = kC = kH = 1 (CIE 142-2001; Sharma, Wu, Dalal 2005).

    Args:
        lab1: shape (..., 3).
        lab2: shape (..., 3); the two broadcast against each other.

    Returns:
        The differences, in the broadcast shape without its last axis; NaN where a component is NaN.
    """
    return np.asarray(_ciede2000(np, _components(lab1), _components(lab2)))


def ciede2000_of_pair(lab1: Sequence[float], lab2: Sequence[float]) -> float:
    """CIEDE2000 of two colors, each L*, a*, b* as plain floats: thirty times faster than arrays of one."""
    return float(_ciede2000(math, lab1, lab2))


def _ciede2000(of: Any, lab1: Sequence[Any], lab2: Sequence[Any]) -> Any:
    """The formula, for floats and for arrays: ``of`` is the module `math` or `numpy`, whose functions bear one name."""
    (l1, a1, b1), (l2, a2, b2) = lab1, lab2
    stretch = 1.5 - 0.5 * _saturation(of, (of.sqrt(a1 * a1 + b1 * b1) + of.sqrt(a2 * a2 + b2 * b2)) / 2)
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = of.sqrt(a1 * a1 + b1 * b1), of.sqrt(a2 * a2 + b2 * b2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    turn, mean_h = _hues(of.atan2(b1, a1) % _TURN, of.atan2(b2, a2) % _TURN)
    off_middle = (mean_l - 50) ** 2
    lightness = (l2 - l1) / (1 + 0.015 * off_middle / of.sqrt(20 + off_middle))
    chroma = (c2 - c1) / (1 + 0.045 * mean_c)
    # Where a color is gray, hue says nothing: the product of the chromas is zero, and so is the whole term.
    hue = 2 * of.sqrt(c1 * c2) * of.sin(turn / 2) / (1 + 0.015 * mean_c * _hue_weight(of, mean_h))
    rotation = -2 * _saturation(of, mean_c) * of.sin(_ANGLE_60 * of.exp(-(((mean_h - _ANGLE_275) / _ANGLE_25) ** 2)))
    squared = lightness * lightness + chroma * chroma + hue * hue + rotation * chroma * hue
    # The rotation term is negative, and rounding can leave a hair below zero between equal colors.
    return of.sqrt(abs(squared))


def _components(lab: NDArray[np.floating]) -> tuple[NDArray[np.float64], ...]:
    values = np.asarray(lab, np.float64)
    return values[..., 0], values[..., 1], values[..., 2]


def _saturation(of: Any, chroma: Any) -> Any:
    """What G and R_C of the standard have in common: 0 for gray, 1 for the strongest colors."""
    seventh = chroma**7
    return of.sqrt(seventh / (seventh + _POW_25_7))


def _hues(h1: Any, h2: Any) -> tuple[Any, Any]:
    """Hue difference and mean hue, going the short way round; from radians 0..2 pi."""
    raw = h2 - h1
    # Of two ways as long as each other, the standard takes the one through 180 degrees: half a turn stays as it is.
    turn = raw - _TURN * ((raw > math.pi) * 1.0 - (raw < -math.pi) * 1.0)
    return turn, (h1 + turn / 2) % _TURN


def _hue_weight(of: Any, mean_h: Any) -> Any:
    """T of the standard."""
    return (
        1
        - 0.17 * of.cos(mean_h - _ANGLE_30)
        + 0.24 * of.cos(2 * mean_h)
        + 0.32 * of.cos(3 * mean_h + _ANGLE_6)
        - 0.20 * of.cos(4 * mean_h - _ANGLE_63)
    )
