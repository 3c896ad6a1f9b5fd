"""The service under a clock that can be set: ``python -m benchmarks.contract.faked SETTINGS``, with libfaketime."""

from __future__ import annotations

import logging
import os
import select
import sys
from collections.abc import Mapping
from pathlib import Path

from sorter.capture.clock import SystemClock
from sorter.commands.stopping import StopSignals
from sorter.logs import set_up_log
from sorter.outputs.messages import Synchronization
from sorter.service import Service
from sorter.settings.load import load_project

_LIBRARIES = ("usr/lib/*-linux-gnu/faketime/libfaketimeMT.so.1", "usr/lib/faketime/libfaketimeMT.so.1")


def find_faketime() -> Path | None:
    """Its library, or None."""
    return next((path for pattern in _LIBRARIES for path in Path("/").glob(pattern)), None)


def faked_environment(library: Path, offset: Path) -> Mapping[str, str]:
    """For a process whose wall time is what `set_offset` says of that file."""
    return os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def set_offset(offset: Path, ahead_s: int) -> None:
    """Set the clock so far ahead of the machine's."""
    new = offset.with_suffix(".new")
    new.write_text(f"{ahead_s:+d}", encoding="utf-8")
    new.replace(offset)


class _Clock(SystemClock):
    """Waits by select: libfaketime miscounts the monotonic moment that time.sleep waits for."""

    def wait_s(self, duration_s: float) -> None:
        select.select([], [], [], max(duration_s, 0))


def _run(settings: Path) -> None:
    os.environ.pop("LD_PRELOAD", None)  # the line's process has no wall time
    set_up_log(logging.INFO)
    service = Service(
        load_project(settings), _Clock(), os.urandom(16).hex(), synchronization=lambda: Synchronization.UNSYNCHRONIZED
    )
    with StopSignals() as stop:
        service.run(stop.requested)


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
