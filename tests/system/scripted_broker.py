"""A broker that does one thing only, and strictly: for what mosquitto cannot be made to do."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self

REFUSES_PROTOCOL = b"\x20\x02\x00\x01"
"""How a broker of MQTT 3.1.1 answers a CONNECT of MQTT 5."""
TAKEN_OVER = b"\xe0\x02\x8e\x00"
CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8


def accepts(receive_maximum: int) -> bytes:
    """CONNACK of MQTT 5 with a quota."""
    return b"\x20\x06\x00\x00\x03\x21" + struct.pack("!H", receive_maximum)


class ScriptedBroker:
    """Listens on a free loopback port as long as the context lasts.

    A message of QoS 1 is acknowledged only when nothing more has come for a while, so that it is seen how many a
    client leaves unacknowledged.

    Args:
        answer: to a CONNECT.
        then: sent right after it.
    """

    def __init__(self, answer: bytes, then: bytes = b"") -> None:
        self._answer, self._then = answer, then
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.topics: list[str] = []
        self.most_unacknowledged = 0
        self.connects = 0
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        unacknowledged: list[bytes] = []
        connection.settimeout(0.02)
        held = bytearray()
        with connection, contextlib.suppress(OSError):
            while True:
                try:
                    received = connection.recv(65536)
                except TimeoutError:  # it has sent all that it will send without an acknowledgement
                    if unacknowledged:
                        connection.sendall(b"\x40\x02" + unacknowledged.pop(0))
                    continue
                if not received:
                    return
                held += received
                while (packet := _take_packet(held)) is not None:
                    self._take(connection, packet, unacknowledged)

    def _take(self, connection: socket.socket, packet: tuple[int, bytes], unacknowledged: list[bytes]) -> None:
        kind, body = packet
        if kind >> 4 == CONNECT:
            self.connects += 1
            connection.sendall(self._answer + self._then)
        elif kind >> 4 == SUBSCRIBE:
            connection.sendall(b"\x90\x04" + body[:2] + b"\x00\x01")
        elif kind >> 4 == PUBLISH:
            length = struct.unpack("!H", body[:2])[0]
            self.topics.append(body[2 : 2 + length].decode())
            if kind & 0b110:
                unacknowledged.append(body[2 + length : 4 + length])
                self.most_unacknowledged = max(self.most_unacknowledged, len(unacknowledged))


def _take_packet(held: bytearray) -> tuple[int, bytes] | None:
    """The first packet, taken out of what was received; None while it is not complete."""
    length, at = 0, 1
    while True:
        if at >= len(held):
            return None
        length |= (held[at] & 127) << (7 * (at - 1))
        at += 1
        if held[at - 1] < 128:
            break
    if len(held) < at + length:
        return None
    packet = (held[0], bytes(held[at : at + length]))
    del held[: at + length]
    return packet
