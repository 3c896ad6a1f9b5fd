"""Real components for the system tests: a mosquitto of the test's own, and a reader that sees the raw wire."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.camera.process import missing
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


@pytest.fixture(scope="session")
def camera_reason() -> str | None:
    """Why the test camera cannot run here, or None."""
    reason = missing()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(reason)
    return reason


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., None]:
    return wait_for


ROOT = Path(__file__).parents[2]
# What a user's shell does not set, and what would hide that a command forgot to.
_NOT_A_USERS = ("PYTHON", "OMP_", "NO_COLOR")
USERS_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_A_USERS)}


@pytest.fixture
def users_environment() -> dict[str, str]:
    """What a user's shell sets."""
    return dict(USERS_ENVIRONMENT)


@dataclass
class Sorter:
    """A running ``run_sorter.py``, in a process group of its own as a shell would start it."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text("utf-8")

    @property
    def log(self) -> str:
        return (self.folder / "err").read_text("utf-8")

    @property
    def lines(self) -> list[psutil.Process]:
        """The lines' processes, in the order in which they were started."""
        children = psutil.Process(self.process.pid).children()
        return sorted((one for one in children if "spawn_main" in " ".join(one.cmdline())), key=lambda one: one.pid)

    @property
    def left(self) -> list[psutil.Process]:
        """Every process that is there because of this one, whoever its parent is by now."""
        return [one for one in psutil.process_iter() if _mark_of(one) == str(self.folder)]

    @property
    def metrics_url(self) -> str:
        """Where the metrics are; waits until the log says so."""
        pattern = re.compile(r"metrics at (http://127\.0\.0\.1:\d+)/metrics")
        wait_for("the log tells where the metrics are", lambda: pattern.search(self.log))
        found = pattern.search(self.log)
        assert found
        return found[1]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an answer of the service."""
        try:
            with urllib.request.urlopen(self.metrics_url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def end(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds it took."""
        began_s = time.monotonic()
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        code = self.process.wait(20)
        return code, time.monotonic() - began_s


_MARK = "SORTER_TEST"


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(_MARK)
    except psutil.Error:  # it has ended, or is not ours to look at
        return None


@pytest.fixture
def start_sorter(tmp_path: Path) -> Iterator[Callable[..., Sorter]]:
    """Starts a command and leaves it running.

    ``environment`` takes the place of a user's, ``output`` that of a file as its standard output. What still runs at
    the end of the test is killed; of what has ended by then, nothing may be left behind.
    """
    started: list[Sorter] = []

    def start(*arguments: object, environment: Mapping[str, str] | None = None, output: int | None = None) -> Sorter:
        folder = tmp_path / f"sorter-{len(started)}"
        folder.mkdir()
        command = [sys.executable, str(ROOT / "run_sorter.py"), *map(str, arguments)]
        chosen = {**(USERS_ENVIRONMENT if environment is None else environment), _MARK: str(folder)}
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output or out, stderr=err, env=chosen, start_new_session=True
            )
        started.append(Sorter(process, folder))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            for process in one.left:
                process.kill()
            one.process.wait(10)
        wait_for("every process has ended", lambda one=one: not one.left)
        assert "Traceback" not in one.log


@pytest.fixture
def run_sorter(start_sorter: Callable[..., Sorter]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command to its end."""

    def run(*arguments: object, environment: Mapping[str, str] | None = None, timeout_s: float = 60.0) -> Any:
        sorter = start_sorter(*arguments, environment=environment)
        code = sorter.process.wait(timeout_s)
        return subprocess.CompletedProcess(arguments, code, sorter.out, sorter.log)

    return run
