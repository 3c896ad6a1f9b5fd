"""A cable between a client and a server, as a TCP proxy: cut it, hold it, slow it down."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections import deque
from typing import Self

_CHUNK_BYTES = 65536
_TICK_S = 0.05
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST at once."""


class Proxy:
    """Forwards TCP connections on a free loopback port to another port, as long as the context lasts.

    Args:
        target_port: where the server listens on loopback; it need not listen all the time.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_TICK_S)
        self.port = int(self._listener.getsockname()[1])
        self.delay_s = 0.0
        """How much later everything arrives, both ways."""
        self.bytes_down = 0
        """From the server to its clients."""
        self.bytes_up = 0
        self.accepted = 0
        """Connections that were made to the server so far."""
        self._open = threading.Event()
        self._open.set()
        self._passing = threading.Event()
        self._passing.set()
        self._dropping = False
        self._ended = threading.Event()
        self._connections: set[_Connection] = set()
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self.restore()
        self._thread.join()
        self._listener.close()
        self.cut()

    @property
    def connections(self) -> int:
        """Open at this moment."""
        return len(self._connections)

    def cut(self, *, refuse: bool = False) -> None:
        """Reset every connection; with ``refuse`` every new one, too, until `restore`."""
        if refuse:
            self._open.clear()
        for connection in list(self._connections):
            connection.reset()

    def hold(self, *, drop: bool = False) -> None:
        """Keep connections open and forward nothing; new ones are taken, and hear nothing either.

        What comes meanwhile waits, in the end at its sender, and arrives after `restore`; with ``drop`` it is lost,
        which tears the stream.
        """
        self._dropping = drop
        self._passing.clear()

    def restore(self) -> None:
        """The cable is whole again."""
        self._dropping = False
        self._open.set()
        self._passing.set()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if not self._open.is_set():
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:  # as if it had been refused itself
                _reset(client)
                continue
            connection = _Connection(self, client, server)
            self._connections.add(connection)
            self.accepted += 1
            connection.start()

    def _pass(self, taken: bytes, *, down: bool) -> bool:
        """Whether these bytes are to go on; waits while the cable is held."""
        if down:
            self.bytes_down += len(taken)
        else:
            self.bytes_up += len(taken)
        if self._dropping:
            return False
        self._passing.wait()
        return True

    def _forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)


class _Connection:
    """One client and its connection to the server; a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._is_reset = False
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ways = (
            threading.Thread(target=self._forward, args=(server, client, True), daemon=True),
            threading.Thread(target=self._forward, args=(client, server, False), daemon=True),
        )

    def start(self) -> None:
        for way in self._ways:
            way.start()

    def reset(self) -> None:
        self._is_reset = True
        self._proxy._forget(self)  # noqa: SLF001  # its own proxy
        for end in (self._client, self._server):
            _reset(end)

    def _forward(self, source: socket.socket, target: socket.socket, down: bool) -> None:  # noqa: FBT001  # of a thread
        late: deque[tuple[float, bytes]] = deque()
        with contextlib.suppress(OSError, ValueError):  # either end is gone
            while True:
                wait_s = _TICK_S if not late else min(max(late[0][0] - time.monotonic(), 0.0), _TICK_S)
                readable, _, _ = select.select([source], [], [], wait_s)
                if readable:
                    taken = source.recv(_CHUNK_BYTES)
                    if not taken:
                        break
                    if self._proxy._pass(taken, down=down):  # noqa: SLF001  # its own proxy
                        late.append((time.monotonic() + self._proxy.delay_s, taken))
                while late and late[0][0] <= time.monotonic():
                    target.sendall(late.popleft()[1])
            for _, taken in late:
                target.sendall(taken)
        self._end()

    def _end(self) -> None:
        """One end has closed: close the other in an orderly way, too.

        Not while a reset is under way: it wakes this thread, whose orderly end would reach the client before the RST.
        """
        if self._is_reset:
            return
        self._proxy._forget(self)  # noqa: SLF001  # its own proxy
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # Wakes a thread that waits for it; without it the descriptor stays in use and no RST is sent.
        end.shutdown(socket.SHUT_RD)
    end.close()
