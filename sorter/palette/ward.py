"""Ward's method on weighted colors: exact on few, on many after counting them into cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sorter.palette.sample import sums_by
from sorter.palette.spaces import Colors

_MOST = 512
"""Colors that are joined one by one; its square is what the distances take."""


def ward_centers(points: Colors, weights: NDArray[np.float64], count: int) -> Colors:
    """Join points two by two, those whose union adds the least variance first, until so many are left.

    The same as if each point were there as often as it weighs. Where there are more than 512 points, they are counted
    into cubes first, as small as leave no more.

    Args:
        points: shape (m, 3), m at least 1.
        weights: shape (m,), above 0.
        count: at least 1.

    Returns:
        Centers, shape (k, 3), k the lesser of ``count`` and the points.
    """
    centers, masses = _counted(points, weights)
    costs = _costs(centers, masses)
    alive = np.ones(len(masses), bool)
    for _ in range(len(masses) - count):
        one, other = divmod(int(costs.argmin()), len(masses))
        total = masses[one] + masses[other]
        centers[one] = (masses[one] * centers[one] + masses[other] * centers[other]) / total
        masses[one] = total
        alive[other] = False
        costs[other, :] = costs[:, other] = np.inf
        fresh = np.where(alive, _cost(centers[one], total, centers, masses), np.inf)
        fresh[one] = np.inf
        costs[one, :] = costs[:, one] = fresh
    return centers[alive]


def _costs(centers: Colors, masses: NDArray[np.float64]) -> NDArray[np.float64]:
    away = centers[:, None] - centers
    costs = np.asarray(np.outer(masses, masses) / (masses[:, None] + masses) * (away * away).sum(axis=2))
    np.fill_diagonal(costs, np.inf)
    return costs


def _cost(center: Colors, mass: float, centers: Colors, masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """What joining one with each other adds to the variance, times the mass; shape (m,)."""
    away = centers - center
    return np.asarray(mass * masses / (mass + masses) * (away * away).sum(axis=1))


def _counted(points: Colors, weights: NDArray[np.float64]) -> tuple[Colors, NDArray[np.float64]]:
    """Mean and weight of the points in each cell."""
    if len(points) <= _MOST:
        return points.copy(), weights.copy()
    edge = float(np.ptp(points, axis=0).max()) / 64
    low = points.min(axis=0)
    while True:
        cells, of_point = np.unique(_keys((points - low) / edge), return_inverse=True)
        if len(cells) <= _MOST:
            break
        edge *= 1.2
    masses = sums_by(of_point, weights, len(cells))
    sums = [sums_by(of_point, weights * channel, len(cells)) for channel in points.T]
    return np.stack(sums, axis=1) / masses[:, None], masses


def _keys(cells: Colors) -> NDArray[np.int64]:
    x, y, z = cells.astype(np.int64).T
    return np.asarray((x << 20) + (y << 10) + z)
