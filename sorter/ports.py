"""The small Protocols by which the parts know each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sorter.records import Frame


class Clock(Protocol):
    """Time is handed in, so that a film can run on its own time and a test on a written one."""

    def monotonic_s(self) -> float:
        """Seconds that never jump; the zero is arbitrary."""
        ...

    def wall_s(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z; may jump."""
        ...

    def wait_s(self, duration_s: float) -> None:
        """Return when ``duration_s`` seconds have passed."""
        ...


class FrameSource(Protocol):
    """Where frames come from.

    ``live`` sources run at their own pace and frames not taken in time are lost; the others (film, folder)
    wait for their reader and end.
    """

    live: bool
    frames_skipped: int
    """Corrupt frames that were passed over so far."""

    def frames(self) -> Iterator[Frame]:
        """Yield frames in order; the iterator ends where the film ends.

        Raises:
            SourceError: the source cannot be opened, or a live one was lost.
        """
        ...

    def close(self) -> None:
        """Release the device or file; safe to call twice and from another thread."""
        ...
