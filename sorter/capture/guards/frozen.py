"""The same picture in new frames."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.guards.probe import Probe
from sorter.records import Frame


class FrozenGuard:
    """The same picture in new frames.

    A picture that an encoder codes again and again gets better for a second, and anew at each key frame: measured on
    H.264, up to three quarters of the values change from look to look at first, and hardly any later. But nothing in
    it moves: the mean color of a short piece of a row stays the same within 13 of 255, while a product that passes
    changes it by 90 and more. A frame in which nothing moves and few values change tells nothing new, so it is left
    out at once; that it has gone on for too long is the fault. Where nothing moves and many values change a sensor is
    alive.
    """

    _LIVELY_SHARE = 0.2
    """Values that change from one look to the next; a sensor's noise or a moving belt changes more."""
    _STILL_PART = 0.5
    """Of the looks of the time after which a picture is frozen: so many were not lively."""
    _MOVED = 20
    """A difference (0..255) in the mean of a piece that no encoder makes."""
    _PIECES = 160
    """In a row."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._rows: NDArray[np.uint8] | None = None
        self._unmoved: NDArray[np.uint8] | None = None
        """Pieces of the first of the pictures in which nothing has moved since."""
        self._since_s = 0.0
        self._looks: deque[tuple[float, bool]] = deque()
        """When, and whether lively, as far back as counts."""
        self.repeats = False
        """Whether the last frame shows what the one before it showed, and nothing new."""

    @property
    def still_since_s(self) -> float | None:
        """When the picture was taken in which nothing has moved since; None where something moves."""
        return None if self._unmoved is None else self._since_s

    def check(self, probe: Probe, frame: Frame) -> str | None:
        """Why the picture is held to be frozen, if it is."""
        at_s, rows = frame.captured_at_s, probe.rows
        before, self._rows = self._rows, rows
        changed = 1.0 if before is None or before.shape != rows.shape else _changed_share(before, rows)
        if changed and self._moved(rows):
            self._unmoved, self._since_s = _pieces(rows, self._PIECES), at_s
            self._looks.clear()
            self._looks.append((at_s, True))
        else:
            self._looks.append((at_s, changed > self._LIVELY_SHARE))
        self.repeats = not self._looks[-1][1]
        return self._verdict(at_s)

    def _moved(self, rows: NDArray[np.uint8]) -> bool:
        unmoved, pieces = self._unmoved, _pieces(rows, self._PIECES)
        if unmoved is None or unmoved.shape != pieces.shape:
            return True
        return bool(cv2.absdiff(pieces, unmoved).max() > self._MOVED)

    def _verdict(self, at_s: float) -> str | None:
        while self._looks and at_s - self._looks[0][0] > self._longest_s:
            self._looks.popleft()
        still = sum(not lively for _, lively in self._looks)
        if at_s - self._since_s < self._longest_s or still < self._STILL_PART * len(self._looks):
            return None
        return (
            f"the picture has not changed for more than {self._longest_s:g} s: if the belt moves, restart the camera; "
            "if it stands, this clears when it moves"
        )


def _pieces(rows: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    size = (min(count, rows.shape[1]), rows.shape[0])
    return np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_AREA), np.uint8)


def _changed_share(before: NDArray[np.uint8], rows: NDArray[np.uint8]) -> float:
    flat = rows.shape[0], -1
    return cv2.countNonZero(cv2.absdiff(before.reshape(flat), rows.reshape(flat))) / max(rows.size, 1)
