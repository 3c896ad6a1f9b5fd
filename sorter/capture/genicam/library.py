"""One camera opened through the package harvesters: producers, choice of the camera, buffers, release.

The package is loaded only here and only when a camera is opened. It comes untyped.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from sorter.capture.genicam.features import PIXEL_FORMAT, WIDTH, NodeControls
from sorter.capture.genicam.pixels import Layout, check_format, format_of, to_bgr
from sorter.errors import SourceError, SourceRefusedError
from sorter.records import BgrImage
from sorter.settings.genicam import GenicamSource

_PATH_VARIABLE = "GENICAM_GENTL64_PATH"
# genicam holds Python's global lock while it waits for a picture: with 100 ms of waiting the other threads stood still
# for 54 ms at a time. So it never waits; it is asked whether there is a picture, and whoever asks sleeps in between.
_NO_WAIT_MS = 0
_ASKING_S = 2e-5


@dataclass(frozen=True, slots=True)
class Found:
    """A camera that a producer sees."""

    index: int
    serial: str
    name: str
    """Given by a user; empty where it has none."""
    model: str

    def __str__(self) -> str:
        named = f", camera_name {self.name}" if self.name else ""
        return f"serial {self.serial}{named} ({self.model}, index {self.index})"


def choose(found: Sequence[Found], settings: GenicamSource) -> Found:
    """The one camera that the settings mean.

    Raises:
        SourceError: there is none, or more than one; the sentence lists what there is.
    """
    if not found:
        raise SourceError(
            "no GenICam camera was found: check its power, its cable and its network address, and that the producer "
            "is the right one for it"
        )
    there = "; ".join(map(str, found))
    meant = [one for one in found if _is_meant(one, settings)]
    # The same camera may be seen by two producers, or on two interfaces.
    if len({(one.serial, one.name) for one in meant}) > 1:
        raise SourceError(f"{len(meant)} GenICam cameras were found: set serial to one of them: {there}")
    if not meant:
        raise SourceError(f"there is no GenICam camera with {_wanted(settings)}: mend it, these were found: {there}")
    return meant[0]


def _is_meant(one: Found, settings: GenicamSource) -> bool:
    pairs = ((settings.serial, one.serial), (settings.camera_name, one.name), (settings.index, one.index))
    return all(wanted is None or wanted == has for wanted, has in pairs)


def _wanted(settings: GenicamSource) -> str:
    keys = ("serial", "camera_name", "index")
    return " and ".join(f"{key} {getattr(settings, key)}" for key in keys if getattr(settings, key) is not None)


def producer_files(settings: GenicamSource, base: Path) -> list[Path]:
    """The GenTL producers to load.

    Raises:
        SourceError: there are none.
    """
    if settings.producer is not None:
        path = base / settings.producer
        if not path.is_file():
            raise SourceError(f"{path}: there is no such GenTL producer: check producer")
        return [path]
    folders = [Path(folder) for folder in os.environ.get(_PATH_VARIABLE, "").split(os.pathsep) if folder]
    files = [path for folder in folders for path in sorted(folder.glob("*.cti"))]
    if not files:
        raise SourceError(
            f"no GenTL producer is known: set producer to the .cti file of the camera's maker, or {_PATH_VARIABLE} to "
            "its folder"
        )
    return files


class OpenCamera:
    """A camera that sends pictures, until `release`.

    Not safe to use from two threads at once.

    Args:
        settings: which camera.
        base: the folder that paths are relative to.
        note_incomplete: called for each picture that came with parts missing, and was dropped.

    Attributes:
        controls: what can be set at it.
        place: the camera, for sentences.

    Raises:
        SourceError: it cannot be opened.
    """

    def __init__(self, settings: GenicamSource, base: Path, note_incomplete: Callable[[], None]) -> None:
        self._note_incomplete = note_incomplete
        self._core = _load()
        self._errors = (self._core.GenTL_GenericException, self._core.GenApi_GenericException)
        heard = _LastWarning()
        self._harvester = self._core.Harvester(config=_parameters(self._core, {"LOGGER": heard.logger}))
        try:
            found = self._find(producer_files(settings, base), settings, heard)
            self.place = f"camera {found.serial} ({found.model})"
            self._acquirer = self._connect(found)
            nodes = self._acquirer.remote_device.node_map
        except BaseException:
            self.release()
            raise
        self.controls = NodeControls(nodes, self._errors)

    def start(self, buffers: int) -> None:
        """Begin to send pictures.

        Raises:
            SourceError: the camera refuses, or its pictures cannot be read.
        """
        name = self.controls.get(PIXEL_FORMAT)
        check_format(str(name), self.controls.takes(PIXEL_FORMAT), self.place)
        acquirer = self._acquirer
        acquirer.add_callback(acquirer.Events.INCOMPLETE_BUFFER, _callback(self._core, self._note_incomplete))
        try:
            acquirer.num_buffers = max(buffers, acquirer.min_num_buffers)
            acquirer.start()
        except self._errors as error:
            raise SourceError(f"{self.place} sends no pictures ({plain(error)}): check its settings") from error

    def poll(self) -> BgrImage | None:
        """The next picture; None where none has come. Does not wait.

        Raises:
            SourceError: the camera was lost, or the picture cannot be read.
        """
        try:
            buffer = self._acquirer.try_fetch(timeout=_ASKING_S, is_raw=True)
            if buffer is None:
                return None
            try:
                return self._picture(buffer)
            finally:
                buffer.parent.queue_buffer(buffer)
        except self._errors as error:
            raise SourceError(f"{self.place} was lost ({plain(error)}): check its cable and power") from error

    def answers(self) -> bool:
        """Whether the camera is still there, by reading from it past every cache."""
        try:
            self._acquirer.remote_device.node_map.get_node(WIDTH.name).get_value(False, True)  # noqa: FBT003 - genicam's
        except self._errors:
            return False
        return True

    def release(self) -> None:
        """Stop it, and let go of camera and producer; safe to call twice, and where opening failed halfway."""
        acquirer = getattr(self, "_acquirer", None)
        steps = [] if acquirer is None else [acquirer.destroy, *_finalizers(acquirer)]
        # Each is tried: a camera that is gone fails the first ones, and the rest must still be let go.
        for step in (*steps, self._harvester.reset):
            with suppress(*self._errors, AttributeError):
                step()

    def _find(self, producers: Sequence[Path], settings: GenicamSource, heard: _LastWarning) -> Found:
        for path in producers:
            self._harvester.add_file(str(path))
        self._harvester.update()
        infos = [info.property_dict for info in self._harvester.device_info_list]
        if not infos and heard.last:
            names = ", ".join(path.name for path in producers)
            raise SourceError(f"{names}: the GenTL producer fails ({heard.last}): check that it is the right one")
        return choose([_found(index, info) for index, info in enumerate(infos)], settings)

    def _connect(self, found: Found) -> Any:
        parameters = {"TIMEOUT_PERIOD_ON_UPDATE_EVENT_DATA_CALL": _NO_WAIT_MS, "ENABLE_AUTO_CHUNK_DATA_UPDATE": False}
        try:
            with _signals_kept():
                return self._harvester.create(found.index, config=_parameters(self._core, parameters))
        except self._errors as error:
            raise SourceError(
                f"{self.place} cannot be opened ({plain(error)}): check that no other program uses it"
            ) from error

    def _picture(self, buffer: Any) -> BgrImage | None:
        pixel_format = format_of(buffer.pixel_format, self.place)
        layout = Layout(pixel_format, buffer.width, buffer.height, self._told(buffer, "padding_x"))
        try:
            return to_bgr(np.frombuffer(buffer.raw_buffer, np.uint8)[self._told(buffer, "image_offset") :], layout)
        except ValueError:  # said to be complete, and too short
            self._note_incomplete()
            return None

    def _told(self, buffer: Any, what: str) -> int:
        """A number that a producer need not tell, and that is 0 for most."""
        try:
            return int(getattr(buffer, what))
        except self._errors:
            return 0


class _LastWarning(logging.Handler):
    """Keeps harvesters' own log away from ours, but for the last thing that went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self.logger = logging.Logger("harvesters", logging.WARNING)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember it."""
        self.last = _one_line(record.getMessage())


