"""Bins taught on one half of a set, and the other half decided with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.regions import Reading
from benchmarks.teach import teach
from sorter.color.bins import Bins
from sorter.decision import cast, vote
from sorter.records import Verdict


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one region."""

    truth: str
    nearest: str
    """The nearest bin, whatever the verdict."""
    verdict: Verdict

    @property
    def said(self) -> str:
        """The bin it was routed to, or why it was not."""
        return self.nearest if self.verdict is Verdict.ROUTED else self.verdict.value


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

    @classmethod
    def of(cls, taught_on: str, fates: Sequence[Fate]) -> HalfResult:
        """Count; at least one."""
        counts = Counter(_kind(fate) for fate in fates)
        kinds = (counts[kind] for kind in ("right", "wrong", Verdict.UNKNOWN.value, Verdict.AMBIGUOUS.value))
        return cls(taught_on, len(fates), *kinds, sum(fate.nearest == fate.truth for fate in fates))

    @property
    def share(self) -> float:
        """Part that is right."""
        return self.right / self.regions

    @property
    def nearest_share(self) -> float:
        """Part whose nearest bin is right."""
        return self.nearest_right / self.regions

    def cells(self) -> Sequence[str]:
        """For the table."""
        counts = (self.regions, self.right, self.wrong, self.unknown, self.ambiguous, self.nearest_right)
        return self.taught_on, *map(str, counts), f"{self.share:.2%}"


def _kind(fate: Fate) -> str:
    if fate.verdict is not Verdict.ROUTED:
        return fate.verdict.value
    return "right" if fate.nearest == fate.truth else "wrong"


def decide_rest(readings: Sequence[Reading], way: str, is_taught: Callable[[Reading], bool]) -> Sequence[Fate]:
    """Make bins of what one way read of the regions that ``is_taught`` chooses, and decide the others.

    Every way is held to the same rule: the sorter's own bins, tolerances, margin and verdict. Empty where either
    part is.
    """
    samples = defaultdict(list)
    for reading in readings:
        if is_taught(reading):
            samples[reading.truth].append(reading.colors[way].dominant.lab)
    if not samples:
        return []
    recipe = teach(samples)
    bins = Bins.of(recipe)
    fates = []
    for reading in readings:
        if not is_taught(reading):
            ballot = cast(reading.colors[way], bins)
            fates.append(Fate(reading.truth, ballot.match.bin, vote([ballot], recipe).verdict))
    return fates
