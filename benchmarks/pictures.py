"""How often real pictures of single products are decided right, each read as ``decide`` reads it."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.table import Table
from benchmarks.teach import teach
from sorter.capture.picture import read_picture
from sorter.color.bins import Bins
from sorter.color.difference import ciede2000
from sorter.color.dominant import read_color
from sorter.color.sample import sample_box
from sorter.decision import cast, vote
from sorter.records import ColorReading, Verdict


@dataclass(frozen=True, slots=True)
class Reading:
    """What one region of a picture said."""

    picture: str
    truth: str
    """The color it is known to have."""
    color: ColorReading
    row: Mapping[str, str]
    """Of the set's CSV."""


def read_regions(table: Path, truth: str, every: int) -> Iterator[Reading]:
    """Read the color of every region that a CSV names, picture by picture.

    Args:
        table: columns file, and x0, y0, x1, y1 unless each picture is one region; as for ``decide --boxes``.
        truth: the column that says which color it is; "" where the set has none.
        every: 1 for all regions, 8 for every eighth.
    """
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::every]
    held, image = "", np.empty((0, 0, 3), np.uint8)
    for row in tqdm(rows, desc=table.parent.name, unit=" regions", leave=False, disable=None):
        if row["file"] != held:
            held, image = row["file"], read_picture(table.parent / row["file"])
        region = image
        if "x0" in row:
            region = image[int(row["y0"]) : int(row["y1"]), int(row["x0"]) : int(row["x1"])]
        yield Reading(held, row.get(truth, ""), read_color(sample_box(region)), row)


@dataclass(frozen=True, slots=True)
class HalfResult:
    """Bins from one part of a set, decided on the other."""

    taught_on: str
    regions: int
    right: int
    """Routed to the bin of their color."""
    wrong: int
    """Routed to another one."""
    unknown: int
    ambiguous: int
    nearest_right: int
    """Nearest to the bin of their color, whatever the verdict."""

    @property
    def share(self) -> float:
        """Part that is right."""
        return self.right / self.regions

    def cells(self) -> Sequence[str]:
        """For the table."""
        counts = (self.regions, self.right, self.wrong, self.unknown, self.ambiguous, self.nearest_right)
        return self.taught_on, *map(str, counts), f"{self.share:.2%}"


@dataclass(frozen=True, slots=True)
class PlatesResult:
    """Candies of six colors on plates."""

    halves: Sequence[HalfResult]

    def table(self) -> Table:
        """For people."""
        columns = (
            "bins taught on",
            "regions",
            "right",
            "wrong",
            "unknown",
            "ambiguous",
            "nearest bin right",
            "share right",
        )
        return Table("candy_plates: decided on the pictures not taught on", columns, [h.cells() for h in self.halves])


def decide_plates(folder: Path, every: int) -> PlatesResult:
    """Teach on every other picture and decide the rest, both ways; then the same between the two recording runs."""
    readings = list(read_regions(folder / "boxes.csv", "color", every))
    pictures = sorted({reading.picture for reading in readings})
    even = set(pictures[::2])
    splits: dict[str, Callable[[Reading], bool]] = {
        "every other picture": lambda reading: reading.picture in even,
        "the others": lambda reading: reading.picture not in even,
        "recording run 1": lambda reading: "_run1_" in reading.picture,
        "recording run 2": lambda reading: "_run2_" in reading.picture,
    }
    halves = []
    for name, is_taught in splits.items():
        taught = [reading for reading in readings if is_taught(reading)]
        decided = [reading for reading in readings if not is_taught(reading)]
        if taught and decided:
            halves.append(_decide_half(name, taught, decided))
    return PlatesResult(halves)


def _decide_half(name: str, taught: Sequence[Reading], decided: Sequence[Reading]) -> HalfResult:
    samples = defaultdict(list)
    for reading in taught:
        samples[reading.truth].append(reading.color.dominant.lab)
    recipe = teach(samples)
    bins = Bins.of(recipe)
    fates: Counter[str] = Counter()
    for reading in decided:
        ballot = cast(reading.color, bins)
        outcome = vote([ballot], recipe)
        nearest = ballot.match.bin == reading.truth
        fates["nearest right"] += nearest
        routed = "right" if nearest else "wrong"
        fates[routed if outcome.verdict is Verdict.ROUTED else outcome.verdict.value] += 1
    counts = (fates[fate] for fate in ("right", "wrong", "unknown", "ambiguous", "nearest right"))
    return HalfResult(name, len(decided), *counts)


@dataclass(frozen=True, slots=True)
class RepeatResult:
    """One product, read over and over: one bin taught on half of the readings, tried on the other."""

    crops: str
    count: int
    """In the other half."""
    within: int
    """Within the bin."""
    tolerance: float
    """Of the bin (CIEDE2000)."""
    median_delta_e: float
    """To the bin's color."""
    p95_delta_e: float
    worst_delta_e: float

    def cells(self) -> Sequence[str]:
        """For the table."""
        spread = (self.tolerance, self.median_delta_e, self.p95_delta_e, self.worst_delta_e)
        share = f"{self.within / self.count:.1%}"
        return self.crops, f"{self.count}", f"{self.within}", share, *(f"{figure:.1f}" for figure in spread)


@dataclass(frozen=True, slots=True)
class LineResult:
    """Crops of one amber product from a running line."""

    halves: Sequence[RepeatResult]

    def table(self) -> Table:
        """For people."""
        columns = ("crops", "tried", "within", "share within", "tolerance", "median", "p95", "worst")
        title = "candy_line: one bin from half of the crops, tried on the other half (differences are CIEDE2000)"
        return Table(title, columns, [half.cells() for half in self.halves])


def repeat_line(folder: Path, every: int) -> LineResult:
    """One product must stay in one bin: all crops, and those that show the whole product."""
    readings = list(read_regions(folder / "crops.csv", "", every))
    whole = [reading for reading in readings if reading.row["touches_edge"] == "0"]
    halves = []
    for name, crops in (("all", readings), ("whole product", whole)):
        for taught, tried in ((0, 1), (1, 0)):
            halves.append(_repeat(f"{name}, half {taught + 1} taught", crops[taught::2], crops[tried::2]))
    return LineResult(halves)


def _repeat(name: str, taught: Sequence[Reading], tried: Sequence[Reading]) -> RepeatResult:
    (only,) = teach({"product": [reading.color.dominant.lab for reading in taught]}).bins
    center = np.array(only.lab)
    differences = ciede2000(np.array([reading.color.dominant.lab for reading in tried]), center)
    return RepeatResult(
        crops=name,
        count=len(tried),
        within=int((differences <= only.tolerance.delta_e).sum()),
        tolerance=only.tolerance.delta_e,
        median_delta_e=float(np.median(differences)),
        p95_delta_e=float(np.percentile(differences, 95)),
        worst_delta_e=float(differences.max()),
    )
