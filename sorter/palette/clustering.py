"""The colors of a sample, clustered: several starts, the one with the least inertia, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sorter.palette.result import Method
from sorter.palette.sample import sums_by
from sorter.palette.spaces import Colors
from sorter.palette.ward import ward_centers

Weights = NDArray[np.float64]
"""Shape (m,), whole numbers above 0."""

_BATCH = 1024
_ROUNDS = 10
"""Passes over all colors after a method has ended, at most: they put each center on the mean of its pixels."""
_MOST_REPEATED = 65_536
"""Points that OpenCV is given: it knows no weights."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Points, each in the cluster whose center is nearest."""

    centers: Colors
    """Shape (k, 3): means of their points."""
    of_point: NDArray[np.intp]
    """Shape (m,), 0..k-1; no cluster is empty."""
    inertia: float
    """Mean squared distance of the points from their centers, by weight."""


def cluster(points: Colors, weights: Weights, count: int, method: Method, starts: int) -> Clusters:
    """Cluster weighted points; of several starts the one with the least inertia is kept.

    Args:
        points: shape (m, 3), m at least 1, no two alike.
        weights: of the points.
        count: clusters, at least 1; where there are fewer points than that, each is a cluster.
        method: how.
        starts: how often to start afresh, with seeds 0, 1, ...; Ward's has no chance in it and is run once.

    Returns:
        At most ``count`` clusters.
    """
    if len(points) <= count:
        return Clusters(points, np.arange(len(points)), 0.0)
    seeds = range(1 if method is Method.AGGLOMERATIVE else starts)
    find = _METHODS[method]
    # min takes the first of equals.
    found = (_settled(points, weights, find(points, weights, count, seed)) for seed in seeds)
    return min(found, key=lambda clusters: clusters.inertia)


def _settled(points: Colors, weights: Weights, centers: Colors) -> Clusters:
    """Move centers to the means of their points until they rest, or enough is enough."""
    of_point = nearest(points, centers)
    for _ in range(_ROUNDS):
        centers, of_point = _means(points, weights, of_point)
        again = nearest(points, centers)
        if np.array_equal(again, of_point):
            break
        of_point = again
    centers, of_point = _means(points, weights, of_point)
    away = points - centers[of_point]
    return Clusters(centers, of_point, float(weights @ (away * away).sum(axis=1) / weights.sum()))


def _means(points: Colors, weights: Weights, of_point: NDArray[np.intp]) -> tuple[Colors, NDArray[np.intp]]:
    """Centers of the clusters that have points, and the clusters numbered anew without gaps."""
    count = int(of_point.max()) + 1
    masses = sums_by(of_point, weights, count)
    sums = np.stack([sums_by(of_point, weights * channel, count) for channel in points.T], axis=1)
    used = masses > 0
    return sums[used] / masses[used, None], (np.cumsum(used) - 1)[of_point]


def nearest(points: Colors, centers: Colors) -> NDArray[np.intp]:
    """The center nearest to each point, shape (m,); of equally near ones the first."""
    # A point's own square is the same for every center, and would only be added to all.
    return np.asarray(((centers * centers).sum(axis=1) - 2 * (points @ centers.T)).argmin(axis=1))


def _minibatch(points: Colors, weights: Weights, count: int, seed: int) -> Colors:
    # Imported when first needed: it takes a second and a half.
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - see above

    model = MiniBatchKMeans(
        n_clusters=count,
        n_init=1,
        batch_size=_BATCH,
        # Else it may put two centers on one spot and return fewer colors than asked.
        reassignment_ratio=0,
        # What it leaves to be done, the rounds over all colors do.
        max_no_improvement=5,
        compute_labels=False,
        random_state=seed,
    )
    # Entered after the import: it limits the libraries that are loaded.
    with threadpool_limits(1):
        model.fit(points, sample_weight=weights)
    return np.asarray(model.cluster_centers_, np.float64)


def _kmeans(points: Colors, weights: Weights, count: int, seed: int) -> Colors:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - as above

    model = KMeans(n_clusters=count, n_init=1, random_state=seed)
    with threadpool_limits(1):
        model.fit(points, sample_weight=weights)
    return np.asarray(model.cluster_centers_, np.float64)


def _opencv(points: Colors, weights: Weights, count: int, seed: int) -> Colors:
    repeated = _repeated(points, weights).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    cv2.setRNGSeed(seed)
    try:
        # A matrix to put the labels in; none are given.
        labels = np.empty((len(repeated), 1), np.int32)
        _, _, centers = cv2.kmeans(repeated, count, labels, criteria, 1, cv2.KMEANS_PP_CENTERS)
    finally:
        cv2.setNumThreads(threads)
    return np.asarray(centers, np.float64)


def _repeated(points: Colors, weights: Weights) -> Colors:
    """Each point as often as it weighs, in order; where that is too many, evenly spaced ones of them."""
    total = int(weights.sum())
    if total <= _MOST_REPEATED:
        return np.repeat(points, weights.astype(np.int64), axis=0)
    spaced = (np.arange(_MOST_REPEATED) + 0.5) * (total / _MOST_REPEATED)
    return points[np.searchsorted(np.cumsum(weights), spaced, side="right")]


def _ward(points: Colors, weights: Weights, count: int, _seed: int) -> Colors:
    return ward_centers(points, weights, count)


_METHODS: dict[Method, Callable[[Colors, Weights, int, int], Colors]] = {
    Method.MINIBATCH: _minibatch,
    Method.KMEANS: _kmeans,
    Method.OPENCV: _opencv,
    Method.AGGLOMERATIVE: _ward,
}
