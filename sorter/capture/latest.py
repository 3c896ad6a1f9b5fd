"""The one-frame shelf between a live source and its line: newest wins, what is given up is counted."""

from __future__ import annotations

import threading

from sorter.errors import SourceError
from sorter.records import Frame


class LatestFrame:
    """Holds the newest frame until it is taken; safe between threads.

    Attributes:
        frames_given_up: frames overwritten before anyone took them.
    """

    def __init__(self) -> None:
        self.frames_given_up = 0
        self._frame: Frame | None = None
        self._error: SourceError | None = None
        self._closed = False
        self._changed = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether nothing is left to take and nothing will come."""
        with self._changed:
            return self._closed and self._frame is None

    def put(self, frame: Frame) -> None:
        """Lay the newest frame on the shelf; after `close` it is given up."""
        with self._changed:
            if self._closed or self._frame is not None:
                self.frames_given_up += 1
            if not self._closed:
                self._frame = frame
                self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """Take the newest frame, waiting for one if the shelf is empty.

        Returns:
            None where none came in time, or none will come any more (then `ended`).

        Raises:
            SourceError: the source failed, and its last frame was taken before.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame

    def close(self, error: SourceError | None = None) -> None:
        """Say that no frame will come any more, and why; the first reason stays."""
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
                self._changed.notify_all()
