"""One product's color as this sorter reads it, beside the usual ways: k-means in RGB on a shrunken crop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from benchmarks.belt import BenchBelt
from benchmarks.table import Table
from benchmarks.timing import Spread, Turns
from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.truth import Schedule, TrueProduct
from sorter.color.bins import Bins
from sorter.color.dominant import DEFAULT_CLUSTERING, read_color
from sorter.color.lab import bgr_to_lab
from sorter.color.sample import sample_box
from sorter.records import BgrImage, Lab

_SHRUNKEN = 0.1
_ATTEMPTS = 10
_CLUSTERS = DEFAULT_CLUSTERING.clusters
_PASSES = 3

OURS = "this sorter (Lab, MiniBatchKMeans on 1024 pixels)"


@dataclass(frozen=True, slots=True)
class Crop:
    """A product's rectangle of a picture, and the bin it belongs in."""

    image_bgr: BgrImage
    bin: str


@dataclass(frozen=True, slots=True)
class WayResult:
    """One way of reading the dominant color."""

    way: str
    time: Spread
    times_ours: float
    """Median beside ours."""
    right: int
    """Crops whose color was nearest to the bin they belong in."""


@dataclass(frozen=True, slots=True)
class ClusteringResult:
    """All ways on the same crops."""

    crops: int
    mean_size_px: tuple[int, int]
    ways: Sequence[WayResult]

    def table(self) -> Table:
        """For people."""
        width, height = self.mean_size_px
        title = f"one product's dominant color, {self.crops} crops of about {width} x {height} pixels"
        rows = [
            (way.way, *way.time.cells(), f"{way.times_ours:.2f}", f"{way.right} of {self.crops}") for way in self.ways
        ]
        return Table(title, ("way", "mean ms", "median ms", "p99 ms", "x ours (medians)", "right bin"), rows)


def compare_clusterings(belt: BenchBelt, count: int) -> ClusteringResult:
    """Read the dominant color of the same crops in every way, in turn."""
    crops = list(islice(product_crops(belt), count))
    turns = Turns()
    for _ in range(_PASSES):
        turns.begin_pass()
        for crop in crops:
            turns.take({name: _reading(read, crop) for name, read in _WAYS.items()})
    ours_ms = Spread.of(turns.times_s(OURS)).median_ms
    bins = Bins.of(belt.recipe)
    results = []
    for name, read in _WAYS.items():
        time = Spread.of(turns.times_s(name))
        right = sum(bins.match(read(crop.image_bgr)).bin == crop.bin for crop in crops)
        results.append(WayResult(name, time, time.median_ms / ours_ms, right))
    height, width = np.mean([crop.image_bgr.shape[:2] for crop in crops], axis=0).round().astype(int).tolist()
    return ClusteringResult(len(crops), (width, height), results)


def _reading(read: Callable[[BgrImage], Lab], crop: Crop) -> Callable[[], object]:
    return lambda: read(crop.image_bgr)


def product_crops(belt: BenchBelt) -> Iterator[Crop]:
    """Each product of a belt, cut out where it lies in the middle of the picture."""
    schedule = Schedule(belt.source, belt.degrees)
    painter = Painter(belt.source, schedule)
    seen: set[int] = set()
    number = 0
    while True:
        number += 1
        at_s = number / belt.source.frame_rate_hz
        for product in schedule.products_between(at_s, at_s):
            if product.index not in seen and schedule.along_px(product, at_s) >= 0:
                seen.add(product.index)
                yield Crop(_cut_out(painter.paint(number), schedule, product, at_s), product.bin)


def _cut_out(image_bgr: BgrImage, schedule: Schedule, product: TrueProduct, at_s: float) -> BgrImage:
    """The upright rectangle about a product; the belt moves to the right or left."""
    x, y = schedule.center_px(product, at_s)
    half_x, half_y = product.length_px / 2, product.width_px / 2
    rows = slice(max(round(y - half_y), 0), round(y + half_y) + 1)
    return image_bgr[rows, max(round(x - half_x), 0) : round(x + half_x) + 1]


def _ours(image_bgr: BgrImage) -> Lab:
    return read_color(sample_box(image_bgr)).dominant.lab


def _sklearn_shrunken(image_bgr: BgrImage) -> Lab:
    pixels = _shrunken(image_bgr)
    model = KMeans(_clusters(pixels), n_init=_ATTEMPTS, random_state=0).fit(pixels)
    return _largest(model.cluster_centers_, model.labels_)


def _opencv_shrunken(image_bgr: BgrImage) -> Lab:
    return _opencv(_shrunken(image_bgr))


def _opencv_whole(image_bgr: BgrImage) -> Lab:
    return _opencv(np.ascontiguousarray(image_bgr[..., ::-1], np.float32).reshape(-1, 3))


def _shrunken(image_bgr: BgrImage) -> NDArray[np.float32]:
    """RGB pixels of a crop made a tenth as large, shape (n, 3)."""
    small = cv2.resize(image_bgr, None, fx=_SHRUNKEN, fy=_SHRUNKEN, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.float32).reshape(-1, 3)


def _opencv(pixels_rgb: NDArray[np.float32]) -> Lab:
    cv2.setRNGSeed(0)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 0.2)
    nothing = np.empty((0, 1), np.int32)
    _, labels, centers = cv2.kmeans(
        pixels_rgb, _clusters(pixels_rgb), nothing, until, _ATTEMPTS, cv2.KMEANS_RANDOM_CENTERS
    )
    return _largest(np.asarray(centers, np.float32), np.asarray(labels, np.int32).ravel())


def _clusters(pixels: NDArray[np.float32]) -> int:
    return min(_CLUSTERS, len(np.unique(pixels, axis=0)))


def _largest(centers_rgb: NDArray[np.float32], labels: NDArray[np.int32]) -> Lab:
    center = centers_rgb[np.bincount(labels).argmax()]
    bgr = np.rint(center[::-1]).astype(np.uint8)
    return Lab(*bgr_to_lab(bgr).tolist())


_WAYS: dict[str, Callable[[BgrImage], Lab]] = {
    OURS: _ours,
    "RGB, scikit-learn KMeans, n_init 10, crop shrunk to 10 %": _sklearn_shrunken,
    "RGB, cv2.kmeans, 10 attempts, crop shrunk to 10 %": _opencv_shrunken,
    "RGB, cv2.kmeans, 10 attempts, whole crop": _opencv_whole,
}
