"""A clock for tests."""

from __future__ import annotations


class WrittenClock:
    """A clock whose time passes only by waiting, or by being set.

    Args:
        now_s: monotonic seconds at the start.
        wall_zero_s: seconds since 1970 at the monotonic zero.
    """

    def __init__(self, now_s: float = 100.0, wall_zero_s: float = 1.7e9) -> None:
        self.now_s = now_s
        self.wall_zero_s = wall_zero_s
        self.waits_s: list[float] = []

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return self.wall_zero_s + self.now_s

    def wait_s(self, duration_s: float) -> None:
        self.waits_s.append(duration_s)
        self.now_s += duration_s
