"""The slow, exact way to a palette: what the fast one is held against, never used on a line."""

from __future__ import annotations

import numpy as np

from sorter.color.dominant import DEFAULT_CLUSTERING, Cells, Clustering, merge_clusters, reading_of, whole_steps
from sorter.records import ColorReading, LabPixels

_ATTEMPTS = 10
_MOST_ITERATIONS = 1000


def read_color_exactly(pixels_lab: LabPixels, clustering: Clustering = DEFAULT_CLUSTERING) -> ColorReading:
    """Cluster every pixel until nothing moves, the best of ten beginnings, and merge as `read_color` does.

    Args:
        pixels_lab: shape (n, 3), n at least 1, finite.
        clustering: how.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - takes a second to load

    clusters = min(clustering.clusters, len(np.unique(pixels_lab, axis=0)))
    model = KMeans(clusters, n_init=_ATTEMPTS, max_iter=_MOST_ITERATIONS, tol=0, random_state=0).fit(pixels_lab)
    every_pixel = Cells(pixels_lab.astype(np.float64), np.ones(len(pixels_lab)), np.arange(len(pixels_lab)))
    groups = merge_clusters(every_pixel, model.labels_.astype(np.intp), clustering)
    return reading_of(whole_steps(pixels_lab), every_pixel, groups)
