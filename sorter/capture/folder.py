"""Folders of pictures, one frame each, in the natural order of their names."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sorter.capture.picture import (
    PICTURE_SUFFIXES,
    GreyscaleError,
    greyscale_sentence,
    is_grey,
    read_picture,
)
from sorter.errors import SourceError
from sorter.ports import Clock
from sorter.records import BgrImage, Frame

_log = logging.getLogger(__name__)

# A color camera's pictures show color at once; a folder that does not within these is a greyscale camera's.
_PICTURES_TO_FIND_COLOR = 200


def natural_order(name: str) -> list[str | int]:
    """Sort key by which ``frame2`` comes before ``frame10``."""
    # Odd places hold the digits, so that numbers only ever meet numbers.
    parts = re.split(r"(\d+)", name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """Which folder to play and how fast its pictures were taken."""

    path: Path
    frame_rate_hz: float = 30.0


class FolderSource:
    """`ports.FrameSource` over a folder of pictures: jpg, jpeg, png, bmp, tif, tiff and webp.

    Raises:
        SourceError: on opening, where there is no such folder, no readable picture, or no color.
    """

    live = False

    def __init__(self, folder: PictureFolder, clock: Clock) -> None:
        self.frames_skipped = 0
        self._folder = folder
        self._clock = clock
        self._closed = threading.Event()
        self._paths = _picture_paths(folder.path)
        self._look_at_the_beginning()

    def frames(self) -> Iterator[Frame]:
        """Yield one frame per readable picture; see `ports.FrameSource`.

        Raises:
            SourceError: a picture is greyscale, or not of the size of the first.
        """
        self.frames_skipped = 0
        start_s = self._clock.monotonic_s()
        size: tuple[int, ...] | None = None
        for number, path in enumerate(self._paths):
            if self._closed.is_set():
                return
            image = self._read(path)
            if image is None:
                self.frames_skipped += 1
                continue
            size = _same_size(path, image, size)
            yield Frame(image, number, start_s + number / self._folder.frame_rate_hz)

    def close(self) -> None:
        """End before the next picture."""
        self._closed.set()

    def _read(self, path: Path) -> BgrImage | None:
        try:
            return read_picture(path)
        except GreyscaleError:
            raise
        except SourceError as error:
            _log.warning("skipped: %s", error)
            return None

    def _look_at_the_beginning(self) -> None:
        readable = None
        for path in self._paths[:_PICTURES_TO_FIND_COLOR]:
            image = self._read_quietly(path)
            if image is not None and not is_grey(image):
                return
            readable = readable or (path if image is not None else None)
        if readable is None:
            raise SourceError(f"{self._folder.path}: no picture in the folder can be read: replace them")
        raise GreyscaleError(greyscale_sentence(str(readable)))

    def _read_quietly(self, path: Path) -> BgrImage | None:
        """As the first look reads: what is unreadable is said when it is skipped."""
        try:
            return read_picture(path)
        except GreyscaleError:
            raise
        except SourceError:
            return None


def _picture_paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder: check source.path")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
    if not paths:
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))
        raise SourceError(f"{folder}: the folder holds no pictures: put {kinds} files into it")
    return sorted(paths, key=lambda path: (natural_order(path.name), path.name))


def _same_size(path: Path, image: BgrImage, size: tuple[int, ...] | None) -> tuple[int, ...]:
    if size is not None and image.shape != size:
        raise SourceError(
            f"{path}: the picture is {image.shape[1]} x {image.shape[0]} pixels, those before it are "
            f"{size[1]} x {size[0]}: give each size its own folder"
        )
    return image.shape
