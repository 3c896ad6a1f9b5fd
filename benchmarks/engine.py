"""One decision from a product's crop that lies in memory, beside other ways of reading its color, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.belt import BenchBelt
from benchmarks.crops import CropSet, belt_crops, large_crops
from benchmarks.neighbor import busy_neighbor
from benchmarks.table import Limit, Table, limits_table
from benchmarks.timing import Spread, Turns, cpu_s
from benchmarks.ways import FASTEST_PEER, OURS, Way, Ways, open_ways, timed
from sorter.color.bins import Bins
from sorter.color.dominant import DEFAULT_CLUSTERING, read_color
from sorter.color.sample import SAMPLE_PIXELS, lattice, sample_box
from sorter.decision import cast, vote
from sorter.records import BgrImage, ColorReading, LabPixels
from sorter.settings.bins import BinSettings
from sorter.settings.recipe import Recipe

_MOST_MS = 1.0
_MOST_SPREAD = 3.0
_MOST_TIMES_PEER = 1.0
DECISION = "this sorter: the whole decision"
NOTHING, BUSY = "nothing", "a busy process"
READ_FLOOR = f"floor: read {SAMPLE_PIXELS} pixels of the crop"
LLOYD_FLOOR = "floor: cluster our sample once, cv2.kmeans from given labels"
_SIXTH_BIN = BinSettings(name="brown", hex="#5a3420", tolerance=9, branch="gate-3")


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """How much to measure."""

    crops: int
    """Of each kind."""
    passes: int
    slow_every: int
    """Slow ways read only every so many crops."""
    spread_passes: int
    """Over the crops, for the spread of single decisions."""


FULL = EnginePlan(crops=20, passes=3, slow_every=6, spread_passes=20)
SHORT = EnginePlan(crops=2, passes=1, slow_every=6, spread_passes=1)


@dataclass(frozen=True, slots=True)
class WayTime:
    """One way."""

    way: str
    crops: int
    time: Spread
    times_ours: float
    """Its median beside that of our decision on the same crops."""

    def row(self) -> Sequence[str]:
        """For the table."""
        _, median, p99 = self.time.cells()
        return self.way, f"{self.crops}", median, p99, f"{self.times_ours:.2f}"


@dataclass(frozen=True, slots=True)
class SetTimes:
    """All ways on the same crops."""

    what: str
    mean_size_px: tuple[int, int]
    ways: Sequence[WayTime]

    def table(self) -> Table:
        """For people."""
        width, height = self.mean_size_px
        title = f"one decision from a crop of {width} x {height} in memory, processor time: {self.what}"
        return Table(title, ("way", "crops", "median ms", "p99 ms", "x ours"), [way.row() for way in self.ways])


@dataclass(frozen=True, slots=True)
class DecisionSpread:
    """Single decisions one after the other, none of them averaged with another."""

    way: str
    beside: str
    clock: str
    time: Spread

    @property
    def spread(self) -> float:
        """p99 over median."""
        return self.time.p99_ms / self.time.median_ms

    def row(self) -> Sequence[str]:
        """For the table."""
        _, median, p99 = self.time.cells()
        return self.way, self.beside, self.clock, f"{self.time.count}", median, p99, f"{self.spread:.2f}"


@dataclass(frozen=True, slots=True)
class EngineResult:
    """Everything."""

    sets: Sequence[SetTimes]
    spreads: Sequence[DecisionSpread]
    versions: Mapping[str, str]
    """Of the other tools."""
    left_out: str | None
    """Why there are no other tools."""
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        yield from (one.table() for one in self.sets)
        columns = ("way", "beside", "clock", "decisions", "median ms", "p99 ms", "p99 / median")
        yield Table("single decisions, one after the other", columns, [spread.row() for spread in self.spreads])
        yield peers_table(self.versions, self.left_out)
        yield limits_table(self.limits)


def peers_table(versions: Mapping[str, str], left_out: str | None) -> Table:
    """Which other tools were measured, or why none were."""
    rows = list(versions.items()) if left_out is None else [("left out", left_out)]
    return Table("other tools", ("tool", "version" if left_out is None else "why"), rows)


def measure_engine(plan: EnginePlan, data: Path, *, peers: bool) -> EngineResult:
    """Time our decision and all other ways on the same crops, in turn; then our decision beside a busy process.

    Args:
        plan: how much.
        data: the folder of real sets; simulated products stand in where they are missing.
        peers: measure other tools too.
    """
    belt = BenchBelt.of_config()
    decide = _Decide.of(belt.recipe)
    large = large_crops(data, belt, plan.crops)
    with open_ways(peers=peers) as ways:
        sets = [_measure_set(one, ways, decide, plan) for one in (large, belt_crops(belt, plan.crops))]
        left_out, versions = ways.left_out, ways.versions
        peer = next((way for way in ways.all if way.name == FASTEST_PEER), None)
        with_peer = [] if peer is None else list(_with_peer(peer, large, decide, plan.spread_passes))
    spreads = [
        *with_peer,
        *_spreads(NOTHING, large, decide, plan.spread_passes),
        *_spreads(BUSY, large, decide, plan.spread_passes),
    ]
    return EngineResult(sets, spreads, versions, left_out, list(_limits(spreads)))


@dataclass(frozen=True, slots=True)
class _Decide:
    """The whole way from a crop to a verdict, as ``decide`` goes it."""

    recipe: Recipe
    bins: Bins

    @classmethod
    def of(cls, recipe: Recipe) -> _Decide:
        """With six bins: the shipped recipe's five and one more."""
        six = recipe.model_copy(update={"bins": (*recipe.bins, _SIXTH_BIN)})
        return cls(six, Bins.of(six))

    def __call__(self, image_bgr: BgrImage) -> ColorReading:
        reading = read_color(sample_box(image_bgr))
        return vote([cast(reading, self.bins)], self.recipe).ballot.reading


