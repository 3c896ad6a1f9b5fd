"""The ledger: what has become of every decision, from made to confirmed; the one source of these counts."""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sorter.outputs.confirm import Confirm
from sorter.outputs.conservation import DeliveryCounts, SeenProducts, Sums
from sorter.outputs.messages import Message
from sorter.outputs.outbox import Move
from sorter.outputs.steps import CLOSED, DELIVERED, NoRecorder, Recorder, Step, StepTaken
from sorter.ports import Clock
from sorter.records import Decision
from sorter.settings.confirmation import ConfirmationSettings

NO_SUBSCRIBERS = "No matching subscribers"
"""What the client library calls MQTT 5's reason code 16: the broker took it, and nobody reads it."""
_MAY_HAVE_ARRIVED = frozenset({Step.ACKNOWLEDGED, Step.UNKNOWN})
_STOPPED = "the service stopped before its time was over"
_CROWDED = "too many waited for an answer"


class Answered(StrEnum):
    """What a confirm was worth."""

    TAKEN = "taken"
    """It closes a decision's entry."""
    REPEATED = "repeated"
    """The decision has been answered before, or its time was over."""
    STRAY = "stray"
    """It answers a decision that was never made, never sent, or is long forgotten."""


@dataclass(slots=True)
class _Entry:
    """One decision, from made until it is forgotten."""

    act_before_s: float
    sent: bool = False
    delivery: Step | None = None
    end: Step | None = None
    connection: int = 0
    """On which connection its delivery ended: an answer missed with a lost connection is not the diverter's fault."""


