"""The whole service on a small simulated belt, as a command of its own that can be killed and started again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.belt import ROOT, BenchBelt
from benchmarks.processes import free_port, write_settings
from sorter.demo.broker import Broker
from sorter.errors import SorterError
from sorter.outputs.topics import Topics
from sorter.settings.site import LineSettings, MetricsSettings, PhotoEyeTrigger

_START_S, _STOP_S = 40.0, 10.0
_POLL_S = 0.02
LINE = "line-1"
TOPICS = Topics("sorter", "demo", LINE)
"""Of the line that `small_belt` gives."""


def small_belt(name: str = LINE, *, photo_eye: bool = False) -> LineSettings:
    """A line on the belt of ``config/sorter.yaml``, drawn small and filled well: about three products a second."""
    belt = BenchBelt.of_config().with_source(realtime=True, gap_mm=20, width_px=480, height_px=270, mm_per_px=1)
    line = belt.line.model_copy(update={"region": None, "name": name})
    if not photo_eye:
        return line
    eye = PhotoEyeTrigger(kind="photo_eye", distance_mm=200, window_s=0.1)
    return line.model_copy(update={"trigger": eye})


class RunningService:
    """``run_sorter.py run`` from entering to leaving; its log stays between runs.

    Args:
        folder: for settings and log.
        broker: where it connects.
        lines: of the service.
        mqtt: more keys of the settings' section mqtt.
        environment: in the place of this process's.
        program: what Python is told to run before the settings; left out, the service as users run it.
    """

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        *lines: LineSettings,
        mqtt: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] | None = None,
    ) -> None:
        self._program = program or (str(ROOT / "run_sorter.py"), "run", "--config")
        self._folder = folder
        self._settings = folder / "sorter.yaml"
        self._environment = environment
        self._port = free_port()
        write_settings(self._settings, lines, broker, MetricsSettings(port=self._port))
        if mqtt:
            document = yaml.safe_load(self._settings.read_text("utf-8"))
            document["mqtt"] |= mqtt
            self._settings.write_text(yaml.safe_dump(document), encoding="utf-8")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def journal(self) -> Path:
        """Its journal's file."""
        return self._folder / "journal" / "journal.sqlite"

    @property
    def log(self) -> str:
        """All that it has written to standard error."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.process.poll() is None

    def start(self) -> None:
        """Start it, again."""
        command = [sys.executable, *self._program, str(self._settings)]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
                env=dict(os.environ if self._environment is None else self._environment),
            )  # fmt: skip

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Let it say farewell."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_for(self, what: str, true: Callable[[], object], timeout_s: float = _START_S) -> None:
        """Wait until it is true.

        Raises:
            SorterError: it did not come true in time, or the service ended.
        """
        end_s = time.monotonic() + timeout_s
        while not true():
            words = self.log.strip().splitlines()
            if not self.lives:
                raise SorterError(f"the service ended while waiting: {what}; its last words: {words[-1:]}")
            if time.monotonic() > end_s:
                raise SorterError(f"waited {timeout_s:g} s in vain: {what}; the service's last words: {words[-1:]}")
            time.sleep(_POLL_S)

    def metrics(self, name: str) -> Mapping[tuple[str, ...], float]:
        """All samples of a metric, by the values of their labels in the order of their names; none: it has none yet."""
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
            samples = [sample for family in families for sample in family.samples if sample.name == name]
            return {tuple(value for _, value in sorted(one.labels.items())): one.value for one in samples}
        return {}
