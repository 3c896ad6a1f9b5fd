"""A mosquitto that can be killed, frozen, robbed of what it kept, and set up in any way; always on the same port."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.processes import free_port
from sorter.demo.broker import Broker, find_mosquitto
from sorter.errors import BrokerError
from sorter.settings.site import MqttProtocol

_START_S, _STOP_S = 10.0, 5.0
_STORE = "mosquitto.db"
OPEN = "allow_anonymous true\n"


class Mosquitto:
    """Runs from entering to leaving.

    Args:
        settings: more of its configuration.

    Raises:
        BrokerError: it is not installed, or does not start.
    """

    def __init__(self, settings: str = OPEN) -> None:
        self.port = free_port()
        self.settings = settings
        """Read at each start."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="sorter-broker-")
        self.folder = Path(self._folder.name)
        """For files that the settings name."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    @property
    def address(self) -> Broker:
        """Where it is."""
        return self.behind(self.port)

    def behind(self, port: int) -> Broker:
        """Where it is for those who come through a cable."""
        return Broker("mosquitto", "127.0.0.1", port, MqttProtocol.V5)

    def start(self) -> None:
        """Start it, with what it kept where it has not been robbed."""
        program = find_mosquitto()
        if program is None:
            raise BrokerError("mosquitto is not installed: install it")
        config = self.folder / "mosquitto.conf"
        lines = (
            f"listener {self.port} 127.0.0.1", "user root", "set_tcp_nodelay true", "persistence true",
            f"persistence_location {self.folder}/", "autosave_interval 1", self.settings,
        )  # fmt: skip
        config.write_text("\n".join(lines), encoding="utf-8")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stderr=log, start_new_session=True)
        end_s = time.monotonic() + _START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end_s:
                words = (self.folder / "log").read_text(errors="replace").strip().splitlines()
                raise BrokerError(f"mosquitto did not start: {words[-1:]}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def rob(self) -> None:
        """Take away what it has kept: retained messages and sessions; while it is stopped."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _STORE).unlink()

    def freeze(self) -> None:
        """It neither answers nor goes away."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
