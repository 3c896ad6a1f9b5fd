"""Whether the belt stood while no frame came."""

from __future__ import annotations

import cv2

from sorter.records import Mask

_LONG_S = 0.3
"""After a gap this long it is not taken for granted that the belt moved on meanwhile."""
_UNMOVED = 0.8
"""Things of which this part lies where it lay before have not moved."""


class GapWatch:
    """Compares what lies on the belt before and after a gap in the frames."""

    def __init__(self) -> None:
        self._before: Mask | None = None

    def stood(self, foreground: Mask, elapsed_s: float, repeats: int) -> bool:
        """Take the next frame's foreground; whether the belt stood in the gap before it.

        Args:
            foreground: what is not belt, of one shape in all calls.
            elapsed_s: since the frame before.
            repeats: identical frames that were left out since then: a picture that stands still, or is frozen.
        """
        before, self._before = self._before, foreground
        if before is None or (elapsed_s <= _LONG_S and not repeats):
            return False
        either = cv2.countNonZero(cv2.bitwise_or(foreground, before))
        both = cv2.countNonZero(cv2.bitwise_and(foreground, before))
        return either > 0 and both > _UNMOVED * either
