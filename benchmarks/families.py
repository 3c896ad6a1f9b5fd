"""Fruit sorted into families of color: taught on half of the views of every variety, decided on the other half."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.halves import Fate, HalfResult, decide_rest
from benchmarks.regions import Reading
from benchmarks.table import Table


@dataclass(frozen=True, slots=True)
class FamiliesResult:
    """Both halves, and what was said of each family in both together."""

    halves: Sequence[HalfResult]
    said: Mapping[str, Mapping[str, int]]
    """By family as the eye judged it: how often each bin, or each reason for none, was said."""

    @property
    def least_share(self) -> float | None:
        """Routed right, the worse half; None where there is none."""
        return min((half.share for half in self.halves), default=None)

    @property
    def least_nearest_share(self) -> float | None:
        """The same of the nearest bin, whatever the verdict."""
        return min((half.nearest_share for half in self.halves), default=None)

    def table(self) -> Table:
        """For people: rows are what the eye says, columns what this sorter says."""
        families = sorted(self.said)
        reasons = sorted({said for row in self.said.values() for said in row} - set(families))
        columns = [*families, *reasons]
        rows = [(family, *(f"{self.said[family].get(column, 0)}" for column in columns)) for family in families]
        title = "fruit, this sorter: families by eye (rows) and what was decided (columns), both halves together"
        return Table(title, ("family", *columns), rows)


def sort_families(readings: Sequence[Reading], way: str) -> FamiliesResult:
    """Teach on every other picture of each variety and decide the rest; then the other way round."""
    even = _every_other_view(readings)
    fates = {
        "every other view": decide_rest(readings, way, lambda reading: reading.picture in even),
        "the others": decide_rest(readings, way, lambda reading: reading.picture not in even),
    }
    halves = [HalfResult.of(name, half) for name, half in fates.items() if half]
    return FamiliesResult(halves, _said([fate for half in fates.values() for fate in half]))


def _every_other_view(readings: Sequence[Reading]) -> set[str]:
    views = defaultdict(list)
    for reading in readings:
        views[reading.row["variety"]].append(reading.picture)
    return {picture for pictures in views.values() for picture in pictures[::2]}


def _said(fates: Sequence[Fate]) -> Mapping[str, Mapping[str, int]]:
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for fate in fates:
        said[fate.truth][fate.said] += 1
    return said
