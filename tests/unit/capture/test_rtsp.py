from __future__ import annotations

import socket
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.capture.clock import SystemClock
from sorter.capture.rtsp import Arrivals, Camera, RtspStream
from sorter.errors import SourceError


def test_a_late_frame_keeps_the_time_it_was_taken() -> None:
    arrivals = Arrivals()
    taken = [arrivals.captured_at_s(pts, 50 + pts + late) for pts, late in ((0, 0.0), (0.04, 0.0), (0.08, 0.3))]
    assert taken == pytest.approx([50.0, 50.04, 50.08], abs=1e-3)


def test_a_slow_first_frame_is_corrected_by_the_next() -> None:
    arrivals = Arrivals()
    assert arrivals.captured_at_s(0.0, 50.5) == 50.5
    assert arrivals.captured_at_s(0.6, 50.7) == pytest.approx(50.7)
    assert arrivals.captured_at_s(0.64, 50.75) == pytest.approx(50.74, abs=1e-3)


def test_time_stamps_that_jump_are_followed() -> None:
    arrivals = Arrivals()
    arrivals.captured_at_s(1000.0, 50.0)
    assert arrivals.captured_at_s(0.0, 50.04) == pytest.approx(50.04)
    assert arrivals.captured_at_s(0.04, 50.08) == pytest.approx(50.08)
    assert arrivals.captured_at_s(5000.0, 50.12) == pytest.approx(50.12)


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 1e6)), st.floats(1e-3, 10)), min_size=2, max_size=30))
def test_captured_times_rise_and_are_hardly_later_than_arrival(steps: list[tuple[float | None, float]]) -> None:
    arrivals, now_s, times = Arrivals(), 100.0, []
    for pts_s, pause_s in steps:
        now_s += pause_s
        times.append(arrivals.captured_at_s(pts_s, now_s))
        assert times[-1] <= now_s + 1e-4
    assert all(a < b for a, b in pairwise(times))


def test_a_camera_that_cannot_be_reached_is_told_without_its_password(clock: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{unused.getsockname()[1]}/a"
    stream = RtspStream(Camera(url, "me", "s3cr@t", timeout_s=2), clock)
    with pytest.raises(SourceError, match="cannot be reached") as refused:
        list(stream.frames())
    assert "s3cr" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_camera_that_does_not_answer_is_told_after_its_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"rtsp://127.0.0.1:{deaf.getsockname()[1]}/a"
        stream = RtspStream(Camera(url, timeout_s=0.5), SystemClock())
        with pytest.raises(SourceError, match=r"does not answer within 0\.5 s"):
            list(stream.frames())
