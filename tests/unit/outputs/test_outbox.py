from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sorter.outputs.outbox import Outbox, Outgoing, RecentIds


def outgoing(name: str, act_before_s: float = 100.0) -> Outgoing:
    return Outgoing(name, b"{}", act_before_s)


def send_all(outbox: Outbox, now_s: float, first_id: int = 1) -> list[str]:
    names = []
    while item := outbox.next(now_s):
        outbox.sent(first_id + len(names))
        names.append(item.decision_id)
    return names


def test_decisions_leave_in_order_and_only_so_many_are_on_their_way():
    outbox = Outbox(max_in_flight=2)
    for name in "abc":
        outbox.offer(outgoing(name))
    assert send_all(outbox, now_s=0.0) == ["a", "b"]
    assert outbox.acknowledge(1, accepted=True)
    assert send_all(outbox, now_s=0.0, first_id=3) == ["c"]


def test_a_decision_is_not_sent_at_its_deadline():
    outbox = Outbox()
    outbox.offer(outgoing("a", act_before_s=5.0))
    assert outbox.next(now_s=5.0) is None
    assert (outbox.counts.expired, outbox.counts.waiting) == (1, 0)


def test_a_full_queue_gives_up_its_oldest():
    outbox = Outbox(capacity=2)
    for name in "abc":
        outbox.offer(outgoing(name))
    assert send_all(outbox, now_s=0.0) == ["b", "c"]
    assert outbox.counts.dropped == 1


def test_what_was_on_its_way_is_sent_again_first_unless_its_deadline_passed():
    outbox = Outbox(max_in_flight=2)
    outbox.offer(outgoing("a", act_before_s=1.0))
    outbox.offer(outgoing("b"))
    outbox.offer(outgoing("c"))
    send_all(outbox, now_s=0.0)
    outbox.take_back()
    assert send_all(outbox, now_s=2.0, first_id=8) == ["b", "c"]
    assert outbox.counts.expired == 1


def test_an_answer_of_a_lost_connection_is_nobodys():
    outbox = Outbox()
    outbox.offer(outgoing("a"))
    send_all(outbox, now_s=0.0)
    outbox.take_back()
    assert not outbox.acknowledge(1, accepted=True)
    assert outbox.counts.acknowledged == 0


def test_a_refused_decision_is_dropped_and_counted_as_failed():
    outbox = Outbox()
    outbox.offer(outgoing("a"))
    send_all(outbox, now_s=0.0)
    outbox.acknowledge(1, accepted=False)
    assert (outbox.counts.dropped, outbox.counts.failed, outbox.counts.waiting) == (1, 1, 0)


def test_giving_up_accounts_for_all():
    outbox = Outbox(max_in_flight=1)
    for name, act_before_s in (("a", 9.0), ("b", 1.0), ("c", 9.0)):
        outbox.offer(outgoing(name, act_before_s))
    outbox.next(0.0)
    outbox.sent(1)
    outbox.give_up(now_s=2.0)
    counts = outbox.counts
    assert (counts.expired, counts.dropped, counts.waiting) == (1, 2, 0)


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens in whatever order: every decision is accounted for, none is sent late or twice at once."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(capacity=4, max_in_flight=3)
        self.now_s = 0.0
        self.made = 0
        self.last_id = 0
        self.on_their_way: dict[int, str] = {}
        self.acknowledged: list[str] = []

    @rule(left_s=st.floats(-1, 10))
    def decide(self, left_s):
        self.made += 1
        self.outbox.offer(outgoing(str(self.made), self.now_s + left_s))

    @rule()
    def send(self):
        item = self.outbox.next(self.now_s)
        if item is not None:
            assert item.act_before_s > self.now_s
            assert item.decision_id not in self.on_their_way.values()
            assert item.decision_id not in self.acknowledged
            self.last_id += 1
            self.outbox.sent(self.last_id)
            self.on_their_way[self.last_id] = item.decision_id

    @rule(data=st.data(), accepted=st.booleans())
    def answer(self, data, accepted):
        number = data.draw(st.integers(0, self.last_id + 1))
        known = self.on_their_way.pop(number, None)
        assert self.outbox.acknowledge(number, accepted=accepted) == (known is not None)
        if known is not None and accepted:
            self.acknowledged.append(known)

    @rule()
    def lose_the_connection(self):
        self.outbox.take_back()
        self.on_their_way.clear()

    @rule(duration_s=st.floats(0, 5))
    def wait(self, duration_s):
        self.now_s += duration_s

    @invariant()
    def all_are_accounted_for(self):
        counts = self.outbox.counts
        assert counts.made == self.made
        assert counts.made == counts.acknowledged + counts.expired + counts.dropped + counts.waiting
        assert counts.acknowledged == len(self.acknowledged)
        assert counts.failed <= counts.dropped

    @invariant()
    def nothing_grows_without_bound(self):
        assert len(self.on_their_way) <= 3
        assert self.outbox.counts.waiting <= 4 + 3


TestAnyHistory = AnyHistory.TestCase


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_an_id_is_new_once_while_it_is_remembered(names):
    recent = RecentIds(capacity=100)
    assert [recent.is_new(name) for name in names] == [name not in names[:i] for i, name in enumerate(names)]


def test_the_oldest_id_is_forgotten_first():
    recent = RecentIds(capacity=2)
    assert [recent.is_new(name) for name in "abcba"] == [True, True, True, False, True]
