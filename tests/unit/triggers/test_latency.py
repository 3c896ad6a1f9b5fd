"""How late the pictures' times are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.triggers.latency import EyeToPicture


def fed(latency: EyeToPicture, *late_s: float) -> EyeToPicture:
    for one in late_s:
        latency.take(one)
    return latency


def test_the_first_ten_matches_are_what_is_expected_from_then_on():
    latency = fed(EyeToPicture(None, 0.05), *[0.04] * 9)
    assert (latency.expected_s, latency.measured_s) == (None, None)
    fed(latency, 0.04, *[0.07] * 20)
    assert (latency.expected_s, latency.measured_s) == (0.04, 0.07)
    assert not latency.drifted


def test_one_that_was_set_is_kept():
    latency = fed(EyeToPicture(0.3, 0.05), *[0.31] * 20)
    assert (latency.expected_s, latency.measured_s, latency.drifted) == (0.3, 0.31, False)


def test_the_first_is_looked_for_where_it_was_set_and_the_next_where_the_last_were():
    assert EyeToPicture(None, 0.05).guess_s == 0.0
    latency = EyeToPicture(0.3, 0.05)
    assert latency.guess_s == 0.3
    assert fed(latency, 0.2, 0.2).guess_s == 0.3
    assert fed(latency, 0.2).guess_s == 0.2


def test_a_drift_is_raised_beyond_the_limit_and_cleared_within_half_of_it():
    latency = fed(EyeToPicture(0.0, 0.05), *[0.0] * 20)
    drifted = [fed(latency, 0.06).drifted for _ in range(20)]
    assert drifted == [False] * 10 + [True] * 10
    assert fed(latency, *[0.03] * 20).drifted
    assert not fed(latency, *[0.02] * 20).drifted
    assert fed(latency, *[-0.06] * 20).drifted


@given(st.lists(st.floats(-0.02, 0.02), min_size=40, max_size=80), st.lists(st.integers(0, 39), max_size=4))
def test_jitter_and_a_few_wild_ones_are_no_drift(jitter_s, wild):
    latency = EyeToPicture(None, 0.05)
    for index, one in enumerate(jitter_s):
        latency.take(0.1 + (5.0 if index in wild else one))
        assert not latency.drifted
    assert latency.expected_s == pytest.approx(0.1, abs=0.021)
