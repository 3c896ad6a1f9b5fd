"""When a live picture was taken, on our clock, from the stream's time stamps and the camera's own clock."""

from __future__ import annotations

from dataclasses import dataclass

from sorter.records import TimeBase

_LEAK = 2e-4
"""Seconds per second by which the smallest delay is forgotten; quartz clocks differ by less."""
_LONGEST_TRANSIT_S = 0.5
"""A picture that is older than this on arrival by the camera's clock, always, means that the clock is wrong."""
_CLOCKS_AGREE_S = 0.05
"""Two clocks set by NTP can show a picture to arrive a little before it was taken."""
_LONGEST_LEAP_S = 1.0
"""A time stamp further ahead than this is no picture from the future, but a clock that was set."""
_MOST_JUMPS = 3
"""After so many on one connection its time stamps are left alone."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a picture was taken."""

    captured_at_s: float
    """Monotonic seconds, our clock; strictly rising."""
    time_base: TimeBase


@dataclass(slots=True)
class _SmallestDelay:
    """The smallest of a row of delays, slowly forgotten: what never varies of the way to us."""

    delay_s: float | None = None
    seen_at_s: float = 0.0

    def take(self, delay_s: float, now_s: float) -> float:
        if self.delay_s is not None:
            delay_s = min(delay_s, self.delay_s + _LEAK * (now_s - self.seen_at_s))
        self.delay_s, self.seen_at_s = delay_s, now_s
        return delay_s


class StreamClock:
    """Places the pictures of one connection on our clock.

    Pictures arrive late by a varying amount, never early. So the smallest difference of arrival and time stamp is the
    stream's zero on our clock, and what a picture comes later than that is its own delay. How long the fastest picture
    was under way only the camera's clock can tell: where it agrees with ours (NTP) that is added, and the base of the
    time is `TimeBase.CAMERA`.

    A picture that arrives late is never taken for a clock that was set: its age is told as it is. Only a time stamp
    that goes back, or far ahead, begins a new zero.

    Attributes:
        jumps: how often the time stamps went back or far ahead.
        camera_offset_s: by how much the camera's clock seems to be behind ours (transit included); None where the
            stream does not tell the camera's time.
    """

    def __init__(self) -> None:
        self.jumps = 0
        self.camera_offset_s: float | None = None
        self._zero = _SmallestDelay()
        self._transit = _SmallestDelay()
        self._pts_s: float | None = None
        self._arrived_s = 0.0
        self._captured_s: float | None = None

    @property
    def trusts_time_stamps(self) -> bool:
        """Whether the stream's time stamps are used."""
        return self.jumps < _MOST_JUMPS

    def place(self, pts_s: float | None, arrived_s: float, camera_delay_s: float | None = None) -> Moment:
        """When a picture was taken.

        Args:
            pts_s: its time stamp, seconds of the stream's clock; None where it has none.
            arrived_s: when it came, monotonic seconds.
            camera_delay_s: how long ago it was taken by the camera's clock held against our wall clock, seconds;
                None where the camera does not tell.
        """
        target_s, least_s, base = arrived_s, 0.0, TimeBase.ARRIVAL
        if pts_s is not None and self.trusts_time_stamps:
            self._notice_jump(pts_s, arrived_s)
            step_s = 0.0 if self._pts_s is None else pts_s - self._pts_s
            target_s = pts_s + self._zero.take(arrived_s - pts_s, arrived_s)
            transit_s = self._transit_s(camera_delay_s, arrived_s)
            if transit_s is not None:
                target_s, base = target_s - transit_s, TimeBase.CAMERA
            # What is learned of the delays moves the zero: by less than half a frame at a time, or the belt would seem
            # to leap.
            least_s, self._pts_s = step_s / 2, pts_s
        self._arrived_s = arrived_s
        return Moment(self._rising(target_s, least_s, arrived_s), base)

    def _notice_jump(self, pts_s: float, arrived_s: float) -> None:
        if self._pts_s is None:
            return
        step_s = pts_s - self._pts_s
        if step_s <= 0 or step_s - (arrived_s - self._arrived_s) > _LONGEST_LEAP_S:
            self.jumps += 1
            self._zero, self._transit, self._pts_s = _SmallestDelay(), _SmallestDelay(), None

    def _transit_s(self, camera_delay_s: float | None, now_s: float) -> float | None:
        """How long the fastest picture was under way, where the camera's clock can be believed."""
        if camera_delay_s is None:
            return None
        # A wall clock that was set, ours or the camera's, makes the smallest delay of before worthless.
        known = self._transit.delay_s
        if known is not None and not -_CLOCKS_AGREE_S <= known <= _LONGEST_TRANSIT_S:
            self._transit = _SmallestDelay()
        transit_s = self.camera_offset_s = self._transit.take(camera_delay_s, now_s)
        return max(transit_s, 0.0) if -_CLOCKS_AGREE_S <= transit_s <= _LONGEST_TRANSIT_S else None

    def _rising(self, target_s: float, least_s: float, arrived_s: float) -> float:
        before_s = self._captured_s
        if before_s is not None:
            target_s = max(min(max(target_s, before_s + least_s), arrived_s), before_s + 1e-6)
        self._captured_s = target_s
        return target_s
