"""Some pixels of a picture as points in space, and which color of its palette each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sorter.color.lab import srgb_to_lab
from sorter.palette.sample import Sample

MOST_POINTS = 4000
"""As many as a browser turns without a jerk."""


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Colors of pixels, no two alike, in the order of red, green, blue."""

    rgb: NDArray[np.float64]
    """Gamma-encoded sRGB, 0..255, shape (n, 3); of pictures of 16 bits with fractions."""
    lab: NDArray[np.float64]
    """CIE L*a*b*, D65, shape (n, 3)."""
    of_color: NDArray[np.intp]
    """The place in the palette of the color that each is counted to, shape (n,)."""


def cloud_of(sample: Sample, of_color: NDArray[np.intp], most: int = MOST_POINTS) -> Cloud:
    """All colors of a sample, or so many of them by weight: where there is much of a color, more of its like are taken.

    Chance has no part in it: of the pixels in the order of their colors, every s-th is taken.

    Args:
        sample: the picture's.
        of_color: shape (m,), the place in the palette of each color of the sample.
        most: points, at least 1.
    """
    taken = np.arange(len(sample.rgb))
    if len(taken) > most:
        passed = np.cumsum(sample.weights)
        places = (np.arange(most) + 0.5) * (passed[-1] / most)
        taken = np.unique(np.searchsorted(passed, places))
    rgb = sample.rgb[taken]
    return Cloud(rgb * 255, srgb_to_lab(rgb).astype(np.float64), of_color[taken])
