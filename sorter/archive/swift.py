"""The palette of one picture in little more time than it takes to decode it: what a job over many pictures uses.

Fewer pixels are looked at than `sorter.palette.analyzer.ColorAnalyzer` does, and of a JPEG means of squares of pixels;
colors are counted into cells before they are clustered, from one start that Ward's method gives. The same picture gives
the same answer every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import lab_to_srgb, srgb_to_lab
from sorter.palette.clustering import Weights, nearest
from sorter.palette.pictures import read_raster
from sorter.palette.roles import background_and_foreground, count_of_colors, distinct_colors
from sorter.palette.sample import FULL, Raster, sums_by
from sorter.palette.spaces import Colors
from sorter.palette.ward import ward_centers

PIXELS = 16_384
"""Of each picture, at most."""
_BITS = (5, 4)
"""Of each channel, that colors are counted by: the finer cells where a picture fills no more than so many."""
_MOST_CELLS = 512
_CELL = 20.0
"""Edge, in Lab, of the cells that Ward's method joins: some fifty of a photograph."""
_ROUNDS = 10
_ACCENT_SHARES = (0.002, 0.15)
_ACCENT_CHROMA = 35.0
_ACCENT_APART = 20.0
_ONE_COLOR = 12.0


@dataclass(frozen=True, slots=True)
class Colorful:
    """What is kept of a picture's colors."""

    width: int
    """Upright, in pixels."""
    height: int
    lab: Colors
    """Shape (k, 3), largest share first; k is 0 where every pixel is transparent."""
    hex: tuple[str, ...]
    shares: NDArray[np.float64]
    """Shape (k,), above 0; their sum is 1."""
    foreground: str | None
    background: str | None
    accent: str | None


@dataclass(frozen=True, slots=True)
class _Counted:
    """The pixels of a picture, by cells of 8 or 16 steps a channel."""

    lab: Colors
    """Of each cell's mean color, shape (m, 3)."""
    weights: Weights
    at_edge: Weights
    at_center: Weights


def colors_of(content: bytes, count: int | None) -> Colorful:
    """Find the colors of a picture's file.

    Args:
        content: the file.
        count: colors, 1 to 256; None: as many as people would tell apart.

    Raises:
        SourceError: unreadable, truncated, or larger than 64 megapixels.
    """
    raster = read_raster(content, PIXELS, reduced=True)
    counted = _count(raster)
    if not len(counted.weights):
        return Colorful(raster.width, raster.height, np.zeros((0, 3)), (), np.zeros(0), None, None, None)
    wanted = count if count is not None else count_of_colors(distinct_colors(counted.lab, counted.weights))
    centers, of_cell = _settled(counted, _seeds(counted, wanted))
    return _described(raster, counted, centers, of_cell)


def _count(raster: Raster) -> _Counted:
    # One channel after another, each in one piece of memory: NumPy is three times as slow on what lies in threes.
    channels = np.ascontiguousarray((raster.rgb >> 8).reshape(-1, 3).T, np.intp)
    alpha: NDArray[np.float64] | None = None
    near = _nearness_to_center(*raster.alpha.shape)
    if raster.alpha.size and raster.alpha.min() < FULL:
        seen = raster.alpha.reshape(-1) > 0
        channels, alpha, near = channels[:, seen], raster.alpha.reshape(-1)[seen].astype(np.float64), near[:, seen]
    keys = _keys(channels)
    used = np.flatnonzero(np.bincount(keys))
    place = np.empty(1 << 3 * max(_BITS), np.intp)
    place[used] = np.arange(len(used))
    of_pixel = place[keys]
    sums = [
        np.bincount(of_pixel, _product(alpha, values), len(used)).astype(np.float64)
        for values in (None, *channels, *near)
    ]
    means = np.stack(sums[1:4], axis=1) / sums[0][:, None]
    return _Counted(srgb_to_lab(means / 255).astype(np.float64), sums[0], at_edge=sums[4], at_center=sums[5])


