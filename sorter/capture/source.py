"""The right source for the settings or for a command line's argument."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from sorter.capture.film import FilmPath, FilmSource
from sorter.capture.folder import FolderSource as PictureFolderSource
from sorter.capture.folder import PictureFolder
from sorter.capture.genicam.source import GenicamCamera
from sorter.capture.redact import redact, split_credentials
from sorter.capture.rtsp import Camera, RtspStream
from sorter.capture.simulator.source import SimulatedBelt
from sorter.capture.usb import UsbCamera
from sorter.errors import SourceError
from sorter.ports import Clock, FrameSource
from sorter.product.region import bounding_box, direction_deg
from sorter.records import Box
from sorter.settings.site import (
    FileSource,
    FolderSource,
    GenicamSource,
    LineSettings,
    RtspSource,
    SimulatorSource,
    Source,
    UsbSource,
)

_USB = re.compile(r"(?:usb:)?(\d+)|usb:(/dev/\S+)", re.IGNORECASE)


Wanted = Callable[[float], bool]
"""Whether the pixels of a frame taken at that time (monotonic seconds) are needed."""


def open_source(
    line: LineSettings, base: Path, clock: Clock, wanted: Wanted = lambda _captured_at_s: True
) -> FrameSource:
    """Build and check the source of a line; a network camera is only connected by its `frames`.

    Args:
        line: its settings.
        base: the folder of the settings file, from which its paths are counted.
        clock: gives the frames their time.
        wanted: a live source may leave out the pixels of what is not.

    Raises:
        SourceError: the source cannot be opened; one sentence that names it and the remedy.
    """
    try:
        return _open(line, base, clock, wanted)
    except OSError as error:
        sentence = f"{error.filename}: cannot be opened ({error.strerror}): mend its name or its rights"
        raise SourceError(sentence) from error


def _open(line: LineSettings, base: Path, clock: Clock, wanted: Wanted) -> FrameSource:
    match line.source:
        case FileSource() as film:
            return FilmSource(FilmPath(base / film.path, film.realtime), clock)
        case FolderSource() as folder:
            return PictureFolderSource(PictureFolder(base / folder.path, folder.frame_rate_hz), clock)
        case UsbSource() as usb:
            return UsbCamera(usb, clock)
        case RtspSource() as rtsp:
            return RtspStream(_camera(rtsp, base, bounding_box(line.region)), clock, wanted)
        case GenicamSource() as genicam:
            return GenicamCamera(genicam, base, clock)
        case SimulatorSource() as simulator:
            return SimulatedBelt(simulator, direction_deg(line.belt.direction), clock)


def describe(source: Source, base: Path) -> str:
    """A source in words that anyone may read: never with a password."""
    match source:
        case FileSource() | FolderSource():
            return str(base / source.path)
        case RtspSource():
            return redact(source.url)
        case UsbSource():
            return f"camera {source.device}"
        case GenicamSource():
            return "the GenICam camera"
        case SimulatorSource():
            return "the simulated belt"


def parse_source(argument: str) -> Source:
    """Read the SOURCE of a command line: a folder, a film, ``rtsp://...``, ``usb:0`` or a bare number.

    ``usb:/dev/video2`` is a camera by its path. A password in an address is kept where it cannot be printed or
    dumped (`RtspSource.with_password`).

    Raises:
        SourceError: it is none of these.
    """
    if re.match(r"rtsps?://", argument, re.IGNORECASE):
        return _rtsp_source(argument)
    try:
        found = _on_disk(argument)
    except OSError as error:
        sentence = f"{argument[:200]}: cannot be looked at ({error.strerror}): mend its name or its rights"
        raise SourceError(sentence) from error
    if found is not None:
        return found
    camera = _usb_source(argument)
    if camera is not None:
        return camera
    raise SourceError(
        f"{redact(argument)}: no such film or folder: give an existing one, an rtsp:// address, or usb:0 for a camera"
    )


def _usb_source(argument: str) -> UsbSource | None:
    camera = _USB.fullmatch(argument)
    if camera is None:
        return None
    number, path = camera.groups()
    if path is not None:
        return UsbSource(kind="usb", device=path)
    return UsbSource(kind="usb", device=int(number)) if int(number) < 64 else None


def _on_disk(argument: str) -> Source | None:
    path = Path(argument)
    if argument and path.is_dir():
        return FolderSource(kind="folder", path=str(path.absolute()))
    return FileSource(kind="file", path=str(path.absolute())) if path.is_file() else None


def _rtsp_source(argument: str) -> RtspSource:
    scheme, rest = argument.split("://", 1)
    url, username, password = split_credentials(f"{scheme.lower()}://{rest}")
    try:
        source = RtspSource(kind="rtsp", url=url, username=username)
    except ValidationError:
        sentence = f"{redact(argument)}: not a stream address: write rtsp://host:port/path"
        raise SourceError(sentence) from None  # pydantic's own error shows the address with its password
    return source if password is None else source.with_password(password)


def _camera(settings: RtspSource, base: Path, part: Box | None) -> Camera:
    return Camera(settings.url, settings.username, _password(settings, base), settings.timeout_s, part)


def _password(settings: RtspSource, base: Path) -> str | None:
    if settings.password is not None:
        return settings.password.get_secret_value()
    if settings.password_env is not None:
        return _from_environment(settings.password_env)
    return None if settings.password_file is None else _from_file(base / settings.password_file)


def _from_environment(variable: str) -> str:
    try:
        return os.environ[variable]
    except KeyError:
        sentence = f"the environment variable {variable} named by password_env is not set: set it"
        raise SourceError(sentence) from None


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the password file cannot be read: check password_file") from error
