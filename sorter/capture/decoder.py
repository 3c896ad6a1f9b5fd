"""From the packets of one video stream to upright BGR pictures, passing over damaged ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import av
import av.error
import av.filter
import av.logging
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from sorter.capture.picture import MAX_PIXELS, greyscale_sentence
from sorter.errors import SourceError
from sorter.records import BgrImage, Box

_log = logging.getLogger(__name__)
av.logging.set_level(None)  # FFmpeg's own log prints addresses with their passwords to stderr

RECOVERY_FRAMES = 60
"""After damage frames are passed over until the next key frame, but at most this many.

Only the damaged frame is flagged by FFmpeg; those predicted from it carry its smear unflagged (measured:
60 damaged bytes spoilt 2 % of the pixels of every frame up to the next key frame). Recorders write a key
frame every one or two seconds; a stream without any is trusted again after this many frames.
"""

_ROTATIONS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


class Picture(NamedTuple):
    """A decoded picture and its place in the stream."""

    image_bgr: BgrImage
    number: int
    """Counts every frame decoded, those passed over included."""
    pts_s: float | None
    """Presentation time in seconds of the stream's own clock; None where it has none."""
    origin_px: tuple[int, int] = (0, 0)
    """Where the corner of ``image_bgr`` lies in the whole picture."""
    picture_px: tuple[int, int] | None = None
    """Width and height of the whole picture; None where ``image_bgr`` is all of it."""


class Decoded(NamedTuple):
    """A decoded frame that is not converted yet."""

    frame: av.VideoFrame
    number: int

    @property
    def pts_s(self) -> float | None:
        """As `Picture.pts_s`."""
        return self.frame.time


