"""The belt's speed and way, from the encoder counts of one trigger after another."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median
from typing import NamedTuple

_SPANS = 5
_FEWEST_SPANS = 3
_REMEMBERED = 64
_SHORTEST_S = 0.005
"""Two readings nearer than this tell nothing: times on the wire are whole milliseconds."""
_LEAP = 3.0
"""A span so many times faster than the belt is no way that it went."""


class _Reading(NamedTuple):
    at_s: float
    counts: int


class BeltEncoder:
    """What the counts tell of the belt.

    The speed is the median over the last five spans between two readings, so that no single one can spoil it: a
    belt that stood for a while, a counter that wrapped around or was reset, and a reading that is simply wrong
    spoil one span each, or two. A belt that runs at another speed is known after three.

    Args:
        mm_per_count: how far the belt moves in one count; counts must rise as it runs.
    """

    def __init__(self, mm_per_count: float) -> None:
        self._mm_per_count = mm_per_count
        self._readings: deque[_Reading] = deque(maxlen=_REMEMBERED)
        """Without a fall or a leap among them."""
        self._spans_mm_per_s: deque[float] = deque(maxlen=_SPANS)

    @property
    def mm_per_s(self) -> float | None:
        """The speed; None until three spans are measured."""
        enough = len(self._spans_mm_per_s) >= _FEWEST_SPANS
        return median(self._spans_mm_per_s) if enough else None

    def take(self, at_s: float, count: int) -> bool:
        """Take a reading (monotonic seconds); False where the count fell or leaped, and tells nothing.

        One that is older than the last, or of the same moment, came out of order and is passed over.
        """
        reading = _Reading(at_s, count)
        if not self._readings:
            self._readings.append(reading)
            return True
        span_s = at_s - self._readings[-1].at_s
        if span_s < _SHORTEST_S:
            return True
        span_mm_per_s = (count - self._readings[-1].counts) * self._mm_per_count / span_s
        believed = span_mm_per_s >= 0 and (self.mm_per_s is None or span_mm_per_s <= _LEAP * self.mm_per_s)
        if not believed:
            self._readings.clear()
        self._readings.append(reading)
        if span_mm_per_s > 0:  # else it stands, and nobody knows how fast it will go on
            self._spans_mm_per_s.append(span_mm_per_s)
        return believed

    def arrives_s(self, seen_at_s: float, distance_mm: float) -> float | None:
        """When what was somewhere at ``seen_at_s`` is so far down the belt; None until the speed is known.

        As far as the readings go they tell, whatever the belt did; from the last on the speed does.
        """
        speed = self.mm_per_s
        if speed is None:
            return None
        per_s = speed / self._mm_per_count
        target = self._count_at(seen_at_s, per_s) + distance_mm / self._mm_per_count
        for before, after in pairwise(self._readings):
            if before.counts <= target < after.counts:
                return before.at_s + (target - before.counts) / _per_s(before, after)
        end = self._readings[-1] if target >= self._readings[-1].counts else self._readings[0]
        return end.at_s + (target - end.counts) / per_s

    def _count_at(self, at_s: float, per_s: float) -> float:
        for before, after in pairwise(self._readings):
            if before.at_s <= at_s < after.at_s:
                return before.counts + (at_s - before.at_s) * _per_s(before, after)
        end = self._readings[-1] if at_s >= self._readings[-1].at_s else self._readings[0]
        return end.counts + (at_s - end.at_s) * per_s


def _per_s(before: _Reading, after: _Reading) -> float:
    return (after.counts - before.counts) / (after.at_s - before.at_s)
