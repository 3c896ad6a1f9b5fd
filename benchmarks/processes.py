"""Commands of the sorter started as a user starts them, in processes of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml

from benchmarks.belt import CONFIG, ROOT
from sorter.demo.broker import Broker
from sorter.errors import SorterError
from sorter.settings.load import load_project
from sorter.settings.site import LineSettings, MetricsSettings

_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Started:
    """A running command of the sorter."""

    process: subprocess.Popen[str]
    output: IO[str]
    """Its standard output."""
    complaints: Path
    """Its standard error."""
    began_s: float
    """`time.monotonic` just before it was started."""

    def failed(self) -> SorterError:
        """What to raise where it ended too early, or does not get on."""
        code = self.process.poll()
        fate = "does not get on" if code is None else f"ended with exit code {code}"
        words = self.complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return SorterError(f"the sorter {fate}; its last words: {words[-1] if words else 'none'}")


@contextmanager
def run_sorter(*arguments: str) -> Iterator[Started]:
    """Run ``python run_sorter.py ARGUMENTS``; it is stopped when the context ends."""
    command = [sys.executable, str(ROOT / "run_sorter.py"), *arguments]
    with tempfile.TemporaryDirectory() as folder:
        complaints = Path(folder, "stderr")
        with complaints.open("wb") as errors:
            began_s = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)
        try:
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            yield Started(process, process.stdout, complaints, began_s)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def write_settings(path: Path, lines: Sequence[LineSettings], broker: Broker, metrics: MetricsSettings) -> None:
    """Write the shipped settings with other lines, a running broker and another metrics port."""
    site = load_project(CONFIG).site.value
    mqtt = site.mqtt.model_copy(update={"host": broker.host, "port": broker.port, "protocol": broker.protocol})
    placed = [line.model_copy(update={"recipe": str((CONFIG / line.recipe).absolute())}) for line in lines]
    changed = site.model_copy(update={"lines": tuple(placed), "mqtt": mqtt, "metrics": metrics})
    path.write_text(yaml.safe_dump(changed.model_dump(mode="json", exclude_none=True)), encoding="utf-8")


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
