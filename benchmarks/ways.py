"""Ways of reading a product's dominant color: this sorter's, the usual ones, and those of other tools."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from benchmarks.peers.process import PeerError, Peers, open_peers
from benchmarks.peers.venv import peers_python
from sorter.color.dominant import DEFAULT_CLUSTERING, read_color
from sorter.color.lab import bgr_to_lab, rgb_to_lab
from sorter.color.sample import sample_box
from sorter.records import BgrImage, ColorReading, Lab, PaletteColor

_SHRUNKEN = 0.1
_ATTEMPTS = 10
_CLUSTERS = DEFAULT_CLUSTERING.clusters

FASTEST_PEER = "fast-colorthief, quality 1"
_SLOW_PEERS = {"colorthief, quality 1"}
_NOT_COMPARED = {"fast-colorthief, quality 10", "colorthief, quality 1", "Pylette, k-means with resize"}
"""The first two are fast-colorthief's algorithm again; the last blows a small region up to 256 x 256 pixels."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one way says of one crop."""

    color: ColorReading
    took_s: float
    """Processor time."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of reading the dominant color of a picture that one product fills."""

    name: str
    read: Callable[[BgrImage], Answer]
    slow: bool = False
    """Takes a good part of a second for 640 x 480 pixels."""
    compared: bool = True
    """Its accuracy is worth a row; False where another way's says the same."""


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways at hand, this sorter's first."""

    all: Sequence[Way]
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the other tools."""
    left_out: str | None = None
    """Why there are no other tools."""


@contextmanager
def open_ways(*, peers: bool) -> Iterator[Ways]:
    """Our own ways and, where ``peers`` asks for them and they can be had, those of other tools."""
    if not peers:
        yield Ways(OWN_WAYS, left_out="not asked for")
        return
    with ExitStack() as stack:
        try:
            tools = stack.enter_context(open_peers(peers_python()))
        except PeerError as error:
            ways = Ways(OWN_WAYS, left_out=str(error))
        else:
            ways = Ways([*OWN_WAYS, *(_peer_way(tools, name) for name in tools.ways)], tools.versions)
        yield ways


def timed(read: Callable[[BgrImage], ColorReading]) -> Callable[[BgrImage], Answer]:
    """Time a way of our own process.

    It is given a copy made just before, as another tool is given one that just came through its pipe: the processor's
    caches then serve both alike.
    """

    def run(image_bgr: BgrImage) -> Answer:
        fresh = image_bgr.copy()
        began_s = time.process_time()
        color = read(fresh)
        return Answer(color, time.process_time() - began_s)

    return run


def one_color(lab: Lab) -> ColorReading:
    """A reading of a way that knows no shares."""
    return ColorReading((PaletteColor(lab, 1.0),))


def _peer_way(tools: Peers, name: str) -> Way:
    def read(image_bgr: BgrImage) -> Answer:
        answer = tools.ask(name, image_bgr)
        return Answer(one_color(rgb_to_lab(*answer.rgb)), answer.took_s)

    return Way(name, read, slow=name in _SLOW_PEERS, compared=name not in _NOT_COMPARED)


def _ours(image_bgr: BgrImage) -> ColorReading:
    return read_color(sample_box(image_bgr))


def _mean(image_bgr: BgrImage) -> ColorReading:
    return one_color(Lab(*bgr_to_lab(image_bgr).mean(axis=(0, 1), dtype=np.float64).tolist()))


def _sklearn_shrunken(image_bgr: BgrImage) -> ColorReading:
    pixels = _shrunken(image_bgr)
    model = KMeans(_clusters(pixels), n_init=_ATTEMPTS, random_state=0).fit(pixels)
    return _largest(model.cluster_centers_, model.labels_)


def _opencv_shrunken(image_bgr: BgrImage) -> ColorReading:
    return _opencv(_shrunken(image_bgr))


def _opencv_whole(image_bgr: BgrImage) -> ColorReading:
    return _opencv(np.ascontiguousarray(image_bgr[..., ::-1], np.float32).reshape(-1, 3))


def _shrunken(image_bgr: BgrImage) -> NDArray[np.float32]:
    """RGB pixels of a crop made a tenth as large, shape (n, 3), n at least 1."""
    height, width = image_bgr.shape[:2]
    size = max(round(width * _SHRUNKEN), 1), max(round(height * _SHRUNKEN), 1)
    small = cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.float32).reshape(-1, 3)


def _opencv(pixels_rgb: NDArray[np.float32]) -> ColorReading:
    cv2.setRNGSeed(0)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 0.2)
    nothing = np.empty((0, 1), np.int32)
    # One pixel as a row of three numbers would be three pixels of one channel.
    pixels = pixels_rgb.reshape(-1, 1, 3)
    _, labels, centers = cv2.kmeans(pixels, _clusters(pixels_rgb), nothing, until, _ATTEMPTS, cv2.KMEANS_RANDOM_CENTERS)
    return _largest(np.asarray(centers, np.float32), np.asarray(labels, np.int32).ravel())


def _clusters(pixels: NDArray[np.float32]) -> int:
    """As many as wanted, or as there are colors: a few pixels of many most often show that there are enough."""
    some = len(np.unique(pixels[::97], axis=0))
    return _CLUSTERS if some >= _CLUSTERS else min(_CLUSTERS, len(np.unique(pixels, axis=0)))


def _largest(centers_rgb: NDArray[np.float32], labels: NDArray[np.int32]) -> ColorReading:
    center = centers_rgb[np.bincount(labels).argmax()]
    bgr = np.rint(center[::-1]).astype(np.uint8)
    return one_color(Lab(*bgr_to_lab(bgr).tolist()))


OURS = Way("this sorter", timed(_ours))
MEAN = Way("mean color of the crop, in Lab", timed(_mean))
OWN_WAYS = (
    OURS,
    MEAN,
    Way("RGB, scikit-learn KMeans, n_init 10, crop shrunk to 10 %", timed(_sklearn_shrunken)),
    Way("RGB, cv2.kmeans, 10 attempts, crop shrunk to 10 %", timed(_opencv_shrunken)),
    Way("RGB, cv2.kmeans, 10 attempts, whole crop", timed(_opencv_whole), slow=True, compared=False),
)
