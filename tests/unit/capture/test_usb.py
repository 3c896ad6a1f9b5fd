from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from sorter.capture import usb
from sorter.capture.usb import UsbCamera
from sorter.capture.usb_controls import CvControls, set_up
from sorter.errors import SourceError
from sorter.settings.site import UsbSource

YUYV, MJPG = (cv2.VideoWriter.fourcc(*letters) for letters in ("YUYV", "MJPG"))
PROPERTIES = {
    cv2.CAP_PROP_FRAME_WIDTH: 640.0,
    cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
    cv2.CAP_PROP_FPS: 30.0,
    cv2.CAP_PROP_FOURCC: float(YUYV),
    cv2.CAP_PROP_AUTO_EXPOSURE: 3.0,
    cv2.CAP_PROP_EXPOSURE: 156.0,
    cv2.CAP_PROP_GAIN: 0.0,
    cv2.CAP_PROP_AUTO_WB: 1.0,
    cv2.CAP_PROP_WB_TEMPERATURE: 4600.0,
    cv2.CAP_PROP_GAMMA: 100.0,
    cv2.CAP_PROP_AUTOFOCUS: 1.0,
    cv2.CAP_PROP_FOCUS: 10.0,
}


class WrittenCapture:
    """Behaves as ``cv2.VideoCapture`` does over V4L2: whole numbers, -1 for what is not there, sizes in pairs."""

    def __init__(self, pictures: int = 3, lacks: tuple[int, ...] = (), ignores: tuple[int, ...] = ()) -> None:
        self.properties = {key: value for key, value in PROPERTIES.items() if key not in lacks}
        self.ignores = ignores
        self.pictures = pictures
        self.opened = True
        self._width: float | None = None

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opened

    def get(self, control: int) -> float:
        return self.properties.get(control, -1.0)

    def set(self, control: int, value: float) -> bool:
        if control not in self.properties or control in self.ignores:
            return False
        if control == cv2.CAP_PROP_FRAME_WIDTH:
            self._width = value
            return True
        if control == cv2.CAP_PROP_FRAME_HEIGHT and self._width is not None:
            self.properties[cv2.CAP_PROP_FRAME_WIDTH] = self._width
        self.properties[control] = float(round(value))
        return True

    def read(self) -> tuple[bool, Any]:
        self.pictures -= 1
        return (True, np.full((4, 6, 3), (0, 0, 255), np.uint8)) if self.pictures >= 0 else (False, None)

    def release(self) -> None:
        self.opened = False


def complaints(capture: WrittenCapture, **settings: Any) -> list[str]:
    return set_up(CvControls(capture), UsbSource(kind="usb", **settings))  # type: ignore[arg-type]


FIXED = {"exposure_us": 5000, "white_balance_k": 5000, "focus": 0}


def test_fixed_values_switch_the_automatics_off_and_are_handed_over_in_the_drivers_units() -> None:
    capture = WrittenCapture()
    assert complaints(capture, **FIXED, gain=8, gamma=90, pixel_format="MJPG") == []
    expected = {
        cv2.CAP_PROP_AUTO_EXPOSURE: 1.0,
        cv2.CAP_PROP_EXPOSURE: 50.0,
        cv2.CAP_PROP_AUTO_WB: 0.0,
        cv2.CAP_PROP_WB_TEMPERATURE: 5000.0,
        cv2.CAP_PROP_AUTOFOCUS: 0.0,
        cv2.CAP_PROP_FOCUS: 0.0,
        cv2.CAP_PROP_GAIN: 8.0,
        cv2.CAP_PROP_GAMMA: 90.0,
        cv2.CAP_PROP_FOURCC: float(MJPG),
    }
    assert {key: capture.properties[key] for key in expected} == expected


def test_a_size_is_asked_for_as_a_whole() -> None:
    capture = WrittenCapture()
    assert complaints(capture, **FIXED, width_px=960, height_px=540) == []
    assert complaints(capture, **FIXED, width_px=1280) == []
    size = capture.properties[cv2.CAP_PROP_FRAME_WIDTH], capture.properties[cv2.CAP_PROP_FRAME_HEIGHT]
    assert size == (1280.0, 540.0)


def test_a_camera_left_to_itself_is_told_of_with_the_values_it_chose() -> None:
    capture = WrittenCapture()
    assert [sentence.split(", ")[0] for sentence in complaints(capture)] == [
        "exposure is automatic",
        "white balance is automatic",
        "focus is automatic",
    ]
    assert [sentence.split(": ")[1] for sentence in complaints(capture)] == [
        "set exposure_us (it is 15600 now)",
        "set white_balance_k (it is 4600 now)",
        "set focus (it is 10 now)",
    ]
    assert capture.properties == PROPERTIES


def test_a_camera_without_automatics_is_not_told_of() -> None:
    lacks = (cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_AUTOFOCUS)
    assert complaints(WrittenCapture(lacks=lacks)) == []
    assert complaints(WrittenCapture(lacks=lacks), **FIXED) == []


def test_what_the_camera_ignores_or_does_not_have_is_one_sentence_each() -> None:
    capture = WrittenCapture(
        lacks=(cv2.CAP_PROP_GAMMA,), ignores=(cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_FOURCC)
    )
    told = complaints(capture, **FIXED, gamma=90, pixel_format="MJPG")
    assert [sentence.split(":")[0] for sentence in told] == [
        "pixel_format is YUYV, not MJPG as set",
        "exposure_us is 15600, not 5000 as set",
        "its automatic white balance cannot be switched off",
        "gamma cannot be set, the camera has no such control",
    ]
    assert all("v4l2-ctl" in sentence for sentence in told[:2])


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[WrittenCapture]:
    """Each opening of a camera takes the next."""
    written = [WrittenCapture(), WrittenCapture()]
    left = iter(written)
    monkeypatch.setattr(usb.cv2, "VideoCapture", lambda *_: next(left))
    return written


def test_frames_tell_when_they_came(captures: list[WrittenCapture], clock: Any) -> None:
    camera = UsbCamera(UsbSource(kind="usb", device="/dev/video2", **FIXED), clock)
    frames = camera.frames()
    first = next(frames)
    assert first.arrived_at_s == first.captured_at_s == clock.monotonic_s()
    camera.close()
    assert list(frames) == []
    assert not captures[0].opened


def test_a_camera_that_was_lost_is_opened_anew_and_told_of_once(
    captures: list[WrittenCapture], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    camera = UsbCamera(UsbSource(kind="usb", device="/dev/video2", **(FIXED | {"focus": 7})), clock)
    for capture in captures:
        with pytest.raises(SourceError, match="camera /dev/video2 gives no more pictures"):
            list(camera.frames())
        assert not capture.opened
    assert caplog.records == []


def test_a_camera_left_to_itself_is_warned_of_once(
    captures: list[WrittenCapture], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    camera = UsbCamera(UsbSource(kind="usb", device=2), clock)
    for _ in captures:
        with pytest.raises(SourceError):
            list(camera.frames())
    assert len(caplog.records) == 3
    assert all(one.getMessage().startswith("camera 2: ") for one in caplog.records)
