"""Every endpoint, asked without a network in between; pictures are looked at in this process."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from PIL import Image

from sorter.palette.addresses import Limits, download
from sorter.server.app import make_app
from sorter.server.reading import Reading, read_colors, reading_of
from sorter.settings.palettes import ServerSettings

RED, BLUE = (192, 57, 43), (36, 87, 181)
TWO = [
    {"color": {"R": 192, "G": 57, "B": 43}, "percentage": "75.00%"},
    {"color": {"R": 36, "G": 87, "B": 181}, "percentage": "25.00%"},
]


def read_here(content: bytes, colors: int, _end_s: float) -> Reading:
    return reading_of(read_colors(content, colors))


def picture(kind: str = "PNG") -> bytes:
    """Three quarters red, one blue."""
    image = Image.new("RGB", (40, 40), RED)
    image.paste(BLUE, (0, 0, 10, 40))
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


PICTURE = picture()


def huge() -> bytes:
    """A PNG of a kilobyte that says it has 10 gigapixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


Ask = Callable[..., httpx.Response]


class Server:
    """An application that answers one request after the other."""

    def __init__(self, settings: dict[str, Any], **parts: Any) -> None:
        self.app = make_app(ServerSettings(**settings), **({"read": read_here} | parts))

    def __call__(self, method: str, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self.ask(method, path, **request))

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, **request)

    def colors(self, url_or_path: str, **more: Any) -> httpx.Response:
        return self("POST", "/api/colors", json={"url_or_path": url_or_path} | more)

    def upload(self, content: bytes, **form: Any) -> httpx.Response:
        return self("POST", "/api/colors/upload", files={"file": ("x.png", content)}, data=form)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    (inside / "a.png").write_bytes(PICTURE)
    (inside / "sub" / "ä b.jpg").write_bytes(picture("JPEG"))
    (tmp_path / "secret.png").write_bytes(PICTURE)
    return inside


