"""The palette server as a process, asked over real sockets by clients good and bad."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from PIL import Image

from tests.system.conftest import ROOT, USERS_ENVIRONMENT, wait_for
from tests.unit.conftest import LINE, RECIPE
from tests.unit.server.test_api import huge

pytestmark = pytest.mark.system

ORIGIN = "https://shop.example"
DEADLINE_S = 3
RED = [{"color": {"R": 192, "G": 57, "B": 43}, "percentage": "100.00%"}]
WHERE = re.compile(r"palettes at http://127\.0\.0\.1:(\d+)/docs")


@dataclass
class Inside:
    """A server in the network behind ours, which nobody may reach through it."""

    hits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        hits = self.hits

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hits.append(self.path)
                self.send_error(418)

            def log_message(self, *_: object) -> None:
                """It keeps the count itself."""

        # On every address of this machine, of both kinds where there are both.
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        listener = socket.create_server(("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6)
        self.port = listener.getsockname()[1]
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = listener
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@dataclass
class PaletteServer:
    """A running ``run_sorter.py palette-server``."""

    process: subprocess.Popen[bytes]
    log_file: Path
    folder: Path
    inside: Inside
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False))

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8")

    @property
    def port(self) -> int:
        found = WHERE.search(self.log)
        assert found
        return int(found[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def colors(self, url_or_path: str) -> httpx.Response:
        question = {"url_or_path": url_or_path, "num_clusters": 2}
        return self.client.post(f"{self.url}/api/colors", json=question)

    def upload(self, content: bytes, **more: Any) -> httpx.Response:
        return self.client.post(f"{self.url}/api/colors/upload", files={"file": content}, **more)

    @property
    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [one for one in children if "spawn_main" in " ".join(one.cmdline())]


def start(folder: Path, inside: Inside) -> PaletteServer:
    log = folder.parent / "log"
    command = [
        sys.executable, ROOT / "run_sorter.py", "palette-server", "--port", 0, "--folder", folder, "--allow-urls",
        "--url-ports", 80, 443, inside.port, "--cors", ORIGIN, "--max-mb", 1, "--deadline", DEADLINE_S, "--workers", 1,
        "--max-requests", 6,
    ]  # fmt: skip
    with log.open("wb") as err:
        process = subprocess.Popen(
            [str(part) for part in command], stderr=err, env=USERS_ENVIRONMENT, start_new_session=True
        )
    server = PaletteServer(process, log, folder, inside)
    wait_for("the server listens", lambda: WHERE.search(server.log), 30)
    wait_for("it answers", lambda: server.colors("red.png").status_code == 200, 30)
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaletteServer]:
    folder = tmp_path_factory.mktemp("palettes") / "folder"
    folder.mkdir()
    Image.new("RGB", (30, 20), (192, 57, 43)).save(folder / "red.png")
    (folder.parent / "secret.png").write_bytes((folder / "red.png").read_bytes())
    (folder / "link.png").symlink_to("../secret.png")
    inside = Inside()
    one = start(folder, inside)
    yield one
    one.client.close()
    if one.process.poll() is None:
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait(10)
    inside.server.shutdown()
    inside.server.server_close()


def sentence(answer: httpx.Response) -> str:
    assert list(answer.json()) == ["detail"]
    return str(answer.json()["detail"])


def test_pictures_are_answered_sent_and_named(server):
    picture = (server.folder / "red.png").read_bytes()
    assert server.upload(picture).json() == {"predominant_colors": RED}
    assert server.colors("red.png").json() == {"predominant_colors": RED}
    assert server.client.get(f"{server.url}/healthz").json() == {"ok": True}


@pytest.mark.parametrize("path", [
    "../secret.png", "red.png/../../secret.png", "link.png", "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/mem",
    "....//secret.png", "..%2fsecret.png", "..\\secret.png", "file:/etc/passwd", ".", "~/x.png", "red.png\x00", "//",
    "../" * 30 + "etc/hostname",
])  # fmt: skip
def test_no_path_leads_out_of_the_folder(server, path):
    answer = server.colors(path)
    assert answer.status_code in {403, 404}
    assert str(server.folder.parent) not in sentence(answer)


# Each leads to this machine for one reader or another; {} is the port that the server inside listens on.
SPELLINGS = (
    "http://127.0.0.1:{}/", "http://localhost:{}/", "http://LOCALHOST:{}/", "http://localhost.:{}/", "http://0:{}/",
    "http://0.0.0.0:{}/", "http://127.1:{}/", "http://127.0.1:{}/", "http://2130706433:{}/", "http://017700000001:{}/",
    "http://0x7f000001:{}/", "http://0x7f.0.0.1:{}/", "http://0177.0.0.1:{}/", "http://127.0.0.1.:{}/",
    "http://127.255.255.254:{}/", "http://[::1]:{}/", "http://[::]:{}/", "http://[0:0:0:0:0:0:0:1]:{}/",
    "http://[::ffff:127.0.0.1]:{}/", "http://[::ffff:7f00:1]:{}/", "http://[::127.0.0.1]:{}/", "http://[64:ff9b::7f00:1]:{}/",
    "http://[2002:7f00:1::]:{}/", "http://[fe80::1%25lo]:{}/", "http://[::1%25lo]:{}/", "http://user@127.0.0.1:{}/",
    "http://example.com@127.0.0.1:{}/", "http://127.0.0.1:{}@example.com/", "http://127.0.0.1:{}\\@example.com/",
    "http://example.com:80\\@127.0.0.1:{}/", "http://127.0.0.1:{}#@example.com/", "http://127.0.0.1%2e:{}/",
    "http://127%2e0%2e0%2e1:{}/", "http://\uff11\uff12\uff17.0.0.1:{}/", "http://127\u30020\u30020\u30021:{}/",
    "http://\u2460\u2461\u2466.0.0.1:{}/", "http://127.0.0.1:{}?.png", "http:127.0.0.1:{}://", "http:////127.0.0.1:{}/",
    "https://127.0.0.1:{}/", "HTTP://127.0.0.1:{}/", "ftp://127.0.0.1:{}/", "gopher://127.0.0.1:{}/_GET", "://127.0.0.1:{}/",
    "http://127.0.0.1\t:{}/", "http://127.0.0.1\r\n:{}/", "jar:http://127.0.0.1:{}!/", "http://ip6-localhost:{}/",
    "http://169.254.169.254:{}/latest/meta-data/", "http://10.0.0.1:{}/", "http://192.168.0.1:{}/", "http://[fd00::1]:{}/",
)  # fmt: skip


def test_no_spelling_of_an_address_reaches_a_server_inside(server):
    names = [f"http://{socket.gethostname()}:{{}}/"]
    assert server.client.get(f"http://127.0.0.1:{server.inside.port}/seen").status_code == 418
    for spelling in (*SPELLINGS, *names):
        url = spelling.format(server.inside.port)
        for answer in (
            server.colors(url),
            server.client.get(f"{server.url}/api/palette", params={"image_url": url}),
        ):
            assert answer.status_code in {400, 403, 502}, url
            assert "127.0.0.1" not in sentence(answer)
    assert server.inside.hits == ["/seen"]


def raw(server: PaletteServer, head: str, body: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), 10)
    client.sendall(f"POST /api/colors/upload HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
    return client


def status(client: socket.socket) -> int:
    with client:
        return int(client.makefile("rb").readline().split()[1])


def send_without_end(client: socket.socket) -> None:
    while True:
        client.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def test_bombs_are_refused_and_others_are_answered_meanwhile(server):
    assert server.upload(huge()).status_code == 413
    unfolding = zlib.compress(bytes(50_000_000))
    assert server.upload(unfolding, headers={"Content-Encoding": "gzip"}).status_code == 415
    assert server.upload(bytes(1_100_000)).status_code == 413
    assert status(raw(server, "Content-Length: 1000000000000")) == 413
    with raw(server, "Transfer-Encoding: chunked") as endless, pytest.raises(ConnectionError):
        send_without_end(endless)
    assert server.colors("red.png").status_code == 200


def test_slow_requests_end_with_the_deadline_and_too_many_are_sent_away(server):
    began_s = time.monotonic()
    drips = [raw(server, "Content-Length: 1000", b"x") for _ in range(6)]
    wait_for("all places are taken", lambda: server.colors("red.png").status_code == 503)
    assert server.colors("red.png").headers["retry-after"] == "1"
    assert server.client.get(f"{server.url}/healthz").status_code == 200
    for _ in range(5):
        for drip in drips:
            drip.sendall(b"x")
        time.sleep(0.1)
    assert {status(drip) for drip in drips} == {504}
    assert DEADLINE_S - 0.5 < time.monotonic() - began_s < DEADLINE_S + 2
    assert server.colors("red.png").status_code == 200


def test_another_process_takes_the_place_of_one_that_is_lost(server):
    (lost,) = server.workers
    lost.kill()
    wait_for("another has begun", lambda: server.colors("red.png").status_code == 200, 30)
    (found,) = server.workers
    assert found.pid != lost.pid


def test_only_pages_of_the_web_site_that_is_named_may_ask(server):
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
        answer = server.client.get(f"{server.url}/healthz", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed


@pytest.fixture(scope="module")
def chromium() -> str:
    program = shutil.which("chromium")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("chromium is not installed, and the continuous checks need it")
    if program is None:
        pytest.skip("chromium is not installed")
    return program


def test_the_page_of_the_api_is_drawn_without_any_request_elsewhere(server, chromium, tmp_path):
    log = tmp_path / "net.json"
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--log-net-log={log}",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        f"--user-data-dir={tmp_path}/user",
        "--virtual-time-budget=5000", "--dump-dom", f"{server.url}/docs",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "/api/colors/upload" in done.stdout.replace("\u200b", "").replace("<wbr>", "")
    assert 'type="file"' in done.stdout or "Colors of a picture that is sent along" in done.stdout
    events = json.loads(log.read_text("utf-8"))["events"]
    started = [one["params"] for one in events if "url" in one.get("params", {}) and "initiator" in one["params"]]
    asked = {one["url"] for one in started if one["initiator"] != "not an origin"}
    assert f"{server.url}/openapi.json" in asked
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []


def test_it_ends_within_three_seconds_whatever_is_on_its_way(server):
    drip = raw(server, "Content-Length: 1000", b"x")
    processes = [psutil.Process(server.process.pid), *server.workers]
    began_s = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert time.monotonic() - began_s < 3
    drip.close()
    assert "Traceback" not in server.log
    wait_for("nothing of it is left", lambda: not any(one.is_running() for one in processes))
    assert "Exception" not in server.log
    assert "secret" not in server.log


def test_beside_the_lines_it_is_started_again_and_ends_with_them(start_sorter, tmp_path):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), "utf-8")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        site = {
            "site": "plant", "lines": [LINE], "mqtt": {"port": nobody.getsockname()[1]}, "metrics": {"port": 0},
            "journal": {"enabled": False}, "palettes": {"enabled": True, "port": 0, "folder": ".", "workers": 1},
        }  # fmt: skip
        (tmp_path / "sorter.yaml").write_text(yaml.safe_dump(site), "utf-8")
        sorter = start_sorter("run", "--config", tmp_path)
        wait_for("it listens", lambda: WHERE.search(sorter.log), 30)
        (one,) = [child for child in sorter.lines if psutil.Process(child.pid).nice() == 10]
        one.kill()
        wait_for("it is started again", lambda: len(WHERE.findall(sorter.log)) == 2, 30)
        assert "the palette server was killed by signal 9; starting it again in 1 s" in sorter.log
        url = f"http://127.0.0.1:{WHERE.findall(sorter.log)[-1]}/healthz"
        assert httpx.get(url, timeout=30, trust_env=False).json() == {"ok": True}
        code, took_s = sorter.end(group=True)
        assert code == 0
        assert took_s < 3.5
