from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sorter.capture.genicam import source as module
from sorter.capture.genicam.source import GenicamCamera
from sorter.errors import SourceError
from sorter.settings.genicam import GenicamSource

PICTURE = np.full((4, 6, 3), (0, 0, 255), np.uint8)


class WrittenCamera:
    """What the source sees of a camera: pictures from a list, where None is "not yet"."""

    place = "camera 4711 (Acme Ace)"

    def __init__(self, polls: list[Any], answers: list[bool] | None = None) -> None:
        self.polls = polls
        self.replies = answers or []
        self.controls = self
        self.released = 0
        self.note_incomplete: Any = None

    def get(self, _control: Any) -> None:
        return None

    def set(self, _control: Any, _value: Any) -> None:
        pass

    def takes(self, _control: Any) -> str:
        return ""

    def start(self, buffers: int) -> None:
        assert buffers == 4

    def poll(self) -> Any:
        polled = self.polls.pop(0) if self.polls else None
        if isinstance(polled, Exception):
            raise polled
        if isinstance(polled, str):
            self.note_incomplete()
            return None
        return polled

    def answers(self) -> bool:
        return self.replies.pop(0)

    def release(self) -> None:
        self.released += 1


def opened(monkeypatch: pytest.MonkeyPatch, clock: Any, camera: WrittenCamera, **keys: Any) -> GenicamCamera:
    def open_camera(_settings: Any, _base: Path, note_incomplete: Any) -> WrittenCamera:
        camera.note_incomplete = note_incomplete
        return camera

    monkeypatch.setattr(module, "OpenCamera", open_camera)
    settings = GenicamSource.model_validate({"kind": "genicam", "timeout_s": 2, **keys})
    return GenicamCamera(settings, Path("/"), clock)


def test_pictures_are_numbered_timed_on_arrival_and_incomplete_ones_counted(
    monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    camera = WrittenCamera([PICTURE, None, "incomplete", PICTURE])
    source = opened(monkeypatch, clock, camera)
    frames = source.frames()
    first, second = next(frames), next(frames)
    assert (first.number, second.number, source.frames_skipped) == (0, 1, 1)
    assert second.arrived_at_s == second.captured_at_s == clock.now_s
    source.close()
    source.close()
    assert list(frames) == []
    assert list(source.frames()) == []
    assert camera.released == 1


def test_silence_is_told_after_the_timeout(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    camera = WrittenCamera([PICTURE])
    began_s = clock.now_s
    with pytest.raises(SourceError, match=r"camera 4711 \(Acme Ace\): no picture for 2 s: check"):
        list(opened(monkeypatch, clock, camera).frames())
    assert clock.now_s - began_s == pytest.approx(2, abs=0.1)
    assert camera.released == 1


def test_with_a_hardware_trigger_silence_is_no_fault_while_the_camera_answers(
    monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    camera = WrittenCamera([], answers=[True, True, False])
    began_s = clock.now_s
    with pytest.raises(SourceError, match="no picture for 2 s"):
        list(opened(monkeypatch, clock, camera, hardware_trigger={}).frames())
    assert clock.now_s - began_s == pytest.approx(6, abs=0.1)


def test_a_camera_that_was_lost_is_released(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    camera = WrittenCamera([PICTURE, SourceError("was lost")])
    with pytest.raises(SourceError, match="was lost"):
        list(opened(monkeypatch, clock, camera).frames())
    assert camera.released == 1


def test_a_reader_that_goes_away_releases_the_camera(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    camera = WrittenCamera([PICTURE])
    frames = opened(monkeypatch, clock, camera).frames()
    next(frames)
    frames.close()  # type: ignore[attr-defined] - a generator
    assert camera.released == 1
