"""The spaces that colors are clustered in: from sRGB and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.color.lab import decode_gamma, encode_gamma, lab_to_srgb, srgb_to_lab
from sorter.palette.result import Space

Colors = NDArray[np.float64]
"""Shape (n, 3): sRGB 0..1, or the coordinates of a space."""

# Björn Ottosson, "A perceptual color space for image processing", 2020, with the matrices of 2021-01-25.
_LINEAR_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_CONES_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_CONES_TO_LINEAR = np.linalg.inv(_LINEAR_TO_CONES)
_OKLAB_TO_CONES = np.linalg.inv(_CONES_TO_OKLAB)
_SCALE = 100
"""Of the spaces that reach from 0 to 1 only: inertia is then a number that people can read."""


def to_space(rgb: Colors, space: Space) -> Colors:
    """Gamma-encoded sRGB 0..1, shape (n, 3), as coordinates of a space, of the same shape."""
    return _WAYS[space].there(rgb)


def to_srgb(coordinates: Colors, space: Space) -> Colors:
    """The way back, clipped to the sRGB gamut, 0..1."""
    return np.clip(_WAYS[space].back(coordinates), 0.0, 1.0)


def _lab(rgb: Colors) -> Colors:
    return srgb_to_lab(rgb).astype(np.float64)


def _of_lab(lab: Colors) -> Colors:
    return lab_to_srgb(lab)[0]


def _oklab(rgb: Colors) -> Colors:
    cones = decode_gamma(rgb) @ _LINEAR_TO_CONES.T
    return np.asarray(_SCALE * (np.cbrt(cones) @ _CONES_TO_OKLAB.T))


def _of_oklab(oklab: Colors) -> Colors:
    cones = (oklab / _SCALE @ _OKLAB_TO_CONES.T) ** 3
    return encode_gamma(cones @ _CONES_TO_LINEAR.T)


def _hsv(rgb: Colors) -> Colors:
    """The cone: straight up the value, outward the chroma S V, around it the hue."""
    value = rgb.max(axis=1)
    chroma = value - rgb.min(axis=1)
    turn = _hue(rgb, value, chroma)
    return _SCALE * np.stack([chroma * np.cos(turn), chroma * np.sin(turn), value], axis=1)


def _hue(rgb: Colors, value: NDArray[np.float64], chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    """In radians, shape (n,); 0 where a color is gray."""
    red, green, blue = rgb.T
    safe = np.where(chroma > 0, chroma, 1.0)
    sixths = np.select(
        [value == red, value == green], [(green - blue) / safe, (blue - red) / safe + 2], (red - green) / safe + 4
    )
    return np.where(chroma > 0, sixths, 0.0) * (np.pi / 3)


def _of_hsv(cone: Colors) -> Colors:
    along, across, value = cone.T / _SCALE
    chroma = np.minimum(np.hypot(along, across), value)
    sixths = np.arctan2(across, along) / (np.pi / 3)
    # How far a channel lies below the value: nothing where its own hue is within 60 degrees, all of the chroma
    # beyond 120 degrees.
    steps = (np.array([5, 3, 1]) + sixths[:, None]) % 6
    below = np.clip(np.minimum(steps, 4 - steps), 0.0, 1.0)
    return np.asarray(value[:, None] - chroma[:, None] * below)


def _rgb(rgb: Colors) -> Colors:
    return rgb * 255.0


def _of_rgb(rgb: Colors) -> Colors:
    return rgb / 255.0


class _Ways(NamedTuple):
    there: Callable[[Colors], Colors]
    back: Callable[[Colors], Colors]


_WAYS = {
    Space.LAB: _Ways(_lab, _of_lab),
    Space.RGB: _Ways(_rgb, _of_rgb),
    Space.HSV: _Ways(_hsv, _of_hsv),
    Space.OKLAB: _Ways(_oklab, _of_oklab),
}
