"""The service is killed at random moments; what its numbers, its boot ids and its will told the reference consumer."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks.contract.broker import Mosquitto
from benchmarks.contract.consumer import Consumer
from benchmarks.contract.rows import Row
from benchmarks.contract.service import LINE, TOPICS, RunningService, small_belt
from benchmarks.wire import Wire

_LONGEST_S = 3.0
"""After its first decision a run is killed at a random moment within this time."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the service, as the wire told."""

    boot_id: str
    numbers: Sequence[int]
    """``seq`` of its decisions, in the order in which they came."""
    decided_after_s: float
    """From the start of its process to its first decision."""

    @property
    def true(self) -> bool:
        """Whether a reader sees by the numbers that nothing is missing."""
        return list(self.numbers) == list(range(1, len(self.numbers) + 1))


def measure_kills(count: int, seed: int) -> Iterator[Row]:
    """Kill it so often, and start it again each time.

    Raises:
        SorterError: it does not decide any more.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto() as broker,
        Wire(broker.address, f"{TOPICS.of_line}/decision", f"{TOPICS.of_line}/state") as wire,
        Consumer(broker.port, [TOPICS.of_line]) as consumer,
        RunningService(Path(folder), broker.address, small_belt()) as service,
    ):
        runs = [
            _run_and_kill(service, wire, chance.uniform(0, _LONGEST_S))
            for _ in tqdm(range(count), "kills", leave=False, disable=None)
        ]
        service.wait_for("the consumer was told", lambda: len(_offline(consumer)) >= count)
        told_offline = len(_offline(consumer))
        counts = consumer.finish()
    boots = {run.boot_id for run in runs}
    figures: dict[str, float | str] = {
        "boot ids": len(boots),
        "decisions": sum(len(run.numbers) for run in runs),
        "runs with a gap in seq": sum(not run.true for run in runs),
        "runs that the consumer noticed": counts["new boot"],
        "numbers it missed": counts["skipped"],
        "times it was told offline": told_offline,
        "slowest first decision s": max(run.decided_after_s for run in runs),
    }
    passed = (
        len(boots) == counts["new boot"] == told_offline == count
        and not counts["skipped"]
        and all(run.true for run in runs)
    )
    yield Row("service killed: boot_id and seq tell the truth", count, passed, figures)


def _run_and_kill(service: RunningService, wire: Wire, after_s: float) -> Run:
    """Until its first decision and a while longer; then it is started again."""
    first = len(wire.on(LINE, "decision"))
    began_s = time.monotonic()
    if not service.lives:
        service.start()
    service.wait_for("it decides", lambda: len(wire.on(LINE, "decision")) > first)
    decided_after_s = time.monotonic() - began_s
    time.sleep(after_s)
    service.kill()
    _settle(wire)
    seen = [one.content for one in wire.on(LINE, "decision")[first:]]
    return Run(seen[0]["boot_id"], [one["seq"] for one in seen], decided_after_s)


def _offline(consumer: Consumer) -> Sequence[object]:
    return [one for one in consumer.events("falls back") if one["reason"].startswith("offline")]


def _settle(wire: Wire, end_s: float = 5.0) -> None:
    """Until the broker has said the will, after which nothing of this run comes."""
    until_s = time.monotonic() + end_s
    while time.monotonic() < until_s and wire.on(LINE, "state")[-1].content["state"] != "offline":
        time.sleep(0.02)
