"""How a bin's color moved over a batch. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sorter.color.difference import ciede2000_of_pair
from sorter.records import Lab

_PART = 0.1
_FEW = 5


@dataclass(slots=True)
class Mean:
    """A mean color, summed up."""

    count: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def take(self, lab: Sequence[float]) -> None:
        """One color: L*, a*, b*."""
        self.count += 1
        for axis, value in enumerate(lab):
            self.sums[axis] += value

    def add(self, other: Mean) -> None:
        """All of another mean's colors."""
        self.count += other.count
        self.sums = [one + more for one, more in zip(self.sums, other.sums, strict=True)]

    @property
    def lab(self) -> Lab:
        """The mean; there must be a color."""
        return Lab(*(value / self.count for value in self.sums))


@dataclass(frozen=True, slots=True)
class Edge:
    """The mean color of the first or the last of a bin's products."""

    lab: Lab
    products: int


@dataclass(frozen=True, slots=True)
class Drift:
    """How one bin's color moved."""

    mean: Lab
    """Of the dominant colors of all its routed products."""
    first: Edge
    """At least a tenth of the products, in whole slots from the beginning."""
    last: Edge
    """Likewise from the end."""
    delta_e: float | None
    """CIEDE2000 from first to last; None where both are the same slot."""
    series: tuple[float | None, ...]
    """By slot: CIEDE2000 of its mean color to the mean of all; None where the bin got no product."""

    @property
    def is_of_few(self) -> bool:
        """So few products stand behind it that it says more of them than of the light."""
        return min(self.first.products, self.last.products) < _FEW


def drift_of(slots: Sequence[Mean]) -> Drift | None:
    """The drift of the means by slot; None where there is no color at all."""
    whole = Mean()
    for one in slots:
        whole.add(one)
    if not whole.count:
        return None
    first, reached = _edge(slots, whole.count)
    last, reached_back = _edge(slots[::-1], whole.count)
    apart = reached < len(slots) - 1 - reached_back
    series = tuple(ciede2000_of_pair(one.lab, whole.lab) if one.count else None for one in slots)
    return Drift(whole.lab, first, last, ciede2000_of_pair(first.lab, last.lab) if apart else None, series)


def _edge(slots: Sequence[Mean], total: int) -> tuple[Edge, int]:
    """A tenth of the products at one end, and the slot where it is reached."""
    edge, reached = Mean(), 0
    while edge.count < _PART * total:
        edge.add(slots[reached])
        reached += 1
    return Edge(edge.lab, edge.count), reached - 1
