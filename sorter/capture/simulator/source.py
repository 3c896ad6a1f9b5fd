"""The simulated belt as a source of frames."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.truth import Schedule
from sorter.ports import Clock
from sorter.records import Frame
from sorter.settings.site import SimulatorSource

# How long a close may go unnoticed while a slow belt is waited for.
_LONGEST_WAIT_S = 0.25


class SimulatedBelt:
    """`ports.FrameSource` over a drawn belt; it never ends.

    Frame n shows the belt at ``n / frame_rate_hz`` seconds and is captured that long after the first frame.

    Args:
        settings: the belt.
        direction_deg: where it moves; 0 to the right, 90 downward.
        clock: gives the frames their time, and their pace with ``realtime``.

    Raises:
        SourceError: the lanes are too narrow for the products.
    """

    frames_skipped = 0

    def __init__(self, settings: SimulatorSource, direction_deg: float, clock: Clock) -> None:
        self.live = settings.realtime
        self.schedule = Schedule(settings, direction_deg)
        self._settings = settings
        self._clock = clock
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        """Yield the belt's pictures; with ``realtime`` at its rate, leaving out what could not be drawn in time."""
        painter = Painter(self._settings, self.schedule)
        rate_hz = self._settings.frame_rate_hz
        start_s, number = self._clock.monotonic_s(), 0
        while not self._closed.is_set():
            if self._settings.realtime:
                number = self._in_time(start_s, number)
            yield Frame(painter.paint(number), number, start_s + number / rate_hz)
            number += 1

    def close(self) -> None:
        """End before the next frame."""
        self._closed.set()

    def _in_time(self, start_s: float, number: int) -> int:
        """Wait until frame ``number`` is due; return it, or the newest that is due where it is long past."""
        rate_hz = self._settings.frame_rate_hz
        while not self._closed.is_set():
            now_s = self._clock.monotonic_s()
            left_s = start_s + number / rate_hz - now_s
            if left_s <= 0:
                return max(number, math.floor((now_s - start_s) * rate_hz))
            self._clock.wait_s(min(left_s, _LONGEST_WAIT_S))
        return number