@pytest.fixture
def server(folder: Path) -> Server:
    return Server({"folder": str(folder)})


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and sentence of a no."""
    assert list(answer.json()) == ["detail"]
    sentence = answer.json()["detail"]
    assert isinstance(sentence, str)
    assert "\n" not in sentence
    assert str(Path(__file__).parents[3]) not in sentence
    assert "Error" not in sentence
    return answer.status_code, sentence


def test_a_picture_of_the_folder_is_answered_as_the_original_service_did(server, folder):
    answer = server.colors("a.png", num_clusters=2)
    assert (answer.status_code, answer.json()) == (200, {"predominant_colors": TWO})
    assert server.colors(str(folder / "a.png"), num_clusters=2).json() == answer.json()
    assert server.colors("sub/ä b.jpg").status_code == 200
    assert server.colors("sub/../a.png", num_clusters=2).json() == answer.json()


def test_an_upload_is_answered_alike(server):
    assert server.upload(PICTURE, num_clusters=2).json() == {"predominant_colors": TWO}
    assert len(server.upload(PICTURE).json()["predominant_colors"]) == 2


def test_a_palette_comes_in_the_form_that_is_asked_for():
    asked: list[tuple[str, Limits]] = []

    def fetch(url: str, limits: Limits) -> bytes:
        asked.append((url, limits))
        return PICTURE

    server = Server({"allow_urls": True, "max_mb": 3, "url_ports": (80, 8080)}, fetch=fetch)
    where = {"image_url": "http://example.com/a.png?b=1&c=2", "n": 2}
    forms = {
        form: server("GET", "/api/palette", params=where | ({"format": form} if form else {})).json()
        for form in ("", "rgb", "hex", "coolors")
    }
    assert forms["rgb"] == forms[""] == {"palette": [list(RED), list(BLUE)]}
    assert forms["hex"] == {"palette": ["#c0392b", "#2457b5"]}
    assert forms["coolors"] == {"palette": "https://coolors.co/c0392b-2457b5"}
    assert server.colors("http://example.com/a.png", num_clusters=2).json() == {"predominant_colors": TWO}
    url, limits = asked[0]
    assert url == "http://example.com/a.png?b=1&c=2"
    assert (limits.max_bytes, limits.ports) == (3_000_000, (80, 8080))
    assert 0 < limits.deadline_s <= 20


def test_addresses_are_not_visited_until_that_is_allowed(server):
    def fetch(*_: object) -> bytes:
        raise AssertionError

    closed = Server({}, fetch=fetch)
    for one in (server, closed):
        assert told(one.colors("https://example.com/"))[0] == 403
        assert told(one("GET", "/api/palette", params={"image_url": "https://example.com/"}))[0] == 403


@pytest.mark.parametrize(
    ("url", "status"),
    [("http://127.0.0.1/", 403), ("http://localhost/", 403), ("http://[::1]/", 403), ("ftp://a.example/x", 400),
     ("http://a@b.example/", 400), ("http://example.com:22/", 403), ("http://no-such-name.invalid/", 502)],
)  # fmt: skip
def test_what_the_guard_refuses_has_its_status(url, status):
    server = Server({"allow_urls": True}, fetch=download)
    assert told(server.colors(url))[0] == status
    assert told(server("GET", "/api/palette", params={"image_url": url}))[0] in {status, 422}


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png", "sub/../../secret.png", "/etc/passwd", "../inside/../secret.png", "link.png",
        "linked/secret.png",
        "/dev/zero", "/dev/stdin", "/proc/self/environ", "zero", ".", "sub", "", "pipe", "a.png\x00.jpg", "a\n.png",
        "../" * 40 + "etc/passwd", "/" + "a" * 1500, "loop", "//etc/passwd", "../missing.png", "/missing/file.png",
        "..", "/", "\\\\server\\share\\a.png", "%2e%2e/secret.png", "....//secret.png", "..\\secret.png", "~/a.png",
        "file:/etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_folder_or_to_what_is_no_file(server, folder, path):
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "loop").symlink_to("loop")
    (folder / "zero").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    status, sentence = told(server.colors(path))
    assert status in {403, 404, 422}
    assert str(folder) not in sentence


def test_what_is_outside_answers_alike_whether_it_is_there_or_not(server):
    there, missing = server.colors("../secret.png"), server.colors("../missing.png")
    assert told(there) == told(missing)
    assert told(there)[0] == 403
    assert told(server.colors("missing.png"))[0] == 404
    assert told(server.colors("a.png/b.png"))[0] == 404


def test_a_link_within_the_folder_is_followed(server, folder):
    (folder / "other.png").symlink_to("a.png")
    assert server.colors("other.png", num_clusters=2).json() == {"predominant_colors": TWO}


def test_without_a_folder_no_path_is_read(folder):
    for path in ("a.png", str(folder / "a.png"), "/etc/passwd"):
        assert told(Server({}).colors(path))[0] == 403


@pytest.mark.parametrize(
    "content", [b"", b"no picture", PICTURE[:-40], b"<svg/>", b"\x89PNG\r\n\x1a\n", picture("PDF")]
)
def test_what_is_no_picture_is_refused(server, content):
    assert told(server.upload(content))[0] == 415


def test_a_small_file_of_huge_dimensions_is_refused_before_it_is_decoded(server):
    bomb = huge()
    assert len(bomb) < 1000
    status, sentence = told(server.upload(bomb))
    assert (status, "more than 64 megapixels" in sentence) == (413, True)


def test_larger_files_than_may_be_are_refused_wherever_they_come_from(folder):
    server = Server({"folder": str(folder), "max_mb": 1})
    (folder / "large.png").write_bytes(bytes(1_000_001))
    assert told(server.colors("large.png"))[0] == 413
    assert told(server.upload(bytes(1_100_000)))[0] == 413
    assert told(server.upload(bytes(1_000_000)))[0] == 415


def test_a_body_longer_than_it_says_is_refused():
    server = Server({"max_mb": 1})

    async def chunks():
        while True:
            yield bytes(65536)

    assert told(server("POST", "/api/colors/upload", content=chunks()))[0] == 413
    odd = {"content-length": "9" * 30}
    assert told(server("POST", "/api/colors", content=b"{}", headers=odd))[0] == 413


def test_a_compressed_request_is_refused(server):
    answer = server(
        "POST", "/api/colors/upload", content=zlib.compress(bytes(10**7)), headers={"content-encoding": "gzip"}
    )
    assert told(answer)[0] == 415


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400), ({"json": []}, 422),
        ({"json": {}}, 422), ({"json": {"url_or_path": 3}}, 422), ({"json": {"url_or_path": ""}}, 422),
        ({"json": {"url_or_path": "a", "num_clusters": 0}}, 422), ({"content": b"x"}, 422), ({}, 422),
        ({"json": {"url_or_path": "a", "num_clusters": 257}}, 422), ({"json": {"url_or_path": "a", "x": 1}}, 422),
        ({"json": {"url_or_path": "a", "num_clusters": "many"}}, 422), ({"json": {"url_or_path": "a" * 2049}}, 422),
        ({"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400),
    ],
)  # fmt: skip
def test_a_mistaken_question_is_told_in_one_sentence(server, request_, status):
    assert told(server("POST", "/api/colors", **request_))[0] == status


@pytest.mark.parametrize("request_", [
    {}, {"data": {"num_clusters": 2}}, {"files": {"file": b""}, "data": {"num_clusters": 0}},
    {"files": {"other": PICTURE}}, {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}},
    {"content": b"", "headers": {"content-type": "multipart/form-data"}},
])  # fmt: skip
def test_a_mistaken_form_is_told_in_one_sentence(server, request_):
    assert told(server("POST", "/api/colors/upload", **request_))[0] in {400, 422}


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/api/colors", 405), ("GET", "/nothing", 404), ("DELETE", "/healthz", 405),
    ("GET", "/docs/files/../x", 404),
    ("GET", "/docs/files/..%2f..%2f__init__.py", 404), ("GET", "/redoc", 404), ("GET", "/api/palette?n=2", 422),
    ("GET", "/api/palette?image_url=http://a.example&format=xml", 422),
])  # fmt: skip
def test_what_is_not_there_is_told_alike(server, method, path, status):
    assert told(server(method, path))[0] == status


def test_what_takes_too_long_is_given_up():
    def slow(_content: bytes, _colors: int, _end_s: float) -> Reading:
        time.sleep(1)
        raise AssertionError

    began_s = time.monotonic()
    assert told(Server({"deadline_s": 0.2}, read=slow).upload(PICTURE))[0] == 504
    assert time.monotonic() - began_s < 0.9


def test_a_request_that_does_not_arrive_is_given_up():
    async def drip():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    server = Server({"deadline_s": 0.2})
    assert told(server("POST", "/api/colors/upload", content=drip()))[0] == 504


def test_more_requests_than_may_be_are_sent_away_and_the_health_is_told_all_the_same():
    go_on = threading.Event()

    def wait(content: bytes, colors: int, end_s: float) -> Reading:
        go_on.wait(5)
        return read_here(content, colors, end_s)

    server = Server({"max_requests": 2}, read=wait)

    async def all_at_once() -> list[httpx.Response]:
        files = {"file": ("x", PICTURE)}
        first = [asyncio.create_task(server.ask("POST", "/api/colors/upload", files=files)) for _ in range(2)]
        await asyncio.sleep(0.1)
        third = await server.ask("POST", "/api/colors/upload", files=files)
        health = await server.ask("GET", "/healthz")
        go_on.set()
        return [
            third,
            health,
            *await asyncio.gather(*first),
            await server.ask("POST", "/api/colors/upload", files=files),
        ]

    third, *others = asyncio.run(all_at_once())
    assert told(third)[0] == 503
    assert third.headers["retry-after"] == "1"
    assert [one.status_code for one in others] == [200] * 4


def test_a_fault_of_the_program_tells_nothing_of_it():
    def fault(*_: object) -> Reading:
        raise ZeroDivisionError("/etc/secret")

    status, sentence = told(Server({}, read=fault).upload(PICTURE))
    assert (status, "secret" in sentence) == (500, False)


def test_every_answer_has_the_headers_that_browsers_go_by(server):
    for answer in (server("GET", "/healthz"), server.upload(b""), server("GET", "/nothing"), server("GET", "/docs")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_pages_of_the_web_sites_that_are_named_may_ask_and_no_others():
    server = Server({"cors_origins": ("https://shop.example",), "max_mb": 1})
    for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
        headers = {"origin": origin}
        for answer in (server("GET", "/healthz", headers=headers), server("GET", "/api/palette", headers=headers)):
            assert answer.headers.get("access-control-allow-origin") == allowed
        ahead = headers | {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        assert (server("OPTIONS", "/api/colors", headers=ahead).status_code == 200) == bool(allowed)
        too_large = server("POST", "/api/colors", content=bytes(1_100_000), headers=headers)
        assert (too_large.status_code, too_large.headers.get("access-control-allow-origin")) == (413, allowed)


def test_the_api_describes_itself_for_a_swagger_ui_that_knows_no_3_1(server):
    schema = server("GET", "/openapi.json").json()
    assert schema["openapi"] == "3.0.3"
    assert set(schema["paths"]) == {"/api/colors", "/api/colors/upload", "/api/palette", "/healthz"}
    text = json.dumps(schema)
    assert '"format": "binary"' in text
    assert "HTTPValidationError" not in text
    assert "example" in schema["components"]["schemas"]["Colors"]


def test_the_page_of_the_api_loads_nothing_from_elsewhere(server):
    page = server("GET", "/docs").text
    assert "//" not in page.replace("<!doctype", "")
    for path in ("/docs/files/swagger-ui.css", "/docs/files/swagger-ui-bundle.js", "/docs/start.js"):
        assert path in page
        assert server("GET", path).status_code == 200


def test_more_endpoints_are_held_to_the_same_bounds():
    router = APIRouter()

    @router.post("/api/search")
    async def search() -> dict[str, int]:
        return {"found": 1}

    server = Server({"max_mb": 1}, routers=(router,))
    assert server("POST", "/api/search").json() == {"found": 1}
    assert told(server("POST", "/api/search", content=bytes(1_100_000)))[0] == 413