def _measure_set(crops: CropSet, ways: Ways, decide: _Decide, plan: EnginePlan) -> SetTimes:
    others = [way for way in ways.all if way.name != OURS.name]
    measured = [Way(DECISION, timed(decide)), *others]
    turns = Turns()
    for way in measured:
        way.read(crops.images[0])  # what is imported or made at first use is not what a decision costs
    for number in range(plan.passes):
        turns.begin_pass()
        title = f"engine, pass {number + 1} of {plan.passes}"
        for place, image in enumerate(tqdm(crops.images, desc=title, unit=" crops", leave=False, disable=None)):
            chosen = [way for way in measured if not way.slow or place % plan.slow_every == 0]
            turns.take_timed({way.name: partial(_took_s, way, image) for way in chosen} | _floors(image))
    ours_s = turns.times_s(DECISION)
    slow = {way.name for way in measured if way.slow}
    results = []
    for name in [*(way.name for way in measured), READ_FLOOR, LLOYD_FLOOR]:
        times_s = turns.times_s(name)
        own_s = ours_s[:: plan.slow_every] if name in slow else ours_s
        results.append(WayTime(name, len(times_s), Spread.of(times_s), float(np.median(times_s) / np.median(own_s))))
    height, width = np.mean([image.shape[:2] for image in crops.images], axis=0).round().astype(int).tolist()
    return SetTimes(crops.what, (width, height), results)


def _took_s(way: Way, image_bgr: BgrImage) -> float:
    return way.read(image_bgr).took_s


def _floors(image_bgr: BgrImage) -> dict[str, Callable[[], float]]:
    """The least that a reading of so many pixels costs from Python: getting at them, and one compiled clustering.

    cv2.kmeans is the fastest there is: scikit-learn's KMeans takes three times as long for the same centers, its
    checks switched off.
    """
    places = lattice(*image_bgr.shape[:2], SAMPLE_PIXELS)
    pixels = sample_box(image_bgr)
    order = np.argsort(np.argsort(pixels[:, 0]))
    labels = (order * DEFAULT_CLUSTERING.clusters // len(pixels)).astype(np.int32)
    fresh = image_bgr.copy()
    return {
        READ_FLOOR: lambda: cpu_s(lambda: fresh[places]),
        LLOYD_FLOOR: lambda: cpu_s(lambda: _lloyd(pixels, labels)),
    }


def _lloyd(pixels_lab: LabPixels, labels: NDArray[np.int32]) -> None:
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 0.1)
    clusters = min(DEFAULT_CLUSTERING.clusters, len(pixels_lab))
    cv2.kmeans(np.ascontiguousarray(pixels_lab), clusters, labels.copy(), until, 1, cv2.KMEANS_USE_INITIAL_LABELS)


def _spreads(beside: str, crops: CropSet, decide: _Decide, passes: int) -> Iterator[DecisionSpread]:
    wall_s, used_s = [], []
    with busy_neighbor() if beside == BUSY else nullcontext():
        for number in tqdm(range(passes), desc=f"beside {beside}", unit=" passes", leave=False, disable=None):
            order = crops.images if number % 2 else reversed(crops.images)
            for image in order:
                fresh = image.copy()
                began_s = time.perf_counter()
                used_s.append(cpu_s(partial(decide, fresh)))
                wall_s.append(time.perf_counter() - began_s)
    yield DecisionSpread(DECISION, beside, "processor", Spread.of(used_s))
    yield DecisionSpread(DECISION, beside, "wall", Spread.of(wall_s))


def _with_peer(peer: Way, crops: CropSet, decide: _Decide, passes: int) -> Iterator[DecisionSpread]:
    """Our decisions in turn with the fastest other tool alone, pass by pass: each finds the caches as it left them."""
    ours_s, peer_s = [], []
    for _ in tqdm(range(passes), desc=f"with {peer.name}", unit=" passes", leave=False, disable=None):
        ours_s += [cpu_s(partial(decide, image.copy())) for image in crops.images]
        peer_s += [_took_s(peer, image) for image in crops.images]
    yield DecisionSpread(DECISION, peer.name, "processor", Spread.of(ours_s))
    yield DecisionSpread(peer.name, DECISION, "processor", Spread.of(peer_s))


def _limits(spreads: Sequence[DecisionSpread]) -> Iterator[Limit]:
    ours = {(spread.beside, spread.clock): spread for spread in spreads if spread.way == DECISION}
    yield Limit("one decision, median", ours[NOTHING, "processor"].time.median_ms, _MOST_MS, "ms")
    for spread in spreads:
        if spread.way == FASTEST_PEER:
            ratio = ours[FASTEST_PEER, "processor"].time.median_ms / spread.time.median_ms
            yield Limit(f"times {FASTEST_PEER}, by medians", ratio, _MOST_TIMES_PEER, "")
    for (beside, clock), spread in ours.items():
        if beside == BUSY:
            yield Limit(f"p99 / median beside {beside}, {clock}", spread.spread, _MOST_SPREAD, "")
