"""The decisions that wait for the broker: pure, bounded, and every one accounted for."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace

from sorter.outputs.steps import Step

_FULL = "too many waited"
_STOPPED = "the service stopped"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One decision on its way out."""

    decision_id: str
    payload: bytes
    act_before_s: float
    """Monotonic seconds; infinity where nothing waits for it."""
    user_properties: tuple[tuple[str, str], ...] = ()
    """What MQTT 5 says of it beside the payload."""
    was_sent: bool = False
    """It was on its way on a connection that was lost: the broker may have it."""


@dataclass(frozen=True, slots=True)
class Move:
    """What has become of one decision."""

    decision_id: str
    step: Step
    detail: str | None = None


class Outbox:
    """A queue of decisions with a window of those the broker has not acknowledged yet.

    The broker client's own queue is not used: it delivers after the deadline, refuses the newest and keeps
    the oldest, and sends everything at once after a reconnect.

    Args:
        capacity: how many decisions wait at most; beyond it the oldest is given up.
        max_in_flight: how many may be unacknowledged at a time.
    """

    def __init__(self, capacity: int = 1000, max_in_flight: int = 10) -> None:
        self._capacity = capacity
        self.max_in_flight = max_in_flight
        self._queue: deque[Outgoing] = deque()
        self._in_flight: OrderedDict[int, Outgoing] = OrderedDict()
        self._held_until_s: dict[str, float] = {}
        """Of those that are not written down yet."""
        self._moves: list[Move] = []

    @property
    def waiting(self) -> int:
        """How many are queued or on their way."""
        return len(self._queue) + len(self._in_flight)

    def take_moves(self) -> list[Move]:
        """What has become of decisions since the last call, in order."""
        moves, self._moves = self._moves, []
        return moves

    @property
    def holding(self) -> bool:
        """Whether the decision to be sent next is held back."""
        return bool(self._queue) and self._queue[0].decision_id in self._held_until_s

    def offer(self, item: Outgoing, held_until_s: float | None = None) -> None:
        """Queue a new decision; a full queue gives up its oldest, the least useful.

        One that is to be written down first is held back, and those after it: until `release`, and never longer than
        to ``held_until_s`` (monotonic seconds).
        """
        self._queue.append(item)
        if held_until_s is not None:
            self._held_until_s[item.decision_id] = held_until_s
        self._give_up_oldest()

    def release(self, decision_id: str) -> None:
        """It is written down, or need not be waited for."""
        self._held_until_s.pop(decision_id, None)

    def next(self, now_s: float) -> Outgoing | None:
        """The decision to send now, or None; it stays queued until `sent`."""
        self.expire(now_s)
        if not self._queue or len(self._in_flight) >= self.max_in_flight:
            return None
        item = self._queue[0]
        return None if now_s < self._held_until_s.get(item.decision_id, now_s) else item

    def sent(self, message_id: int) -> None:
        """The decision that `next` gave is on its way under this id."""
        item = self._queue.popleft()
        self._in_flight[message_id] = item
        self._note(item, Step.SENT)

    def acknowledge(self, message_id: int, *, accepted: bool, reason: str | None = None) -> bool:
        """The broker answered; False where the id is none of ours (or of a connection long gone).

        One that was accepted after its deadline is acknowledged all the same: its reader judges by the deadline.
        """
        item = self._in_flight.pop(message_id, None)
        if item is None:
            return False
        self._note(item, Step.ACKNOWLEDGED if accepted else Step.REFUSED, reason)
        return True

    def take_back(self) -> None:
        """The connection is gone: what was on its way is queued again, in order, ahead of the rest."""
        self._queue.extendleft(replace(item, was_sent=True) for item in reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._give_up_oldest()

    def expire(self, now_s: float) -> None:
        """Give up what nobody could act on any more."""
        if any(item.act_before_s <= now_s for item in self._queue):
            for item in self._queue:
                if item.act_before_s <= now_s:
                    self._note(item, Step.UNKNOWN if item.was_sent else Step.EXPIRED)
            self._queue = deque(item for item in self._queue if item.act_before_s > now_s)

    def give_up(self, now_s: float) -> None:
        """The service stops: account for all that still waits."""
        self.take_back()
        self.expire(now_s)
        while self._queue:
            self._give_up(self._queue.popleft(), _STOPPED)

    def _give_up_oldest(self) -> None:
        while len(self._queue) > self._capacity:
            self._give_up(self._queue.popleft(), _FULL)

    def _give_up(self, item: Outgoing, why: str) -> None:
        self._note(item, Step.UNKNOWN if item.was_sent else Step.DROPPED, why)

    def _note(self, item: Outgoing, step: Step, detail: str | None = None) -> None:
        self._held_until_s.pop(item.decision_id, None)
        self._moves.append(Move(item.decision_id, step, detail))
