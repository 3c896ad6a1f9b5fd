"""The least that reading a camera costs: PyAV decodes its stream on one thread and throws the pictures away.

Usage: python -m benchmarks.bare FRAMES, with the stream's address on standard input, since it holds the password.
Prints a line when the first picture has come, and one with the pictures decoded since and their processor time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import av


def _pictures(url: str) -> Iterator[av.VideoFrame]:
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay"}
    with av.open(url, options=options, timeout=10) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


def main() -> None:
    """Decode as many pictures as asked for, after the first."""
    pictures = _pictures(sys.stdin.readline().strip())
    next(pictures)
    began_s = time.process_time()
    print("begun", flush=True)
    frames = sum(1 for _ in zip(range(int(sys.argv[1])), pictures, strict=False))
    print(json.dumps({"frames": frames, "cpu_s": time.process_time() - began_s}), flush=True)


if __name__ == "__main__":
    main()
