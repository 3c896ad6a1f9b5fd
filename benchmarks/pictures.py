"""How often candies on plates are decided right, and whether one product on a line keeps its bin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.halves import HalfResult, decide_rest
from benchmarks.regions import Reading
from benchmarks.table import Table
from benchmarks.teach import teach
from sorter.color.difference import ciede2000

EVERY_OTHER = ("every other picture", "the others")
ALL_CROPS = "all"


@dataclass(frozen=True, slots=True)
class PlatesResult:
    """Candies of six colors on plates."""

    halves: Sequence[HalfResult]

    @property
    def least_share(self) -> float | None:
        """Routed right, the worse of the two halves of every other picture; None where there are none."""
        return min((half.share for half in self._every_other), default=None)

    @property
    def least_nearest_share(self) -> float | None:
        """The same of the nearest bin, whatever the verdict."""
        return min((half.nearest_share for half in self._every_other), default=None)

    @property
    def _every_other(self) -> Sequence[HalfResult]:
        return [half for half in self.halves if half.taught_on in EVERY_OTHER]

    def table(self) -> Table:
        """For people."""
        columns = (
            "bins taught on", "regions", "right", "wrong", "unknown", "ambiguous", "nearest bin right", "share right",
        )  # fmt: skip
        title = "candy_plates, this sorter: decided on the pictures not taught on"
        return Table(title, columns, [half.cells() for half in self.halves])


def decide_plates(readings: Sequence[Reading], way: str) -> PlatesResult:
    """Teach on every other picture and decide the rest, both ways; then the same between the two recording runs."""
    pictures = sorted({reading.picture for reading in readings})
    even = set(pictures[::2])
    splits: dict[str, Callable[[Reading], bool]] = {
        EVERY_OTHER[0]: lambda reading: reading.picture in even,
        EVERY_OTHER[1]: lambda reading: reading.picture not in even,
        "recording run 1": lambda reading: "_run1_" in reading.picture,
        "recording run 2": lambda reading: "_run2_" in reading.picture,
    }
    halves = []
    for name, is_taught in splits.items():
        fates = decide_rest(readings, way, is_taught)
        if fates:
            halves.append(HalfResult.of(name, fates))
    return PlatesResult(halves)


@dataclass(frozen=True, slots=True)
class RepeatResult:
    """One product, read over and over: one bin taught on half of the readings, tried on the other."""

    crops: str
    taught: int
    """Which half, from 1."""
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
        name = f"{self.crops}, half {self.taught} taught"
        return name, f"{self.count}", f"{self.within}", share, *(f"{figure:.1f}" for figure in spread)


@dataclass(frozen=True, slots=True)
class LineResult:
    """Crops of one amber product from a running line."""

    halves: Sequence[RepeatResult]

    @property
    def tried(self) -> int:
        """All crops, each once."""
        return sum(half.count for half in self.halves if half.crops == ALL_CROPS)

    @property
    def within(self) -> int:
        """Of them, those within the bin that the other half taught."""
        return sum(half.within for half in self.halves if half.crops == ALL_CROPS)

    def table(self) -> Table:
        """For people."""
        columns = ("crops", "tried", "within", "share within", "tolerance", "median", "p95", "worst")
        title = "candy_line, this sorter: one bin from half of the crops, tried on the rest (differences are CIEDE2000)"
        return Table(title, columns, [half.cells() for half in self.halves])


def repeat_line(readings: Sequence[Reading], way: str) -> LineResult:
    """One product must stay in one bin: all crops, and those that show the whole product."""
    whole = [reading for reading in readings if reading.row["touches_edge"] == "0"]
    return LineResult(
        [
            _repeat(name, way, crops, taught)
            for name, crops in ((ALL_CROPS, readings), ("whole product", whole))
            for taught in (0, 1)
            if len(crops) > 1
        ]
    )


def _repeat(name: str, way: str, crops: Sequence[Reading], taught: int) -> RepeatResult:
    colors = [reading.colors[way].dominant.lab for reading in crops]
    (only,) = teach({"product": colors[taught::2]}).bins
    differences = ciede2000(np.array(colors[1 - taught :: 2]), np.array(only.lab))
    return RepeatResult(
        crops=name,
        taught=taught + 1,
        count=len(differences),
        within=int((differences <= only.tolerance.delta_e).sum()),
        tolerance=only.tolerance.delta_e,
        median_delta_e=float(np.median(differences)),
        p95_delta_e=float(np.percentile(differences, 95)),
        worst_delta_e=float(differences.max()),
    )
