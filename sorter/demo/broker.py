"""A broker for the demo: mosquitto where it is installed, else amqtt inside this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sorter.errors import BrokerError
from sorter.settings.site import MqttProtocol

Kind = Literal["mosquitto", "amqtt"]

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_ATTEMPTS = 3  # another process may take the free port before the broker does
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where mosquitto lives on systems that keep these out of a user's PATH."""
_CONNECT_PACKET = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x05\x00\x05probe"  # MQTT 3.1.1, clean session
_DISCONNECT_PACKET = b"\xe0\x00"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that runs until its context ends; it listens on loopback only and keeps nothing."""

    kind: Kind
    host: str
    port: int
    protocol: MqttProtocol
    """The newest version it speaks: amqtt knows 3.1.1 only, and delivers at the subscriber's QoS."""


def find_mosquitto() -> str | None:
    """The path of the mosquitto program, or None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=":".join(_SYSTEM_FOLDERS))


@contextlib.contextmanager
def start_broker(prefer: Kind | None = None, port: int | None = None) -> Iterator[Broker]:
    """Run a broker on a loopback port for as long as the context lasts.

    Args:
        prefer: "mosquitto" or "amqtt" forces that one; None takes mosquitto where it is installed.
        port: None takes a free one.

    Raises:
        BrokerError: no broker is installed, or it did not start; with its last words.
    """
    kind: Kind = prefer or ("mosquitto" if find_mosquitto() else "amqtt")
    running = _mosquitto if kind == "mosquitto" else _amqtt
    with contextlib.ExitStack() as stack:
        yield _first_that_starts(lambda: stack.enter_context(running(_free_port() if port is None else port)))


def _first_that_starts(start: Callable[[], Broker]) -> Broker:
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(_PortTakenError):
            return start()
    return start()


class _PortTakenError(BrokerError):
    """Worth another port."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _mosquitto(port: int) -> Iterator[Broker]:
    program = find_mosquitto()
    if program is None:
        raise BrokerError("mosquitto is not installed: install it, or use the embedded broker (amqtt)")
    with tempfile.TemporaryDirectory(prefix="sorter-broker-") as folder:
        settings = Path(folder, "mosquitto.conf")
        settings.write_text(f"listener {port} {_HOST}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n")
        log = Path(folder, "log")
        with log.open("wb") as output:
            # In a session of its own: Ctrl-C must reach the sorter first, so that it can say farewell.
            process = subprocess.Popen([program, "-c", str(settings)], stderr=output, start_new_session=True)
        try:
            _wait_until_it_answers(port, lambda: _last_words_of(process, log))
            yield Broker("mosquitto", _HOST, port, MqttProtocol.V5)
        finally:
            _stop_process(process)


def _last_words_of(process: subprocess.Popen[bytes], log: Path) -> str | None:
    """What mosquitto said before it ended; None while it runs."""
    if process.poll() is None:
        return None
    words = log.read_text("utf-8", errors="replace").strip().splitlines()
    return words[-1] if words else f"exit code {process.returncode}"


def _stop_process(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:  # frozen
        process.kill()
        process.wait()


def _wait_until_it_answers(port: int, last_words: Callable[[], str | None]) -> None:
    end_s = time.monotonic() + _START_TIMEOUT_S
    # Asked in this order: another broker may answer on a port that ours could not take.
    while not _answers(port) or last_words() is not None:
        words = last_words()
        if words is not None and "in use" in words:
            raise _PortTakenError(f"the demo's broker could not start: {words}")
        if words is not None or time.monotonic() > end_s:
            raise BrokerError(f"the demo's broker did not start: {words or 'it does not answer'}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    """Whether something on this port accepts an MQTT connection."""
    try:
        with socket.create_connection((_HOST, port), timeout=1.0) as connection:
            connection.sendall(_CONNECT_PACKET)
            accepted = connection.recv(4) == b"\x20\x02\x00\x00"
            connection.sendall(_DISCONNECT_PACKET)
            return accepted
    except OSError:
        return False


@contextlib.contextmanager
def _amqtt(port: int) -> Iterator[Broker]:
    embedded = _Embedded(port)
    embedded.start()
    try:
        _wait_until_it_answers(port, lambda: embedded.failure)
        yield Broker("amqtt", _HOST, port, MqttProtocol.V311)
    finally:
        embedded.stop()


class _Embedded:
    """amqtt in a thread with an event loop of its own."""

    def __init__(self, port: int) -> None:
        self.failure: str | None = None
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="amqtt", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already: it did not start
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - told by whoever waits for the broker
            self.failure = str(error) or type(error).__name__
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        broker = _amqtt_broker(self._port)
        await broker.start()
        await self._stopping.wait()
        await broker.shutdown()


def _amqtt_broker(port: int) -> Any:
    # It warns of its own plug-ins while it is imported, and logs each client that leaves as an error.
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from amqtt.broker import Broker as AmqttBroker  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            sentence = "no broker is installed: install mosquitto, or this package with its extra [demo]"
            raise BrokerError(sentence) from error
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        listeners = {"default": {"type": "tcp", "bind": f"{_HOST}:{port}"}}
        return AmqttBroker({"listeners": listeners, "plugins": plugins})
