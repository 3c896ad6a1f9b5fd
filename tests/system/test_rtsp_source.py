"""Network cameras against a real RTSP server, which the test starts, freezes and kills."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.camera.process import CameraServer, Login
from benchmarks.camera.reel import make_reel
from benchmarks.film import Encoding
from sorter.capture.clock import SystemClock
from sorter.capture.feed import Feed
from sorter.capture.rtsp import Camera, RtspStream
from sorter.errors import SourceError
from sorter.records import BgrImage, Box, TimeBase
from sorter.settings.guards import GuardSettings

pytestmark = [pytest.mark.system, pytest.mark.alone]

LOGIN = Login("me", "s3cr@t:/pass")
BARS_BGR = [(255, 255, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 0, 0)]


def bars(count: int) -> Iterator[BgrImage]:
    """Color bars that move."""
    picture = np.repeat(np.repeat(np.array([BARS_BGR], np.uint8), 48, axis=1)[:, :320], 240, axis=0)
    return (np.roll(picture, 2 * number, axis=1) for number in range(count))


@pytest.fixture(scope="module")
def reels(tmp_path_factory: pytest.TempPathFactory, camera_reason: str | None) -> dict[str, Path]:
    if camera_reason is not None:
        pytest.skip(camera_reason)
    folder, encoding = tmp_path_factory.mktemp("reels"), Encoding(2_000_000, frame_rate_hz=25, key_frame_every=12)
    return {"bars": make_reel("bars", bars(300), encoding, folder)}


@pytest.fixture
def server(reels: dict[str, Path]) -> Iterator[CameraServer]:
    with CameraServer(reels, options=["--loop"]) as started:
        yield started


def stream(url: str, timeout_s: float = 5.0, password: str | None = None) -> RtspStream:
    return RtspStream(Camera(url, "me" if password else None, password, timeout_s), SystemClock())


def test_a_camera_gives_its_pictures(server: CameraServer) -> None:
    source = stream(server.url("bars"))
    frames = []
    for frame in source.frames():
        frames.append(frame)
        if len(frames) == 30:
            source.close()
    source.close()
    assert len(frames) == 30
    assert all(a.number < b.number and a.captured_at_s < b.captured_at_s for a, b in pairwise(frames))
    assert frames[-1].captured_at_s - frames[0].captured_at_s == pytest.approx(29 / 25, abs=0.3)
    image = frames[-1].image_bgr
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    # Color bars: some pixel nearly pure red, some nearly pure blue, in the right channels.
    blue, green, red = (image[..., channel].astype(int) for channel in range(3))
    assert (red - np.maximum(blue, green)).max() > 120
    assert (blue - np.maximum(red, green)).max() > 120


def test_a_stream_that_ends_is_a_fault(reels: dict[str, Path]) -> None:
    almost_over_s = time.monotonic() - 300 / 25 + 3
    with CameraServer(reels, almost_over_s) as server, pytest.raises(SourceError, match=r"/bars: the stream ended"):
        list(stream(server.url("bars")).frames())


def test_a_killed_server_is_a_fault(server: CameraServer) -> None:
    frames = stream(server.url("bars")).frames()
    next(frames)
    server.kill()
    with pytest.raises(SourceError, match=r"the stream ended|was lost|no picture"):
        list(frames)


def test_a_frozen_server_is_a_fault_after_the_timeout(server: CameraServer) -> None:
    frames = stream(server.url("bars"), timeout_s=1.0).frames()
    next(frames)
    server.freeze()
    began_s = time.monotonic()
    with pytest.raises(SourceError, match="no picture for 1 s"):
        list(frames)
    assert time.monotonic() - began_s < 6


def test_a_stream_that_is_not_there_is_told(server: CameraServer) -> None:
    with pytest.raises(SourceError, match="no such stream"):
        list(stream(server.url("absent")).frames())


@pytest.mark.parametrize("method", ["digest", "basic"])
def test_the_right_password_opens_and_a_wrong_one_is_told_without_it(method: str, reels: dict[str, Path]) -> None:
    with CameraServer(reels, login=LOGIN, options=["--loop", "--auth", method]) as server:
        frames = stream(server.url("bars"), password=LOGIN.password).frames()
        next(frames)
        frames.close()  # type: ignore[attr-defined] - a generator
        for wrong in ("wr0ng@pass", None):
            with pytest.raises(SourceError, match="refuses the user name or password") as refused:
                list(stream(server.url("bars"), password=wrong).frames())
            assert "wr0ng" not in str(refused.value)


def feed(server: CameraServer, **camera: Any) -> Feed:
    clock, settings = SystemClock(), Camera(server.url("bars"), **camera)
    return Feed(lambda: RtspStream(settings, clock), settings.url, GuardSettings(), settings.timeout_s, clock)


def test_a_feed_keeps_up_with_a_slow_taker(server: CameraServer) -> None:
    clock, one = SystemClock(), feed(server)
    one.start()
    ages_s = []
    for _ in range(6):
        frame = one.take(10)
        assert frame is not None
        ages_s.append(clock.monotonic_s() - frame.captured_at_s)
        clock.wait_s(0.2)  # the slow taker itself, not a wait for something
    assert one.counts.given_up > 0
    assert max(ages_s) < 1.0
    assert one.stop()


def test_a_feed_stops_within_a_second_though_the_server_is_frozen(server: CameraServer) -> None:
    one = feed(server, timeout_s=2.0)
    one.start()
    assert one.take(10) is not None
    server.freeze()
    began_s = time.monotonic()
    one.stop()
    assert time.monotonic() - began_s < 1.5


def test_a_cameras_own_clock_tells_when_its_pictures_were_taken(server: CameraServer) -> None:
    frames = stream(server.url("bars")).frames()
    bases = [next(frames).time_base for _ in range(100)]
    assert bases[-1] is TimeBase.CAMERA
    frame = next(frames)
    assert frame.arrived_at_s is not None
    assert 0.0 <= frame.arrived_at_s - frame.captured_at_s < 0.4
    frames.close()  # type: ignore[attr-defined] - a generator


def test_only_the_part_that_is_looked_at_is_converted(
    server: CameraServer,
) -> None:
    whole = next(stream(server.url("bars")).frames())
    source = RtspStream(Camera(server.url("bars"), part=Box(33, 21, 201, 150)), SystemClock())
    part = next(source.frames())
    assert part.picture_size_px == (320, 240)
    assert part.origin_px == (32, 20)
    assert part.image_bgr.shape == (130, 170, 3)
    assert whole.image_bgr.shape == (240, 320, 3)
