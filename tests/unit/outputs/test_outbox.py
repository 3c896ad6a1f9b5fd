from __future__ import annotations

from sorter.outputs.outbox import Move, Outbox, Outgoing
from sorter.outputs.steps import Step


def outgoing(name: str, act_before_s: float = 100.0) -> Outgoing:
    return Outgoing(name, b"{}", act_before_s)


def send_all(outbox: Outbox, now_s: float, first_id: int = 1) -> list[str]:
    names = []
    while item := outbox.next(now_s):
        outbox.sent(first_id + len(names))
        names.append(item.decision_id)
    return names


def ends(outbox: Outbox) -> list[tuple[str, Step]]:
    """What has become of decisions, but for their being sent."""
    return [(move.decision_id, move.step) for move in outbox.take_moves() if move.step is not Step.SENT]


def test_decisions_leave_in_order_and_only_so_many_are_on_their_way():
    outbox = Outbox(max_in_flight=2)
    for name in "abc":
        outbox.offer(outgoing(name))
    assert send_all(outbox, now_s=0.0) == ["a", "b"]
    assert outbox.acknowledge(1, accepted=True)
    assert send_all(outbox, now_s=0.0, first_id=3) == ["c"]
    sent, acknowledged = Step.SENT, Step.ACKNOWLEDGED
    assert outbox.take_moves() == [Move("a", sent), Move("b", sent), Move("a", acknowledged), Move("c", sent)]
    assert outbox.take_moves() == []
    assert outbox.waiting == 2


def test_a_decision_waits_to_be_written_down_and_holds_back_those_after_it():
    outbox = Outbox()
    outbox.offer(outgoing("a"), held_until_s=0.1)
    outbox.offer(outgoing("b"), held_until_s=0.1)
    outbox.release("b")
    assert outbox.next(now_s=0.05) is None
    assert outbox.holding
    outbox.release("a")
    assert not outbox.holding
    assert send_all(outbox, now_s=0.05) == ["a", "b"]


def test_a_decision_that_nobody_writes_down_is_sent_all_the_same():
    outbox = Outbox()
    outbox.offer(outgoing("a"), held_until_s=0.1)
    assert send_all(outbox, now_s=0.1) == ["a"]
    outbox.take_back()
    assert send_all(outbox, now_s=0.1) == ["a"], "and is not held again"


def test_a_decision_that_expires_unwritten_is_forgotten():
    outbox = Outbox()
    outbox.offer(outgoing("a", act_before_s=0.05), held_until_s=0.1)
    assert outbox.next(now_s=0.06) is None
    assert ends(outbox) == [("a", Step.EXPIRED)]
    outbox.release("a")
    assert not outbox.holding


def test_a_decision_is_not_sent_at_its_deadline():
    outbox = Outbox()
    outbox.offer(outgoing("a", act_before_s=5.0))
    assert outbox.next(now_s=5.0) is None
    assert (outbox.take_moves(), outbox.waiting) == ([Move("a", Step.EXPIRED)], 0)


def test_a_full_queue_gives_up_its_oldest():
    outbox = Outbox(capacity=2)
    for name in "abc":
        outbox.offer(outgoing(name))
    assert outbox.take_moves() == [Move("a", Step.DROPPED, "too many waited")]
    assert send_all(outbox, now_s=0.0) == ["b", "c"]


def test_what_was_on_its_way_is_sent_again_first_and_where_its_deadline_passed_nobody_knows_whether_it_arrived():
    outbox = Outbox(max_in_flight=2)
    outbox.offer(outgoing("a", act_before_s=1.0))
    outbox.offer(outgoing("b"))
    outbox.offer(outgoing("c"))
    outbox.offer(outgoing("d", act_before_s=1.0))
    send_all(outbox, now_s=0.0)
    outbox.take_back()
    assert send_all(outbox, now_s=2.0, first_id=8) == ["b", "c"]
    assert ends(outbox) == [("a", Step.UNKNOWN), ("d", Step.EXPIRED)]


def test_what_is_on_its_way_at_its_deadline_stays_so_until_it_is_acknowledged_or_lost():
    outbox = Outbox()
    outbox.offer(outgoing("a", act_before_s=1.0))
    send_all(outbox, now_s=0.0)
    outbox.expire(2.0)
    assert (ends(outbox), outbox.waiting) == ([], 1)
    outbox.acknowledge(1, accepted=True)
    assert (ends(outbox), outbox.waiting) == ([("a", Step.ACKNOWLEDGED)], 0)


def test_what_was_sent_and_taken_back_is_not_held_to_be_unsent_when_the_queue_is_full():
    outbox = Outbox(capacity=1, max_in_flight=1)
    outbox.offer(outgoing("a"))
    send_all(outbox, now_s=0.0)
    outbox.offer(outgoing("b"))
    outbox.take_back()
    assert ends(outbox) == [("a", Step.UNKNOWN)]


def test_an_answer_of_a_lost_connection_is_nobodys():
    outbox = Outbox()
    outbox.offer(outgoing("a"))
    send_all(outbox, now_s=0.0)
    outbox.take_back()
    assert not outbox.acknowledge(1, accepted=True)
    assert (ends(outbox), outbox.waiting) == ([], 1)


def test_a_refused_decision_ends_with_the_brokers_reason():
    outbox = Outbox()
    outbox.offer(outgoing("a"))
    send_all(outbox, now_s=0.0)
    outbox.acknowledge(1, accepted=False, reason="Not authorized")
    assert outbox.take_moves()[-1] == Move("a", Step.REFUSED, "Not authorized")
    assert outbox.waiting == 0


def test_giving_up_accounts_for_all():
    outbox = Outbox(max_in_flight=1)
    for name, act_before_s in (("a", 9.0), ("b", 1.0), ("c", 9.0)):
        outbox.offer(outgoing(name, act_before_s))
    outbox.next(0.0)
    outbox.sent(1)
    outbox.give_up(now_s=2.0)
    assert ends(outbox) == [("b", Step.EXPIRED), ("a", Step.UNKNOWN), ("c", Step.DROPPED)]
    assert outbox.waiting == 0