def plain(error: Exception) -> str:
    """The reason in an exception of genicam: what the producer itself says, where it does."""
    return _one_line(str(error)) or type(error).__name__


def _one_line(text: str) -> str:
    said = re.search(r"(.*)\(Message from the source: (.*?)\)(?: \(ID|\s*$)", text, re.DOTALL)
    sentence = " ".join((said[2].strip() or said[1] if said else text).split())
    return sentence.removeprefix("GenTL exception: ").rstrip(".")[:200]


def _found(index: int, info: dict[str, Any]) -> Found:
    values = {key: info.get(key) for key in ("serial_number", "user_defined_name", "vendor", "model", "id_")}
    model = " ".join(str(values[key]) for key in ("vendor", "model") if values[key])
    serial = values["serial_number"] or values["id_"]
    return Found(index, str(serial), str(values["user_defined_name"] or ""), model)


def _finalizers(acquirer: Any) -> list[Callable[[], object]]:
    """What keeps a camera's description in memory until it is called: half a megabyte an opening, of a simple one."""
    owners: tuple[Any, ...] = (acquirer, getattr(acquirer, "_chunk_adapter", None))
    return [owner._finalizer for owner in owners if hasattr(owner, "_finalizer")]  # noqa: SLF001  # no other way


def _load() -> Any:
    try:
        with warnings.catch_warnings():  # it changes the filters of the whole process
            warnings.simplefilter("ignore")
            return import_module("harvesters.core")
    except ImportError as error:
        raise SourceRefusedError(
            "GenICam cameras need packages that are not installed: "
            "pip install --require-hashes -r requirements-genicam.lock"
        ) from error


def _parameters(core: Any, values: dict[str, Any]) -> Any:
    return core.ParameterSet({core.ParameterKey[key]: value for key, value in values.items()})


def _callback(core: Any, call: Callable[[], None]) -> Any:
    """What harvesters calls when something happened; it must be of harvesters' own kind."""
    return type("_Callback", (core.Callback,), {"emit": lambda _self, context=None: call()})()  # noqa: ARG005


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Harvesters takes Ctrl-C for itself where it is used in the main thread; who stops this program is ours to say."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
