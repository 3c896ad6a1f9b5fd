"""The ledger with a real outbox: worked examples, any history, and many threads at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from prometheus_client import CollectorRegistry

from sorter.outputs.confirm import Confirm, ConfirmOutcome
from sorter.outputs.ledger import NO_SUBSCRIBERS, Answered, Ledger
from sorter.outputs.ledger_metrics import LedgerMetrics
from sorter.outputs.outbox import Outbox, Outgoing
from sorter.outputs.steps import CLOSED, DELIVERED, Step, StepTaken
from sorter.records import Deadline, Decision, RecipeId, Verdict
from sorter.settings.confirmation import ConfirmationSettings
from tests.unit.clock import WrittenClock

RECIPE = RecipeId("any", 1, "0" * 16)


class Written:
    """A recorder that keeps all it is told."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.steps: list[StepTaken] = []

    def add(self, _decision: Decision, message: dict[str, Any], when_written: Callable[[], None]) -> None:
        when_written()
        self.added.append(message["decision_id"])

    def note(self, step: StepTaken) -> None:
        self.steps.append(step)


def decided(product: int, act_before_s: float, verdict: Verdict = Verdict.ROUTED) -> Decision:
    return Decision(product, verdict, "left", 0.0, 0.0, Deadline(0.0, act_before_s), 3, RECIPE)


class Desk:
    """An outbox and its ledger, kept together as the publisher keeps them; safe between threads."""

    def __init__(
        self,
        confirmation: ConfirmationSettings | None = None,
        capacity: int = 4,
        remembered: int = 99,
        written: Written | None = None,
    ):
        self.clock = WrittenClock(0.0)
        self.written = written or Written()
        self.ledger = Ledger(self.clock, self.written, confirmation, remembered)
        self.outbox = Outbox(capacity=capacity, max_in_flight=3)
        self.lock = threading.Lock()
        self.made = self.last_id = 0

    def decide(self, left_s: float = 100.0, verdict: Verdict = Verdict.ROUTED) -> str:
        with self.lock:
            self.made += 1
            name = f"id-{self.made}"
            decision = decided(self.made, self.clock.now_s + left_s, verdict)
            self.outbox.offer(Outgoing(name, b"{}", decision.deadline.act_before_s))
            message = {"decision_id": name}
            self.ledger.add(decision, message, self.outbox.take_moves(), self.outbox.waiting)
        return name

    def send(self) -> int | None:
        with self.lock:
            item = self.outbox.next(self.clock.now_s)
            if item is not None:
                assert item.act_before_s > self.clock.now_s
                self.last_id += 1
                self.outbox.sent(self.last_id)
            self._tell()
            return None if item is None else self.last_id

    def acknowledge(self, message_id: int, *, accepted: bool = True, reason: str | None = None) -> None:
        with self.lock:
            self.outbox.acknowledge(message_id, accepted=accepted, reason=reason)
            self._tell()

    def lose_the_connection(self) -> None:
        with self.lock:
            self.outbox.take_back()
            self.ledger.reconnected()
            self._tell()

    def tick(self) -> None:
        with self.lock:
            self.outbox.expire(self.clock.now_s)
            self._tell()
        self.ledger.settle()

    def stop(self) -> None:
        with self.lock:
            self.outbox.give_up(self.clock.now_s)
            self._tell()
        self.ledger.close()

    def deliver(self, left_s: float = 1.0, reason: str | None = None) -> str:
        name = self.decide(left_s)
        message_id = self.send()
        assert message_id is not None
        self.acknowledge(message_id, reason=reason)
        return name

    def answer(self, name: str, outcome: ConfirmOutcome = ConfirmOutcome.ACTUATED) -> Answered:
        return self.ledger.answer(Confirm(name, outcome))

    def _tell(self) -> None:
        self.ledger.follow(self.outbox.take_moves(), self.outbox.waiting)


ANSWERING = ConfirmationSettings(within_s=2.0, alarm_after=3)


