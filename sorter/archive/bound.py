"""How far apart, at least, a color and whatever lies in a box of Lab are by CIEDE2000: cells are left out by it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.records import Lab

Floats = NDArray[np.float64]
_TURN = 2 * math.pi
_ANGLE_6, _ANGLE_25, _ANGLE_30, _ANGLE_60, _ANGLE_63, _ANGLE_275 = map(math.radians, (6, 25, 30, 60, 63, 275))
_STEEPEST = 0.17 + 2 * 0.24 + 3 * 0.32 + 4 * 0.20
"""How much the formula's T changes with the hue at most, per radian."""
_LARGEST = 1.573
"""T of no hue is more: 1.57248 at 234.38 degrees, by a grid so fine that nothing between its points is 0.0001 above."""


class Interval(NamedTuple):
    """What a number lies in, one for each box; both ends belong to it."""

    low: Floats
    high: Floats


class _Plane(NamedTuple):
    """A rectangle of a*, b*, for each box."""

    a: Interval
    b: Interval


def least_difference(lab: Lab, lows: Floats, highs: Floats) -> Floats:
    """A lower bound of CIEDE2000 between a color and any color of a box.

    Each step of the formula is worked out on intervals, so nothing in a box is nearer than this but for rounding, see
    decision 23. It may be too low, most so for large boxes and near gray.

    Args:
        lab: the color.
        lows: shape (n, 3), the boxes' lowest L*, a* and b*.
        highs: their highest.

    Returns:
        Shape (n,).
    """
    lightness = _lightness(lab.lightness, Interval(lows[:, 0], highs[:, 0]))
    point = _Plane(*(Interval(np.array(value), np.array(value)) for value in (lab.a, lab.b)))
    box = _Plane(*(Interval(lows[:, axis], highs[:, axis]) for axis in (1, 2)))
    stretch = _stretch(_mean(_radius(point), _radius(box)))
    point, box = _stretched(point, stretch), _stretched(box, stretch)
    chroma1, chroma2 = _radius(point), _radius(box)
    mean = _mean(chroma1, chroma2).high
    chroma = _gap(chroma1, chroma2) / (1 + 0.045 * mean)
    turn, middle, doubt = _hues(point, box)
    product = chroma1.low * chroma2.low
    hue = 2 * np.sqrt(product) * np.sin(turn / 2) / (1 + 0.015 * mean * _hue_weight(middle, doubt))
    # x² + y² + r x y is at least (1 - |r| / 2) (x² + y²).
    kept = 1 - _half_rotation(mean, middle, doubt)
    return np.sqrt(lightness * lightness + kept * (chroma * chroma + hue * hue))


def _lightness(one: float, box: Interval) -> Floats:
    low, high = (one + box.low) / 2 - 50, (one + box.high) / 2 - 50
    off_middle = np.maximum(low * low, high * high)
    away = _gap(Interval(np.array(one), np.array(one)), box)
    return np.asarray(away / (1 + 0.015 * off_middle / np.sqrt(20 + off_middle)))


def _gap(one: Interval, other: Interval) -> Floats:
    """The least distance between their values."""
    return np.maximum(np.maximum(other.low - one.high, one.low - other.high), 0.0)


def _mean(one: Interval, other: Interval) -> Interval:
    return Interval((one.low + other.low) / 2, (one.high + other.high) / 2)


def _size(values: Interval) -> Interval:
    """Of the absolute values."""
    low = np.maximum(np.maximum(values.low, -values.high), 0.0)
    return Interval(low, np.maximum(-values.low, values.high))


def _radius(plane: _Plane) -> Interval:
    """The chroma: how far from gray."""
    a, b = _size(plane.a), _size(plane.b)
    return Interval(np.hypot(a.low, b.low), np.hypot(a.high, b.high))


def _saturation(chroma: Floats) -> Floats:
    """Rises with the chroma, from 0 to 1."""
    seventh = chroma**7
    return np.sqrt(seventh / (seventh + 25.0**7))


def _stretch(mean_chroma: Interval) -> Interval:
    """What a* is multiplied by: the less the higher the chroma."""
    return Interval(1.5 - 0.5 * _saturation(mean_chroma.high), 1.5 - 0.5 * _saturation(mean_chroma.low))


def _stretched(plane: _Plane, by: Interval) -> _Plane:
    """Rectangles again, for b* stays as it is."""
    low = np.minimum(plane.a.low * by.low, plane.a.low * by.high)
    high = np.maximum(plane.a.high * by.low, plane.a.high * by.high)
    return _Plane(Interval(low, high), plane.b)


def _hues(point: _Plane, box: _Plane) -> tuple[Floats, Floats, Floats]:
    """The least hue difference 0..pi; the mean hue, and how far from it the true one can be (pi: anywhere)."""
    hue1, half1 = _sector(point)
    hue2, half2 = _sector(box)
    turn, half = _around(hue2 - hue1), half1 + half2
    # Where the hues may lie opposite, or one of them is any, there are two ways round, and two means.
    known = np.abs(turn) + half < math.pi - 1e-9
    least = np.maximum(np.abs(turn) - half, 0.0)
    # Past half a turn the difference falls again.
    least = np.where(known, least, np.maximum(np.minimum(least, _TURN - np.abs(turn) - half), 0.0))
    return least, hue1 + turn / 2, np.where(known, half / 2, math.pi)


def _sector(plane: _Plane) -> tuple[Floats, Floats]:
    """The hue of a rectangle's center, and how far from it the hues of others in it are at most, 0..pi."""
    center = np.arctan2(plane.b.low + plane.b.high, plane.a.low + plane.a.high)
    corners = [np.arctan2(b, a) for a in plane.a for b in plane.b]
    half = np.maximum.reduce([np.abs(_around(corner - center)) for corner in corners])
    has_gray = (plane.a.low <= 0) & (plane.a.high >= 0) & (plane.b.low <= 0) & (plane.b.high >= 0)
    return center, np.where(has_gray, math.pi, half)


def _around(angle: Floats) -> Floats:
    """The same angle, from -pi to pi."""
    return np.asarray((angle + math.pi) % _TURN - math.pi)


def _hue_weight(middle: Floats, doubt: Floats) -> Floats:
    """T of the formula at most."""
    weight = (
        1
        - 0.17 * np.cos(middle - _ANGLE_30)
        + 0.24 * np.cos(2 * middle)
        + 0.32 * np.cos(3 * middle + _ANGLE_6)
        - 0.20 * np.cos(4 * middle - _ANGLE_63)
    )
    return np.minimum(weight + _STEEPEST * doubt, _LARGEST)


def _half_rotation(mean_chroma: Floats, middle: Floats, doubt: Floats) -> Floats:
    """Half of the rotation term's factor at most: 0, and up to 0.87 in the blue."""
    away = np.maximum(np.abs(_around(middle - _ANGLE_275)) - doubt, 0.0)
    return np.asarray(_saturation(mean_chroma) * np.sin(_ANGLE_60 * np.exp(-((away / _ANGLE_25) ** 2))))
