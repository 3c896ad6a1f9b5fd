"""The test camera itself: where its belt is, what its clock says, and how it comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import av
import av.container
import pytest

from benchmarks.belt import BenchBelt
from benchmarks.camera.process import CameraServer
from benchmarks.camera.reel import BeltReel, belt_encoding, make_belt_reel

pytestmark = [pytest.mark.system, pytest.mark.alone]

RATE_HZ = 25
SOURCE = BenchBelt.of_config().with_source(width_px=160, height_px=96, mm_per_px=3, frame_rate_hz=RATE_HZ).source


@pytest.fixture(scope="module")
def reels(tmp_path_factory: pytest.TempPathFactory, camera_reason: str | None) -> dict[str, Path]:
    if camera_reason is not None:
        pytest.skip(camera_reason)
    plan = BeltReel(SOURCE, 0.0, 16 * RATE_HZ, belt_encoding(SOURCE, 300_000))
    return {"belt": make_belt_reel(plan, tmp_path_factory.mktemp("reels"))}


def look(server: CameraServer, path: str = "belt", timeout_s: float = 5.0) -> av.container.InputContainer:
    return av.open(server.url(path), options={"rtsp_transport": "tcp", "probesize": "5000"}, timeout=timeout_s)


def numbers(container: av.container.InputContainer, epoch_s: float) -> Iterator[int]:
    """The pictures' numbers, as the camera's own clock tells them; begins when it does."""
    wall_of_epoch_s = epoch_s + time.time() - time.monotonic()
    for packet in container.demux(video=0):
        if packet.pts is not None and container.start_time_realtime:
            at_s = container.start_time_realtime / 1e6 + float(packet.pts * packet.time_base) - wall_of_epoch_s
            yield round(at_s * RATE_HZ)
            assert abs(at_s * RATE_HZ - round(at_s * RATE_HZ)) < 0.1


def number_now(server: CameraServer) -> float:
    assert server.epoch_s is not None
    return (time.monotonic() - server.epoch_s) * RATE_HZ


def taken(found: Iterator[int], count: int) -> list[int]:
    return [next(found) for _ in range(count)]


def test_its_clock_tells_when_each_picture_was_taken(reels: dict[str, Path]) -> None:
    with CameraServer(reels) as server, closing(look(server)) as container:
        first, *rest = taken(numbers(container, server.epoch_s), 25)
        assert rest == list(range(first + 1, first + 25))
        # The newest is the one that was due last; the parser of the client waits for the one after it.
        assert -0.5 < number_now(server) - rest[-1] < 4


def test_a_wrong_clock_is_wrong_by_what_was_asked(reels: dict[str, Path]) -> None:
    with CameraServer(reels, options=["--clock-shift-s", "-3"]) as server, closing(look(server)) as container:
        number = next(numbers(container, server.epoch_s))
        assert number_now(server) - number == pytest.approx(3 * RATE_HZ, abs=4)


def test_a_camera_that_tells_no_time(reels: dict[str, Path]) -> None:
    almost_over_s = time.monotonic() - 16 + 6
    with CameraServer(reels, almost_over_s, options=["--no-clock"]) as server, closing(look(server)) as container:
        assert sum(1 for _ in container.demux(video=0)) > 3 * RATE_HZ
        assert not container.start_time_realtime


def test_started_again_on_its_port_it_goes_on_where_the_belt_is(reels: dict[str, Path]) -> None:
    with CameraServer(reels) as server:
        with closing(look(server)) as container:
            before = next(numbers(container, server.epoch_s))
        port = server.port
        server.kill()
        server.start()
        assert server.port == port
        with closing(look(server)) as container:
            first = next(packet for packet in container.demux(video=0))
            assert first.is_keyframe
            after = next(numbers(container, server.epoch_s))
            assert before < after
            assert -0.5 < number_now(server) - after < 4


@contextmanager
def frozen_for(server: CameraServer, seconds: float) -> Iterator[None]:
    server.freeze()
    thawing = threading.Timer(seconds, server.thaw)
    thawing.start()
    yield
    thawing.join()


@pytest.mark.parametrize("options", [["--backlog"], []])
def test_after_a_freeze_it_sends_the_backlog_or_goes_on_with_now(
    options: Sequence[str], reels: dict[str, Path]
) -> None:
    with CameraServer(reels, options=options) as server, closing(look(server)) as container:
        found = numbers(container, server.epoch_s)
        next(found)
        with frozen_for(server, 2.0):
            seen = taken(found, 40)
        gap = max(after - before for before, after in pairwise(seen))
        assert gap == 1 if options else 2 * RATE_HZ <= gap <= 3 * RATE_HZ + 1


def test_a_silent_path_and_one_with_sound_alone(reels: dict[str, Path]) -> None:
    with CameraServer(reels, options=["--silent", "silent", "--audio", "audio"]) as server:
        with closing(look(server, "silent", timeout_s=1.5)) as container, pytest.raises(av.error.ExitError):
            next(container.demux(video=0))
        with closing(look(server, "audio")) as container:
            assert (len(container.streams.video), len(container.streams.audio)) == (0, 1)
