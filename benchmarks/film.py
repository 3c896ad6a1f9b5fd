"""Films of the simulated belt as a camera would send them, and their decoding, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Self

import av
import av.container

from sorter.capture.decoder import Decoder
from sorter.records import Frame


@dataclass(frozen=True, slots=True)
class Encoding:
    """H.264 as network cameras send it: high profile, no B frames, a key frame a second."""

    bit_rate: int
    """Bits a second, on average."""
    frame_rate_hz: int = 30
    key_frame_every: int = 30
    preset: str = "veryfast"
    """Of libx264: one reference frame, as hardware encoders; slower presets change the decoding time by 5 %."""


def encode(frames: Iterable[Frame], path: Path, encoding: Encoding) -> None:
    """Write frames of one size as an H.264 film."""
    with av.open(str(path), "w") as container:
        stream: av.VideoStream | None = None
        for frame in frames:
            if stream is None:
                height, width = frame.image_bgr.shape[:2]
                stream = _add_stream(container, encoding, (width, height))
            picture = av.VideoFrame.from_ndarray(frame.image_bgr, format="bgr24")
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode())


def _add_stream(
    container: av.container.OutputContainer, encoding: Encoding, size_px: tuple[int, int]
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=Fraction(encoding.frame_rate_hz))
    stream.width, stream.height = size_px
    set_up(stream.codec_context, encoding)
    return stream


def set_up(context: av.VideoCodecContext, encoding: Encoding) -> None:
    """Make an encoder of libx264 work as a network camera's, on one thread."""
    context.pix_fmt = "yuv420p"
    context.bit_rate = encoding.bit_rate
    context.gop_size = encoding.key_frame_every
    context.max_b_frames = 0
    context.thread_count = 1
    rates = {"maxrate": str(encoding.bit_rate * 4 // 3), "bufsize": str(encoding.bit_rate)}
    context.options = {"preset": encoding.preset, "profile": "high", "sc_threshold": "0", **rates}


class FilmLoop:
    """Decodes a film over and over, one frame at each call, with one thread; reading the file is not part of it.

    Args:
        path: an H.264 film without B frames, so that each packet is one frame.
        convert: also make the BGR picture, as the sorter's own sources do.
    """

    def __init__(self, path: Path, *, convert: bool) -> None:
        self._container = av.open(str(path))
        stream = self._container.streams.video[0]
        # Sets the stream up as the sorter does: one thread.
        decoder = Decoder(stream, path.name)
        packets = [packet for packet in self._container.demux(stream) if packet.size]
        self._packets = cycle(packets)
        self._decode: Callable[[av.Packet[av.VideoStream]], object]
        self._decode = (lambda packet: list(decoder.pictures(packet))) if convert else stream.decode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._container.close()

    def next_frame(self) -> object:
        """Decode the next frame."""
        return self._decode(next(self._packets))
