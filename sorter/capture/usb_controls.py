"""The controls of a camera that OpenCV reaches by V4L2, and what the settings ask of them.

By V4L2 OpenCV hands a control's value to the driver as it is, rounded to a whole number, and answers -1 where the
camera has no such control (modules/videoio/src/cap_v4l.cpp). What the numbers mean is V4L2's: the exposure counts in
100 us, 1 is the exposure mode "manual", and the steps of gain, gamma and focus are each camera's own.
"""

from __future__ import annotations

import cv2

from sorter.capture.controls import Automatic, Controls, Value, Wish, fulfil, running_by_themselves
from sorter.settings.site import UsbSource

_EXPOSURE_UNIT_US = 100.0
_MANUAL_EXPOSURE = 1.0

_EXPOSURE = Automatic(
    "exposure", cv2.CAP_PROP_AUTO_EXPOSURE, _MANUAL_EXPOSURE, "exposure_us", cv2.CAP_PROP_EXPOSURE, _EXPOSURE_UNIT_US
)
_WHITE_BALANCE = Automatic("white balance", cv2.CAP_PROP_AUTO_WB, 0.0, "white_balance_k", cv2.CAP_PROP_WB_TEMPERATURE)
_FOCUS = Automatic("focus", cv2.CAP_PROP_AUTOFOCUS, 0.0, "focus", cv2.CAP_PROP_FOCUS)
_AUTOMATICS = (_EXPOSURE, _WHITE_BALANCE, _FOCUS)


class CvControls:
    """`controls.Controls` of an open camera; its pixel format is a text of four letters."""

    def __init__(self, camera: cv2.VideoCapture) -> None:
        self._camera = camera

    def get(self, control: int) -> Value | None:
        """The value in force, in the driver's unit."""
        value = self._camera.get(control)
        if control == cv2.CAP_PROP_FOURCC:
            return int(value).to_bytes(4, "little", signed=value < 0).decode("ascii", "replace")
        return None if value == -1 else value

    def set(self, control: int, value: Value) -> None:
        """Ask for a value, in the driver's unit."""
        number = cv2.VideoWriter.fourcc(*value) if isinstance(value, str) else value
        self._camera.set(control, number)

    def takes(self, control: int) -> str:  # noqa: ARG002  # the same for all: OpenCV tells no limits
        """Where to look it up."""
        return "v4l2-ctl --list-ctrls --list-formats-ext shows it"


def set_up(controls: Controls[int], settings: UsbSource) -> list[str]:
    """Ask of a camera what the settings say; what they leave out stays as the camera has it.

    Returns:
        One sentence for each thing that is not as it was asked for, or that the camera turns by itself.
    """
    free = [one for one in _AUTOMATICS if getattr(settings, one.setting) is None]
    return fulfil(controls, _wishes(controls, settings)) + [
        f"{what} is automatic, so what it does to colors changes with what is in view: set {setting}{now}"
        for what, setting, now in running_by_themselves(controls, free)
    ]


def _wishes(controls: Controls[int], settings: UsbSource) -> list[Wish[int]]:
    """In the order in which they must be set: the format restarts the stream, and a mode makes room for its value."""
    wishes = _format_wishes(controls, settings)
    for one in _AUTOMATICS:
        value = getattr(settings, one.setting)
        if value is not None:
            wishes += [one.off_wish, Wish(one.setting, one.control, value, one.unit, tolerance=0.01)]
    for setting, control in (("gain", cv2.CAP_PROP_GAIN), ("gamma", cv2.CAP_PROP_GAMMA)):
        value = getattr(settings, setting)
        if value is not None:
            wishes.append(Wish(setting, control, value))
    return wishes


def _format_wishes(controls: Controls[int], settings: UsbSource) -> list[Wish[int]]:
    wishes: list[Wish[int]] = []
    if settings.pixel_format is not None:
        wishes.append(Wish("pixel_format", cv2.CAP_PROP_FOURCC, settings.pixel_format))
    width_px, height_px = settings.width_px, settings.height_px
    if width_px is not None or height_px is not None:
        # OpenCV waits for the second of them before it asks the camera.
        wishes += [
            Wish("width_px", cv2.CAP_PROP_FRAME_WIDTH, width_px or _present(controls, cv2.CAP_PROP_FRAME_WIDTH)),
            Wish("height_px", cv2.CAP_PROP_FRAME_HEIGHT, height_px or _present(controls, cv2.CAP_PROP_FRAME_HEIGHT)),
        ]
    if settings.frame_rate_hz is not None:
        wishes.append(Wish("frame_rate_hz", cv2.CAP_PROP_FPS, settings.frame_rate_hz, tolerance=0.01))
    return wishes


def _present(controls: Controls[int], control: int) -> Value:
    value = controls.get(control)
    return 0.0 if value is None else value
