"""Which of a picture's colors is its background, its foreground, its accent; and how many it has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.palette.clustering import Weights, nearest
from sorter.palette.spaces import Colors
from sorter.palette.ward import ward_centers

_FINE = 24
"""Colors that a picture is parted into before near ones are joined."""
ONE_COLOR = 12.0
"""CIEDE2000 under which two colors are one to people who look at a picture."""
_LEAST_SHARE = 0.01
"""Of a color that is counted by ``auto``."""
MOST_COLORS = 10
"""That ``auto`` gives."""
_ACCENT_SHARES = (0.002, 0.15)
_ACCENT_CHROMA = 35.0
_ACCENT_APART = 20.0
"""CIEDE2000 of an accent from each color that has a larger share."""


class DistinctColors(NamedTuple):
    """The colors of a picture that people would tell apart."""

    lab: Colors
    """Shape (k, 3), largest share first."""
    shares: NDArray[np.float64]
    """Shape (k,)."""


def distinct_colors(lab: Colors, weights: Weights) -> DistinctColors:
    """Find the colors that people would tell apart.

    Ward's method parts the picture into 24; then the two nearest are joined, again and again, until all lie 12 or more
    apart by CIEDE2000.

    Args:
        lab: distinct colors, shape (m, 3), m at least 1.
        weights: theirs, shape (m,).
    """
    centers = ward_centers(lab, weights, _FINE)
    shares = np.bincount(nearest(lab, centers), weights, len(centers)) / weights.sum()
    centers, shares = centers[shares > 0], shares[shares > 0]
    while len(centers) > 1:
        apart = ciede2000(centers[:, None], centers[None])
        np.fill_diagonal(apart, np.inf)
        one, other = divmod(int(apart.argmin()), len(centers))
        if apart[one, other] >= ONE_COLOR:
            break
        both = shares[one] + shares[other]
        centers[one] = (shares[one] * centers[one] + shares[other] * centers[other]) / both
        shares[one] = both
        centers, shares = np.delete(centers, other, axis=0), np.delete(shares, other)
    order = np.argsort(-shares, kind="stable")
    return DistinctColors(centers[order], shares[order])


def count_of_colors(distinct: DistinctColors) -> int:
    """How many of them have at least 1 % of the picture; 1 to 10."""
    return int(np.clip((distinct.shares >= _LEAST_SHARE).sum(), 1, MOST_COLORS))


def accent(distinct: DistinctColors) -> tuple[Colors, float] | None:
    """The most saturated of the small colors that stand out, shape (3,), with its share.

    It has 0.2 % to 15 % of the picture, a chroma of 35 or more, and lies 20 or more by CIEDE2000 from each color of a
    larger share.
    """
    centers, shares = distinct
    chroma = np.hypot(centers[:, 1], centers[:, 2])
    fit = (shares >= _ACCENT_SHARES[0]) & (shares <= _ACCENT_SHARES[1]) & (chroma >= _ACCENT_CHROMA)
    for place in np.argsort(-chroma, kind="stable"):
        if fit[place] and (ciede2000(centers[place], centers[:place]) >= _ACCENT_APART).all():
            return centers[place], float(shares[place])
    return None


def background_and_foreground(at_edge: Weights, at_center: Weights) -> tuple[int, int | None]:
    """Place of the color that weighs most near the edge, and of the other one that weighs most near the center.

    Args:
        at_edge: weight of each color near the edge, shape (k,), k at least 1.
        at_center: likewise near the center.
    """
    background = int(at_edge.argmax())
    others = np.where(np.arange(len(at_center)) == background, -1.0, at_center)
    return background, None if len(others) == 1 else int(others.argmax())
