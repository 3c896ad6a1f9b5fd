"""Cameras that OpenCV reaches by V4L2: USB, and CSI where the driver gives finished pictures."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import cv2
import numpy as np

from sorter.capture.controls import Complaints
from sorter.capture.picture import ColorWatch
from sorter.capture.usb_controls import CvControls, set_up
from sorter.errors import SourceError
from sorter.ports import Clock
from sorter.records import Frame
from sorter.settings.site import UsbSource

# Longer than a frame of the slowest camera, shorter than the second in which a line must stop.
_CLOSE_WAIT_S = 0.8


class UsbCamera:
    """`ports.FrameSource` over a USB or CSI camera; opened at once, and anew by each `frames` after a loss.

    Raises:
        SourceError: the camera cannot be opened.
    """

    live = True

    def __init__(self, settings: UsbSource, clock: Clock) -> None:
        self.frames_skipped = 0
        self._settings = settings
        self._clock = clock
        self._closed = threading.Event()
        self._in_use = threading.Lock()
        self._complaints = Complaints(_place(settings))
        self._camera = self._open()

    def frames(self) -> Iterator[Frame]:
        """Yield pictures as they come; see `ports.FrameSource`.

        Raises:
            SourceError: the camera gives no more pictures.
        """
        if not self._camera.isOpened():
            self._camera = self._open()
        watch = ColorWatch(_place(self._settings))
        try:
            for number in count():
                frame = self._read(number)
                if frame is None:
                    return
                watch.see(frame.image_bgr)
                yield frame
        finally:
            self._release()

    def close(self) -> None:
        """Release the camera; a read that hangs in the driver releases it when it returns, after 10 s at most."""
        self._closed.set()
        self._release()

    def _open(self) -> cv2.VideoCapture:
        backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
        with _quiet():
            camera = cv2.VideoCapture(self._settings.device, backend)
            if not camera.isOpened():
                raise SourceError(
                    f"{_place(self._settings)} cannot be opened: check that it is plugged in, that its number or "
                    "path is right and that you may read its device"
                )
            self._complaints.say(set_up(CvControls(camera), self._settings))
        return camera

    def _read(self, number: int) -> Frame | None:
        with self._in_use, _quiet():
            if self._closed.is_set():
                return None
            good, image = self._camera.read()
        if not good or image is None:
            raise SourceError(
                f"{_place(self._settings)} gives no more pictures: check its cable and that nothing else uses it"
            )
        now_s = self._clock.monotonic_s()
        return Frame(np.ascontiguousarray(image, np.uint8), number, now_s, arrived_at_s=now_s)

    def _release(self) -> None:
        if self._in_use.acquire(timeout=_CLOSE_WAIT_S):
            try:
                self._camera.release()
            finally:
                self._in_use.release()


def _place(settings: UsbSource) -> str:
    return f"camera {settings.device}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV's own warnings off stderr; what matters of them we say in one sentence."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
