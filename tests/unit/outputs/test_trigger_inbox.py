from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from sorter.outputs.messages import dumps
from sorter.outputs.trigger import TriggerMessage, trigger_message
from sorter.outputs.trigger_inbox import TriggerInbox
from tests.unit.clock import WrittenClock


@pytest.fixture
def clock():
    return WrittenClock(wall_zero_s=1.7e9 - 100.0)


@pytest.fixture
def inbox(clock):
    return TriggerInbox("one", clock)


FIVE = TriggerMessage(5, "eye-5", 1.7e9 - 0.25, 17)


def payload(trigger: TriggerMessage = FIVE) -> bytes:
    return dumps(trigger_message(trigger))


def read(inbox: TriggerInbox) -> list[tuple[int, float]]:
    return [(one.message.product, round(one.seen_at_s, 6)) for one in inbox.read()]


def test_a_trigger_is_dated_by_what_it_says_whenever_it_is_read(inbox, clock):
    inbox.hear(payload())
    clock.wait_s(1.0)
    assert read(inbox) == [(5, 99.75)]
    assert read(inbox) == []


def test_a_trigger_that_says_no_time_is_dated_by_its_arrival(inbox, clock):
    inbox.hear(payload(replace(FIVE, at_wall_s=None)))
    clock.wait_s(1.0)
    assert read(inbox) == [(5, 100.0)]


def test_a_wall_clock_that_was_set_meanwhile_changes_nothing(inbox, clock):
    inbox.hear(payload())
    clock.wall_zero_s += 3600.0
    assert read(inbox) == [(5, 99.75)]


@pytest.mark.parametrize(
    ("off_s", "sentence"),
    [
        (-5.1, "the time of trigger eye-5 is 5.1 s behind our clock: set both clocks by NTP; ignored"),
        (7200.0, "the time of trigger eye-5 is 7200.0 s ahead of our clock: set both clocks by NTP; ignored"),
    ],
)
def test_a_time_that_cannot_be_true_is_refused_and_says_how_far_the_clocks_differ(inbox, caplog, off_s, sentence):
    inbox.hear(payload(replace(FIVE, at_wall_s=1.7e9 + off_s)))
    assert read(inbox) == []
    assert inbox.refused == 1
    assert [record.getMessage() for record in caplog.records] == [f"line one: {sentence}"]


@pytest.mark.parametrize("off_s", [-4.9, 4.9])
def test_a_time_within_five_seconds_is_taken(inbox, off_s):
    inbox.hear(payload(replace(FIVE, at_wall_s=1.7e9 + off_s)))
    assert read(inbox) == [(5, 100.0 + off_s)]


def test_a_message_that_the_broker_delivers_twice_counts_once(inbox, caplog):
    for trigger in (FIVE, FIVE, replace(FIVE, at_wall_s=1.7e9)):
        inbox.hear(payload(trigger))
    assert read(inbox) == [(5, 99.75), (5, 100.0)]
    assert inbox.refused == 1
    assert "trigger eye-5 came a second time" in caplog.text


def test_nonsense_is_counted_and_told_once_a_minute(inbox, clock, caplog):
    caplog.set_level(logging.WARNING, "sorter")
    for _ in range(3):
        inbox.hear(b"?")
    assert read(inbox) == []
    clock.wait_s(61.0)
    inbox.hear(b"?")
    assert read(inbox) == []
    assert inbox.malformed == 4
    sentence = "line one: a message on its trigger topic is ignored: it is not JSON"
    assert [record.getMessage() for record in caplog.records] == [
        sentence,
        f"{sentence} (2 more like it since the last such line)",
    ]


def test_a_flood_is_bounded_and_what_is_given_up_is_counted(inbox, caplog):
    for number in range(1200):
        inbox.hear(payload(TriggerMessage(number, str(number))))
    assert [product for product, _ in read(inbox)] == list(range(1000))
    assert inbox.refused == 200
    assert "200 triggers more than 1000 came at once; ignored" in caplog.text
    inbox.hear(payload())
    assert read(inbox) == [(5, 99.75)]