class _Part:
    """Cuts a rectangle out of decoded frames without copying, so that no more than it need be converted.

    Args:
        box: in pixels of the whole picture; what of it lies outside is left out. Its edges are moved outward to whole
            chroma samples, so that each pixel is what it would be in the whole picture.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._graph: av.filter.Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self.origin_px = (0, 0)

    def cut(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The part of a frame; all of it where the part does not overlap it."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            self._shape, self._graph = shape, self._build(frame)
        if self._graph is None:
            return frame
        self._graph.push(frame)
        part = self._graph.pull()
        assert isinstance(part, av.VideoFrame)  # noqa: S101 - a video graph gives video frames
        return part

    def _build(self, frame: av.VideoFrame) -> av.filter.Graph | None:
        x0, y0 = max(self._box.x0, 0) // 2 * 2, max(self._box.y0, 0) // 2 * 2
        width = min(-(-self._box.x1 // 2) * 2, frame.width) - x0
        height = min(-(-self._box.y1 // 2) * 2, frame.height) - y0
        self.origin_px = (0, 0)
        if width <= 0 or height <= 0 or (width, height) == (frame.width, frame.height):
            return None
        self.origin_px = (x0, y0)
        graph = av.filter.Graph()
        time_base = frame.time_base or Fraction(1, 90_000)
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=time_base, name="in"
        )
        crop = graph.add("crop", f"w={width}:h={height}:x={x0}:y={y0}")
        sink = graph.add("buffersink")
        source.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph


@dataclass(slots=True)
class _Trust:
    """Whether pictures can be believed since the last damage."""

    doubtful_frames: int = 0

    def lose(self) -> None:
        self.doubtful_frames = RECOVERY_FRAMES

    def allows(self, frame: av.VideoFrame) -> bool:
        if frame.is_corrupt:
            self.lose()
            return False
        if frame.key_frame:
            self.doubtful_frames = 0
        self.doubtful_frames = max(0, self.doubtful_frames - 1)
        return self.doubtful_frames == 0


class Decoder:
    """Decodes the packets of one video stream, one thread, in order.

    Args:
        stream: the video stream of an open container, not decoded yet.
        place: path or address for messages, without credentials.
        part: only this part of each picture is wanted; None for all of it. A film that is to be turned comes whole.
        one_size: raise where the picture size changes; otherwise pictures of each size are given.

    Attributes:
        frames_seen: frames decoded or passed over so far.
        frames_skipped: frames passed over because they, or those they build on, were damaged.

    Raises:
        SourceError: the stream is greyscale, or larger than `MAX_PIXELS`.
    """

    def __init__(self, stream: av.VideoStream, place: str, part: Box | None = None, *, one_size: bool = True) -> None:
        self.frames_skipped = 0
        self._stream = stream
        self._place = place
        self.frames_seen = 0
        self._part = None if part is None else _Part(part)
        self._one_size = one_size
        self._size: tuple[int, int] | None = None
        self._trust = _Trust()
        # One reformatter for the stream: a frame's own is built anew for every frame.
        self._reformatter = VideoReformatter()
        self._prepare()

    def pictures(self, packet: av.Packet[av.VideoStream]) -> Iterator[Picture]:
        """Decode one packet and convert its frames; damaged frames are counted and passed over.

        Raises:
            SourceError: the picture size changed.
        """
        return map(self.convert, self.frames(packet))

    def frames(self, packet: av.Packet[av.VideoStream]) -> Iterator[Decoded]:
        """Decode one packet; as `pictures`, for those who do not need the pixels of every frame."""
        try:
            frames = self._stream.decode(packet)
        except (av.error.FFmpegError, ValueError) as error:
            self.pass_over(str(error))
            return
        for frame in frames:
            number = self.frames_seen
            self.frames_seen += 1
            if not self._trust.allows(frame):
                self.frames_skipped += 1
                continue
            self._check_same_size(frame)
            yield Decoded(frame, number)

    def convert(self, decoded: Decoded) -> Picture:
        """The pixels of a frame, or of the part of it that is wanted."""
        frame, number = decoded
        turn = _ROTATIONS.get(round(frame.rotation) % 360)
        if turn is not None:
            upright = np.asarray(cv2.rotate(self._bgr(frame), turn), np.uint8)
            return Picture(upright, number, frame.time)
        if self._part is None:
            return Picture(self._bgr(frame), number, frame.time)
        image = self._bgr(self._part.cut(frame))
        return Picture(image, number, frame.time, self._part.origin_px, (frame.width, frame.height))

    def pass_over(self, why: str) -> None:
        """Count a packet that could not be read or decoded."""
        _log.debug("%s: frame %d is damaged: %s", self._place, self.frames_seen, why)
        self.frames_seen += 1
        self.frames_skipped += 1
        self._trust.lose()

    def _prepare(self) -> None:
        context = self._stream.codec_context
        _check_size(self._place, context.width, context.height)
        if context.pix_fmt is not None and context.pix_fmt.startswith(("gray", "mono", "ya")):
            raise SourceError(greyscale_sentence(self._place))
        # One thread: the same film is the same work each time, and leaves the other lines their core.
        context.thread_count = 1
        context.thread_type = "NONE"
        context.options = {"max_pixels": str(MAX_PIXELS)}

    def _check_same_size(self, frame: av.VideoFrame) -> None:
        size = (frame.width, frame.height)
        if size == self._size:
            return
        _check_size(self._place, *size)
        if self._size is not None and self._one_size:
            raise SourceError(
                f"{self._place}: the picture size changes from {self._size[0]} x {self._size[1]} to "
                f"{size[0]} x {size[1]} pixels: give each size its own film or fix the camera's resolution"
            )
        self._size = size

    def _bgr(self, frame: av.VideoFrame) -> BgrImage:
        bgr = self._reformatter.reformat(frame, format="bgr24", threads=1)
        return np.ascontiguousarray(bgr.to_ndarray(), np.uint8)


def _check_size(place: str, width_px: int, height_px: int) -> None:
    if width_px * height_px > MAX_PIXELS:
        raise SourceError(
            f"{place}: the picture is {width_px} x {height_px} pixels, more than "
            f"{MAX_PIXELS // 10**6} megapixels: set a smaller resolution"
        )
