"""The cable: what is sent arrives, or does not, as commanded."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.camera.proxy import Proxy


def wait_for(what: str, true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end_s, f"waited in vain: {what}"
        time.sleep(0.005)


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that answers with what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(end,), daemon=True).start()

    def answer(end: socket.socket) -> None:
        with end:
            try:
                while heard := end.recv(65536):
                    end.sendall(heard)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo) as running:
        yield running


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def say(end: socket.socket, word: bytes) -> bytes:
    end.sendall(word)
    heard = b""
    while len(heard) < len(word):
        heard += end.recv(65536)
    return heard


def silent(end: socket.socket, seconds: float = 0.15) -> bool:
    end.settimeout(seconds)
    try:
        return not end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(5)


def test_what_is_said_arrives_both_ways_and_is_counted(proxy: Proxy) -> None:
    word = bytes(range(256)) * 2000
    with connect(proxy) as end:
        assert say(end, word) == word
        assert (proxy.bytes_up, proxy.bytes_down, proxy.connections) == (len(word), len(word), 1)
    wait_for("the connection is forgotten", lambda: proxy.connections == 0)


def test_a_cut_resets_what_is_open_and_lets_new_ones_in(proxy: Proxy) -> None:
    with connect(proxy) as end, connect(proxy) as another:
        assert say(end, b"a") + say(another, b"b") == b"ab"
        proxy.cut()
        for one in (end, another):
            with pytest.raises(ConnectionResetError):
                one.recv(1)
    with connect(proxy) as end:
        assert say(end, b"again") == b"again"


def test_refused_connections_end_at_once_until_the_cable_is_restored(proxy: Proxy) -> None:
    proxy.cut(refuse=True)
    # Reset or broken pipe, as it happens; on a busy machine before the connection is there.
    with pytest.raises(OSError), connect(proxy) as end:  # noqa: PT011, PT012 - see above
        end.sendall(b"a")
        while end.recv(1):
            pass
        end.sendall(b"b")
        end.sendall(b"c")
    proxy.restore()
    with connect(proxy) as end:
        assert say(end, b"again") == b"again"


def test_a_held_cable_is_silent_and_gives_what_it_held(proxy: Proxy) -> None:
    with connect(proxy) as end:
        say(end, b"a")
        proxy.hold()
        end.sendall(b"held")
        assert silent(end)
        proxy.restore()
        assert end.recv(4) == b"held"


def test_a_dropping_cable_loses_what_was_sent_meanwhile(proxy: Proxy) -> None:
    with connect(proxy) as end:
        say(end, b"a")
        proxy.hold(drop=True)
        sent = proxy.bytes_up
        end.sendall(b"lost")
        wait_for("it was taken", lambda: proxy.bytes_up == sent + 4)
        proxy.restore()
        assert say(end, b"kept") == b"kept"


def test_a_slow_cable_delays_each_way(proxy: Proxy) -> None:
    proxy.delay_s = 0.1
    with connect(proxy) as end:
        began_s = time.monotonic()
        assert say(end, b"a") == b"a"
        assert 0.19 < time.monotonic() - began_s < 1.0


def test_a_server_that_is_gone_refuses(proxy: Proxy) -> None:
    proxy._target_port = 1
    # Reset or broken pipe, as it happens; on a busy machine before the connection is there.
    with pytest.raises(OSError), connect(proxy) as end:  # noqa: PT011, PT012 - see above
        end.sendall(b"a")
        while end.recv(1):
            pass
        end.sendall(b"b")
        end.sendall(b"c")
    assert proxy.connections == 0
