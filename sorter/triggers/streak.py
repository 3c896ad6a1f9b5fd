"""When misses are an alarm: several in a row, of what could have been seen and heard."""

from __future__ import annotations

_IN_A_ROW = 3


class Streak:
    """Raised by three misses in a row, cleared by three matches in a row."""

    def __init__(self) -> None:
        self._length = 0
        self._of_matches = True
        self.raised = False

    def note(self, *, matched: bool) -> None:
        """One more match or miss."""
        self._length = self._length + 1 if matched == self._of_matches else 1
        self._of_matches = matched
        if self._length >= _IN_A_ROW:
            self.raised = not matched


class Unbroken:
    """Since when something has held without a break."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def note(self, *, holds: bool, now_s: float) -> None:
        """Whether it holds now (monotonic seconds)."""
        if not holds:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s

    def covers(self, at_s: float) -> bool:
        """Whether it has held from ``at_s`` on."""
        return self._since_s is not None and at_s >= self._since_s
