"""What is said of a connection, and for how long it is a trouble; on a written clock."""

from __future__ import annotations

import logging

import pytest

from sorter.outputs.refusal import OFTEN_LOST, TAKEN_OVER, Failure
from sorter.outputs.standing import Standing

REFUSED = Failure("it refuses us (Not authorized): mend mqtt.username", refused=True)
AWAY = Failure("connection refused")


@pytest.fixture
def standing() -> Standing:
    return Standing("the broker")


def test_a_blink_is_no_alarm_and_a_loss_is_one_after_a_second(standing):
    standing.begun(0.0)
    assert standing.troubles(0.9) == {}
    assert standing.troubles(1.0) == {"broker_lost": "no connection to the broker: it does not answer"}
    standing.connected(2.0)
    assert standing.troubles(2.0) == {}
    standing.lost("the connection was lost", 50.0, taken_over=False)
    assert standing.troubles(50.5) == {}
    standing.failed(AWAY, 51.0)
    assert standing.troubles(51.0) == {"broker_lost": "no connection to the broker: connection refused"}


def test_before_it_begins_nothing_is_wrong(standing):
    assert standing.troubles(1e6) == {}


def test_a_refusal_is_a_trouble_at_once_and_until_it_connects(standing):
    standing.begun(0.0)
    standing.failed(REFUSED, 0.1)
    assert list(standing.troubles(0.1)) == ["broker_refused"]
    standing.connected(9.0)
    assert standing.troubles(9.0) == {}


def test_a_broker_that_refused_and_is_away_now_is_lost(standing):
    standing.begun(0.0)
    standing.failed(REFUSED, 0.1)
    standing.failed(AWAY, 5.0)
    assert list(standing.troubles(5.0)) == ["broker_lost"]


def test_a_refusal_after_a_loss_is_loud_and_its_repeats_are_not(standing):
    standing.begun(0.0)
    notices = [standing.failed(one, at_s) for at_s, one in enumerate((AWAY, AWAY, REFUSED, REFUSED, AWAY))]
    loud = [notice.level == logging.WARNING for notice in notices]
    assert loud == [True, False, True, False, False]
    assert notices[2].sentence == "no connection to the broker: it refuses us (Not authorized): mend mqtt.username."


def test_a_broker_that_says_who_threw_us_out_is_believed_until_the_connection_has_stood(standing):
    standing.connected(0.0)
    notices = standing.lost("the connection was lost (Session taken over)", 100.0, taken_over=True)
    assert notices[-1].sentence == f"the broker: {TAKEN_OVER}"
    standing.connected(105.0)
    assert standing.troubles(134.9) == {"client_id_taken": TAKEN_OVER}
    assert standing.troubles(135.0) == {}


def test_two_that_throw_each_other_out_wait_longer_and_longer(standing):
    delays_s = []
    for turn in range(7):
        delays_s.append(standing.retry_after_s)
        standing.connected(100.0 * turn)
        standing.lost("lost", 100.0 * turn + 1.0, taken_over=True)
    assert delays_s == [1, 5, 10, 20, 40, 60, 60]
    standing.connected(1000.0)
    standing.lost("lost", 1040.0, taken_over=False)
    assert standing.retry_after_s == 1, "it has stood: nobody wants the id any more"


def test_a_connection_lost_three_times_right_after_it_was_made_is_told_once(standing):
    sentences = []
    for turn in range(5):
        standing.connected(10.0 * turn)
        sentences += [one.sentence for one in standing.lost("lost", 10.0 * turn + 0.5, taken_over=False)]
    assert sentences.count(f"the broker: {OFTEN_LOST}") == 1
    assert sentences.index(f"the broker: {OFTEN_LOST}") == 3
    assert standing.troubles(45.0)["client_id_taken"] == OFTEN_LOST
    assert standing.retry_after_s == 5


def test_a_broker_that_is_restarted_again_and_again_is_not_taken_for_another_client(standing):
    for turn in range(9):
        standing.connected(10.0 * turn)
        standing.lost("lost", 10.0 * turn + 0.5, taken_over=False)
        standing.failed(AWAY, 10.0 * turn + 1.5)
    assert "client_id_taken" not in standing.troubles(100.0)
    assert standing.retry_after_s == 1
