from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sorter.capture.genicam import library
from sorter.capture.genicam.library import Found, OpenCamera, choose, plain, producer_files
from sorter.capture.genicam.pixels import CODES
from sorter.errors import SourceError
from sorter.settings.genicam import GenicamSource, PixelFormat

RED, GREEN = Found(0, "4711", "", "Acme Ace"), Found(1, "4712", "left belt", "Acme Ace")


def source(**keys: Any) -> GenicamSource:
    return GenicamSource.model_validate({"kind": "genicam", **keys})


@pytest.mark.parametrize(
    ("keys", "chosen"), [({"serial": "4712"}, GREEN), ({"camera_name": "left belt"}, GREEN), ({"index": 0}, RED)]
)
def test_a_camera_is_chosen_by_serial_number_name_or_index(keys: dict[str, Any], chosen: Found) -> None:
    assert choose([RED, GREEN], source(**keys)) is chosen


def test_the_only_camera_need_not_be_named_and_may_be_seen_twice() -> None:
    assert choose([RED], source()) is RED
    assert choose([RED, Found(1, "4711", "", "Acme Ace")], source()) is RED


def test_an_unclear_choice_lists_what_there_is() -> None:
    listed = r"serial 4711 \(Acme Ace, index 0\); serial 4712, camera_name left belt \(Acme Ace, index 1\)$"
    with pytest.raises(SourceError, match=f"2 GenICam cameras were found: set serial to one of them: {listed}"):
        choose([RED, GREEN], source())
    with pytest.raises(SourceError, match=f"there is no GenICam camera with serial 9: .* were found: {listed}"):
        choose([RED, GREEN], source(serial="9"))
    with pytest.raises(SourceError, match="no GenICam camera was found: check its power"):
        choose([], source())


def test_producers_come_from_the_settings_or_from_the_folders_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.cti", "b.cti", "readme.txt"):
        (tmp_path / name).touch()
    assert producer_files(source(producer="a.cti"), tmp_path) == [tmp_path / "a.cti"]
    with pytest.raises(SourceError, match=r"absent\.cti: there is no such GenTL producer"):
        producer_files(source(producer="absent.cti"), tmp_path)
    monkeypatch.setenv("GENICAM_GENTL64_PATH", f"{tmp_path}:/nowhere")
    assert producer_files(source(), Path("/")) == [tmp_path / "a.cti", tmp_path / "b.cti"]
    monkeypatch.delenv("GENICAM_GENTL64_PATH")
    with pytest.raises(SourceError, match="no GenTL producer is known: set producer"):
        producer_files(source(), Path("/"))


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(library, "import_module", absent)
    with pytest.raises(SourceError, match=r"not installed: pip install .* requirements-genicam\.lock"):
        OpenCamera(source(), Path("/"), lambda: None)


def test_of_an_exception_the_producers_own_words_are_told() -> None:
    long = "GenTL exception: Resource busy. (Message from the source: device is\n in use.) (ID: -1004)"
    assert plain(RuntimeError(long)) == "device is in use"
    assert plain(RuntimeError("GenTL exception: gone.")) == "gone"
    assert plain(RuntimeError("GenTL exception: Busy. (Message from the source: ) (ID: -1004)")) == "Busy"
    assert plain(RuntimeError()) == "RuntimeError"


class GenicamError(Exception):
    """Stands for genicam's own."""


@dataclass
class Buffer:
    parent: Any
    raw_buffer: bytes = bytes((1, 2, 3)) * 6
    pixel_format: int = CODES[PixelFormat.RGB_8]
    width: int = 3
    height: int = 2

    @property
    def padding_x(self) -> int:
        raise GenicamError

    image_offset = 0


