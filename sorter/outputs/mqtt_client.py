"""A paho client made from the settings: protocol, password, certificate; nothing is sent here."""

from __future__ import annotations

import os
import socket
import ssl
import uuid
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from sorter.errors import ConfigurationError, Mistake
from sorter.settings.site import MqttProtocol, MqttSettings

_RECONNECT_MIN_S = 1
_RECONNECT_MAX_S = 8


def make_client(name: str, settings: MqttSettings, base_folder: Path) -> Client:
    """A client that is not connected yet and remembers nothing from one connection to the next.

    Args:
        name: begins the client id; a random part follows, since two clients of one id throw each other out.
        settings: the broker.
        base_folder: where relative paths in the settings begin.

    Raises:
        ConfigurationError: the password or the certificate cannot be read.
    """
    client_id = f"{name}-{uuid.uuid4().hex[:8]}"
    if settings.protocol is MqttProtocol.V5:
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5)
    else:
        client = Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True, protocol=MQTTv311)
    client.on_socket_open = _send_at_once
    client.reconnect_delay_set(_RECONNECT_MIN_S, _RECONNECT_MAX_S)
    if settings.username is not None:
        client.username_pw_set(settings.username, _password(settings, base_folder))
    elif settings.password_env or settings.password_file:
        raise _mistake("mqtt.username", "a password is given but no user name: add mqtt.username")
    if settings.tls_ca_file is not None:
        _use_tls(client, base_folder / settings.tls_ca_file)
    return client


def start_connecting(client: Client, settings: MqttSettings) -> None:
    """Connect in a thread of its own, for as long as it takes, and again whenever it is lost."""
    if settings.protocol is MqttProtocol.V5:
        client.connect_async(settings.host, settings.port, settings.keepalive_s, clean_start=True)
    else:
        client.connect_async(settings.host, settings.port, settings.keepalive_s)
    client.loop_start()


def _send_at_once(_client: Client, _data: object, sock: object) -> None:
    # Left to itself TCP holds a small message back until the one before is acknowledged: up to 40 ms each.
    # Measured on loopback, decision to confirm, 50 a second: median 23 ms and 99th percentile 62 ms without this,
    # 1.0 ms and 6 ms with it on both sides (mosquitto: set_tcp_nodelay true; amqtt does so by itself).
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _password(settings: MqttSettings, base_folder: Path) -> str | None:
    if settings.password_env is not None:
        if settings.password_env not in os.environ:
            sentence = f"the environment variable {settings.password_env} is not set: set it to the password"
            raise _mistake("mqtt.password_env", sentence)
        return os.environ[settings.password_env]
    if settings.password_file is not None:
        return _first_line(base_folder / settings.password_file)
    return None


def _first_line(path: Path) -> str:
    try:
        return path.read_text("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _mistake("mqtt.password_file", f"{path} cannot be read ({reason}): mend the path") from error


def _use_tls(client: Client, path: Path) -> None:
    try:
        client.tls_set(ca_certs=str(path))
    except ssl.SSLError as error:
        sentence = f"{path} holds no certificate in PEM form: give the broker's certificate authority"
        raise _mistake("mqtt.tls_ca_file", sentence) from error
    except OSError as error:
        sentence = f"{path} cannot be read ({error.strerror}): mend the path"
        raise _mistake("mqtt.tls_ca_file", sentence) from error


def _mistake(place: str, sentence: str) -> ConfigurationError:
    return ConfigurationError([Mistake(place, sentence)])
