"""Real components for the system tests: a mosquitto of the test's own, and a reader that sees the raw wire."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from sorter.demo.broker import find_mosquitto


def wait_for(what: str, true: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Return as soon as it is true; fail, saying what was awaited, when it does not come true in time."""
    end_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end_s:
            pytest.fail(f"waited {timeout_s} s in vain: {what}")
        time.sleep(0.01)


@dataclass
class Mosquitto:
    """A broker that can be stopped, started, frozen and thawed; always on the same port."""

    program: str
    folder: Path
    port: int
    settings: str = "allow_anonymous true\n"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\npersistence false\n{self.settings}")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([self.program, "-v", "-c", str(config)], stderr=log)
        wait_for("mosquitto listens", self._listens)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(10)
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def mosquitto_program() -> str:
    program = find_mosquitto()
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("mosquitto is not installed, and the continuous checks need it")
    if program is None:
        pytest.skip("mosquitto is not installed")
    return program


@pytest.fixture
def mosquitto(tmp_path: Path, mosquitto_program: str) -> Iterator[Mosquitto]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    broker = Mosquitto(mosquitto_program, tmp_path, port)
    broker.start()
    yield broker
    broker.stop()


@dataclass
class Reader:
    """A second client that keeps every message it sees, as it came."""

    port: int
    protocol: int = MQTTv5
    messages: list[MQTTMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.granted = False
        self.client = Client(CallbackAPIVersion.VERSION2, "reader", protocol=self.protocol)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = self._when_granted
        self.client.on_message = lambda _client, _data, message: self.messages.append(message)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", self.port, keepalive=60)
        self.client.loop_start()
        wait_for("the reader has subscribed", lambda: self.granted)

    def _when_granted(self, *_: object) -> None:
        self.granted = True

    def on(self, leaf: str) -> list[MQTTMessage]:
        return [message for message in list(self.messages) if message.topic.endswith("/" + leaf)]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def read() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def make(port: int, protocol: int = MQTTv5) -> Reader:
        readers.append(Reader(port, protocol))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., None]:
    return wait_for
