"""The belt's speed from the encoder counts of one trigger after another."""

from __future__ import annotations

from collections import deque
from statistics import median

_SPANS = 5
_FEWEST_SPANS = 3
_SHORTEST_S = 0.005
"""Two readings nearer than this tell nothing: times on the wire are whole milliseconds."""


class BeltSpeed:
    """The median over the last five spans between two readings, so that no single one can spoil it.

    A belt that stood for a while, a counter that wrapped around or was reset, and a reading that is simply wrong
    spoil one span each, or two. A belt that runs at another speed is known after three.

    Args:
        mm_per_count: how far the belt moves in one count; counts must rise as it runs.
    """

    def __init__(self, mm_per_count: float) -> None:
        self._mm_per_count = mm_per_count
        self._last: tuple[float, int] | None = None
        self._spans_mm_per_s: deque[float] = deque(maxlen=_SPANS)

    @property
    def mm_per_s(self) -> float | None:
        """The speed; None until three spans are measured."""
        enough = len(self._spans_mm_per_s) >= _FEWEST_SPANS
        return median(self._spans_mm_per_s) if enough else None

    def take(self, at_s: float, count: int) -> bool:
        """Take a reading (monotonic seconds); False where the count fell, and tells nothing.

        One that is older than the last, or of the same moment, came out of order and is passed over.
        """
        if self._last is not None and at_s - self._last[0] < _SHORTEST_S:
            return True
        before, self._last = self._last, (at_s, count)
        if before is None:
            return True
        counts = count - before[1]
        if counts > 0:  # none at all: the belt stands, and nobody knows how fast it will go on
            self._spans_mm_per_s.append(counts * self._mm_per_count / (at_s - before[0]))
        return counts >= 0