def test_a_life_from_made_to_actuated_is_written_down_with_its_times() -> None:
    desk = Desk(ANSWERING)
    desk.decide(5.0)
    desk.clock.now_s = 0.1
    assert desk.send() == 1
    desk.clock.now_s = 0.2
    desk.acknowledge(1)
    desk.clock.now_s = 0.3
    assert desk.answer("id-1") is Answered.TAKEN
    told = [(one.step, round(one.at_wall_s - 1.7e9, 3), one.detail) for one in desk.written.steps]
    assert desk.written.added == ["id-1"]
    assert told == [(Step.SENT, 0.1, None), (Step.ACKNOWLEDGED, 0.2, None), (Step.ACTUATED, 0.3, None)]
    counts = desk.ledger.counts
    assert (counts.made, counts.sent, counts.acknowledged, counts.confirmed, counts.waiting) == (1, 1, 1, 1, 0)
    assert desk.ledger.troubles == {}


def test_an_answer_may_overtake_the_brokers_acknowledgement() -> None:
    desk = Desk(ANSWERING)
    desk.decide()
    desk.send()
    assert desk.answer("id-1") is Answered.TAKEN
    desk.acknowledge(1)
    desk.clock.now_s = 200.0
    desk.tick()
    assert [one.step for one in desk.written.steps] == [Step.SENT, Step.ACTUATED, Step.ACKNOWLEDGED]


def test_a_second_answer_counts_once_and_a_stray_one_never() -> None:
    desk = Desk(ANSWERING)
    name = desk.deliver()
    assert [desk.answer(name), desk.answer(name, ConfirmOutcome.BLOCKED)] == [Answered.TAKEN, Answered.REPEATED]
    unsent = desk.decide()
    assert [desk.answer(unsent), desk.answer("of another boot")] == [Answered.STRAY, Answered.STRAY]
    counts = desk.ledger.counts
    assert (counts.confirmed, counts.repeated, counts.stray) == (1, 1, 2)


def test_a_decision_that_is_not_answered_in_its_time_is_unconfirmed_and_an_answer_after_that_changes_nothing() -> None:
    desk = Desk(ANSWERING)
    name = desk.deliver(left_s=1.0)
    desk.clock.now_s = 2.9
    desk.tick()
    assert desk.ledger.counts.unconfirmed == 0
    desk.clock.now_s = 3.0
    desk.tick()
    assert desk.ledger.counts.unconfirmed == 1
    assert desk.answer(name) is Answered.REPEATED
    assert desk.ledger.sums.closed == {"actuated": 0, "blocked": 0, "missed": 0, "unconfirmed": 1}


def test_where_diverters_do_not_answer_nothing_is_missed() -> None:
    desk = Desk(confirmation=None)
    name = desk.deliver()
    desk.clock.now_s = 1e6
    desk.tick()
    assert desk.ledger.counts.unconfirmed == 0
    assert desk.answer(name) is Answered.TAKEN


def test_silence_of_the_diverter_is_an_alarm_until_it_answers_again() -> None:
    desk = Desk(ANSWERING)
    for _ in range(3):
        assert "unconfirmed" not in desk.ledger.troubles
        desk.deliver()
        desk.clock.now_s += 10.0
        desk.tick()
    assert desk.ledger.troubles["unconfirmed"].startswith("the diverter has not answered 3 decisions in a row")
    desk.answer(desk.deliver())
    assert desk.ledger.troubles == {}


def test_answers_that_a_lost_connection_may_have_swallowed_are_no_alarm() -> None:
    desk = Desk(ANSWERING)
    for _ in range(9):
        desk.deliver()
    desk.lose_the_connection()
    desk.clock.now_s += 10.0
    desk.tick()
    assert desk.ledger.counts.unconfirmed == 9
    assert desk.ledger.troubles == {}


@pytest.mark.parametrize("step", [Step.EXPIRED, Step.DROPPED, Step.REFUSED])
def test_what_never_arrived_is_not_unconfirmed(step: Step) -> None:
    desk = Desk(ANSWERING)
    desk.decide(1.0)
    if step is Step.REFUSED:
        desk.acknowledge(desk.send() or 0, accepted=False, reason="Not authorized")
    elif step is Step.DROPPED:
        desk.stop()
    desk.clock.now_s = 10.0
    desk.tick()
    assert [one.step for one in desk.written.steps if one.step is not Step.SENT] == [step]


