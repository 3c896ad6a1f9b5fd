"""Pictures are found wherever they are, in the same order every time, and no failure gives a credential away."""

from __future__ import annotations

import os
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.archive import stores
from sorter.archive.failures import backoff_s
from sorter.archive.stores import places, read, shown
from sorter.errors import SourceError, UsageError


def never(_failures: int) -> bool:
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.JPG", "deep/er/c.jpg", "deep/d.png", "notes.txt"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "photos"


def names(pattern: str, folder: Path) -> list[str]:
    return [os.path.relpath(place.uri, folder) for place in places(pattern)]


def test_of_a_folder_all_pictures_are_taken_in_the_order_of_their_names(folder):
    assert names(str(folder), folder) == ["a.JPG", "b.jpg", "deep/d.png", "deep/er/c.jpg"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("*.jpg", ["b.jpg"]), ("**/*.jpg", ["b.jpg", "deep/er/c.jpg"]), ("*/d.???", ["deep/d.png"]), ("*.gif", [])],
)
def test_patterns_mean_what_they_mean_in_a_shell(folder, pattern, found):
    assert names(f"{folder}/{pattern}", folder) == found


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    path = tmp_path / "what[1].jpg"
    path.write_bytes(b"x")
    assert [place.uri for place in places(str(path))] == [str(path)]


def test_links_that_lead_back_are_not_followed(folder):
    (folder / "deep" / "up").symlink_to(folder)
    assert len(names(str(folder), folder)) == 4


def test_zip_and_tar_are_read_without_unpacking(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.write(folder / "b.jpg", "in/b.jpg")
        archive.write(folder / "notes.txt", "notes.txt")
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(folder / "b.jpg", "in/b.jpg")
    for kind in ("zip", "tar"):
        (found,) = places(f"{kind}://**/*.jpg::{tmp_path}/p.{kind}")
        assert found.uri == f"{kind}://in/b.jpg::{tmp_path}/p.{kind}"
        assert read(found.uri, None, never) == b"b.jpg"


def test_a_broken_archive_is_told_in_a_sentence(tmp_path):
    (tmp_path / "p.zip").write_bytes(b"no archive")
    with pytest.raises(SourceError, match="cannot be listed: the store or archive failed"):
        list(places(f"zip://*.jpg::{tmp_path}/p.zip"))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("ftp://host/a.jpg", "no kind of address"),
        ("https://host/*.jpg", "name each one"),
        ("https://me:hunter2@host/a.jpg", "no password"),
        ("s3://key:hunter2@bucket/*.jpg", "no password"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_without_telling_what_is_secret_in_them(uri, words):
    with pytest.raises(UsageError, match=words) as told:
        list(places(uri))
    assert "hunter2" not in str(told.value)


def test_a_missing_extra_is_one_sentence_that_says_what_to_install():
    for uri, extra in (("gs://bucket/*.jpg", "stores,gcs"), ("oci://bucket@space/*.jpg", "stores,oci")):
        with pytest.raises(UsageError, match=rf"conveyor-color-sorter\[{extra}\]"):
            list(places(uri))


def test_signatures_in_an_address_are_never_shown():
    assert shown("https://h/a.jpg?X-Amz-Signature=abc&id=7") == "https://h/a.jpg?X-Amz-Signature=***&id=7"


def test_a_name_that_is_no_text_is_shown_with_escapes():
    assert shown("/p/\udcff.jpg") == "/p/\\udcff.jpg"


def test_what_is_no_file_or_too_large_is_not_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(SourceError, match="not a file"):
        read(str(tmp_path / "pipe.jpg"), None, never)
    (tmp_path / "large.jpg").write_bytes(b"12345")
    monkeypatch.setattr(stores, "MAX_BYTES", 4)
    with pytest.raises(SourceError, match="larger than"):
        read(str(tmp_path / "large.jpg"), None, never)


@pytest.fixture
def web(folder) -> Iterator[str]:
    class Flaky(SimpleHTTPRequestHandler):
        failures = 2

        def do_GET(self) -> None:
            if self.path == "/flaky.jpg" and Flaky.failures:
                Flaky.failures -= 1
                self.send_error(503)
                return
            self.path = "/b.jpg" if self.path == "/flaky.jpg" else self.path
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Flaky, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_fails_for_a_moment_is_tried_again(web):
    waits: list[int] = []
    assert read(f"{web}/flaky.jpg", None, lambda failures: waits.append(failures) is None) == b"b.jpg"
    assert waits == [1, 2]


def test_what_will_not_come_is_not_tried_again(web):
    waits: list[int] = []
    with pytest.raises(SourceError, match="the server answered 404"):
        read(f"{web}/none.jpg", None, lambda failures: waits.append(failures) is None)
    assert not waits


def test_a_server_that_is_not_there_is_told_after_the_last_attempt():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(SourceError, match="cannot be read: no connection"):
        read(f"http://127.0.0.1:{port}/a.jpg", None, lambda failures: failures < 3)


@given(st.integers(1, 50), st.floats(0, 1))
def test_waiting_is_bounded_and_never_nothing(failures, chance):
    assert 0.125 <= backoff_s(failures, chance) <= 8
