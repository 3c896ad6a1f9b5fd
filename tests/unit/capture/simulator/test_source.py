from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from sorter.capture.simulator.source import SimulatedBelt
from sorter.settings.site import SimulatorSource


def belt(**changes: Any) -> SimulatorSource:
    base = {"kind": "simulator", "products": [{"name": "red", "hex": "#b02a30"}], "width_px": 160, "height_px": 120}
    return SimulatorSource.model_validate(base | changes)


def test_frames_follow_one_another_at_the_frame_rate(clock: Any) -> None:
    source = SimulatedBelt(belt(frame_rate_hz=20, realtime=False), 0, clock)
    frames = list(islice(source.frames(), 3))
    assert not source.live
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [frame.captured_at_s for frame in frames] == pytest.approx([100.0, 100.05, 100.1])
    assert clock.waits_s == []


def test_in_real_time_each_frame_waits_until_it_is_due(clock: Any) -> None:
    source = SimulatedBelt(belt(frame_rate_hz=20), 0, clock)
    frames = list(islice(source.frames(), 4))
    assert source.live
    assert clock.now_s == pytest.approx(frames[-1].captured_at_s) == pytest.approx(100.15)


def test_what_could_not_be_drawn_in_time_is_left_out(clock: Any) -> None:
    frames = SimulatedBelt(belt(frame_rate_hz=20), 0, clock).frames()
    next(frames)
    clock.now_s += 0.52
    late = next(frames)
    assert late.number == 10
    assert late.captured_at_s == pytest.approx(100.5)
    assert np.array_equal(
        late.image_bgr, next(islice(SimulatedBelt(belt(frame_rate_hz=20), 0, clock).frames(), 10, None)).image_bgr
    )


def test_a_closed_belt_ends(clock: Any) -> None:
    source = SimulatedBelt(belt(), 0, clock)
    frames = source.frames()
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []
