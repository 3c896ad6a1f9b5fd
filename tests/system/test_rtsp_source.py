"""Network cameras against a real RTSP server, which the test starts, freezes and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.feed import Feed
from sorter.capture.rtsp import Camera, RtspStream
from sorter.errors import SourceError
from sorter.records import Box, TimeBase
from sorter.settings.guards import GuardSettings

pytestmark = pytest.mark.system

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
PASSWORD = "s3cr@t:/pass"  # noqa: S105 - of the test's own server
NEEDS = (
    "needs Debian's gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-ugly"
)
PROBE = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("videotestsrc", "x264enc", "rtph264pay")))
"""


class Server:
    """A running RTSP server."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def url(self, path: str = "bars") -> str:
        return f"rtsp://127.0.0.1:{self.port}/{path}"


@contextmanager
def running(*arguments: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [SYSTEM_PYTHON, str(SERVER), "320", "240", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Server(process, int(process.stdout.readline()))
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    able = (
        Path(SYSTEM_PYTHON).exists()
        and not subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, check=False).returncode
    )
    if not able:
        assert os.environ.get("CI") != "true", NEEDS
        pytest.skip(NEEDS)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as started:
        yield started


def stream(url: str, timeout_s: float = 5.0, password: str | None = None) -> RtspStream:
    return RtspStream(Camera(url, "me" if password else None, password, timeout_s), SystemClock())


def test_a_camera_gives_its_pictures(server: Server) -> None:
    source = stream(server.url())
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


def test_a_stream_that_ends_is_a_fault(server: Server) -> None:
    with pytest.raises(SourceError, match=r"/short: the stream ended"):
        list(stream(server.url("short")).frames())


def test_a_killed_server_is_a_fault(server: Server) -> None:
    frames = stream(server.url()).frames()
    next(frames)
    server.process.kill()
    with pytest.raises(SourceError, match=r"the stream ended|was lost|no picture"):
        list(frames)


def test_a_frozen_server_is_a_fault_after_the_timeout(server: Server) -> None:
    frames = stream(server.url(), timeout_s=1.0).frames()
    next(frames)
    server.process.send_signal(signal.SIGSTOP)
    began_s = time.monotonic()
    with pytest.raises(SourceError, match="no picture for 1 s"):
        list(frames)
    assert time.monotonic() - began_s < 6


def test_a_stream_that_is_not_there_is_told(server: Server) -> None:
    with pytest.raises(SourceError, match="no such stream"):
        list(stream(server.url("absent")).frames())


def test_the_right_password_opens_and_a_wrong_one_is_told_without_it() -> None:
    with running("me", PASSWORD) as server:
        frames = stream(server.url(), password=PASSWORD).frames()
        next(frames)
        frames.close()  # type: ignore[attr-defined] - a generator
        for wrong in ("wr0ng@pass", None):
            with pytest.raises(SourceError, match="refuses the user name or password") as refused:
                list(stream(server.url(), password=wrong).frames())
            assert "wr0ng" not in str(refused.value)


def feed(server: Server, **camera: Any) -> Feed:
    clock, settings = SystemClock(), Camera(server.url(), **camera)
    return Feed(lambda: RtspStream(settings, clock), settings.url, GuardSettings(), settings.timeout_s, clock)


def test_a_feed_keeps_up_with_a_slow_taker(server: Server) -> None:
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


def test_a_feed_stops_within_a_second_though_the_server_is_frozen(server: Server) -> None:
    one = feed(server, timeout_s=2.0)
    one.start()
    assert one.take(10) is not None
    server.process.send_signal(signal.SIGSTOP)
    began_s = time.monotonic()
    one.stop()
    assert time.monotonic() - began_s < 1.5


def test_a_cameras_own_clock_tells_when_its_pictures_were_taken(server: Server) -> None:
    frames = stream(server.url()).frames()
    bases = [next(frames).time_base for _ in range(100)]
    assert bases[-1] is TimeBase.CAMERA
    frame = next(frames)
    assert frame.arrived_at_s is not None
    assert 0.0 <= frame.arrived_at_s - frame.captured_at_s < 0.4
    frames.close()  # type: ignore[attr-defined] - a generator


def test_only_the_part_that_is_looked_at_is_converted_and_its_pixels_are_those_of_the_whole(server: Server) -> None:
    whole = next(stream(server.url()).frames())
    source = RtspStream(Camera(server.url(), part=Box(33, 21, 201, 150)), SystemClock())
    part = next(source.frames())
    assert part.picture_size_px == (320, 240)
    assert part.origin_px == (32, 20)
    assert part.image_bgr.shape == (130, 170, 3)
    assert whole.image_bgr.shape == (240, 320, 3)
