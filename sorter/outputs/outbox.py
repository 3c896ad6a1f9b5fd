"""The decisions that wait for the broker: pure, bounded, and every one accounted for."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """What became of a line's decisions since boot.

    ``made = acknowledged + expired + dropped + waiting`` holds at every moment.
    """

    sent: int = 0
    """Handed to the connection; a decision sent again after the connection was lost counts again."""
    acknowledged: int = 0
    """The broker has it."""
    expired: int = 0
    """Its deadline passed before the broker had it."""
    dropped: int = 0
    """Given up for any other reason: the queue was full, the broker refused it, or the service stopped."""
    failed: int = 0
    """How many of the dropped the broker refused."""
    confirmed: int = 0
    """The diverter has answered; several answers to one decision count once."""
    made: int = 0
    waiting: int = 0
    """Queued or on their way."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One decision on its way out."""

    decision_id: str
    payload: bytes
    act_before_s: float
    """Monotonic seconds; infinity where nothing waits for it."""


class Outbox:
    """A queue of decisions with a window of those the broker has not acknowledged yet.

    The broker client's own queue is not used: it delivers after the deadline, refuses the newest and keeps
    the oldest, and sends everything at once after a reconnect.

    Args:
        capacity: how many decisions wait at most; beyond it the oldest is dropped.
        max_in_flight: how many may be unacknowledged at a time.
    """

    def __init__(self, capacity: int = 1000, max_in_flight: int = 10) -> None:
        self._capacity = capacity
        self.max_in_flight = max_in_flight
        self._queue: deque[Outgoing] = deque()
        self._in_flight: OrderedDict[int, Outgoing] = OrderedDict()
        self._counts = DeliveryCounts()

    @property
    def counts(self) -> DeliveryCounts:
        """A snapshot."""
        return replace(self._counts, waiting=len(self._queue) + len(self._in_flight))

    def offer(self, item: Outgoing) -> None:
        """Queue a new decision; a full queue drops its oldest, the least useful."""
        self._queue.append(item)
        self._count(made=1)
        self._drop_oldest()

    def next(self, now_s: float) -> Outgoing | None:
        """The decision to send now, or None; it stays queued until `sent`."""
        self.expire(now_s)
        if not self._queue or len(self._in_flight) >= self.max_in_flight:
            return None
        return self._queue[0]

    def sent(self, message_id: int) -> None:
        """The decision that `next` gave is on its way under this id."""
        self._in_flight[message_id] = self._queue.popleft()
        self._count(sent=1)

    def acknowledge(self, message_id: int, *, accepted: bool) -> bool:
        """The broker answered; False where the id is none of ours (or of a connection long gone)."""
        if self._in_flight.pop(message_id, None) is None:
            return False
        if accepted:
            self._count(acknowledged=1)
        else:
            self._count(dropped=1, failed=1)
        return True

    def take_back(self) -> None:
        """The connection is gone: what was on its way is queued again, in order, ahead of the rest."""
        self._queue.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._drop_oldest()

    def expire(self, now_s: float) -> None:
        """Give up what nobody could act on any more."""
        in_time = [item for item in self._queue if item.act_before_s > now_s]
        if len(in_time) < len(self._queue):
            self._count(expired=len(self._queue) - len(in_time))
            self._queue = deque(in_time)

    def give_up(self, now_s: float) -> None:
        """The service stops: account for all that still waits."""
        self.take_back()
        self.expire(now_s)
        self._count(dropped=len(self._queue))
        self._queue.clear()

    def _drop_oldest(self) -> None:
        while len(self._queue) > self._capacity:
            self._queue.popleft()
            self._count(dropped=1)

    def _count(self, **more: int) -> None:
        self._counts = replace(
            self._counts, **{name: getattr(self._counts, name) + number for name, number in more.items()}
        )


class RecentIds:
    """Remembers the last ``capacity`` ids, so that each is taken once; the oldest are forgotten first."""

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, name: str) -> bool:
        """True the first time an id is seen."""
        if name in self._ids:
            return False
        self._ids[name] = None
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)
        return True
