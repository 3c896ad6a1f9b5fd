from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from sorter.capture.latest import LatestFrame
from sorter.errors import SourceError
from sorter.records import Frame


def frame(number: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), number, float(number))


def test_the_newest_frame_wins_and_the_rest_is_counted() -> None:
    shelf = LatestFrame()
    for number in range(3):
        shelf.put(frame(number))
    taken = shelf.take(0)
    assert taken is not None
    assert taken.number == 2
    assert shelf.frames_given_up == 2
    assert shelf.take(0) is None
    assert not shelf.ended


def test_the_last_frame_is_taken_before_the_failure_is_told() -> None:
    shelf = LatestFrame()
    shelf.put(frame(1))
    shelf.close(SourceError("lost"))
    shelf.close()
    assert shelf.take(0) is not None
    assert shelf.ended
    for _ in range(2):
        with pytest.raises(SourceError, match="lost"):
            shelf.take(0)


def test_a_frame_after_the_end_is_given_up() -> None:
    shelf = LatestFrame()
    shelf.close()
    shelf.put(frame(1))
    assert shelf.take(0) is None
    assert shelf.frames_given_up == 1


def test_a_taker_is_woken_by_a_frame_and_by_the_end() -> None:
    for wake in (lambda shelf: shelf.put(frame(1)), lambda shelf: shelf.close()):
        shelf = LatestFrame()
        waker = threading.Thread(target=wake, args=(shelf,))
        began_s = time.monotonic()
        waker.start()
        shelf.take(30)
        waker.join()
        assert time.monotonic() - began_s < 10


def test_every_frame_is_taken_or_given_up() -> None:
    shelf = LatestFrame()

    def fill() -> None:
        for number in range(2000):
            shelf.put(frame(number))
        shelf.close()

    writer = threading.Thread(target=fill)
    writer.start()
    taken = []
    while not shelf.ended:
        found = shelf.take(1)
        if found is not None:
            taken.append(found.number)
    writer.join()
    assert taken == sorted(set(taken))
    assert taken[-1] == 1999
    assert len(taken) + shelf.frames_given_up == 2000
