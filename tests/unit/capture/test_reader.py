from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.film import FilmPath, FilmSource
from sorter.capture.reader import Reader
from sorter.capture.simulator.source import SimulatedBelt
from sorter.errors import SourceError
from sorter.records import Frame
from sorter.settings.site import SimulatedProduct, SimulatorSource


class Failing:
    """A source that gives one frame and then fails."""

    live = True
    frames_skipped = 0

    def __init__(self, error: Exception) -> None:
        self.error = error

    def frames(self) -> Iterator[Frame]:
        yield Frame(np.zeros((2, 2, 3), np.uint8), 0, 0.0)
        raise self.error

    def close(self) -> None:
        pass


def test_a_live_source_is_drained_onto_the_shelf() -> None:
    product = SimulatedProduct(name="red", hex="#b02a30")
    settings = SimulatorSource(kind="simulator", width_px=128, height_px=128, frame_rate_hz=200, products=(product,))
    reader = Reader(SimulatedBelt(settings, 0, SystemClock()))
    reader.start()
    first = reader.shelf.take(10)
    second = reader.shelf.take(10)
    began_s = time.monotonic()
    assert reader.stop()
    assert reader.stop()
    assert time.monotonic() - began_s < 1
    assert first is not None
    assert second is not None
    assert second.number > first.number
    assert reader.shelf.ended or reader.shelf.take(0) is not None


def test_a_film_that_ends_ends_the_shelf(write_film: Any, bars: Any) -> None:
    reader = Reader(FilmSource(FilmPath(write_film([bars(n) for n in range(3)])), SystemClock()))
    reader.start()
    numbers = []
    while not reader.shelf.ended:
        frame = reader.shelf.take(10)
        if frame is not None:
            numbers.append(frame.number)
    assert numbers[-1] == 2
    reader.stop()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SourceError("rtsp://cam: the stream ended"), "the stream ended"),
        (ZeroDivisionError("at rtsp://me:secret@cam"), "ZeroDivisionError: at rtsp://cam"),
    ],
)
def test_a_failure_is_handed_to_the_taker(error: Exception, sentence: str) -> None:
    reader = Reader(Failing(error))
    reader.start()
    assert reader.shelf.take(10) is not None
    with pytest.raises(SourceError, match=sentence):
        reader.shelf.take(10)
    reader.stop()


def test_a_source_that_hangs_does_not_hold_up_the_stop() -> None:
    release = threading.Event()

    class Hanging(Failing):
        def frames(self) -> Iterator[Frame]:
            release.wait(30)
            yield from ()

    reader = Reader(Hanging(SourceError("")))
    reader.start()
    began_s = time.monotonic()
    assert not reader.stop()
    assert time.monotonic() - began_s < 1.5
    release.set()
