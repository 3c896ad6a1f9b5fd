"""From the trigger topic to triggers that can be believed; what cannot is counted and told."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sorter.outputs.link import Throttle
from sorter.outputs.trigger import TriggerMessage, parse_trigger
from sorter.ports import Clock

_log = logging.getLogger(__name__)

_MOST_UNREAD = 1000
_CLOCKS_APART_S = 5.0
"""A time farther than this from ours is not when the eye saw anything."""
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Announcement:
    """A trigger message, and when the eye saw its product."""

    message: TriggerMessage
    seen_at_s: float
    """Monotonic seconds: as the message says, and where it does not, when it arrived."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A message as the connection handed it over."""

    payload: bytes
    at_s: float
    """Monotonic seconds."""
    wall_minus_monotonic_s: float


class TriggerInbox:
    """Filled by the broker connection's thread, read by the service's.

    Args:
        line: the line's name, for the log.
        clock: time.
    """

    def __init__(self, line: str, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._unread: deque[_Heard] = deque()
        self._last: deque[TriggerMessage] = deque(maxlen=_REMEMBERED)
        self._overrun = self._overrun_told = 0
        """Each is written by one thread only."""
        self.malformed = 0
        """Messages that were no triggers."""
        self.refused = 0
        """Triggers that cannot be true, came a second time, or were too many at once."""
        self._malformed_log, self._refused_log = Throttle(), Throttle()

    def hear(self, payload: bytes) -> None:
        """A message on the trigger topic; never waits."""
        if len(self._unread) >= _MOST_UNREAD:
            self._overrun += 1
            return
        now_s = self._clock.monotonic_s()
        self._unread.append(_Heard(payload, now_s, self._clock.wall_s() - now_s))

    def read(self) -> Iterator[Announcement]:
        """What was heard since the last call and can be believed."""
        while self._unread:
            announcement = self._read(self._unread.popleft())
            if announcement is not None:
                yield announcement
        overrun = self._overrun - self._overrun_told
        if overrun:
            self._overrun_told += overrun
            self._refuse(f"{overrun} triggers more than {_MOST_UNREAD} came at once", overrun)

    def _read(self, heard: _Heard) -> Announcement | None:
        try:
            message = parse_trigger(heard.payload)
        except ValueError as error:
            self.malformed += 1
            self._warn(self._malformed_log, f"line {self._line}: a message on its trigger topic is ignored: {error}")
            return None
        if message in self._last:
            self._refuse(f"trigger {message.trigger_id} came a second time")
            return None
        self._last.append(message)
        return self._dated(message, heard)

    def _dated(self, message: TriggerMessage, heard: _Heard) -> Announcement | None:
        if message.at_wall_s is None:
            return Announcement(message, heard.at_s)
        seen_at_s = message.at_wall_s - heard.wall_minus_monotonic_s
        ahead_s = seen_at_s - heard.at_s
        if abs(ahead_s) <= _CLOCKS_APART_S:
            return Announcement(message, seen_at_s)
        side = "ahead of" if ahead_s > 0 else "behind"
        told = f"the time of trigger {message.trigger_id} is {abs(ahead_s):.1f} s {side} our clock"
        self._refuse(f"{told}: set both clocks by NTP")
        return None

    def _refuse(self, sentence: str, count: int = 1) -> None:
        self.refused += count
        self._warn(self._refused_log, f"line {self._line}: {sentence}; ignored")

    def _warn(self, throttle: Throttle, sentence: str) -> None:
        said = throttle.say(sentence, self._clock.monotonic_s())
        if said is not None:
            _log.warning("%s", said)
