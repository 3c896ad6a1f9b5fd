"""How numbers are distributed, exactly and in bounded memory: on the wire they have two decimals. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

_HUNDREDTHS = 100
_NICE_WIDTHS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""In hundredths."""
_MOST_BARS = 24


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts over intervals of one width."""

    first: float
    """Where the first interval begins."""
    width: float
    counts: tuple[int, ...]


@dataclass(slots=True)
class Distribution:
    """Differences in CIEDE2000, or their margins: a few thousand different hundredths at most, each counted."""

    hundredths: Counter[int] = field(default_factory=Counter)

    def take(self, value: float) -> None:
        """One number, to the nearest hundredth."""
        self.hundredths[round(value * _HUNDREDTHS)] += 1

    @property
    def count(self) -> int:
        """Of numbers."""
        return self.hundredths.total()

    def percentile(self, percent: float) -> float | None:
        """The least number that so many percent do not exceed (nearest rank), 0..100; None where there is none."""
        rank = max(percent / 100 * self.count, 1)
        ordered = sorted(self.hundredths)
        sums = accumulate(self.hundredths[one] for one in ordered)
        return next((one / _HUNDREDTHS for one, below in zip(ordered, sums, strict=True) if below >= rank), None)

    def histogram(self) -> Histogram | None:
        """At most 24 intervals over all numbers, each a usual width; None where there are no numbers."""
        if not self.hundredths:
            return None
        low, high = min(self.hundredths), max(self.hundredths)
        width = next(
            nice for nice in _NICE_WIDTHS if high // nice - low // nice < _MOST_BARS or nice == _NICE_WIDTHS[-1]
        )
        counts = [0] * (high // width - low // width + 1)
        for value, count in self.hundredths.items():
            counts[value // width - low // width] += count
        return Histogram(low // width * width / _HUNDREDTHS, width / _HUNDREDTHS, tuple(counts))
