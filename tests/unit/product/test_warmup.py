from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.product.warmup import Warmup
from sorter.records import Frame


def frame(number: int, at_s: float | None = None, size: int = 10) -> Frame:
    return Frame(np.zeros((1, size, 1), np.uint8), number, number / 10 if at_s is None else at_s)


def numbers(warmup: Warmup) -> list[int]:
    return [one.number for one in warmup.take()]


def test_frames_are_kept_until_the_time_is_over() -> None:
    warmup = Warmup(1.0)
    assert warmup.empty
    for number in range(10):
        warmup.add(frame(number))
        assert not warmup.complete
    warmup.add(frame(10))
    assert warmup.complete
    assert numbers(warmup) == list(range(11))
    assert warmup.empty


def test_one_frame_is_enough_where_there_are_no_more() -> None:
    warmup = Warmup(5.0)
    warmup.add(frame(3))
    assert not warmup.complete
    assert not warmup.empty
    assert numbers(warmup) == [3]


def test_time_that_stands_still_completes_nothing_and_costs_no_more_memory() -> None:
    warmup = Warmup(1.0, max_bytes=100)
    for number in range(1000):
        warmup.add(frame(number, at_s=5.0))
    assert not warmup.complete
    assert sum(one.image_bgr.nbytes for one in warmup.take()) <= 100


@pytest.mark.parametrize("frames", [10, 11, 40, 500])
def test_where_memory_is_short_every_other_frame_goes(frames: int) -> None:
    warmup = Warmup(1e9, max_bytes=100)
    for number in range(frames):
        warmup.add(frame(number))
    kept = numbers(warmup)
    strides = set(np.diff(kept))
    assert len(strides) == 1
    assert kept[0] == 0
    assert frames - kept[-1] <= strides.pop()
    assert 5 <= len(kept) <= 10


@given(st.integers(1, 400), st.integers(1, 50), st.integers(1, 500))
def test_memory_is_bounded_and_the_first_frame_stays(frames: int, size: int, max_bytes: int) -> None:
    warmup = Warmup(1e9, max_bytes=max_bytes)
    for number in range(frames):
        warmup.add(frame(number, size=size))
        assert warmup._bytes <= max(max_bytes, size)
    kept = numbers(warmup)
    assert kept[0] == 0
    assert kept == sorted(set(kept))


def test_a_frame_larger_than_the_memory_is_kept_alone() -> None:
    warmup = Warmup(1.0, max_bytes=5)
    for number in range(4):
        warmup.add(frame(number))
    assert len(warmup.take()) == 1


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.floats(0.1, 5))
def test_it_is_complete_when_the_newest_frame_is_late_enough(steps_s: list[float], duration_s: float) -> None:
    warmup = Warmup(duration_s)
    times_s = np.cumsum(steps_s).tolist()
    for number, at_s in enumerate(times_s):
        warmup.add(frame(number, at_s))
    assert warmup.complete == (times_s[-1] - times_s[0] >= duration_s)
