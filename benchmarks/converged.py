"""The dominant color that clustering comes to when nothing is spared: the measure of what sampling and haste cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.regions import Reading
from benchmarks.table import Limit, Table
from benchmarks.ways import OURS, Way, timed
from sorter.color.difference import ciede2000
from sorter.color.reference import read_color_exactly
from sorter.color.sample import sample_box
from sorter.records import BgrImage, ColorReading

_MOST_MEDIAN = 0.5
_MOST_P95 = 2.0


def _read_exactly(image_bgr: BgrImage) -> ColorReading:
    """The reference, on every pixel that `sample_box` would choose from."""
    height, width = image_bgr.shape[:2]
    return read_color_exactly(sample_box(image_bgr, count=height * width))


CONVERGED = Way("converged", timed(_read_exactly), slow=True, compared=False)


@dataclass(frozen=True, slots=True)
class SetDistance:
    """How far our dominant color lies from the converged one, over the regions of a set (CIEDE2000)."""

    what: str
    regions: int
    median_delta_e: float
    p95_delta_e: float
    worst_delta_e: float

    def cells(self) -> Sequence[str]:
        """For the table."""
        figures = (self.median_delta_e, self.p95_delta_e, self.worst_delta_e)
        return self.what, f"{self.regions}", *(f"{figure:.2f}" for figure in figures)


@dataclass(frozen=True, slots=True)
class ConvergedResult:
    """Each set, and all together."""

    sets: Sequence[SetDistance]
    """The last is all of them."""

    def table(self) -> Table:
        """For people."""
        title = "this sorter's dominant color beside a converged KMeans on every product pixel (CIEDE2000)"
        return Table(title, ("set", "regions", "median", "p95", "worst"), [one.cells() for one in self.sets])

    def limits(self) -> Iterator[Limit]:
        """Of all sets together."""
        total = self.sets[-1]
        yield Limit("to the converged color, median", total.median_delta_e, _MOST_MEDIAN, "dE00")
        yield Limit("to the converged color, p95", total.p95_delta_e, _MOST_P95, "dE00")


def compare_converged(sets: Mapping[str, Sequence[Reading]]) -> ConvergedResult:
    """Hold our color against the converged one of the same regions; at least one set, none of them empty."""
    differences = {name: _differences(readings) for name, readings in sets.items()}
    everything = np.concatenate(list(differences.values()))
    return ConvergedResult([_distance(name, found) for name, found in (differences | {"all": everything}).items()])


def _differences(readings: Sequence[Reading]) -> NDArray[np.float64]:
    ours, converged = (
        np.array([reading.colors[way.name].dominant.lab for reading in readings]) for way in (OURS, CONVERGED)
    )
    return np.asarray(ciede2000(ours, converged))


def _distance(name: str, differences: NDArray[np.float64]) -> SetDistance:
    return SetDistance(
        what=name,
        regions=len(differences),
        median_delta_e=float(np.median(differences)),
        p95_delta_e=float(np.percentile(differences, 95)),
        worst_delta_e=float(differences.max()),
    )
