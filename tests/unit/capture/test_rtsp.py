from __future__ import annotations

import socket
from typing import Any

import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.rtsp import Camera, RtspStream
from sorter.errors import SourceError


def test_a_camera_that_cannot_be_reached_is_told_without_its_password(clock: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{unused.getsockname()[1]}/a"
    stream = RtspStream(Camera(url, "me", "s3cr@t", timeout_s=2), clock)
    with pytest.raises(SourceError, match="cannot be reached") as refused:
        list(stream.frames())
    assert "s3cr" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_camera_that_does_not_answer_is_told_after_its_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"rtsp://127.0.0.1:{deaf.getsockname()[1]}/a"
        stream = RtspStream(Camera(url, timeout_s=0.5), SystemClock())
        with pytest.raises(SourceError, match=r"does not answer within 0\.5 s"):
            list(stream.frames())
