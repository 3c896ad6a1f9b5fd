"""Downloads over real sockets from a server that does its worst; only the network between is replaced."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sorter.palette.addresses import (
    DownloadFailedError,
    DownloadTooLargeError,
    DownloadTooSlowError,
    Limits,
    connect_directly,
    download,
    system_addresses,
)
from sorter.palette.public_address import AddressMistakenError, AddressRefusedError

PUBLIC = "93.184.215.14"
PICTURE = bytes(range(256)) * 40
Say = Callable[[socket.socket, str], None]


def plain(head: str, body: bytes = b"") -> Say:
    return lambda client, _path: client.sendall(f"HTTP/1.1 {head}\r\n\r\n".encode() + body)


class HostileServer:
    """Answers each path in its own way, and remembers what was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.says: dict[str, Say] = {}
        self.asked: list[str] = []
        self.connections: list[tuple[str, int]] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            try:
                secured = self._tls.wrap_socket(client, server_side=True) if self._tls else client
                with secured:
                    head = secured.recv(65536).decode()
                    self.asked.append(head)
                    self.says[head.split()[1]](secured, head)
            except OSError:  # the other side had enough
                return

    def connect(self, address: str, port: int, within_s: float) -> socket.socket:
        """Every address leads here."""
        self.connections.append((address, port))
        return connect_directly("127.0.0.1", self.port, within_s)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[HostileServer]:
    one = HostileServer()
    yield one
    one.close()


def get(server: HostileServer, url: str, *answers: list[str], **limits) -> bytes:
    """Download; each look-up of a name takes the next answer, the last one again and again."""
    names = itertools.chain(answers or [[PUBLIC]], itertools.repeat((answers or [[PUBLIC]])[-1]))
    chosen = Limits(**({"deadline_s": 5, "max_bytes": 100_000} | limits))
    return download(url, chosen, resolve=lambda _host, _within: next(names), connect=server.connect)


def test_a_picture_is_fetched_from_the_address_that_was_checked(server):
    server.says["/a.png?size=1"] = plain(f"200 OK\r\nContent-Length: {len(PICTURE)}", PICTURE)
    assert get(server, "http://example.com/a.png?size=1", [PUBLIC, "1.1.1.1"]) == PICTURE
    assert server.connections == [(PUBLIC, 80)]
    assert "Host: example.com\r\n" in server.asked[0]
    assert "Accept-Encoding: identity\r\n" in server.asked[0]


def test_the_next_address_is_tried_where_one_does_not_answer(server):
    server.says["/"] = plain("200 OK", PICTURE)

    def connect(address: str, port: int, within_s: float) -> socket.socket:
        if address == PUBLIC:
            raise ConnectionRefusedError
        return server.connect(address, port, within_s)

    assert download("http://a.example/", resolve=lambda *_: [PUBLIC, "1.1.1.1"], connect=connect) == PICTURE
    assert server.connections == [("1.1.1.1", 80)]


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "64:ff9b::a00:1"]
)
def test_a_name_with_one_address_inside_is_not_visited_at_all(server, inside):
    for addresses in ([inside], [PUBLIC, inside], [inside, PUBLIC]):
        with pytest.raises(AddressRefusedError) as refused:
            get(server, "http://rebound.example/", addresses)
        assert inside not in str(refused.value)
    assert not server.connections


def test_a_name_that_leads_elsewhere_a_moment_later_gains_nothing(server):
    server.says["/"] = plain("200 OK", PICTURE)
    assert get(server, "http://rebound.example/", [PUBLIC], ["127.0.0.1"]) == PICTURE
    assert server.connections == [(PUBLIC, 80)]
    # Looked up anew for the redirect to itself, it is checked anew.
    server.says["/again"] = plain("302 Found\r\nLocation: /")
    with pytest.raises(AddressRefusedError):
        get(server, "http://rebound.example/again", [PUBLIC], ["127.0.0.1"])
    assert len(server.connections) == 2


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1/", "http://[::1]/", "//0/", "http://2130706433/", "http://a.b:22/"]
)
def test_a_redirect_inside_is_not_followed(server, location):
    server.says["/"] = plain(f"302 Found\r\nLocation: {location}")
    with pytest.raises(AddressRefusedError):
        get(server, "http://example.com/")
    assert len(server.connections) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://example.com/", "http://a@example.com/"])
def test_a_redirect_to_no_plain_address_is_not_followed(server, location):
    server.says["/"] = plain(f"302 Found\r\nLocation: {location}")
    with pytest.raises(AddressMistakenError):
        get(server, "http://example.com/")


