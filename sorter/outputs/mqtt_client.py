"""A paho client made from the settings: protocol, password, certificate; nothing is sent here."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import socket
import ssl
import struct
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sorter.outputs.credentials import Credentials, read_credentials
from sorter.outputs.speaker import Extras
from sorter.settings.mqtt import MqttProtocol, MqttSettings

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")

_LONGEST_EXPIRY_S = 2**32 - 1

RECONNECT_MIN_S = 1
RECONNECT_MAX_S = 2
"""Decisions live for a few seconds: a broker that is back must not be waited for longer."""
_AFTER_A_FAULT_S = 1.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST, and what was not yet on the wire is thrown away."""


def guarded(callback: Callable[_P, None]) -> Callable[_P, None]:
    """An exception in a callback would end the library's thread without a word (paho#894)."""

    @functools.wraps(callback)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:  # noqa: BLE001 - logged; one bad message must not silence the line
            _log.exception("a fault in %s; the connection goes on", callback.__name__)

    return run


def cut(sock: object) -> None:
    """End a connection under the library's feet; its thread then ends by itself."""
    if isinstance(sock, socket.socket):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            _log.debug("the connection was gone already")


def properties_of(extras: Extras) -> Properties | None:
    """For MQTT 5; None where there is nothing to say."""
    if extras == Extras():
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if math.isfinite(extras.expires_s):
        properties.MessageExpiryInterval = min(max(1, math.ceil(extras.expires_s)), _LONGEST_EXPIRY_S)
    if extras.correlation_data is not None:
        properties.CorrelationData = extras.correlation_data
    if extras.user_properties:
        properties.UserProperty = list(extras.user_properties)
    return properties


class LineClient(Client):
    """A client whose thread outlives its own faults, and that can be given other credentials and a quota."""

    leaving = False
    """Whether it hangs up of its own will: then, and only then, what it has written is let through."""

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:  # noqa: FBT001, FBT002 - the library's
        """Run as the library does, and go on after a fault: left to itself its thread would end unseen (paho#894)."""
        while True:
            try:
                return super().loop_forever(timeout, retry_first_connection)
            except Exception as error:  # noqa: BLE001 - told; a dead thread would leave the line without a broker
                sentence = "what came from %s:%d could not be handled (%s: %s): the connection is made anew"
                _log.error(sentence, self.host, self.port, type(error).__name__, error)
                _log.debug("where it happened", exc_info=True)
                self._sock_close()
                self._do_on_disconnect(packet_from_broker=False, v1_rc=MQTTErrorCode.MQTT_ERR_CONN_LOST)
                time.sleep(_AFTER_A_FAULT_S)

    def loop_stop(self) -> MQTTErrorCode:
        """Wait for the library's thread to end; it can be started again."""
        ended = super().loop_stop()
        if self._thread is None:
            self._reset_sockets(sockpair_only=True)  # the library would leave those that woke the thread open
        return ended

    def disconnect(self, reasoncode: ReasonCode | None = None, properties: Properties | None = None) -> MQTTErrorCode:
        """Take leave; what was written before it is let through."""
        self.leaving = True
        return super().disconnect(reasoncode, properties)

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """What encrypts its connections; None where nothing does."""
        return self._ssl_context

    def use(self, credentials: Credentials) -> None:
        """Take other credentials; they hold from the next connection on."""
        self.username_pw_set(credentials.username, credentials.password)
        if credentials.tls is not None:
            # The library's own way in can be taken once only.
            self._ssl, self._ssl_context, self._tls_insecure = True, credentials.tls, False

    def begin(self, quota: int) -> None:
        """A connection stands: forget what the last one left, and keep to ``quota`` unacknowledged messages.

        The library would send what was left, after its deadline and over a newer state; and it does not read the
        broker's quota, takes one only before it connects, and keeps counting what was forgotten.
        """
        self.drop_out_messages()
        self._max_inflight_messages = quota
        self._inflight_messages = 0


def make_client(name: str, settings: MqttSettings, base_folder: Path, line: str | None = None) -> LineClient:
    """A client that is not connected yet and remembers nothing from one connection to the next.

    Args:
        name: begins the client id; a random part follows, since two clients of one id throw each other out.
        settings: the broker.
        base_folder: where relative paths in the settings begin.
        line: ends the client id where the settings say how it begins.

    Raises:
        ConfigurationError: the password or the certificate cannot be read.
    """
    client_id = f"{name}-{uuid.uuid4().hex[:8]}"
    if settings.client_id is not None and line is not None:
        client_id = f"{settings.client_id}-{line}"
    if settings.protocol is MqttProtocol.V5:
        client = LineClient(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5)
    else:
        client = LineClient(CallbackAPIVersion.VERSION2, client_id, clean_session=True, protocol=MQTTv311)
    client.on_socket_open = _prepare(settings.keepalive_s)
    client.on_socket_close = _throw_away
    client.reconnect_delay_set(RECONNECT_MIN_S, RECONNECT_MAX_S)
    client.use(read_credentials(settings, base_folder))
    return client


def start_connecting(client: Client, settings: MqttSettings) -> None:
    """Connect in a thread of its own, for as long as it takes, and again whenever it is lost."""
    if settings.protocol is MqttProtocol.V5:
        client.connect_async(settings.host, settings.port, settings.keepalive_s, clean_start=True)
    else:
        client.connect_async(settings.host, settings.port, settings.keepalive_s)
    client.loop_start()


def _prepare(keepalive_s: int) -> Callable[[Client, object, object], None]:
    def prepare(client: Client, _data: object, sock: object) -> None:
        if not isinstance(sock, socket.socket):
            return
        if isinstance(client, LineClient):
            client.leaving = False
        # Left to itself TCP holds a small message back until the one before is acknowledged: up to 40 ms each.
        # Measured on loopback, decision to confirm, 50 a second: median 23 ms and 99th percentile 62 ms without this,
        # 1.0 ms and 6 ms with it on both sides (mosquitto: set_tcp_nodelay true; amqtt does so by itself).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            # Packets that vanish are sent again for a quarter of an hour otherwise, and arrive in the end.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * keepalive_s)

    return prepare


def _throw_away(client: Client, _data: object, sock: object) -> None:
    """Let nothing that was written to a lost connection arrive after all, when the network comes back."""
    if isinstance(sock, socket.socket) and isinstance(client, LineClient) and not client.leaving:
        with contextlib.suppress(OSError):  # the other end has closed it already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
