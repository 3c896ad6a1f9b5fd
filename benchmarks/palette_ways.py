"""What is done with each JPEG to compare with: decoding alone, and the seeds' way; for a pool of processes."""

from __future__ import annotations

from multiprocessing.pool import Pool
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from sorter.archive.swift import PIXELS

_COLORS = 4
_SEEDS_SCALE = 0.1


def quiet() -> None:
    """One thread in each process; what is imported is."""
    cv2.setNumThreads(1)
    threadpool_limits(1)


def decode_reduced(path: Path) -> int:
    """At the size that a job over many pictures decodes at, and no more."""
    with Image.open(path) as picture:
        part = next(part for part in (8, 4, 2, 1) if (picture.width // part) * (picture.height // part) >= PIXELS)
        picture.draft(None, (picture.width // part, picture.height // part))
        picture.load()
        return picture.width


def decode_whole(path: Path) -> int:
    """At its own size."""
    with Image.open(path) as picture:
        picture.load()
        return picture.width


def seeds_way(path: Path) -> list[list[float]]:
    """RGB k-means with ten starts on a tenth of the picture's width and height."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    small = cv2.resize(image, None, fx=_SEEDS_SCALE, fy=_SEEDS_SCALE, interpolation=cv2.INTER_AREA)
    with threadpool_limits(1):
        found = KMeans(n_clusters=_COLORS, n_init=10, random_state=0).fit(small.reshape(-1, 3).astype(np.float64))
    return [list(center) for center in found.cluster_centers_]


WAYS = {
    "bare decoding, reduced (draft)": decode_reduced,
    "bare decoding, whole": decode_whole,
    "the seeds' way: RGB, KMeans n_init=10, 10 % image": seeds_way,
}


def run(pool: Pool, way: str, paths: list[Path]) -> None:
    """All of them, a few at a time."""
    for _ in pool.imap_unordered(WAYS[way], paths, chunksize=4):
        pass
