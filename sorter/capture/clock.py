"""The machine's own clock."""

from __future__ import annotations

import time


class SystemClock:
    """`ports.Clock` on the operating system's clocks."""

    def monotonic_s(self) -> float:
        """Seconds that never jump, and the same in every process of this machine; the zero is arbitrary."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z; may jump."""
        return time.time()

    def wait_s(self, duration_s: float) -> None:
        """Return when ``duration_s`` seconds have passed; at once where it is not positive."""
        if duration_s > 0:
            time.sleep(duration_s)
