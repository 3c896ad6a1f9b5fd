from __future__ import annotations

import threading
import time

import numpy as np

from sorter.capture.latest import LatestFrame
from sorter.records import Frame


def frame(number: int, repeats: int = 0) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), number, float(number), repeats_before=repeats)


def test_the_newest_frame_wins_and_the_rest_is_counted() -> None:
    shelf = LatestFrame()
    for number in range(3):
        shelf.put(frame(number))
    taken = shelf.take(0)
    assert taken is not None
    assert taken.number == 2
    assert shelf.frames_given_up == 2
    assert shelf.take(0) is None
    assert shelf.empty


def test_what_was_left_out_before_a_frame_that_is_given_up_is_told_by_the_next() -> None:
    shelf = LatestFrame()
    shelf.put(frame(1, repeats=4))
    shelf.put(frame(2))
    shelf.put(frame(3, repeats=1))
    taken = shelf.take(0)
    assert taken is not None
    assert (taken.number, taken.repeats_before) == (3, 5)


def test_a_shelf_that_is_cleared_gives_nothing_old() -> None:
    shelf = LatestFrame()
    shelf.put(frame(1))
    shelf.clear()
    shelf.clear()
    assert shelf.take(0) is None
    assert shelf.frames_given_up == 1


def test_a_taker_is_woken_by_a_frame() -> None:
    shelf = LatestFrame()
    waker = threading.Thread(target=lambda: shelf.put(frame(1)))
    began_s = time.monotonic()
    waker.start()
    assert shelf.take(30) is not None
    waker.join()
    assert time.monotonic() - began_s < 10


def test_every_frame_is_taken_or_given_up() -> None:
    shelf = LatestFrame()

    def fill() -> None:
        for number in range(2000):
            shelf.put(frame(number))

    writer = threading.Thread(target=fill)
    writer.start()
    taken: list[int] = []
    while not taken or taken[-1] != 1999:
        found = shelf.take(1)
        if found is not None:
            taken.append(found.number)
    writer.join()
    assert taken == sorted(set(taken))
    assert len(taken) + shelf.frames_given_up == 2000
