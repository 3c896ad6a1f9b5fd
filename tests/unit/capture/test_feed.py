from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.feed import Feed, HangingError
from sorter.capture.film import FilmPath, FilmSource
from sorter.capture.health import Grade
from sorter.capture.link import LinkState
from sorter.capture.simulator.source import SimulatedBelt
from sorter.errors import SourceError, SourceRefusedError
from sorter.ports import FrameSource
from sorter.records import Box, Frame
from sorter.settings.guards import GuardSettings
from sorter.settings.site import SimulatedProduct, SimulatorSource

RATE_HZ = 100.0
LIMITS = GuardSettings(max_gap_s=0.3, max_age_s=0.3, frozen_s=0.4)


class Camera:
    """A camera in the test's hands; each opening is another connection to it."""

    live = True

    def __init__(self) -> None:
        self.frames_skipped = 0
        self.openings = 0
        self.absent: SourceError | None = None
        self.frozen = self.silent = False
        self.late_s = 0.0
        self.broken = threading.Event()
        self.hanging: list[threading.Event] = []

    def open(self) -> FrameSource:
        self.openings += 1
        if self.absent is not None:
            raise self.absent
        return self

    def frames(self) -> Iterator[Frame]:
        random, number, image = np.random.default_rng(1), 0, np.zeros((64, 64, 3), np.uint8)
        began_s = time.monotonic()
        while not self.broken.wait(max(0.0, began_s + number / RATE_HZ - time.monotonic())):
            if self.silent:
                self.hanging.append(threading.Event())
                self.hanging[-1].wait(30)
                return
            if not self.frozen:
                image = random.integers(60, 190, (64, 64, 3), np.uint8)
            at_s = began_s + number / RATE_HZ
            yield Frame(image, number, at_s - self.late_s, arrived_at_s=max(at_s, time.monotonic()), pts_s=at_s)
            number += 1
        self.broken.clear()
        raise SourceError("the stream ended")

    def close(self) -> None:
        pass


