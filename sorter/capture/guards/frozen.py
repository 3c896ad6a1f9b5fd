"""The same picture in new frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.guards.probe import Probe
from sorter.records import Frame


class FrozenGuard:
    """The same picture in new frames.

    A picture that an encoder codes again and again changes in a few pixels, and in many at each key frame, but nothing in
    it moves: measured on H.264, up to 5 % of the values change from look to look then, and over 57 % with a belt that
    moves. Such a frame tells nothing new, so it is left out at once; that it has gone on for too long is the fault.
    """

    _LIVELY_SHARE = 0.2
    """Values that change from one look to the next; a sensor's noise or a moving belt changes more."""
    _LIVELY_FRAMES = 0.15
    """Part of the frames that may be lively nevertheless: key frames."""
    _MOVED = 12
    """A difference (0..255) between mean colors of a small patch that no encoder makes: measured, it stays within 8."""
    _PATCHES_ACROSS = 160

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._rows: NDArray[np.uint8] | None = None
        self._patches: NDArray[np.uint8] | None = None
        """Of the first picture of the still; None while the picture moves."""
        self._before_s = self._since_s = 0.0
        self._frames = self._lively = 0
        self.repeats = False
        """Whether the last frame shows what the one before it showed, and nothing new."""

    @property
    def still_since_s(self) -> float | None:
        """When the picture was taken that has not moved since; None while it moves."""
        return None if self._patches is None else self._since_s

    def check(self, probe: Probe, frame: Frame) -> str | None:
        """Why the picture is held to be frozen, if it is."""
        before, self._rows = self._rows, probe.rows
        changed = 1.0 if before is None or before.shape != self._rows.shape else _changed_share(before, self._rows)
        begun = self._patches is not None
        if not self._goes_on(changed, frame):
            self._patches = None
        self.repeats = changed == 0.0 or (begun and self._patches is not None)
        self._before_s = frame.captured_at_s
        if self._patches is None or frame.captured_at_s - self._since_s < self._longest_s:
            return None
        return (
            f"the picture has not changed for more than {self._longest_s:g} s: if the belt moves, restart the camera; "
            "if it stands, this clears when it moves"
        )

    def _goes_on(self, changed: float, frame: Frame) -> bool:
        """Whether the picture stands still, or begins to."""
        lively = changed > self._LIVELY_SHARE
        if self._patches is None:
            if lively:
                return False
            self._patches, self._since_s = self._small(frame), self._before_s
            self._frames = self._lively = 0
            return True
        self._frames += 1
        self._lively += int(lively)
        if self._lively > 2 + self._LIVELY_FRAMES * self._frames:
            return False
        if changed == 0.0:
            return True
        patches = self._small(frame)
        return patches.shape == self._patches.shape and bool(cv2.absdiff(patches, self._patches).max() <= self._MOVED)

    def _small(self, frame: Frame) -> NDArray[np.uint8]:
        height, width = frame.image_bgr.shape[:2]
        scale = min(1.0, self._PATCHES_ACROSS / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(cv2.resize(frame.image_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _changed_share(before: NDArray[np.uint8], rows: NDArray[np.uint8]) -> float:
    flat = rows.shape[0], -1
    return cv2.countNonZero(cv2.absdiff(before.reshape(flat), rows.reshape(flat))) / max(rows.size, 1)
