"""CIEDE2000, the color difference everything is measured in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POW_25_7 = 25.0**7


def ciede2000(lab1: NDArray[np.floating], lab2: NDArray[np.floating]) -> NDArray[np.float64]:
    """CIEDE2000 color difference with kL = kC = kH = 1 (CIE 142-2001; Sharma, Wu, Dalal 2005).

    Args:
        lab1: shape (..., 3).
        lab2: shape (..., 3); the two broadcast against each other.

    Returns:
        The differences, in the broadcast shape without its last axis; NaN where a component is NaN.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab1, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab2, np.float64), -1, 0)
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean_c7 / (mean_c7 + _POW_25_7))
    c1, h1 = _chroma_and_hue(a1 * stretch, b1)
    c2, h2 = _chroma_and_hue(a2 * stretch, b2)
    delta_h, mean_h = _hue_terms(c1 * c2 == 0, h1, h2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    weight_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    lightness = (l2 - l1) / weight_l
    chroma = (c2 - c1) / (1 + 0.045 * mean_c)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(delta_h / 2) / (1 + 0.015 * mean_c * _hue_weight(mean_h))
    squared = lightness**2 + chroma**2 + hue**2 + _rotation(mean_c, mean_h) * chroma * hue
    # The rotation term is negative, and rounding can leave a hair below zero between equal colors.
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _chroma_and_hue(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Chroma, and hue in radians 0..2 pi (0 on the gray axis)."""
    return np.hypot(a, b), np.mod(np.arctan2(b, a), 2 * np.pi)


def _hue_terms(
    gray: NDArray[np.bool_], h1: NDArray[np.float64], h2: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hue difference, and mean hue, going the short way round; where a color is gray, hue says nothing."""
    raw = h2 - h1
    far = np.abs(raw) > np.pi
    delta = np.where(gray, 0.0, np.where(far, raw - np.sign(raw) * 2 * np.pi, raw))
    total = h1 + h2
    around = np.where(total < 2 * np.pi, total + 2 * np.pi, total - 2 * np.pi)
    return delta, np.where(gray, total, np.where(far, around, total) / 2)


def _hue_weight(mean_h: NDArray[np.float64]) -> NDArray[np.float64]:
    """T of the standard."""
    return np.asarray(
        1
        - 0.17 * np.cos(mean_h - np.radians(30))
        + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.radians(6))
        - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )


def _rotation(mean_c: NDArray[np.float64], mean_h: NDArray[np.float64]) -> NDArray[np.float64]:
    """R_T of the standard: chroma and hue are not independent in the blues."""
    angle = np.radians(30) * np.exp(-(((np.degrees(mean_h) - 275) / 25) ** 2))
    return np.asarray(-2 * np.sqrt(mean_c**7 / (mean_c**7 + _POW_25_7)) * np.sin(2 * angle))
