"""Resident memory of a line's process and of the service's, while they sort."""

from __future__ import annotations

import re
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from tqdm import tqdm

from benchmarks.belt import BenchBelt
from benchmarks.film import Encoding, encode
from benchmarks.processes import Started, free_port, run_sorter, write_settings
from benchmarks.table import Limit, Table, limits_table
from sorter.demo.broker import Broker, start_broker
from sorter.errors import SorterError
from sorter.settings.site import FileSource, LineSettings, MetricsSettings

_MOST_MB = 400.0
_SAMPLE_S = 0.25
_START_S = 30.0
_MB = 1e6


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How long to watch."""

    simulator_s: float
    film_s: float
    settle_s: float
    """After the first decision, before growth is looked for: pools and caches fill once."""


FULL = MemoryPlan(simulator_s=180.0, film_s=60.0, settle_s=10.0)
SHORT = MemoryPlan(simulator_s=2.0, film_s=2.0, settle_s=0.5)


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process over the time it was watched."""

    process: str
    peak_mb: float
    """Resident, shared libraries included; by the kernel's own count where it keeps one."""
    first_third_mb: float
    """Median."""
    last_third_mb: float
    seconds: float

    @property
    def growth_mb(self) -> float:
        """From the first third to the last."""
        return self.last_third_mb - self.first_third_mb

    def cells(self) -> Sequence[str]:
        """For the table."""
        figures = self.peak_mb, self.first_third_mb, self.last_third_mb
        return self.process, *(f"{figure:.0f}" for figure in figures), f"{self.growth_mb:+.1f}", f"{self.seconds:.0f}"


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """Sorting one source."""

    source: str
    frames_processed: int
    frames_given_up: int
    line: ProcessMemory
    service: ProcessMemory

    def rows(self) -> Iterator[Sequence[str]]:
        """For the table."""
        frames = f"{self.frames_processed}", f"{self.frames_given_up}"
        for process in (self.line, self.service):
            yield self.source, *process.cells(), *frames


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """All sources."""

    broker: str
    sources: Sequence[SourceMemory]
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        columns = (
            "source, at 30 Hz", "process", "peak MB", "first third MB", "last third MB", "growth MB",
            "watched s", "frames", "frames given up",
        )  # fmt: skip
        rows = [row for source in self.sources for row in source.rows()]
        yield Table(f"resident memory of `run` (1 MB = 1,000,000 bytes; broker: {self.broker})", columns, rows)
        yield limits_table(self.limits)


def measure_memory(plan: MemoryPlan) -> MemoryResult:
    """Watch the service on the simulated belt in two sizes, then on a film of it played at its own speed."""
    shipped = BenchBelt.of_config()
    belt = shipped.in_1080p()
    with tempfile.TemporaryDirectory() as folder, start_broker() as broker:
        film = Path(folder, "belt.mp4")
        lasts_s = plan.film_s + plan.settle_s + 2 * belt.line.belt.learn_s + 3.0
        frames = tqdm(belt.frames(lasts_s), desc="film", unit=" frames", leave=False, disable=None)
        encode(frames, film, Encoding(6_000_000))
        watch = _Watch(Path(folder), broker, plan.settle_s)
        played = belt.line.model_copy(update={"source": FileSource(kind="file", path=str(film), realtime=True)})
        sources = [
            watch.sort("simulator, as shipped", shipped.with_source(realtime=True).line, plan.simulator_s),
            watch.sort("simulator, 1920 x 1080", belt.with_source(realtime=True).line, plan.simulator_s),
            watch.sort("H.264 film, 1920 x 1080", played, plan.film_s),
        ]
    limits = [Limit(f"{one.source}: peak of the line's process", one.line.peak_mb, _MOST_MB, "MB") for one in sources]
    return MemoryResult(broker.kind, sources, limits)


class Samples:
    """What was seen of one process."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._settled_mb: list[float] = []
        self._peak_mb = 0.0

    def take(self, *, settled: bool) -> None:
        """Look once; what comes before it is settled counts for the peak alone."""
        rss_mb = self._process.memory_info().rss / _MB
        self._peak_mb = max(self._peak_mb, rss_mb, _kernel_peak_mb(self._process.pid))
        if settled:
            self._settled_mb.append(rss_mb)

    def summary(self, name: str, seconds: float) -> ProcessMemory:
        """All that was seen."""
        third = max(len(self._settled_mb) // 3, 1)
        first, last = np.median(self._settled_mb[:third]), np.median(self._settled_mb[-third:])
        return ProcessMemory(name, self._peak_mb, float(first), float(last), seconds)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Runs the service on one source after another, and watches its processes."""

    folder: Path
    broker: Broker
    settle_s: float

    def sort(self, name: str, line: LineSettings, seconds: float) -> SourceMemory:
        port = free_port()
        settings = self.folder / "sorter.yaml"
        write_settings(settings, [line], self.broker, MetricsSettings(port=port))
        with run_sorter("run", "--config", str(settings)) as started:
            self._wait_for(started, port, "sorter_frames_total")
            service = Samples(psutil.Process(started.process.pid))
            lines = Samples(_line_process(started.process.pid))
            self._wait_for(started, port, "sorter_decisions_total")
            self._watch(name, (service, lines), seconds)
            counts = _counts(port)
        return SourceMemory(
            source=name,
            frames_processed=counts["sorter_frames_total processed"],
            frames_given_up=counts["sorter_frames_total given_up"],
            line=lines.summary("line", seconds),
            service=service.summary("service", seconds),
        )

    def _wait_for(self, started: Started, port: int, counter: str) -> None:
        while not any(count for name, count in _counts(port).items() if name.startswith(counter)):
            if started.process.poll() is not None or time.monotonic() > started.began_s + _START_S:
                raise started.failed()
            time.sleep(_SAMPLE_S)

    def _watch(self, name: str, processes: Sequence[Samples], seconds: float) -> None:
        settling, settled = round(self.settle_s / _SAMPLE_S), round(seconds / _SAMPLE_S)
        for number in tqdm(range(settling + settled), desc=name, unit=" samples", leave=False, disable=None):
            time.sleep(_SAMPLE_S)
            for one in processes:
                one.take(settled=number >= settling)


def _line_process(service_pid: int) -> psutil.Process:
    """The service's child that is no helper of multiprocessing itself."""
    for child in psutil.Process(service_pid).children():
        if not any("resource_tracker" in word for word in child.cmdline()):
            return child
    raise SorterError("the service runs but has no line's process: see what `run` logs")


def _kernel_peak_mb(pid: int) -> float:
    """The most that was ever resident; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0.0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 / _MB if found else 0.0


def _counts(port: int) -> dict[str, int]:
    """The service's own counters, by name and first label; empty while it does not answer yet."""
    try:
        # The service that was just started, on loopback.
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = re.findall(r'^(\w+_total)\{\w+="([^"]*)".*\} (\S+)$', text, re.MULTILINE)
    return {f"{name} {label}": int(float(value)) for name, label, value in found}
