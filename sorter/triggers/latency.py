"""How late the pictures' times are, held against an eye; and whether that drifts."""

from __future__ import annotations

from collections import deque
from statistics import median

_RECENT = 20
_ENOUGH = 10
"""So many matches make the first measure."""
_FEW = 3
"""So many tell where to look for the next."""


class EyeToPicture:
    """Measures from match to match, by the median of the last twenty.

    Args:
        expected_s: as measured before; None learns it from the first ten matches.
        max_drift_s: how far from that it may be.
    """

    def __init__(self, expected_s: float | None, max_drift_s: float) -> None:
        self._expected_s = expected_s
        self._max_drift_s = max_drift_s
        self._recent_s: deque[float] = deque(maxlen=_RECENT)
        self.drifted = False
        """Raised beyond the limit, cleared within half of it: nothing flickers in between."""

    @property
    def expected_s(self) -> float | None:
        """The one set or learned; None while it is being learned."""
        return self._expected_s

    @property
    def measured_s(self) -> float | None:
        """The median of the last twenty; None before ten."""
        return median(self._recent_s) if len(self._recent_s) >= _ENOUGH else None

    @property
    def guess_s(self) -> float:
        """Where to look for the next: it follows a drift, so that the matches do not end where the alarm begins."""
        if len(self._recent_s) >= _FEW:
            return median(self._recent_s)
        return self._expected_s or 0.0

    def take(self, late_s: float) -> None:
        """Take what one match measured: when its picture says it crossed, less when the eye says so."""
        self._recent_s.append(late_s)
        measured_s = self.measured_s
        if measured_s is None:
            return
        if self._expected_s is None:
            self._expected_s = measured_s
        off_s = abs(measured_s - self._expected_s)
        self.drifted = off_s > (self._max_drift_s / 2 if self.drifted else self._max_drift_s)
