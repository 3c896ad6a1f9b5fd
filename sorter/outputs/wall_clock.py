"""Wall time that no jump of the machine's clock can move under a deadline, labelled with its synchronization."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable

from sorter.outputs.messages import Synchronization
from sorter.ports import Clock

_log = logging.getLogger(__name__)

_JUMP_S = 0.5
"""A difference larger than this between two looks is no slewing: NTP slews by less than 0.1 s a second."""
_TIMEX_BYTES = 512
"""More than `struct timex` has on any architecture of Linux (208 with 64-bit time)."""
_TIME_ERROR = 5
"""What adjtimex(2) returns where the clock is not synchronized."""


_STANDS_S = {Synchronization.SYNCHRONIZED: 1.0, Synchronization.UNKNOWN: 60.0}
"""How long a jump must have stood before it is followed; one of a clock that is not synchronized never is."""


def read_synchronization() -> Synchronization:
    """Ask the kernel, as adjtimex(2) with nothing to change; needs no privilege."""
    if sys.platform != "linux":
        return Synchronization.UNKNOWN
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):  # a C library without it
        return Synchronization.UNKNOWN
    if state < 0:
        return Synchronization.UNKNOWN
    return Synchronization.UNSYNCHRONIZED if state == _TIME_ERROR else Synchronization.SYNCHRONIZED


class WallAnchor:
    """What turns monotonic seconds into seconds since 1970. Small differences are followed at once, jumps are not.

    A jump is followed once the clock has said for a second that it is synchronized, or has stood for a minute where it
    does not say; where it says that it is not, somebody set it by hand, and nobody knows whether to the right time.

    Args:
        monotonic_s: seconds that never jump.
        wall_s: seconds since 1970, read at the same moment.
    """

    def __init__(self, monotonic_s: float, wall_s: float) -> None:
        self.shift_s = wall_s - monotonic_s
        """Wall minus monotonic seconds, as it holds for what is made now."""
        self.jump_s: float | None = None
        """By how much the clock is ahead of the anchor (negative: behind) by a jump not followed yet."""
        self._stood: tuple[Synchronization, float] | None = None
        """What the clock has said of itself since the jump, or since it last said something else, and since when."""

    def look(self, monotonic_s: float, wall_s: float, synchronization: Synchronization) -> None:
        """Look at the clock, several times a second; ``synchronization`` is asked after ``wall_s`` was read."""
        apart_s = wall_s - monotonic_s - self.shift_s
        if abs(apart_s) <= _JUMP_S:
            self._follow(apart_s)
            return
        moved_again = self.jump_s is None or abs(apart_s - self.jump_s) > _JUMP_S
        self.jump_s = apart_s
        if moved_again or self._stood is None or self._stood[0] is not synchronization:
            self._stood = (synchronization, monotonic_s)
        stands_s = _STANDS_S.get(synchronization)
        if stands_s is not None and monotonic_s - self._stood[1] >= stands_s:
            self._follow(apart_s)

    def _follow(self, apart_s: float) -> None:
        self.shift_s += apart_s
        self.jump_s, self._stood = None, None


class AnchoredClock:
    """A `ports.Clock` whose wall time does not jump: all times of a service's messages are read from it.

    Args:
        clock: the machine's.
        synchronization: asks what the system says of its clock.
        require_synchronized: whether a clock that is not synchronized is a trouble by itself.
    """

    def __init__(
        self,
        clock: Clock,
        synchronization: Callable[[], Synchronization] = read_synchronization,
        *,
        require_synchronized: bool = False,
    ) -> None:
        self._clock = clock
        self._ask = synchronization
        self._required = require_synchronized
        self._anchor = WallAnchor(clock.monotonic_s(), clock.wall_s())
        self.synchronization = synchronization()
        """What the system said of its clock at the last look."""

    def look(self) -> None:
        """Hold the machine's clock against the anchor; call it several times a second, from one thread."""
        monotonic_s, wall_s = self._clock.monotonic_s(), self._clock.wall_s()
        self.synchronization = self._ask()
        pending_s = self._anchor.jump_s
        self._anchor.look(monotonic_s, wall_s, self.synchronization)
        if pending_s is not None and self._anchor.jump_s is None:
            _log.info("the clock's jump of %+.1f s is over: deadlines agree with the clock again", pending_s)

    @property
    def shift_s(self) -> float:
        """Wall minus monotonic seconds, for what is made now."""
        return self._anchor.shift_s

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        return self._clock.monotonic_s()

    def wall_s(self) -> float:
        """Seconds since 1970, by the anchor."""
        return self._clock.monotonic_s() + self._anchor.shift_s

    def wait_s(self, duration_s: float) -> None:
        """Return when ``duration_s`` seconds have passed."""
        self._clock.wait_s(duration_s)

    @property
    def troubles(self) -> dict[str, str]:
        """The causes of alarms that hold now, with their reasons."""
        troubles = {}
        if self._anchor.jump_s is not None:
            troubles["clock_jumped"] = self._jump_in_words(self._anchor.jump_s)
        if self._required and self.synchronization is not Synchronization.SYNCHRONIZED:
            troubles["clock_unsynchronized"] = (
                f"this machine's clock is {self.synchronization.value}, as its system says: deadlines may not agree "
                "with the PLC's clock; set both by NTP"
            )
        return troubles

    def _jump_in_words(self, jump_s: float) -> str:
        direction = "forward" if jump_s > 0 else "back"
        remedy = {
            Synchronization.SYNCHRONIZED: "it is followed in a moment, since it says that it is synchronized",
            Synchronization.UNKNOWN: "it is followed when it has stood for a minute",
            Synchronization.UNSYNCHRONIZED: (
                "it says that it is not synchronized; let NTP set it, or restart the service to take the new time"
            ),
        }[self.synchronization]
        told = f"this machine's clock was set {direction} by {abs(jump_s):.1f} s"
        return f"{told}: deadlines go on by the time before; {remedy}"