def test_that_nobody_reads_is_counted() -> None:
    desk = Desk()
    desk.deliver(reason=NO_SUBSCRIBERS)
    desk.deliver()
    assert (desk.ledger.counts.acknowledged, desk.ledger.counts.unread) == (2, 1)


def test_memory_is_bounded_and_what_is_pushed_out_unanswered_is_unconfirmed() -> None:
    desk = Desk(ANSWERING, remembered=2)
    names = [desk.deliver(left_s=1e9) for _ in range(5)]
    assert desk.ledger.counts.unconfirmed == 3
    assert desk.answer(names[0]) is Answered.STRAY
    assert desk.answer(names[-1]) is Answered.TAKEN


def test_a_stop_closes_what_waits_for_an_answer() -> None:
    desk = Desk(ANSWERING)
    desk.deliver()
    desk.stop()
    assert desk.written.steps[-1].step is Step.UNCONFIRMED
    assert desk.ledger.troubles == {}


class TestConservation:
    def ledger_with(self, *products: int) -> Ledger:
        ledger = Ledger(WrittenClock(0.0))
        for number in products:
            ledger.add(decided(number, 1.0), {"decision_id": f"id-{number}"}, [], 1)
        return ledger

    def test_a_decision_lost_between_line_and_service_leaves_a_gap_in_the_numbers(self) -> None:
        ledger = self.ledger_with(1, 2, 4)
        assert (ledger.sums.products, ledger.sums.unaccounted_products) == (4, 1)
        assert "of the products seen 1 have no verdict" in ledger.troubles["unaccounted"]

    def test_the_last_ones_that_are_lost_are_told_by_the_heartbeat(self) -> None:
        ledger = self.ledger_with(1, 2)
        ledger.note_products(2)
        assert ledger.sums.unaccounted_products == 0
        ledger.note_products(4)
        assert ledger.sums.unaccounted_products == 2

    def test_a_heartbeat_that_is_behind_the_decisions_is_no_fault(self) -> None:
        ledger = self.ledger_with(1, 2, 3)
        ledger.note_products(1)
        assert ledger.sums.unaccounted_products == 0

    def test_a_product_that_is_decided_twice_is_a_difference_too(self) -> None:
        assert self.ledger_with(1, 2, 2).sums.unaccounted_products == -1

    def test_a_restarted_line_goes_on_with_the_numbers_and_counts_from_zero(self) -> None:
        ledger = self.ledger_with(1, 2)
        ledger.note_products(2)
        ledger.note_process_lost()
        ledger.note_products(0)
        ledger.add(decided(3, 1.0), {"decision_id": "id-3"}, [], 1)
        ledger.note_products(1)
        assert (ledger.sums.products, ledger.sums.unaccounted_products) == (3, 0)
        ledger.note_process_lost()
        ledger.add(decided(5, 1.0), {"decision_id": "id-5"}, [], 1)
        assert ledger.sums.unaccounted_products == 1

    def test_an_outcome_that_is_never_told_is_a_difference(self) -> None:
        ledger = self.ledger_with(1)
        ledger.follow([], 0)
        assert ledger.sums.unaccounted_decisions == 1
        assert "of the decisions made 1 no outcome" in ledger.troubles["unaccounted"]


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens in whatever order: the sums hold at every step, and each decision ends exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(ANSWERING)
        self.stopped = False

    @rule(left_s=st.floats(-1, 10), verdict=st.sampled_from(Verdict))
    @precondition(lambda self: not self.stopped)
    def decide(self, left_s: float, verdict: Verdict) -> None:
        self.desk.decide(left_s, verdict)

    @rule()
    @precondition(lambda self: not self.stopped)
    def send(self) -> None:
        self.desk.send()

    @rule(data=st.data(), accepted=st.booleans())
    def acknowledge(self, data: st.DataObject, accepted: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        self.desk.acknowledge(data.draw(st.integers(0, self.desk.last_id + 1)), accepted=accepted)

    @rule(data=st.data(), outcome=st.sampled_from(ConfirmOutcome))
    def answer(self, data: st.DataObject, outcome: ConfirmOutcome) -> None:
        self.desk.answer(f"id-{data.draw(st.integers(0, self.desk.made + 1))}", outcome)

    @rule()
    def lose_the_connection(self) -> None:
        self.desk.lose_the_connection()

    @rule(duration_s=st.floats(0, 5))
    def wait(self, duration_s: float) -> None:
        self.desk.clock.wait_s(duration_s)
        self.desk.tick()

    @rule()
    def stop(self) -> None:
        self.desk.stop()
        self.stopped = True

    @invariant()
    def the_sums_hold(self) -> None:
        sums = self.desk.ledger.sums
        assert (sums.unaccounted_products, sums.unaccounted_decisions) == (0, 0)
        assert sums.products == sums.delivery.made == self.desk.made
        assert sums.delivery.waiting == self.desk.outbox.waiting <= 4 + 3

    @invariant()
    def each_ends_at_most_once_and_all_but_those_that_wait_have(self) -> None:
        steps = self.desk.written.steps
        delivered = Counter(one.decision_id for one in steps if one.step in DELIVERED)
        closed = Counter(one.decision_id for one in steps if one.step in CLOSED)
        assert set(delivered.values()) | set(closed.values()) <= {1}
        assert len(delivered) + self.desk.outbox.waiting == self.desk.made
        sent = {one.decision_id for one in steps if one.step is Step.SENT}
        assert set(closed) <= sent
        expired = {one.decision_id for one in steps if one.step in {Step.EXPIRED, Step.DROPPED}}
        assert not expired & sent

    @invariant()
    def where_it_stopped_every_delivered_one_is_closed(self) -> None:
        if self.stopped:
            steps = self.desk.written.steps
            arrived = {one.decision_id for one in steps if one.step in {Step.ACKNOWLEDGED, Step.UNKNOWN}}
            assert arrived <= {one.decision_id for one in steps if one.step in CLOSED}


TestAnyHistory = AnyHistory.TestCase


def _shares(registry: CollectorRegistry) -> dict[str, float]:
    """The metrics of one scrape, summed over their labels."""
    shares: Counter[str] = Counter()
    for family in registry.collect():
        for sample in family.samples:
            shares[sample.name] += sample.value
    return dict(shares)


class Interrupting(Written):
    """A recorder that lets the other threads go on in the middle of each change."""

    def note(self, step: StepTaken) -> None:
        time.sleep(0)
        super().note(step)


def test_both_sums_are_exact_in_every_scrape_while_eight_threads_work() -> None:
    desk = Desk(ANSWERING, capacity=50, written=Interrupting())
    registry = CollectorRegistry()
    LedgerMetrics(registry).watch("one", desk.ledger)

    over = threading.Event()

    def work(number: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            name = desk.decide(0.5, list(Verdict)[turn % 5])
            message_id = desk.send()
            if message_id is not None and turn % 7:
                desk.acknowledge(message_id, accepted=turn % 3 != 0)
            desk.answer(name)
            if number == 0:
                desk.clock.now_s += 0.01
                desk.tick()
                if turn % 50 == 49:
                    desk.lose_the_connection()

    def scrape() -> int:
        shares = _shares(registry)
        assert shares["sorter_ledger_unaccounted"] == 0
        assert shares["sorter_ledger_products_total"] == shares["sorter_ledger_verdicts_total"]
        ended = shares["sorter_ledger_deliveries_total"] + shares["sorter_ledger_waiting"]
        assert shares["sorter_ledger_decisions_total"] == ended
        return int(shares["sorter_ledger_decisions_total"])

    workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
    for worker in workers:
        worker.start()
    try:
        scrapes: set[int] = set()
        while len(scrapes) < 60:
            scrapes.add(scrape())
    finally:
        over.set()
        for worker in workers:
            worker.join()
    assert scrape() == desk.made
    desk.stop()
    scrape()
    assert desk.ledger.counts.waiting == 0
