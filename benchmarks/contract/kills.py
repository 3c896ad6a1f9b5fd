"""The service is killed at random moments; what its numbers, boot ids and will told, and what its journal kept."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.contract.broker import Mosquitto
from benchmarks.contract.consumer import Consumer
from benchmarks.contract.journals import checked, entries_of, said_of
from benchmarks.contract.rows import Row
from benchmarks.contract.service import LINE, TOPICS, RunningService, small_belt
from benchmarks.contract.source import TOPIC, SourceProcess
from benchmarks.wire import Wire
from sorter.errors import JournalError, SorterError
from sorter.outputs.journal.reading import Entry
from sorter.outputs.steps import DELIVERED, Step

KEPT = "service killed: nothing acknowledged is missing in the journal"
KEPT_AT_RATE = "the same at 50 decisions a second, without a camera"
AGE = "made before the kill, the missing ones, ms at most"
_RATE_HZ, _LEFT_S = 50.0, 2.0
_BEGUN, _BEGIN_S = 5, 30.0
_LONGEST_AT_RATE_S = 1.0
_ON_ITS_WAY_S = 0.2
"""What the broker had before the kill is with its reader by then."""
_LONGEST_S = 3.0
"""After its first decision a run is killed at a random moment within this time."""


@dataclass(frozen=True, slots=True)
class JournalLeft:
    """The journal as a killed run left it, read before anyone opened it for writing."""

    trouble: str
    """Why it does not open, or what a check finds; empty where all is well."""
    missing_ms: Sequence[float]
    """Of each decision that a reader had from the broker and the journal has not: how long before the kill it was
    made."""
    never_sent: frozenset[int]
    """``seq`` of the decisions of this run whose time was over before there was a connection."""
    under_way: int
    """Decisions of this run that it has, without what became of their delivery."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the service, as the wire told."""

    boot_id: str
    numbers: Sequence[int]
    """``seq`` of its decisions, in the order in which they came."""
    decided_after_s: float
    """From the start of its process to its first decision."""
    journal: JournalLeft

    @property
    def skipped(self) -> set[int]:
        """Numbers that never came, up to the last one that came."""
        return set(range(1, self.numbers[-1])) - set(self.numbers)

    @property
    def true(self) -> bool:
        """Whether the numbers came in order, and only those never came that the journal says were not sent in time."""
        return list(self.numbers) == sorted(set(self.numbers)) and self.skipped <= self.journal.never_sent


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
    skipped = sum(len(run.skipped) for run in runs)
    figures: dict[str, float | str] = {
        "boot ids": len(boots),
        "decisions": sum(len(run.numbers) for run in runs),
        "numbers that never came": skipped,
        "of them expired unsent, says the journal": sum(len(run.skipped & run.journal.never_sent) for run in runs),
        "runs that the consumer noticed": counts["new boot"],
        "numbers that it missed": counts["skipped"],
        "times it was told offline": told_offline,
        "slowest first decision s": max(run.decided_after_s for run in runs),
    }
    passed = (
        len(boots) == counts["new boot"] == told_offline == count
        and counts["skipped"] == skipped
        and all(run.true for run in runs)
    )
    yield Row("service killed: boot_id and seq tell the truth", count, passed, figures)
    yield _kept_row(KEPT, [run.journal for run in runs], sum(len(run.numbers) for run in runs))


def _kept_row(what: str, journals: Sequence[JournalLeft], acknowledged: int) -> Row:
    missing_ms = [age_ms for one in journals for age_ms in one.missing_ms]
    troubles = [one.trouble for one in journals if one.trouble]
    figures: dict[str, float | str] = {
        "opened, whole, without a gap": len(journals) - len(troubles),
        "acknowledged": acknowledged,
        "missing": len(missing_ms),
        "outcome not yet written": sum(one.under_way for one in journals),
    }
    if missing_ms:
        figures[AGE] = max(missing_ms)
    return Row(what, len(journals), not missing_ms and not troubles, figures, "; ".join(troubles[:1]))


