"""Films: any video file or animated GIF that FFmpeg reads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import av.container
import av.error

from sorter.capture.decoder import Decoder, Picture
from sorter.capture.picture import greyscale_sentence, is_grey
from sorter.errors import SourceError
from sorter.ports import Clock
from sorter.records import Frame

_log = logging.getLogger(__name__)

_FALLBACK_RATE_HZ = 25.0
# A film that cannot be read on for this many packets in a row is taken to end there.
_MAX_READ_ERRORS = 100
# A color film shows color in its first frames; one that does not within these is a greyscale camera's.
_FRAMES_TO_FIND_COLOR = 1000
# How long a close may go unnoticed while a slow film is waited for.
_LONGEST_WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class FilmPath:
    """Which film to play and how."""

    path: Path
    realtime: bool = False
    """Play at the film's own speed instead of as fast as it is asked for."""


class FilmSource:
    """`ports.FrameSource` over a film.

    Raises:
        SourceError: on opening, where the file is missing, empty, not a film, without pictures, or greyscale.
    """

    def __init__(self, film: FilmPath, clock: Clock) -> None:
        self.live = film.realtime
        self.frames_skipped = 0
        self._film = film
        self._clock = clock
        self._closed = threading.Event()
        _look_at_the_beginning(film.path)

    def frames(self) -> Iterator[Frame]:
        """Yield the film's frames from its beginning; see `ports.FrameSource`."""
        with closing(_open(self._film.path)) as container:
            stream = container.streams.video[0]
            decoder = Decoder(stream, str(self._film.path))
            timeline = Timeline(float(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE_HZ))
            yield from self._on_time(_pictures(container, decoder), timeline, decoder)
        self.frames_skipped = decoder.frames_skipped
        self._report(stream.frames, decoder)

    def close(self) -> None:
        """End the film before its next frame; the file is closed by the thread that reads it."""
        self._closed.set()

    def _on_time(self, pictures: Iterator[Picture], timeline: Timeline, decoder: Decoder) -> Iterator[Frame]:
        start_s: float | None = None
        for picture in pictures:
            self.frames_skipped = decoder.frames_skipped
            start_s = self._clock.monotonic_s() if start_s is None else start_s
            at_s = start_s + timeline.offset_s(picture)
            if self._film.realtime:
                self._wait_until(at_s)
            if self._closed.is_set():
                return
            yield Frame(picture.image_bgr, picture.number, at_s)

    def _wait_until(self, at_s: float) -> None:
        while not self._closed.is_set():
            left_s = at_s - self._clock.monotonic_s()
            if left_s <= 0:
                return
            self._clock.wait_s(min(left_s, _LONGEST_WAIT_S))

    def _report(self, announced: int, decoder: Decoder) -> None:
        if decoder.frames_skipped:
            _log.info("%s: %d damaged frames were skipped", self._film.path, decoder.frames_skipped)
        if not self._closed.is_set() and decoder.frames_seen < announced:
            _log.warning(
                "%s: the film announces %d frames but holds %d",
                self._film.path,
                announced,
                decoder.frames_seen,
            )


class Timeline:
    """Places pictures by their time stamps, or by the frame rate where those are missing or do not rise.

    Args:
        frame_rate_hz: the film's average rate.
    """

    def __init__(self, frame_rate_hz: float) -> None:
        self._step_s = 1 / frame_rate_hz
        self._first_pts_s: float | None = None
        self._last: tuple[int, float] | None = None

    def offset_s(self, picture: Picture) -> float:
        """Seconds after the first picture; strictly rising from call to call."""
        if self._first_pts_s is None:
            self._first_pts_s = picture.pts_s
        offset_s = self._by_time_stamp(picture.pts_s)
        if self._last is not None and (offset_s is None or offset_s <= self._last[1]):
            offset_s = self._last[1] + (picture.number - self._last[0]) * self._step_s
        self._last = (picture.number, offset_s or 0.0)
        return self._last[1]

    def _by_time_stamp(self, pts_s: float | None) -> float | None:
        return None if pts_s is None or self._first_pts_s is None else pts_s - self._first_pts_s


def _open(path: Path) -> av.container.InputContainer:
    """Open a film that holds pictures.

    Only the file itself is read: a playlist inside it may not send us to other addresses.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such film: check source.path")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty: record or copy the film again")
    try:
        container = av.open(
            str(path.absolute()), "r", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except PermissionError as error:
        raise SourceError(f"{path}: the film cannot be read (permission denied): mend its rights") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{path}: not a film that can be read: give a video file or animated GIF") from error
    if not container.streams.video:
        container.close()
        raise SourceError(f"{path}: the file holds no pictures, only sound or data: give a video file")
    return container


def _pictures(container: av.container.InputContainer, decoder: Decoder) -> Iterator[Picture]:
    """Decode packet by packet, so that one bad packet does not end the film."""
    errors_in_a_row = 0
    while errors_in_a_row < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(video=0):
                errors_in_a_row = 0
                yield from decoder.pictures(packet)
        except (av.error.FFmpegError, OSError) as error:
            errors_in_a_row += 1
            decoder.pass_over(str(error))
        else:
            return


def _look_at_the_beginning(path: Path) -> None:
    """Refuse a film of which nothing can be decoded, or nothing has a color."""
    with closing(_open(path)) as container:
        decoder = Decoder(container.streams.video[0], str(path))
        first = list(islice(_grey_until_color(container, decoder), _FRAMES_TO_FIND_COLOR))
    if not first:
        raise SourceError(f"{path}: no frame of the film can be decoded: record or copy the film again")
    if all(first):
        raise SourceError(greyscale_sentence(str(path)))


def _grey_until_color(container: av.container.InputContainer, decoder: Decoder) -> Iterator[bool]:
    """Whether each picture is grey; ends at the first that is not."""
    for picture in _pictures(container, decoder):
        grey = is_grey(picture.image_bgr)
        yield grey
        if not grey:
            return
