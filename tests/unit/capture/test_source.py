from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import pytest

from sorter.capture.film import FilmSource
from sorter.capture.folder import FolderSource
from sorter.capture.rtsp import RtspStream
from sorter.capture.simulator.source import SimulatedBelt
from sorter.capture.source import open_source, parse_source
from sorter.errors import SourceError
from sorter.settings import site


def line(source: dict[str, Any]) -> site.LineSettings:
    return site.LineSettings.model_validate(
        {
            "name": "line1",
            "source": source,
            "recipe": "recipe.yaml",
            "belt": {"direction": "up"},
            "branches": {"left": {"distance_mm": 100}},
            "timing": {"belt_speed_mm_per_s": 100},
        }
    )


def test_each_kind_of_settings_opens_its_source(write_film: Any, bars: Any, tmp_path: Path, clock: Any) -> None:
    write_film([bars(0)])
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "1.png"), bars(0))
    product = {"name": "red", "hex": "#b02a30"}
    sources: list[tuple[dict[str, Any], type]] = [
        ({"kind": "file", "path": "film.mp4"}, FilmSource),
        ({"kind": "folder", "path": "frames"}, FolderSource),
        ({"kind": "rtsp", "url": "rtsp://127.0.0.1/a"}, RtspStream),
        ({"kind": "simulator", "products": [product]}, SimulatedBelt),
    ]
    for settings, kind in sources:
        assert isinstance(open_source(line(settings), tmp_path, clock), kind)


def test_a_usb_camera_that_is_not_there_is_refused(tmp_path: Path, clock: Any, capfd: Any) -> None:
    with pytest.raises(SourceError, match="camera 63 cannot be opened: check"):
        open_source(line({"kind": "usb", "device": 63}), tmp_path, clock)
    with pytest.raises(SourceError, match="camera /dev/video63 cannot be opened: check"):
        open_source(line({"kind": "usb", "device": "/dev/video63"}), tmp_path, clock)
    assert capfd.readouterr().err == ""


def test_a_film_that_is_not_there_is_refused_before_any_frame(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(SourceError, match=r"absent\.mp4: no such film"):
        open_source(line({"kind": "file", "path": "absent.mp4"}), tmp_path, clock)


def test_the_argument_of_a_command_is_read(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "0").touch()
    monkeypatch.chdir(tmp_path)
    folder = parse_source(str(tmp_path))
    assert isinstance(folder, site.FolderSource)
    film = parse_source("a.mp4")
    assert isinstance(film, site.FileSource)
    assert Path(film.path) == tmp_path / "a.mp4"
    assert isinstance(parse_source("0"), site.FileSource)
    assert parse_source("usb:2") == parse_source("2") == site.UsbSource(kind="usb", device=2)
    by_id = "/dev/v4l/by-id/usb-Maker_Camera-video-index0"
    assert parse_source(f"usb:{by_id}") == site.UsbSource(kind="usb", device=by_id)
    for wrong in ("nothing.mp4", "usb:64", "usb:video2", "/dev/video2", "", "http://x/y"):
        with pytest.raises(SourceError, match="no such film or folder"):
            parse_source(wrong)


def test_a_password_in_the_argument_is_never_shown() -> None:
    source = parse_source("RTSP://me:s3cr%40t@cam:554/stream")
    assert isinstance(source, site.RtspSource)
    assert (source.url, source.username) == ("rtsp://cam:554/stream", "me")
    assert source.password is not None
    assert source.password.get_secret_value() == "s3cr@t"
    shown = f"{source} {source!r} {source.model_dump()} {source.model_dump_json()} {source.__dict__}"
    assert "s3cr" not in shown
    kept = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes, as a line's process gets them
    assert kept.password == source.password
    settings = line({"kind": "rtsp", "url": "rtsp://x/y"}).model_copy(update={"source": source})
    assert "s3cr" not in repr(settings)


def test_an_address_that_cannot_be_read_is_refused_without_its_password() -> None:
    with pytest.raises(SourceError, match="not a stream address") as refused:
        parse_source("rtsp://me:s3cret@")
    assert "s3cret" not in str(refused.value)


def test_a_password_comes_from_the_environment_or_a_file(tmp_path: Path, clock: Any, monkeypatch: Any) -> None:
    (tmp_path / "password").write_text("from file\n")
    monkeypatch.setenv("CAMERA_PASSWORD", "from environment")
    address = {"kind": "rtsp", "url": "rtsp://127.0.0.1/a", "username": "me"}
    for extra, password in (
        ({"password_env": "CAMERA_PASSWORD"}, "from environment"),
        ({"password_file": "password"}, "from file"),
    ):
        stream = open_source(line(address | extra), tmp_path, clock)
        assert isinstance(stream, RtspStream)
        assert stream._camera.password == password
        assert password not in repr(stream._camera)


def test_a_password_that_is_not_there_is_told(tmp_path: Path, clock: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("CAMERA_PASSWORD", raising=False)
    address = {"kind": "rtsp", "url": "rtsp://127.0.0.1/a", "username": "me"}
    with pytest.raises(SourceError, match="CAMERA_PASSWORD named by password_env is not set"):
        open_source(line(address | {"password_env": "CAMERA_PASSWORD"}), tmp_path, clock)
    with pytest.raises(SourceError, match="the password file cannot be read"):
        open_source(line(address | {"password_file": "absent"}), tmp_path, clock)
