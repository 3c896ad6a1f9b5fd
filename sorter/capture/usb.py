"""Cameras that OpenCV opens by number."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import cv2
import numpy as np

from sorter.capture.picture import ColorWatch
from sorter.errors import SourceError
from sorter.ports import Clock
from sorter.records import Frame
from sorter.settings.site import UsbSource

_log = logging.getLogger(__name__)

# Longer than a frame of the slowest camera, shorter than the second in which a line must stop.
_CLOSE_WAIT_S = 0.8


class UsbCamera:
    """`ports.FrameSource` over a USB camera; opened at once, and anew by each `frames` after a loss.

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
        self._camera = _open(settings)

    def frames(self) -> Iterator[Frame]:
        """Yield pictures as they come; see `ports.FrameSource`.

        Raises:
            SourceError: the camera gives no more pictures.
        """
        if not self._camera.isOpened():
            self._camera = _open(self._settings)
        watch = ColorWatch(f"camera {self._settings.device}")
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
        """Release the camera; a read that hangs in the driver releases it when it returns."""
        self._closed.set()
        self._release()

    def _read(self, number: int) -> Frame | None:
        with self._in_use:
            if self._closed.is_set():
                return None
            good, image = self._camera.read()
        if not good or image is None:
            raise SourceError(
                f"camera {self._settings.device} gives no more pictures: check its cable and that nothing else uses it"
            )
        return Frame(np.ascontiguousarray(image, np.uint8), number, self._clock.monotonic_s())

    def _release(self) -> None:
        if self._in_use.acquire(timeout=_CLOSE_WAIT_S):
            try:
                self._camera.release()
            finally:
                self._in_use.release()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV's own warnings off stderr while a camera is opened; we say it in one sentence."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _open(settings: UsbSource) -> cv2.VideoCapture:
    backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    with _quiet():
        camera = cv2.VideoCapture(settings.device, backend)
    if not camera.isOpened():
        raise SourceError(
            f"camera {settings.device} cannot be opened: check that it is plugged in, that its number is "
            "right and that you may read its device"
        )
    _set_and_read_back(camera, settings)
    return camera


def _set_and_read_back(camera: cv2.VideoCapture, settings: UsbSource) -> None:
    """Drivers ignore what they do not like without a word; so say it for them."""
    wishes = {
        "width_px": (cv2.CAP_PROP_FRAME_WIDTH, settings.width_px),
        "height_px": (cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px),
        "frame_rate_hz": (cv2.CAP_PROP_FPS, settings.frame_rate_hz),
    }
    for name, (property_id, wish) in wishes.items():
        if wish is None:
            continue
        camera.set(property_id, wish)
        given = camera.get(property_id)
        if abs(given - wish) > 0.01 * wish:
            _log.warning("camera %d: %s is %g, not %g as set", settings.device, name, given, wish)
