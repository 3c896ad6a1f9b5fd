from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.capture.controls import Automatic, Complaints, Value, Wish, fulfil, running_by_themselves


@dataclass
class WrittenCamera:
    """A camera that takes what is within its limits, clamps the rest, and ignores what it is told to ignore."""

    values: dict[str, Value]
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    ignores: frozenset[str] = frozenset()

    def get(self, control: str) -> Value | None:
        return self.values.get(control)

    def set(self, control: str, value: Value) -> None:
        if control not in self.values or control in self.ignores:
            return
        low, high = self.limits.get(control, (-1e9, 1e9))
        self.values[control] = value if isinstance(value, str | bool) else float(round(min(max(value, low), high)))

    def takes(self, control: str) -> str:
        return f"limits of {control}"


GAIN = Wish("gain", "gain", 40)
EXPOSURE = Wish("exposure_us", "exposure", 5000, unit=100, tolerance=0.01)
AUTOMATIC = Automatic("exposure", "mode", 1.0, "exposure_us", "exposure", 100)


def test_a_camera_that_takes_everything_is_not_complained_of() -> None:
    camera = WrittenCamera({"gain": 0.0, "exposure": 156.0, "mode": 3.0})
    assert fulfil(camera, [AUTOMATIC.off_wish, EXPOSURE, GAIN]) == []
    assert camera.values == {"gain": 40.0, "exposure": 50.0, "mode": 1.0}


def test_a_value_that_is_ignored_is_told_in_the_units_of_the_settings() -> None:
    camera = WrittenCamera({"exposure": 156.0}, ignores=frozenset({"exposure"}))
    assert fulfil(camera, [EXPOSURE]) == [
        "exposure_us is 15600, not 5000 as set: choose what the camera takes (limits of exposure)"
    ]


def test_a_value_that_is_clamped_is_told() -> None:
    camera = WrittenCamera({"gain": 0.0}, limits={"gain": (0, 16)})
    assert fulfil(camera, [GAIN]) == ["gain is 16, not 40 as set: choose what the camera takes (limits of gain)"]


def test_a_control_that_is_not_there_is_told_as_such() -> None:
    (sentence,) = fulfil(WrittenCamera({}), [GAIN])
    assert sentence == "gain cannot be set, the camera has no such control: remove it from its source settings"
    assert fulfil(WrittenCamera({}), [AUTOMATIC.off_wish]) == []


def test_an_automatic_that_cannot_be_switched_off_is_told() -> None:
    camera = WrittenCamera({"mode": 3.0}, ignores=frozenset({"mode"}))
    (sentence,) = fulfil(camera, [AUTOMATIC.off_wish])
    assert sentence.startswith("its automatic exposure cannot be switched off: ")


def test_texts_and_switches_are_compared_as_they_are() -> None:
    camera = WrittenCamera({"format": "YUYV", "trigger": True}, ignores=frozenset({"format", "trigger"}))
    wishes = [Wish("pixel_format", "format", "MJPG"), Wish("trigger", "trigger", value=False)]
    assert [sentence.split(":")[0] for sentence in fulfil(camera, wishes)] == [
        "pixel_format is YUYV, not MJPG as set",
        "trigger is on, not off as set",
    ]
    assert fulfil(camera, [Wish("pixel_format", "format", "YUYV")]) == []


def test_everything_is_set_before_anything_is_read_back() -> None:
    class Pairwise(WrittenCamera):
        """Takes a width only when it has been told a height, as OpenCV does."""

        def set(self, control: str, value: Value) -> None:
            super().set(f"wanted {control}", value)
            if control == "height":
                self.values |= {"width": self.values["wanted width"], "height": value}

    camera = Pairwise({"width": 640.0, "height": 480.0, "wanted width": 0.0, "wanted height": 0.0})
    assert fulfil(camera, [Wish("width_px", "width", 960), Wish("height_px", "height", 540)]) == []


@given(st.floats(100, 1e6))
def test_rounding_to_a_whole_unit_is_not_complained_of(exposure_us: float) -> None:
    camera = WrittenCamera({"exposure": 0.0})
    assert fulfil(camera, [Wish("exposure_us", "exposure", exposure_us, unit=100)]) == []


def test_what_runs_by_itself_is_named_with_its_present_value() -> None:
    assert running_by_themselves(WrittenCamera({"mode": 3.0, "exposure": 156.0}), [AUTOMATIC]) == [
        ("exposure", "exposure_us", " (it is 15600 now)")
    ]
    assert running_by_themselves(WrittenCamera({"mode": 1.0, "exposure": 156.0}), [AUTOMATIC]) == []
    assert running_by_themselves(WrittenCamera({"exposure": 156.0}), [AUTOMATIC]) == []


def test_a_sentence_is_said_once_and_names_the_camera(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints("camera 3")
    for _ in range(2):
        complaints.say(["gain is 16, not 40 as set"])
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.WARNING, "camera 3: gain is 16, not 40 as set")
    ]
