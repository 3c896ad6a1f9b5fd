"""The broker's quota is never exceeded, and a decision never waits in the library."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorter.outputs.window import MAX_IN_FLIGHT, MAX_UNACKNOWLEDGED, Window


def test_with_the_usual_quota_ten_decisions_may_wait():
    window = Window()
    window.open(20, 1)
    assert window.for_decisions == 10


def test_a_quota_of_one_is_taken_in_turns():
    window = Window()
    window.open(1, 1)
    assert window.for_decisions == 1
    window.sent(7, 0.0, number=1, takes_quota=True)
    assert window.for_decisions == 0
    window.answered(7)
    assert window.for_decisions == 1


def test_an_acknowledgement_that_comes_before_its_message_was_noted_counts():
    window = Window()
    window.open(1, 1)
    window.answered(7)
    window.sent(7, 0.0, number=1, takes_quota=True)
    assert (window.for_decisions, window.overdue_s(9.0)) == (1, 0.0)


def test_what_was_sent_on_a_connection_that_is_gone_takes_nothing_from_the_next():
    window = Window()
    window.open(1, 1)
    window.sent(7, 0.0, number=1, takes_quota=True)
    window.close()
    window.open(1, 2)
    window.sent(8, 0.0, number=1, takes_quota=True)
    assert (window.for_decisions, window.overdue_s(9.0)) == (1, 0.0)


def test_the_oldest_message_tells_how_long_the_broker_has_been_silent():
    window = Window()
    window.open(20, 1)
    window.sent(1, 10.0, number=1, takes_quota=False)
    window.sent(2, 12.0, number=1, takes_quota=True)
    assert window.overdue_s(15.0) == 5.0
    window.answered(1)
    assert window.overdue_s(15.0) == 3.0


@given(quota=st.integers(1, 65535), others=st.integers(0, 40))
def test_decisions_and_the_rest_together_keep_to_the_quota(quota, others):
    window = Window()
    window.open(quota, 1)
    for number in range(others):
        window.sent(number, 0.0, number=1, takes_quota=True)
    on_their_way = min(others, window.quota)  # the library holds the rest back
    assert window.quota <= min(quota, MAX_UNACKNOWLEDGED)
    assert 0 <= window.for_decisions <= MAX_IN_FLIGHT
    assert on_their_way + window.for_decisions <= window.quota
    assert window.for_decisions or others, "with nothing else on its way a decision can always go"
