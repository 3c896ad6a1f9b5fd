"""Industrial cameras as a source of frames."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from sorter.capture.controls import Complaints
from sorter.capture.genicam.features import set_up
from sorter.capture.genicam.library import OpenCamera
from sorter.capture.picture import ColorWatch
from sorter.errors import SourceError
from sorter.ports import Clock
from sorter.records import Frame
from sorter.settings.genicam import GenicamSource

# By this much a picture may be taken later than it came; asking costs some 30 us.
_POLL_S = 0.002
# Shorter than the second in which a line must stop. Opening takes longer on a network, and then lets go by itself.
_CLOSE_WAIT_S = 0.8


class GenicamCamera:
    """`ports.FrameSource` over a GenICam camera; each `frames` opens it anew.

    Frames carry the time of their arrival: cameras count their own clocks in different units, and not all say in which.

    Args:
        settings: which camera, and how it is to be set.
        base: the folder that paths are relative to.
        clock: gives the frames their time.
    """

    live = True

    def __init__(self, settings: GenicamSource, base: Path, clock: Clock) -> None:
        self.frames_skipped = 0
        self._settings = settings
        self._base = base
        self._clock = clock
        self._closed = threading.Event()
        self._in_use = threading.Lock()
        self._camera: OpenCamera | None = None
        self._complaints: dict[str, Complaints] = {}

    def frames(self) -> Iterator[Frame]:
        """Open the camera and yield its pictures as they come; see `ports.FrameSource`.

        Raises:
            SourceError: the camera is not there or refuses; it was lost; or it sends no picture for longer than its
                timeout. With a hardware trigger that is no fault, as long as the camera answers.
        """
        if self._closed.is_set():
            return
        try:
            watch = ColorWatch(self._open())
            for number in count():
                frame = self._wait_for_frame(number)
                if frame is None:
                    return
                watch.see(frame.image_bgr)
                yield frame
        finally:
            self._release()

    def close(self) -> None:
        """Stop and release the camera within a second; one that is just being opened is released when it is."""
        self._closed.set()
        if self._in_use.acquire(timeout=_CLOSE_WAIT_S):
            try:
                self._let_go()
            finally:
                self._in_use.release()

    def _open(self) -> str:
        with self._in_use:
            camera = self._camera = OpenCamera(self._settings, self._base, self._note_incomplete)
            complaints = self._complaints.setdefault(camera.place, Complaints(camera.place))
            complaints.say(set_up(camera.controls, self._settings))
            camera.start(self._settings.buffers)
            return camera.place

    def _wait_for_frame(self, number: int) -> Frame | None:
        """The next frame; None once it was closed."""
        since_s = self._clock.monotonic_s()
        while not self._closed.is_set():
            frame = self._poll(number)
            if frame is not None:
                return frame
            if self._clock.monotonic_s() - since_s > self._settings.timeout_s:
                self._judge_silence()
                since_s = self._clock.monotonic_s()
            self._clock.wait_s(_POLL_S)
        return None

    def _poll(self, number: int) -> Frame | None:
        with self._in_use:
            image = None if self._camera is None else self._camera.poll()
        if image is None:
            return None
        now_s = self._clock.monotonic_s()
        return Frame(image, number, now_s, arrived_at_s=now_s)

    def _judge_silence(self) -> None:
        """A belt that stands sends an encoder's camera no signal, so silence alone says nothing there."""
        with self._in_use:
            camera = self._camera
            if camera is None or (self._settings.hardware_trigger is not None and camera.answers()):
                return
            place = camera.place
        raise SourceError(f"{place}: no picture for {self._settings.timeout_s:g} s: check the camera and its cable")

    def _release(self) -> None:
        with self._in_use:
            self._let_go()

    def _let_go(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.release()

    def _note_incomplete(self) -> None:
        self.frames_skipped += 1