def measure_kills_at_rate(count: int, seed: int) -> Row:
    """Kill, so often, the part of the service that journals and publishes, while it is busy.

    Raises:
        SorterError: it does not decide.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret
    lefts, acknowledged = [], 0
    with Mosquitto() as broker:
        for number in tqdm(range(count), "kills", leave=False, disable=None):
            with (
                Wire(broker.address, f"{TOPIC}/decision") as wire,
                SourceProcess(broker.port, _RATE_HZ, _LEFT_S, f"boot-{number}") as source,
            ):
                _await_decisions(wire)
                time.sleep(chance.uniform(0, _LONGEST_AT_RATE_S))
                killed_wall_s = time.time()
                source.kill()
                time.sleep(_ON_ITS_WAY_S)
                seen = [one.content for one in wire.everything]
                acknowledged += len(seen)
                lefts.append(_journal_left(source.journal, seen, killed_wall_s))
    return _kept_row(KEPT_AT_RATE, lefts, acknowledged)


def _await_decisions(wire: Wire) -> None:
    end_s = time.monotonic() + _BEGIN_S
    while len(wire.everything) < _BEGUN:
        if time.monotonic() > end_s:
            raise SorterError(f"the source of decisions made none in {_BEGIN_S:g} s")
        time.sleep(0.01)


def _run_and_kill(service: RunningService, wire: Wire, after_s: float) -> Run:
    """Until its first decision and a while longer; then it is started again."""
    first = len(wire.on(LINE, "decision"))
    began_s = time.monotonic()
    if not service.lives:
        service.start()
    service.wait_for("it decides", lambda: len(wire.on(LINE, "decision")) > first)
    decided_after_s = time.monotonic() - began_s
    time.sleep(after_s)
    killed_wall_s = time.time()
    service.kill()
    _settle(wire)
    seen = [one.content for one in wire.on(LINE, "decision")[first:]]
    left = _journal_left(service.journal, seen, killed_wall_s)
    return Run(seen[0]["boot_id"], [one["seq"] for one in seen], decided_after_s, left)


def _journal_left(path: Path, seen: Sequence[Mapping[str, Any]], killed_wall_s: float) -> JournalLeft:
    try:
        check, entries = checked(path), {one.message["decision_id"]: one for one in entries_of(path)}
    except JournalError as error:
        return JournalLeft(str(error), [], frozenset(), 0)
    missing = [one for one in seen if one["decision_id"] not in entries]
    ages_ms = [1e3 * (killed_wall_s - datetime.fromisoformat(one["decided_at"]).timestamp()) for one in missing]
    own = [one for one in entries.values() if one.message["boot_id"] == seen[0]["boot_id"]]
    under_way = sum(not any(step.step in DELIVERED for step in one.steps) for one in own)
    # What was under way when it was killed has no outcome, and check says so: that is not damage.
    sound = all(not run.missing and run.verdicts_add_up and not run.delivered_twice for run in check.runs)
    trouble = "" if sound and not check.damage else said_of(check)
    return JournalLeft(trouble, ages_ms, frozenset(_never_sent(own)), under_way)


def _never_sent(entries: Sequence[Entry]) -> Iterator[int]:
    for one in entries:
        if {step.step for step in one.steps} & {Step.EXPIRED, Step.DROPPED}:
            yield one.message["seq"]


def _offline(consumer: Consumer) -> Sequence[object]:
    return [one for one in consumer.events("falls back") if one["reason"].startswith("offline")]


def _settle(wire: Wire, end_s: float = 5.0) -> None:
    """Until the broker has said the will, after which nothing of this run comes."""
    until_s = time.monotonic() + end_s
    while time.monotonic() < until_s and wire.on(LINE, "state")[-1].content["state"] != "offline":
        time.sleep(0.02)