def test_redirects_are_followed_three_times_and_not_for_ever(server):
    for number in range(3):
        server.says[f"/{number}"] = plain(f"301 Moved\r\nLocation: http://other.example/{number + 1}")
    server.says["/3"] = plain("200 OK", PICTURE)
    server.says["/loop"] = plain("302 Found\r\nLocation: /loop")
    assert get(server, "http://example.com/0") == PICTURE
    with pytest.raises(DownloadFailedError, match="redirected more than 3 times"):
        get(server, "http://example.com/loop")
    assert len(server.connections) == 8


def endless(client: socket.socket, _head: str) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
    while True:
        client.sendall(bytes(65536))


def endless_chunks(client: socket.socket, _head: str) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        client.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")


def test_a_body_without_end_is_left_at_the_limit(server):
    server.says |= {
        "/endless": endless,
        "/chunks": endless_chunks,
        "/says-so": plain("200 OK\r\nContent-Length: 100001"),
    }
    for path in server.says:
        with pytest.raises(DownloadTooLargeError, match=r"more than 0\.1 MB"):
            get(server, f"http://example.com{path}")
    server.says["/just"] = plain("200 OK\r\nContent-Length: 100000", bytes(100_000))
    assert len(get(server, "http://example.com/just")) == 100_000


def dripping(before: bytes) -> Say:
    def say(client: socket.socket, _head: str) -> None:
        client.sendall(before)
        while True:
            client.sendall(b"a")
            time.sleep(0.02)

    return say


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_drip_and_a_silence_end_with_the_deadline(server, before):
    server.says |= {"/drip": dripping(before), "/silent": lambda *_: time.sleep(2)}
    for path in server.says:
        began_s = time.monotonic()
        with pytest.raises(DownloadTooSlowError, match=r"within 0\.2 s"):
            get(server, f"http://example.com{path}", deadline_s=0.2)
        assert time.monotonic() - began_s < 1


def test_continuing_for_ever_ends_with_the_deadline(server):
    def say(client: socket.socket, _head: str) -> None:
        while True:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.001)

    server.says["/"] = say
    with pytest.raises(DownloadTooSlowError):
        get(server, "http://example.com/", deadline_s=0.2)


def test_a_body_that_unfolds_is_not_unfolded(server):
    server.says["/"] = plain("200 OK\r\nContent-Encoding: gzip", gzip.compress(bytes(10_000_000)))
    with pytest.raises(DownloadFailedError, match="compressed"):
        get(server, "http://example.com/")


@pytest.mark.parametrize(
    "say",
    [
        plain("404 Not Found"), plain("200 OK\r\nContent-Length: 5", b"abc"), plain("302 Found"), plain("500 \r\n"),
        plain("206 Partial\r\nContent-Length: 0"), lambda *_: None, lambda client, _: client.sendall(b"SSH-2.0-x\r\n"),
        plain("200 OK\r\n" + "X: y\r\n" * 200), plain("200 OK\r\nX: " + "y" * 70_000),
        plain("200 OK\r\nTransfer-Encoding: chunked", b"zz\r\n"),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_is_told_in_one_sentence(server, say):
    server.says["/"] = say
    with pytest.raises(DownloadFailedError) as told:
        get(server, "http://example.com/")
    assert "\n" not in str(told.value)


def test_no_proxy_of_the_environment_is_asked(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.says["/"] = plain("200 OK", PICTURE)
    assert get(server, "http://example.com/") == PICTURE


def test_a_name_that_is_none_and_a_resolver_that_hangs_are_told(server):
    with pytest.raises(DownloadFailedError):
        download("http://no-such-name.invalid/", Limits(deadline_s=5), connect=server.connect)
    with pytest.raises(AddressRefusedError):
        download("http://localhost/", Limits(deadline_s=5), connect=server.connect)
    with pytest.raises(DownloadFailedError):
        get(server, "http://example.com/", [])
    with pytest.raises(TimeoutError):
        system_addresses("no-such-name.invalid", 0.0)
    assert not server.connections


def test_tls_checks_the_name_though_the_address_is_connected_to(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=example.com", "-addext", "subjectAltName=DNS:example.com", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    ours = ssl.create_default_context(cafile=str(certificate))
    server = HostileServer(theirs)
    server.says["/"] = plain("200 OK", PICTURE)
    ways = {"resolve": lambda *_: [PUBLIC], "connect": server.connect}
    assert download("https://example.com/", tls=ours, **ways) == PICTURE
    with pytest.raises(DownloadFailedError, match="certificate"):
        download("https://other.example/", tls=ours, **ways)
    with pytest.raises(DownloadFailedError, match="certificate"):
        download("https://example.com/", **ways)
    assert server.connections == [(PUBLIC, 443)] * 3
    server.close()
