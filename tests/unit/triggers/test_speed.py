"""The belt's speed from encoder counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.triggers.speed import BeltSpeed


def fed(*readings: tuple[float, int]) -> BeltSpeed:
    speed = BeltSpeed(mm_per_count=0.5)
    for at_s, count in readings:
        speed.take(at_s, count)
    return speed


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
    speed = fed(*steady(6))
    for at_s in (20.0, 21.0, 22.0, 23.0, 24.0):
        assert speed.take(at_s, steady(6)[-1][1])
    assert speed.mm_per_s == pytest.approx(200.0)


@pytest.mark.parametrize("start", [0, -70000])
def test_a_counter_that_wraps_around_or_is_reset_spoils_one_span(start):
    speed = fed(*steady(6))
    assert not speed.take(13.0, start)
    for at_s, count in steady(6, start_s=13.5, start=start + 200):
        assert speed.take(at_s, count)
    assert speed.mm_per_s == pytest.approx(200.0)


def test_a_reading_out_of_order_is_passed_over():
    speed = fed(*steady(6))
    assert speed.take(11.2, 1)
    assert speed.take(12.5, 999_999)
    assert speed.take(13.0, steady(7)[-1][1])
    assert speed.mm_per_s == pytest.approx(200.0)


@given(st.integers(0, 20), st.integers(-(10**6), 10**9))
def test_one_wrong_reading_never_changes_the_speed_by_more_than_its_own_noise(place, wrong):
    readings = steady(21)
    readings[place] = (readings[place][0], wrong)
    speed = BeltSpeed(mm_per_count=0.5)
    for at_s, count in readings:
        speed.take(at_s, count)
        assert speed.mm_per_s is None or place <= 3 or speed.mm_per_s == pytest.approx(200.0)
    assert speed.mm_per_s == pytest.approx(200.0) or place > 17
