"""Wall time from starting the program to its first decision."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks.belt import CONFIG, BenchBelt
from benchmarks.film import Encoding, encode
from benchmarks.processes import Started, run_sorter
from benchmarks.table import Limit, Table, limits_table
from sorter.demo.broker import find_mosquitto

_MOST_S = 4.0
_FILM_S = 8.0


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """How often to start each command."""

    starts: int


FULL = LaunchPlan(starts=5)
SHORT = LaunchPlan(starts=1)


@dataclass(frozen=True, slots=True)
class CommandLaunch:
    """One command."""

    command: str
    first_decision_s: Sequence[float]

    @property
    def median_s(self) -> float:
        """Of all starts."""
        return statistics.median(self.first_decision_s)

    def row(self) -> Sequence[str]:
        """For the table."""
        figures = self.median_s, min(self.first_decision_s), max(self.first_decision_s)
        return self.command, f"{len(self.first_decision_s)}", *(f"{figure:.2f}" for figure in figures)


@dataclass(frozen=True, slots=True)
class LaunchResult:
    """All commands."""

    broker: str
    """Which one `demo` started: with mosquitto it starts a process of its own, with amqtt it imports it."""
    commands: Sequence[CommandLaunch]
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        columns = ("command", "starts", "median s", "fastest s", "slowest s")
        title = f"wall time from start to the first decision on standard output (broker of the demo: {self.broker})"
        yield Table(title, columns, [command.row() for command in self.commands])
        yield limits_table(self.limits)


def measure_launch(plan: LaunchPlan) -> LaunchResult:
    """Start `demo` and `sort` in turn and wait for their first decision."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "belt.mp4")
        encode(BenchBelt.of_config().frames(_FILM_S), film, Encoding(2_000_000))
        commands = {
            "demo --json": ["demo", "--json"],
            "sort FILM --json": ["sort", str(film), "--config", str(CONFIG), "--json"],
        }
        times_s: dict[str, list[float]] = {name: [] for name in commands}
        for _ in tqdm(range(plan.starts), desc="launch", leave=False, disable=None):
            for name, arguments in commands.items():
                times_s[name].append(_first_decision_s(arguments))
    launches = [CommandLaunch(name, tuple(found)) for name, found in times_s.items()]
    limits = [Limit(f"{one.command}: start to first decision, median", one.median_s, _MOST_S, "s") for one in launches]
    return LaunchResult("mosquitto" if find_mosquitto() else "amqtt", launches, limits)


def _first_decision_s(arguments: Sequence[str]) -> float:
    with run_sorter(*arguments) as started:
        return _wait_for_decision(started) - started.began_s


def _wait_for_decision(started: Started) -> float:
    for text in started.output:
        if "decision_id" in json.loads(text):
            return time.monotonic()
    raise started.failed()