def _keys(channels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each pixel its cell: a small one, or a larger one where so many small ones have a pixel."""
    for bits in _BITS:
        red, green, blue = channels >> 8 - bits
        keys = (red << 2 * bits) | (green << bits) | blue
        if np.count_nonzero(np.bincount(keys)) <= _MOST_CELLS:
            break
    return np.asarray(keys)


def _product(alpha: NDArray[np.float64] | None, values: NDArray[Any] | None) -> NDArray[Any] | None:
    """Of two that may be 1 everywhere."""
    if alpha is None or values is None:
        return values if alpha is None else alpha
    return np.asarray(alpha * values)


@lru_cache(maxsize=16)
def _nearness_to_center(height: int, width: int) -> NDArray[np.float64]:
    """Of each pixel how near it is to the edge, and to the center: squared, 0..1; shape (2, height times width)."""
    rows, columns = (
        np.minimum(middles, 2 * length - middles) / max(length, 1)
        for length, middles in ((height, 2 * np.arange(height) + 1), (width, 2 * np.arange(width) + 1))
    )
    near = np.minimum(rows[:, None], columns).reshape(-1)
    return np.stack([(1 - near) ** 2, near**2])


def _seeds(counted: _Counted, count: int) -> Colors:
    """Ward's centers of the colors, joined into larger cells first where they are many more than asked for."""
    cells = np.floor(counted.lab / _CELL).astype(np.int64) + 512
    keys, of_cell = np.unique(cells @ np.array([1 << 20, 1 << 10, 1]), return_inverse=True)
    if len(keys) < 4 * count:
        return ward_centers(counted.lab, counted.weights, count)
    masses = sums_by(of_cell, counted.weights, len(keys))
    sums = [sums_by(of_cell, counted.weights * channel, len(keys)) for channel in counted.lab.T]
    return ward_centers(np.stack(sums, axis=1) / masses[:, None], masses, count)


def _settled(counted: _Counted, centers: Colors) -> tuple[Colors, NDArray[np.intp]]:
    """K-means from these centers, and which of them each cell is nearest to; none is without a cell."""
    weighted = counted.lab * counted.weights[:, None]
    of_cell = nearest(counted.lab, centers)
    for _ in range(_ROUNDS):
        # A matrix of who belongs to whom: summing by it is one product.
        member = (of_cell == np.arange(len(centers))[:, None]).astype(np.float64)
        masses = member @ counted.weights
        used = masses > 0
        centers = (member @ weighted)[used] / masses[used, None]
        again = nearest(counted.lab, centers)
        if used.all() and np.array_equal(again, of_cell):
            break
        of_cell = again
    used, of_cell = np.unique(of_cell, return_inverse=True)
    return centers[used], of_cell


def _described(raster: Raster, counted: _Counted, centers: Colors, of_cell: NDArray[np.intp]) -> Colorful:
    """Clusters as a palette: those that are one color in 8 bits are one, largest share first."""
    named = _hex_of(centers)
    distinct = sorted(set(named))
    if len(distinct) < len(named):
        one_of = np.array([distinct.index(name) for name in named])
        firsts = [named.index(name) for name in distinct]
        centers, named, of_cell = centers[firsts], distinct, one_of[of_cell]
    masses = sums_by(of_cell, counted.weights, len(named))
    order = sorted(range(len(named)), key=lambda place: (-masses[place], named[place]))
    at_edge, at_center = (sums_by(of_cell, by, len(named))[order] for by in (counted.at_edge, counted.at_center))
    background, foreground = background_and_foreground(at_edge, at_center)
    lab, shares, names = centers[order], masses[order] / masses.sum(), tuple(named[place] for place in order)
    return Colorful(
        width=raster.width,
        height=raster.height,
        lab=lab,
        hex=names,
        shares=shares,
        foreground=None if foreground is None else names[foreground],
        background=names[background],
        accent=_accent(counted, lab, names, shares),
    )


def _accent(counted: _Counted, lab: Colors, names: Sequence[str], shares: NDArray[np.float64]) -> str | None:
    """The most saturated color that is small and stands out, see `docs/archives.md`."""
    least, most = _ACCENT_SHARES
    total = float(counted.weights.sum())
    for place in np.argsort(-np.hypot(lab[:, 1], lab[:, 2]), kind="stable").tolist():
        larger = lab[shares > shares[place]]
        small = least <= shares[place] <= most and np.hypot(*lab[place, 1:]) >= _ACCENT_CHROMA
        if small and (ciede2000(lab[place], larger) >= _ACCENT_APART).all():
            return names[int(place)]
    vivid = np.hypot(counted.lab[:, 1], counted.lab[:, 2]) >= _ACCENT_CHROMA
    if counted.weights[vivid].sum() < least * total:
        return None
    points, weights = counted.lab[vivid], counted.weights[vivid]
    apart = (ciede2000(points[:, None], lab) >= _ACCENT_APART).all(axis=1)
    return _accent_among(points[apart], weights[apart], least * total, most * total)


def _accent_among(points: Colors, weights: Weights, least: float, most: float) -> str | None:
    """Of vivid colors that no color of the palette is near to, the mean around the heaviest."""
    if weights.sum() < least:
        return None
    around = ciede2000(points, points[weights.argmax()]) <= _ONE_COLOR
    mass = float(weights[around].sum())
    if not least <= mass <= most:
        return None
    return _hex_of((weights[around] @ points[around] / mass)[None])[0]


def _hex_of(lab: Colors) -> list[str]:
    """As "#rrggbb" each."""
    encoded, _ = lab_to_srgb(lab)
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in np.rint(encoded * 255).astype(int).tolist()]
