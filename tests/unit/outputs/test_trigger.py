from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sorter.outputs.messages import dumps
from sorter.outputs.trigger import TriggerMessage, parse_trigger, trigger_message

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[3] / "config/schema/trigger.schema.json").read_text("utf-8"))
)
GOOD = {"schema": "sorter.trigger/1", "product": 5000}
WHOLE = st.integers(0, 2**53 - 1)


def payload(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_a_number_is_all_that_is_needed():
    assert parse_trigger(payload()) == TriggerMessage(5000, "5000")


def test_all_that_can_be_said():
    said = payload(trigger_id="eye 2/5000", at="2023-11-14T22:13:20.250Z", encoder=-7, more=[1])
    assert parse_trigger(said) == TriggerMessage(5000, "eye 2/5000", 1_700_000_000.25, -7)


def test_nothing_said_is_the_same_as_left_out():
    assert parse_trigger(payload(trigger_id=None, at=None, encoder=None)) == parse_trigger(payload())


@pytest.mark.parametrize("at", ["2023-11-14T23:13:20.250+01:00", "2023-11-14T22:13:20.250000Z"])
def test_a_time_may_be_of_any_zone_and_finer_than_milliseconds(at):
    assert parse_trigger(payload(at=at)).at_wall_s == 1_700_000_000.25


printable = st.text(min_size=1, max_size=256).filter(str.isprintable)
wall_ms = st.none() | st.integers(0, 4 * 10**12).map(lambda ms: ms / 1000)


@given(st.builds(TriggerMessage, WHOLE, printable, wall_ms, st.none() | st.integers(1 - 2**53, 2**53 - 1)))
def test_what_an_eye_says_is_read_back_and_is_what_the_schema_says(trigger):
    sent = dumps(trigger_message(trigger))
    SCHEMA.validate(json.loads(sent))
    assert parse_trigger(sent) == trigger


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 4096, "it is not JSON"),
        (b" " * 4097, "it is longer than 4096 bytes"),
        (b"5000", "its schema is not sorter.trigger/1"),
        (payload(schema="sorter.trigger/2"), "its schema is not sorter.trigger/1"),
        (payload(product=None), "its product is missing"),
        (payload(product=-1), "its product is not a whole number from 0 to 9007199254740991"),
        (payload(product=1.5), "its product is not a whole number"),
        (payload(product=True), "its product is not a whole number"),
        (payload(product="5000"), "its product is not a whole number"),
        (payload(product=2**53), "its product is not a whole number"),
        (payload(trigger_id=""), "its trigger_id is not a text of 1 to 256 printable characters"),
        (payload(trigger_id="x" * 257), "its trigger_id is not"),
        (payload(trigger_id=5000), "its trigger_id is not"),
        (payload(trigger_id="a\nb"), "its trigger_id is not"),
        (payload(trigger_id="\ud800"), "its trigger_id is not"),
        (payload(at=1_700_000_000), "its at is not a time like"),
        (payload(at="2023-11-14T22:13:20Z"), "its at is not a time like .* with milliseconds and zone"),
        (payload(at="2023-11-14T22:13:20.000"), "its at is not a time like"),
        (payload(at="2023-02-30T22:13:20.000Z"), "its at is not a time like"),
        (payload(at="0000-01-01T00:00:00.000Z"), "its at is not a time like"),
        (payload(at="2023-11-14T22:13:20.\u0660\u0660\u0660Z"), "its at is not a time like"),
        (payload(encoder=1.0), "its encoder is not a whole number"),
        (payload(encoder="1"), "its encoder is not a whole number"),
    ],
)
def test_nonsense_is_refused_with_its_reason(said, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_trigger(said)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(said):
    try:
        parse_trigger(said)
    except ValueError as error:
        assert str(error).startswith("it")  # noqa: PT017 - both ends are right, only other errors are wrong


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.none(), max_size=1)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("product", "trigger_id", "at", "encoder"), values)))
def test_what_the_schema_refuses_is_refused(changes):
    message = GOOD | changes
    try:
        parse_trigger(json.dumps(message).encode())
    except ValueError:
        return
    assert SCHEMA.is_valid(message) or any(isinstance(one, float) for one in changes.values())
