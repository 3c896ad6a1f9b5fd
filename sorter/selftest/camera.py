"""A simulated camera that fails on command, in a line's own process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import numpy as np

from sorter.capture.source import Wanted, open_source
from sorter.errors import SourceError
from sorter.line_entry import run_line_process
from sorter.line_reports import LineJob
from sorter.logs import set_up_log
from sorter.ports import Clock, FrameSource
from sorter.records import BgrImage, Frame
from sorter.settings.site import LineSettings


class CameraFault(IntEnum):
    """What the camera does wrong."""

    NONE = 0
    LOST = 1
    FROZEN = 2
    CORRUPT = 3
    SILENT = 4
    DARK = 5
    OVEREXPOSED = 6
    DIMMED = 7
    """Sound pictures, under a weaker lamp."""


class Switch(Protocol):
    """A number that two processes share, as ``multiprocessing.Value`` makes it."""

    value: int


def be_faulty_line(switch: Switch, job: LineJob, pipe: Connection, log_level: int) -> None:
    """Be a line's process whose camera does what the switch says."""
    set_up_log(log_level)
    run_line_process(job, pipe, partial(_open, switch))


def _open(
    switch: Switch, line: LineSettings, base: Path, clock: Clock, wanted: Wanted = lambda _captured_at_s: True
) -> FrameSource:
    _refuse_if_lost(switch)
    return _FaultyCamera(open_source(line, base, clock, wanted), switch)


def _refuse_if_lost(switch: Switch) -> None:
    if switch.value == CameraFault.LOST:
        raise SourceError("the self-test has unplugged the simulated camera: nothing to mend")


@dataclass(slots=True, eq=False)
class _FaultyCamera:
    """`ports.FrameSource` over another one."""

    inner: FrameSource
    switch: Switch
    live: bool = True
    frames_skipped: int = 0

    def frames(self) -> Iterator[Frame]:
        """Yield what the switch makes of the inner source's frames."""
        last: BgrImage | None = None
        for frame in self.inner.frames():
            _refuse_if_lost(self.switch)
            fault = CameraFault(self.switch.value)
            if fault is CameraFault.SILENT:
                continue
            if fault is CameraFault.FROZEN and last is not None:
                yield replace(frame, image_bgr=last)
                continue
            last = _spoiled(frame.image_bgr, fault)
            yield replace(frame, image_bgr=last)

    def close(self) -> None:
        """Close the inner source."""
        self.inner.close()


def _spoiled(image: BgrImage, fault: CameraFault) -> BgrImage:
    match fault:
        case CameraFault.CORRUPT:
            smeared = image.copy()
            smeared[len(image) // 2 :] = image[len(image) // 2]
            return smeared
        case CameraFault.DARK:
            return image // 32
        case CameraFault.OVEREXPOSED:
            return np.full_like(image, 255)
        case CameraFault.DIMMED:
            return np.asarray(image * 0.6, np.uint8)
        case _:
            return image
