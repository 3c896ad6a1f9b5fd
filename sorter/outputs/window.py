"""How many messages may wait for the broker's acknowledgement: its quota, shared by decisions and all else."""

from __future__ import annotations

import threading

MAX_IN_FLIGHT = 10
"""Decisions."""
MAX_UNACKNOWLEDGED = 20
_KEPT_FREE = 6
"""For state, recipe, alarms and answers, where the quota is large enough."""


class Window:
    """Counts what is on its way on the connection that stands.

    Called in several threads. Its lock is its own and held for a moment only: the client library holds locks while it
    tells of an acknowledgement, so nothing of it may be called meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on_their_way: dict[int, tuple[bool, float]] = {}
        self._too_early: set[int] = set()
        """Acknowledged before whoever published them could note it."""
        self._number = 0
        self.quota = MAX_UNACKNOWLEDGED
        """How many messages the broker takes unacknowledged, at most `MAX_UNACKNOWLEDGED`."""

    def open(self, quota: int, number: int) -> None:
        """The connection of this number stands, and nothing is on its way there; number 0 is none."""
        with self._lock:
            self._number = number
            self.quota = max(1, min(quota, MAX_UNACKNOWLEDGED))
            self._on_their_way.clear()
            self._too_early.clear()

    def close(self) -> None:
        """The connection is gone."""
        self.open(self.quota, 0)

    def sent(self, message_id: int, now_s: float, *, number: int, takes_quota: bool) -> None:
        """A message was handed to the library while the connection of this number stood.

        It takes from the decisions' quota unless it is one of them, or of QoS 0.
        """
        with self._lock:
            if number != self._number:
                return  # it has gone with its connection
            if message_id in self._too_early:
                self._too_early.discard(message_id)
            else:
                self._on_their_way[message_id] = (takes_quota, now_s)

    def answered(self, message_id: int) -> None:
        """The broker has acknowledged it, or refused it."""
        with self._lock:
            if self._on_their_way.pop(message_id, None) is None:
                self._too_early.add(message_id)

    @property
    def for_decisions(self) -> int:
        """How many decisions may be on their way now: none while the quota is used up by other messages.

        A decision beyond the quota would wait in the library, which does not know deadlines.
        """
        with self._lock:
            others = sum(takes_quota for takes_quota, _ in self._on_their_way.values())
            kept_free = max(others, min(_KEPT_FREE, self.quota - MAX_IN_FLIGHT))
            return max(0, min(MAX_IN_FLIGHT, self.quota - kept_free))

    def overdue_s(self, now_s: float) -> float:
        """How long the oldest unacknowledged message has waited; 0 where none waits."""
        with self._lock:
            return max((now_s - sent_s for _, sent_s in self._on_their_way.values()), default=0.0)