@dataclass
class Acquirer:
    """A camera of the fake package; what it fetches comes from a list, where None is an incomplete buffer."""

    fetches: list[Any]
    fails: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    min_num_buffers = 6
    num_buffers = 0

    class Events(Enum):
        INCOMPLETE_BUFFER = 1

    def __post_init__(self) -> None:
        width = SimpleNamespace(get_value=lambda *_: self.do("answer"))
        nodes = {"PixelFormat": SimpleNamespace(value="RGB8", symbolics=("RGB8",)), "Width": width}
        node_map = SimpleNamespace(has_node=nodes.__contains__, get_node=nodes.__getitem__)
        self.remote_device = SimpleNamespace(node_map=node_map)

    def do(self, what: str, *_: Any) -> None:
        self.log.append(what)
        if what in self.fails:
            raise GenicamError(what)

    def add_callback(self, _event: Any, callback: Any) -> None:
        self.callback = callback

    def start(self) -> None:
        self.do("start")

    def destroy(self) -> None:
        self.do("destroy")

    def try_fetch(self, **_: Any) -> Any:
        self.do("fetch")
        fetched = self.fetches.pop(0)
        if fetched is None:
            self.callback.emit(context=self)
        return fetched


@pytest.fixture
def acquirer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acquirer:
    """A fake harvesters with one camera."""
    (tmp_path / "maker.cti").touch()
    camera = Acquirer([])
    info = {"serial_number": "4711", "user_defined_name": None, "vendor": "Acme", "model": "Ace", "id_": "x"}
    harvester = SimpleNamespace(
        add_file=lambda _: None,
        update=lambda: None,
        device_info_list=[SimpleNamespace(property_dict=info)],
        create=lambda *_, **__: camera.do("create") or camera,
        reset=lambda: camera.do("reset"),
    )
    keys = Enum("keys", ["LOGGER", "TIMEOUT_PERIOD_ON_UPDATE_EVENT_DATA_CALL", "ENABLE_AUTO_CHUNK_DATA_UPDATE"])
    core = SimpleNamespace(
        GenTL_GenericException=GenicamError,
        GenApi_GenericException=GenicamError,
        Callback=object,
        ParameterKey=keys,
        ParameterSet=dict,
        Harvester=lambda **_: harvester,
    )
    monkeypatch.setattr(library, "import_module", lambda _: core)
    return camera


def opened(base: Path, note: Any = lambda: None) -> OpenCamera:
    camera = OpenCamera(source(producer="maker.cti"), base, note)
    camera.start(buffers=4)
    return camera


def test_incomplete_buffers_are_counted_and_every_buffer_is_given_back(acquirer: Acquirer, tmp_path: Path) -> None:
    given_back: list[Any] = []
    parent = SimpleNamespace(queue_buffer=given_back.append)
    good, short = Buffer(parent), Buffer(parent, raw_buffer=bytes(5))
    strange = Buffer(parent, pixel_format=0x010A0058)
    acquirer.fetches = [None, short, good, strange]
    incomplete: list[int] = []
    camera = opened(tmp_path, lambda: incomplete.append(1))
    assert acquirer.num_buffers == acquirer.min_num_buffers
    assert [camera.poll(), camera.poll()] == [None, None]
    assert len(incomplete) == 2
    image = camera.poll()
    assert image is not None
    assert image[0, 0].tolist() == [3, 2, 1]
    with pytest.raises(SourceError, match=r"camera 4711 \(Acme Ace\): .* format that is not known"):
        camera.poll()
    assert given_back == [short, good, strange]


def test_a_camera_that_fails_is_told_and_let_go(acquirer: Acquirer, tmp_path: Path) -> None:
    acquirer.fails = {"create"}
    with pytest.raises(SourceError, match=r"camera 4711 \(Acme Ace\) cannot be opened \(create\): check that no other"):
        opened(tmp_path)
    assert acquirer.log[-1] == "reset"
    acquirer.fails = {"start"}
    with pytest.raises(SourceError, match=r"sends no pictures \(start\)"):
        opened(tmp_path)
    acquirer.fails = {"fetch", "answer", "destroy", "reset"}
    camera = opened(tmp_path)
    with pytest.raises(SourceError, match=r"was lost \(fetch\): check its cable"):
        camera.poll()
    assert not camera.answers()
    camera.release()
    camera.release()
    assert acquirer.log[-4:] == ["destroy", "reset"] * 2