class Ledger:
    """One line's decisions and products since boot. Its own lock is held for each change, and never while waiting.

    Args:
        clock: dates each step.
        recorder: told of each step, in order, under the lock.
        confirmation: whether and when this line's diverters answer; None where they do not.
        capacity: how many delivered decisions are remembered, to tell a second answer from a stray one.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder | None = None,
        confirmation: ConfirmationSettings | None = None,
        capacity: int = 4096,
    ) -> None:
        self._clock = clock
        self._recorder = recorder or NoRecorder()
        self._confirmation = confirmation
        self._capacity = capacity
        self._lock = threading.Lock()
        self._undelivered: dict[str, _Entry] = {}
        """No more than the outbox holds."""
        self._delivered: OrderedDict[str, _Entry] = OrderedDict()
        self._awaiting: dict[str, _Entry] = {}
        """Those of the delivered ones that the diverter has yet to answer; empty where it does not answer."""
        self._seen = SeenProducts()
        self._verdicts: Counter[str] = Counter()
        self._steps: Counter[Step] = Counter()
        self._answers: Counter[Answered] = Counter()
        self._made = self._waiting = self._unread = self._malformed = 0
        self._connection = 0
        self._unanswered = 0
        """Decisions in a row that the diverter could have answered and did not."""

    def add(
        self,
        decision: Decision,
        message: Message,
        moves: Sequence[Move],
        waiting: int,
        when_written: Callable[[], None] = lambda: None,
    ) -> None:
        """A decision was made and offered to the outbox, which tells its ``moves`` and how many are ``waiting``.

        For ``when_written`` see `Recorder.add`.
        """
        with self._lock:
            self._seen.decided(decision.product)
            self._verdicts[decision.verdict.value] += 1
            self._made += 1
            self._undelivered[message["decision_id"]] = _Entry(decision.deadline.act_before_s)
            self._recorder.add(decision, message, when_written)
            self._apply(moves, waiting)

    def follow(self, moves: Sequence[Move], waiting: int) -> None:
        """The outbox has moved decisions; how many are ``waiting`` in it after that."""
        with self._lock:
            self._apply(moves, waiting)

    def answer(self, confirm: Confirm) -> Answered:
        """The diverter has answered."""
        with self._lock:
            name = confirm.decision_id
            entry = self._undelivered.get(name) or self._delivered.get(name)
            worth = Answered.TAKEN
            if entry is None or not entry.sent:
                worth = Answered.STRAY
            elif entry.end is not None:
                worth = Answered.REPEATED
            else:
                self._unanswered = 0
                self._end(name, entry, Step(confirm.outcome.value))
            self._answers[worth] += 1
            return worth

    def use(self, confirmation: ConfirmationSettings | None) -> None:
        """The diverters answer otherwise from now on; those that do not answer any more are waited for no longer."""
        with self._lock:
            self._confirmation = confirmation
            if confirmation is None:
                self._awaiting.clear()
                self._unanswered = 0

    def reconnected(self) -> None:
        """The connection was lost or made: answers to what was delivered before may have been missed."""
        with self._lock:
            self._connection += 1

    def settle(self) -> None:
        """Give up the answers whose time is over; call it several times a second."""
        confirmation = self._confirmation
        if confirmation is None:
            return
        over_s = self._clock.monotonic_s() - confirmation.within_s
        with self._lock:
            over = [(name, entry) for name, entry in self._awaiting.items() if entry.act_before_s <= over_s]
            for name, entry in over:
                could = entry.delivery is Step.ACKNOWLEDGED and entry.connection == self._connection
                self._unanswered += could
                self._end(name, entry, Step.UNCONFIRMED)

    def close(self) -> None:
        """The service stops: what waits for an answer will get none."""
        with self._lock:
            for name, entry in list(self._awaiting.items()):
                self._end(name, entry, Step.UNCONFIRMED, _STOPPED)

    def note_products(self, count: int) -> None:
        """The line's process has told, after its decisions, how many products it has decided."""
        with self._lock:
            self._seen.told(count)

    def note_process_lost(self) -> None:
        """The line's process is gone; the next one counts from zero and goes on with the product numbers."""
        with self._lock:
            self._seen.begin_again()

    def note_malformed(self) -> None:
        """What came as a diverter's answer is none."""
        with self._lock:
            self._malformed += 1

    @property
    def counts(self) -> DeliveryCounts:
        """What has become of the decisions so far."""
        return self.sums.delivery

    @property
    def sums(self) -> Sums:
        """All counts of one moment."""
        with self._lock:
            return self._sums()

    @property
    def troubles(self) -> dict[str, str]:
        """The causes of alarms that hold now, with their reasons."""
        with self._lock:
            sums, unanswered, confirmation = self._sums(), self._unanswered, self._confirmation
        troubles = {}
        limit = math.inf if confirmation is None else confirmation.alarm_after
        if unanswered >= limit:
            # Not how many by now: the state would be told anew with each of them.
            troubles["unconfirmed"] = (
                f"the diverter has not answered {limit} decisions in a row: look after it, and after its connection to "
                "the broker"
            )
        if sums.unaccounted_products or sums.unaccounted_decisions:
            troubles["unaccounted"] = (
                f"of the products seen {sums.unaccounted_products} have no verdict, and of the decisions made "
                f"{sums.unaccounted_decisions} no outcome: a fault of the program, please report it with the log"
            )
        return troubles

    def _sums(self) -> Sums:
        steps, confirmed = self._steps, (Step.ACTUATED, Step.BLOCKED, Step.MISSED)
        delivery = DeliveryCounts(
            made=self._made,
            sent=steps[Step.SENT],
            acknowledged=steps[Step.ACKNOWLEDGED],
            expired=steps[Step.EXPIRED],
            dropped=steps[Step.DROPPED],
            refused=steps[Step.REFUSED],
            unknown=steps[Step.UNKNOWN],
            waiting=self._waiting,
            unread=self._unread,
            confirmed=sum(steps[step] for step in confirmed),
            unconfirmed=steps[Step.UNCONFIRMED],
            repeated=self._answers[Answered.REPEATED],
            stray=self._answers[Answered.STRAY],
        )
        closed: Mapping[str, int] = {step.value: steps[step] for step in Step if step in CLOSED}
        return Sums(self._seen.count, dict(self._verdicts), delivery, closed, self._malformed)

    def _apply(self, moves: Sequence[Move], waiting: int) -> None:
        for move in moves:
            entry = self._undelivered.get(move.decision_id)
            if entry is None:
                continue  # not counted, so the sums tell of it
            entry.sent = entry.sent or move.step is Step.SENT
            self._note(move.decision_id, move.step, move.detail)
            if move.step in DELIVERED:
                self._unread += move.step is Step.ACKNOWLEDGED and move.detail == NO_SUBSCRIBERS
                self._deliver(move.decision_id, move.step)
        self._waiting = waiting
        while len(self._delivered) > self._capacity:
            name, entry = self._delivered.popitem(last=False)
            if name in self._awaiting:
                self._end(name, entry, Step.UNCONFIRMED, _CROWDED)

    def _deliver(self, name: str, step: Step) -> None:
        entry = self._delivered[name] = self._undelivered.pop(name)
        entry.delivery, entry.connection = step, self._connection
        if self._confirmation is not None and entry.end is None and step in _MAY_HAVE_ARRIVED:
            self._awaiting[name] = entry

    def _end(self, name: str, entry: _Entry, step: Step, detail: str | None = None) -> None:
        entry.end = step
        self._awaiting.pop(name, None)
        self._note(name, step, detail)

    def _note(self, name: str, step: Step, detail: str | None) -> None:
        self._steps[step] += 1
        self._recorder.note(StepTaken(name, step, self._clock.wall_s(), detail))
