from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.outputs.confirm import Confirm, ConfirmOutcome, confirm_message, parse_confirm
from sorter.outputs.messages import dumps


@given(st.text(min_size=1, max_size=256), st.sampled_from(ConfirmOutcome), st.floats(0, 4e9))
def test_what_a_diverter_says_is_read_back(name, outcome, at_wall_s):
    try:
        payload = dumps(confirm_message(Confirm(name, outcome), at_wall_s))
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return
    if len(payload) <= 4096:
        assert parse_confirm(payload) == Confirm(name, outcome)


GOOD = {"schema": "sorter.confirm/1", "decision_id": "a", "outcome": "missed"}


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 4096, "not JSON"),
        (b" " * 4097, "longer than 4096"),
        (b"[]", "schema"),
        (json.dumps(GOOD | {"schema": "sorter.confirm/2"}).encode(), "schema"),
        (json.dumps(GOOD | {"decision_id": 7}).encode(), "decision_id"),
        (json.dumps(GOOD | {"decision_id": ""}).encode(), "decision_id"),
        (json.dumps(GOOD | {"decision_id": "x" * 257}).encode(), "decision_id"),
        (json.dumps(GOOD | {"outcome": "done"}).encode(), "actuated, blocked, missed"),
        (json.dumps(GOOD | {"outcome": ["missed"]}).encode(), "outcome"),
    ],
)
def test_nonsense_is_refused_with_its_reason(payload, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_confirm(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload):
    try:
        parse_confirm(payload)
    except ValueError as error:
        assert str(error).startswith("it")  # noqa: PT017 - both ends are right, only other errors are wrong
