from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.capture.stream_clock import StreamClock
from sorter.records import TimeBase


def placed(clock: StreamClock, *pictures: tuple[float | None, float]) -> list[float]:
    return [clock.place(pts_s, arrived_s).captured_at_s for pts_s, arrived_s in pictures]


def test_a_late_frame_keeps_the_time_it_was_taken() -> None:
    taken = placed(StreamClock(), (0, 50.0), (0.04, 50.04), (0.08, 50.38))
    assert taken == pytest.approx([50.0, 50.04, 50.08], abs=1e-3)


def test_a_slow_first_frame_is_corrected_by_the_next() -> None:
    taken = placed(StreamClock(), (0.0, 50.5), (0.6, 50.7), (0.64, 50.75))
    # The second is moved by no more than half a step at a time; it is not later than it arrived.
    assert taken == pytest.approx([50.5, 50.7, 50.74], abs=0.02)


def test_frames_that_are_held_up_for_long_are_told_to_be_old() -> None:
    clock = StreamClock()
    placed(clock, *[(0.04 * number, 50 + 0.04 * number) for number in range(10)])
    held_up = placed(clock, *[(0.04 * number, 62.0) for number in range(10, 20)])
    assert held_up == pytest.approx([50 + 0.04 * number for number in range(10, 20)], abs=0.01)
    assert clock.jumps == 0


@pytest.mark.parametrize("jump_s", [-1000.0, -0.04, 5000.0])
def test_time_stamps_that_jump_begin_anew(jump_s: float) -> None:
    clock = StreamClock()
    taken = placed(clock, (1000.0, 50.0), (1000.0 + jump_s, 50.04), (1000.04 + jump_s, 50.08))
    assert taken == pytest.approx([50.0, 50.04, 50.08], abs=1e-3)
    assert clock.jumps == 1
    assert clock.trusts_time_stamps


def test_time_stamps_that_go_on_jumping_are_left_alone() -> None:
    clock = StreamClock()
    taken = placed(clock, *[((-1) ** number * 100.0, 50 + 0.04 * number) for number in range(10)])
    assert taken == pytest.approx([50 + 0.04 * number for number in range(10)])
    assert not clock.trusts_time_stamps


def test_a_camera_whose_clock_agrees_tells_how_long_its_pictures_are_under_way() -> None:
    clock = StreamClock()
    moments = [clock.place(0.04 * n, 50 + 0.04 * n + 0.08, 0.08) for n in range(20)]
    assert {moment.time_base for moment in moments} == {TimeBase.CAMERA}
    assert moments[-1].captured_at_s == pytest.approx(50 + 0.04 * 19, abs=1e-3)
    assert clock.camera_offset_s == pytest.approx(0.08, abs=1e-3)


def test_a_report_of_the_cameras_clock_that_comes_later_moves_the_time_gently() -> None:
    clock = StreamClock()
    moments = [clock.place(0.04 * n, 50 + 0.04 * n + 0.1, None if n < 5 else 0.1).captured_at_s for n in range(30)]
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(steps) >= 0.02 - 1e-9
    assert moments[-1] == pytest.approx(50 + 0.04 * 29, abs=1e-3)


@pytest.mark.parametrize("delay_s", [-3.0, 2.0, 1e9])
def test_a_camera_whose_clock_is_wrong_counts_by_arrival_and_is_found_out(delay_s: float) -> None:
    clock = StreamClock()
    for number in range(5):
        moment = clock.place(0.04 * number, 50 + 0.04 * number, delay_s)
        assert moment.time_base is TimeBase.ARRIVAL
        assert moment.captured_at_s == pytest.approx(50 + 0.04 * number, abs=1e-3)
    assert clock.camera_offset_s == pytest.approx(delay_s, abs=0.01)


def test_a_wall_clock_that_is_set_right_is_believed_again() -> None:
    clock = StreamClock()
    for number in range(10):
        clock.place(0.04 * number, 50 + 0.04 * number, -30.0)
    bases = [clock.place(0.04 * n, 50 + 0.04 * n, 0.06).time_base for n in range(10, 13)]
    assert bases[-1] is TimeBase.CAMERA


Steps = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(0, 1e6)), st.floats(1e-3, 10), st.one_of(st.none(), st.floats(-10, 10))),
    min_size=2,
    max_size=30,
)


@given(Steps)
def test_times_rise_whatever_the_stream_says_and_are_never_later_than_the_arrival(
    steps: list[tuple[float | None, float, float | None]],
) -> None:
    clock, now_s, times = StreamClock(), 100.0, []
    for pts_s, pause_s, delay_s in steps:
        now_s += pause_s
        times.append(clock.place(pts_s, now_s, delay_s).captured_at_s)
        assert times[-1] <= now_s + 1e-4
    assert all(earlier < later for earlier, later in pairwise(times))
