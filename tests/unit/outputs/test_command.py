from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.outputs.command import Command, CommandName, may_answer_on, parse_command
from sorter.outputs.command_inbox import CommandInbox
from sorter.outputs.connection import Heard
from sorter.outputs.topics import Topics

OURS = Topics("sorter", "plant", "one")


def test_an_empty_payload_is_a_command_without_particulars():
    assert parse_command(CommandName.PAUSE, b"") == Command(CommandName.PAUSE)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "it names no recipe"),
        (b"\xff", "it is not JSON"),
        (b"[]", "its schema is not"),
        (b'{"schema":"sorter.command/1","name":7}', "its name is not a text"),
        (b'{"schema":"sorter.command/1","name":""}', "its name is not a text"),
        (b'{"schema":"sorter.command/1","name":"a\\nb"}', "its name is not a text"),
        (b'{"schema":"sorter.command/1","name":"a","by":["x"]}', "its by is not a text"),
        (b'{"schema":"sorter.command/1","name":"a","command_id":"' + b"x" * 257 + b'"}', "its command_id"),
        (b" " * 5000, "it is longer than"),
    ],
)
def test_what_is_no_command_is_refused_with_the_reason(payload, why):
    with pytest.raises(ValueError, match=why):
        parse_command(CommandName.RECIPE, payload)


@given(st.sampled_from(CommandName), st.binary() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["schema", "name", "by", "command_id"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_comes_is_read_or_refused(name, payload):
    try:
        command = parse_command(name, payload)
    except ValueError:
        return
    assert command.name is name


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("hmi/7", True),
        ("sorter/plant/one/command_answer", True),
        ("sorter/plant/one/command_answer/hmi-7", True),
        ("sorter/plant/one/command_answers", False),
        ("sorter/plant/one/decision", False),
        ("sorter/plant/two/command/pause", False),
        ("sorter/plant/two/command_answer", False),
        ("hmi/#", False),
        ("hmi/+", False),
        ("$SYS/broker", False),
        ("a\0b", False),
        ("", False),
        ("x" * 1025, False),
    ],
)
def test_an_answer_goes_nowhere_where_anything_of_ours_is_said_or_heard(topic, allowed):
    assert may_answer_on(topic, OURS) is allowed


def test_the_inbox_is_bounded_and_counts_what_it_gives_up():
    inbox = CommandInbox()
    for number in range(130):
        inbox.hear(Heard("sorter/plant/one/command/pause", str(number).encode()))
    assert [int(one.payload) for one in inbox.read()] == list(range(100))
    assert inbox.take_overrun() == 30
    assert inbox.take_overrun() == 0