class Watcher:
    """Takes what a feed gives, as a line does."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.taken: list[Frame] = []
        feed.start()

    def until(self, what: str, true: Callable[[], Any], timeout_s: float = 10.0) -> None:
        end_s = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end_s, f"waited {timeout_s} s in vain: {what}"
            frame = self.feed.take(0.02)
            self.taken += [] if frame is None else [frame]

    def see(self, count: int = 5) -> None:
        seen = len(self.taken) + count
        self.until("pictures", lambda: len(self.taken) >= seen)

    @property
    def cause(self) -> str | None:
        blind = self.feed.blindness
        return None if blind is None else blind.cause

    def until_blind(self, cause: str) -> str:
        self.until(f"blindness: {cause}", lambda: self.cause == cause)
        assert self.feed.quality[0] is Grade.UNUSABLE
        blind = self.feed.blindness
        assert blind is not None
        return blind.reason


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def watcher(camera: Camera) -> Iterator[Watcher]:
    one = Watcher(Feed(camera.open, "the camera", LIMITS, 0.6, SystemClock()))
    yield one
    for event in camera.hanging:
        event.set()
    assert one.feed.stop()


def test_a_live_source_gives_its_newest_pictures(watcher: Watcher) -> None:
    watcher.see(20)
    numbers = [frame.number for frame in watcher.taken]
    assert numbers == sorted(set(numbers))
    assert watcher.cause is None
    assert watcher.feed.link.state is LinkState.LIVE
    # A tenth of a second of them after the opening; more where the machine itself was held up and made a gap.
    assert set(watcher.feed.counts.unfit) == {"gap"}
    assert watcher.feed.counts.unfit["gap"] >= 8


def test_a_source_that_breaks_off_is_opened_again(watcher: Watcher, camera: Camera) -> None:
    watcher.see()
    camera.broken.set()
    assert watcher.until_blind("camera_lost") == "the stream ended"
    watcher.until("it sees again", lambda: watcher.cause is None)
    watcher.see()
    assert (camera.openings, watcher.feed.link.reconnects) == (2, 1)
    assert 0.1 < watcher.feed.link.outage_s < 5


def test_an_absent_source_is_waited_for(camera: Camera) -> None:
    camera.absent = SourceError("no route to the camera")
    watcher = Watcher(Feed(camera.open, "the camera", LIMITS, 0.6, SystemClock()))
    assert watcher.until_blind("camera_lost") == "no route to the camera"
    watcher.until("it is tried again", lambda: camera.openings >= 3)
    camera.absent = None
    watcher.see()
    assert watcher.feed.stop()


def test_a_refusal_has_a_cause_of_its_own_and_is_not_repeated_at_once(camera: Camera) -> None:
    camera.absent = SourceRefusedError("the camera refuses the password")
    watcher = Watcher(Feed(camera.open, "the camera", LIMITS, 0.6, SystemClock()))
    assert watcher.until_blind("camera_refused") == "the camera refuses the password"
    began_s = time.monotonic()
    watcher.until("a second", lambda: time.monotonic() - began_s > 1)
    assert camera.openings == 1
    assert watcher.feed.stop()


def test_a_silent_source_is_stale_and_then_opened_anew_beside_the_read_that_hangs(
    watcher: Watcher, camera: Camera
) -> None:
    watcher.see()
    camera.silent = True
    assert "no picture for 0.3 s" in watcher.until_blind("picture_stale")
    assert "no picture for 0.6 s" in watcher.until_blind("camera_lost")
    camera.silent = False
    watcher.see()
    assert watcher.cause is None
    assert camera.openings == 2


def test_a_source_whose_reads_always_hang_asks_for_a_new_process(camera: Camera) -> None:
    camera.silent = True
    watcher = Watcher(Feed(camera.open, "the camera", LIMITS, 0.1, SystemClock()))
    with pytest.raises(HangingError, match="reads hang in native code"):
        watcher.until("it gives up", lambda: False, timeout_s=20)
    began_s = time.monotonic()
    assert not watcher.feed.stop()
    assert time.monotonic() - began_s < 1.5
    for event in camera.hanging:
        event.set()


def test_a_camera_that_a_wire_triggers_may_be_silent(camera: Camera) -> None:
    watcher = Watcher(Feed(camera.open, "the camera", LIMITS, 0.2, SystemClock(), may_be_silent=True))
    watcher.see()
    camera.silent = True
    began_s = time.monotonic()
    watcher.until("a second", lambda: time.monotonic() - began_s > 1)
    assert watcher.cause is None
    assert camera.openings == 1
    for event in camera.hanging:
        event.set()
    assert watcher.feed.stop()


def test_a_frozen_picture_is_left_out_at_once_and_told_when_it_lasts(watcher: Watcher, camera: Camera) -> None:
    watcher.see()
    camera.frozen = True
    watcher.until("the last moving picture is taken", lambda: watcher.feed.counts.repeated > 3)
    taken = len(watcher.taken)
    assert "has not changed" in watcher.until_blind("picture_frozen")
    assert len(watcher.taken) == taken
    camera.frozen = False
    watcher.see()
    assert watcher.cause is None
    last, first = watcher.taken[taken - 1 : taken + 1]
    assert first.still_since_s == last.captured_at_s
    assert first.captured_at_s - last.captured_at_s > LIMITS.frozen_s


def test_pictures_that_come_late_decide_nothing_and_a_new_connection_is_made(watcher: Watcher, camera: Camera) -> None:
    watcher.see()
    camera.late_s = 0.5
    watcher.until_blind("picture_stale")
    taken = len(watcher.taken)
    watcher.until("it is opened anew", lambda: camera.openings == 2)
    camera.late_s = 0.0
    watcher.see()
    assert taken <= len(watcher.taken) - 5
    assert watcher.feed.counts.unfit["stale"] > 10


def test_pictures_that_cannot_be_decoded_are_told_as_damaged(watcher: Watcher, camera: Camera) -> None:
    watcher.see()
    camera.silent = True

    def damage() -> bool:
        camera.frames_skipped += 1
        return watcher.cause == "picture_corrupt"

    watcher.until("the damage is told", damage)
    assert watcher.feed.counts.corrupt > 3


def test_a_picture_that_grows_old_on_the_shelf_is_not_given(camera: Camera) -> None:
    clock = SystemClock()
    feed = Feed(camera.open, "the camera", LIMITS, 5.0, clock)
    watcher = Watcher(feed)
    watcher.see()
    camera.silent = True
    clock.wait_s(0.5)  # a line that is too busy to look: the wait itself is what is tried
    assert feed.take(0.0) is None
    for event in camera.hanging:
        event.set()
    feed.stop()


def test_a_film_at_its_own_speed_ends(write_film: Any, bars: Any) -> None:
    film = FilmPath(write_film([bars(n) for n in range(12)]), realtime=True)
    clock = SystemClock()
    watcher = Watcher(Feed(lambda: FilmSource(film, clock), "the film", GuardSettings(), 5.0, clock))
    watcher.until("its end", lambda: watcher.feed.ended)
    assert watcher.taken[-1].number == 11
    assert watcher.feed.stop()
    assert watcher.feed.stop()


def test_only_the_part_that_is_looked_at_is_handed_on() -> None:
    product = SimulatedProduct(name="red", hex="#b02a30", length_mm=20, width_mm=20)
    settings = SimulatorSource(kind="simulator", width_px=128, height_px=96, frame_rate_hz=100, products=(product,))
    clock, part = SystemClock(), Box(16, 8, 116, 72)
    feed = Feed(lambda: SimulatedBelt(settings, 0, clock), "the belt", LIMITS, 5.0, clock, part=part)
    watcher = Watcher(feed)
    watcher.see(1)
    (frame, *_) = watcher.taken
    assert frame.image_bgr.shape == (64, 100, 3)
    assert (frame.origin_px, frame.picture_size_px) == ((16, 8), (128, 96))
    assert feed.stop()


def test_what_no_source_should_raise_is_told_without_a_password() -> None:
    def fail() -> FrameSource:
        raise ZeroDivisionError("at rtsp://me:secret@cam")

    watcher = Watcher(Feed(fail, "the camera", LIMITS, 5.0, SystemClock()))
    reason = watcher.until_blind("camera_lost")
    assert "ZeroDivisionError: at rtsp://cam" in reason
    assert watcher.feed.stop()
