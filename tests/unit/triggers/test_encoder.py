"""The belt's speed and way from encoder counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.triggers.encoder import BeltEncoder


def fed(*readings: tuple[float, int]) -> BeltEncoder:
    belt = BeltEncoder(mm_per_count=0.5)
    for at_s, count in readings:
        belt.take(at_s, count)
    return belt


def steady(number: int, start_s: float = 10.0, start: int = 1000, per_s: float = 400.0) -> list[tuple[float, int]]:
    """Readings half a second apart."""
    return [(start_s + index / 2, start + round(index / 2 * per_s)) for index in range(number)]


def test_three_spans_make_a_speed():
    assert fed(*steady(3)).mm_per_s is None
    assert fed(*steady(4)).mm_per_s == pytest.approx(200.0)


def test_another_speed_is_known_after_three_spans():
    readings = steady(8)
    faster = [
        (at_s + readings[-1][0] - 9.5, count + readings[-1][1]) for at_s, count in steady(3, start=400, per_s=800)
    ]
    assert fed(*readings, *faster[:2]).mm_per_s == pytest.approx(200.0)
    assert fed(*readings, *faster).mm_per_s == pytest.approx(400.0)


def test_a_belt_that_stood_for_a_while_does_not_count_as_slow():
    readings = steady(6)
    later = [(at_s + 60.0, count) for at_s, count in steady(9)[6:]]
    assert fed(*readings, *later).mm_per_s == pytest.approx(200.0)


def test_a_belt_that_stands_measures_nothing():
    belt = fed(*steady(6))
    for at_s in (20.0, 21.0, 22.0, 23.0, 24.0):
        assert belt.take(at_s, steady(6)[-1][1])
    assert belt.mm_per_s == pytest.approx(200.0)


@pytest.mark.parametrize("start", [0, -70000])
def test_a_counter_that_wraps_around_or_is_reset_spoils_one_span(start):
    belt = fed(*steady(6))
    assert not belt.take(13.0, start)
    for at_s, count in steady(6, start_s=13.5, start=start + 200):
        assert belt.take(at_s, count)
    assert belt.mm_per_s == pytest.approx(200.0)


def test_a_reading_out_of_order_is_passed_over():
    belt = fed(*steady(6))
    assert belt.take(11.2, 1)
    assert belt.take(12.5, 999_999)
    assert not belt.take(12.8, 999_999)
    assert not belt.take(12.9, 2160)
    assert belt.take(13.0, steady(7)[-1][1])
    assert belt.mm_per_s == pytest.approx(200.0)


@given(st.integers(0, 20), st.integers(-(10**6), 10**9))
def test_one_wrong_reading_never_changes_the_speed_by_more_than_its_own_noise(place, wrong):
    readings = steady(21)
    readings[place] = (readings[place][0], wrong)
    belt = BeltEncoder(mm_per_count=0.5)
    for at_s, count in readings:
        belt.take(at_s, count)
        assert belt.mm_per_s is None or place <= 3 or belt.mm_per_s == pytest.approx(200.0)
    assert belt.mm_per_s == pytest.approx(200.0) or place > 17


def test_what_was_at_the_eye_arrives_when_the_belt_has_moved_so_far():
    belt = fed(*steady(6))
    assert belt.arrives_s(12.5, 100.0) == pytest.approx(13.0)
    assert belt.arrives_s(12.6, 100.0) == pytest.approx(13.1)
    assert belt.arrives_s(10.2, 100.0) == pytest.approx(10.7)
    assert belt.arrives_s(9.0, 100.0) == pytest.approx(9.5)
    assert belt.arrives_s(8.0, 1000.0) == pytest.approx(13.0)
    assert fed(*steady(3)).arrives_s(10.0, 100.0) is None


def test_a_belt_that_stopped_on_the_way_is_followed_as_soon_as_the_next_count_tells():
    belt = fed(*steady(6))
    # It stood for two seconds, somewhere between this reading and the next.
    belt.take(15.0, 2200)
    assert belt.mm_per_s == pytest.approx(200.0)
    assert belt.arrives_s(12.5, 150.0) == pytest.approx(15.25)


def test_a_belt_that_changes_its_speed_is_followed_at_once_as_far_as_the_counts_go():
    belt = fed(*steady(6))
    for at_s, count in ((13.0, 2100), (13.5, 2200)):
        belt.take(at_s, count)
    assert belt.mm_per_s == pytest.approx(200.0)
    assert belt.arrives_s(12.5, 75.0) == pytest.approx(13.25)


def test_a_belt_that_stands_takes_nothing_anywhere():
    belt = fed(*steady(6))
    belt.take(13.0, 2000)
    belt.take(14.0, 2000)
    assert belt.arrives_s(12.5, 100.0) == pytest.approx(14.5)
    assert belt.arrives_s(13.5, 100.0) == pytest.approx(14.5)


@given(
    st.lists(st.tuples(st.floats(0.01, 2.0), st.integers(0, 1000)), min_size=5, max_size=90),
    st.floats(-2, 100),
    st.floats(-2, 100),
    st.floats(0, 1000),
)
def test_what_was_at_the_eye_later_never_arrives_earlier(spans, one_s, other_s, distance_mm):
    belt, at_s, count = BeltEncoder(mm_per_count=0.5), 0.0, 0
    for span_s, counts in spans:
        at_s, count = at_s + span_s, count + counts
        belt.take(at_s, count)
    first, second = sorted((one_s, other_s))
    arrives = [belt.arrives_s(seen_at_s, distance_mm) for seen_at_s in (first, second)]
    if None not in arrives:
        assert arrives[0] <= arrives[1] + 1e-6
