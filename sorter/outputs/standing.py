"""How a line stands with its broker: connected, lost or refused, for how long, and what is said of it. Pure."""

from __future__ import annotations

import logging

from sorter.outputs.link import LinkLog, Notice
from sorter.outputs.refusal import OFTEN_LOST, TAKEN_OVER, Failure

_GRACE_S = 1.0
"""A connection that is back within this time was a blink and no loss."""
_STANDS_S = 30.0
"""A connection that is as old as this has nobody who wants its id."""
_SHORT_S = 10.0
_SHORT_TIMES = 3
_BACK_OFF_S = (1, 5, 10, 20, 40, 60)

_REMEDY = "Start the broker, or mend mqtt in the settings file; decisions wait until their deadline."
_WAITING = Failure("it does not answer")


class Standing:
    """Told of everything that happens to the connection, each with the time (monotonic).

    Args:
        peer: the broker, as in "the MQTT broker at host:port".
    """

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._log = LinkLog(peer, _REMEDY)
        self._down: tuple[float, Failure] | None = None
        """Since when, and why; None while connected, and before it begins."""
        self._connected_s: float | None = None
        self._short_times = 0
        """How often in a row the connection was lost right after it was made."""
        self._taken: str | None = None
        self._thrown_out = 0

    def begun(self, now_s: float) -> None:
        """The first connection is being made, or one that stood is given up for a better one."""
        if self._down is None:
            self._down = (now_s, _WAITING)
        self._connected_s = None

    def connected(self, now_s: float) -> Notice:
        """The broker has accepted us."""
        self._down, self._connected_s = None, now_s
        return self._log.connected(now_s)

    def failed(self, failure: Failure, now_s: float) -> Notice:
        """A connection could not be made."""
        self._short_times = 0  # the broker itself is away: nobody need be throwing us out
        since_s = now_s if self._down is None else self._down[0]
        self._down = (since_s, failure)
        return self._log.failed(failure.reason, now_s, refused=failure.refused)

    def lost(self, reason: str, now_s: float, *, taken_over: bool) -> list[Notice]:
        """A connection that stood is gone."""
        stood_s = now_s - self._connected_s if self._connected_s is not None else 0.0
        self._connected_s = None
        self._forget_after(stood_s)
        short_times = self._short_times + 1 if stood_s < _SHORT_S else 0
        known = self._taken is not None
        if taken_over:
            self._thrown_out += 1
            self._taken = TAKEN_OVER
        elif short_times >= _SHORT_TIMES:
            self._thrown_out = max(self._thrown_out, 1)
            self._taken = self._taken or OFTEN_LOST
        notices = [self.failed(Failure(reason), now_s)]
        self._short_times = short_times
        if self._taken is not None and not known:
            notices.append(Notice(logging.WARNING, f"{self._peer}: {self._taken}"))
        return notices

    def _forget_after(self, stood_s: float) -> None:
        if stood_s >= _STANDS_S:
            self._taken, self._thrown_out, self._short_times = None, 0, 0

    @property
    def retry_after_s(self) -> int:
        """How long to wait at least before connecting again: two that throw each other out must not race."""
        return _BACK_OFF_S[min(self._thrown_out, len(_BACK_OFF_S) - 1)]

    def troubles(self, now_s: float) -> dict[str, str]:
        """Each cause that holds at ``now_s``, with its reason in words."""
        found: dict[str, str] = {}
        if (down := self._down) is not None:
            since_s, failure = down
            if failure.refused:
                found["broker_refused"] = f"no connection to {self._peer}: {failure.reason}"
            elif now_s - since_s >= _GRACE_S:
                found["broker_lost"] = f"no connection to {self._peer}: {failure.reason}"
        if (taken := self._taken) is not None:
            connected_s = self._connected_s
            if connected_s is None or now_s - connected_s < _STANDS_S:
                found["client_id_taken"] = taken
        return found
