"""The one-frame shelf between a live source and its line: newest wins, what is given up is counted."""

from __future__ import annotations

import threading
from dataclasses import replace

from sorter.records import Frame


class LatestFrame:
    """Holds the newest frame until it is taken; safe between threads.

    Attributes:
        frames_given_up: frames overwritten before anyone took them.
    """

    def __init__(self) -> None:
        self.frames_given_up = 0
        self._frame: Frame | None = None
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Lay the newest frame on the shelf."""
        with self._changed:
            given_up, self._frame = self._frame, frame
            if given_up is not None:
                self.frames_given_up += 1
                # That the picture stood still before is told by the first frame after it that is taken.
                if given_up.repeats_before:
                    self._frame = replace(frame, repeats_before=frame.repeats_before + given_up.repeats_before)
            self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """Take the newest frame, waiting for one if the shelf is empty; None where none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None, timeout_s)
            frame, self._frame = self._frame, None
            return frame

    @property
    def empty(self) -> bool:
        """Whether nothing lies on it."""
        with self._changed:
            return self._frame is None

    def clear(self) -> None:
        """Give up what lies on the shelf: its source is not to be believed any more."""
        with self._changed:
            self.frames_given_up += int(self._frame is not None)
            self._frame = None
