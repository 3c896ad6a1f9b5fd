"""Which batch or span of time of which line a report is of, and what the journal has of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sorter.batch.report import Subject
from sorter.batch.span import Batch, Span, batches_of, is_farewell
from sorter.commands.journal_place import moment
from sorter.errors import JournalError, UsageError
from sorter.outputs.events import Noted
from sorter.outputs.journal.event_table import WantedEvents, read_events
from sorter.outputs.journal.files import is_written
from sorter.outputs.journal.reading import LastDecision, Reader, Wanted


@dataclass(frozen=True, slots=True)
class History:
    """What the journal's events tell of all lines."""

    batches: list[Batch]
    """In the order in which they began."""
    last_decisions: dict[tuple[str, str], LastDecision]
    """By line and run of the service."""
    signs_wall_s: dict[tuple[str, str], float]
    """The last sign of life, likewise; now, where the service writes the journal and the line is not offline."""
    runs: dict[tuple[str, str], Noted]
    """The first event, likewise, in the order in which they came."""
    alive: frozenset[tuple[str, str]]
    """Lines that the service works on now, with its run."""

    @property
    def lines(self) -> list[str]:
        """Every line that there is anything of."""
        return sorted({line for line, _ in self.signs_wall_s})

    def end_of(self, batch: Batch) -> float:
        """When it ended, or when it was heard of last."""
        last = self.signs_wall_s[batch.line, batch.boot_id]
        return max(last if batch.ended_wall_s is None else batch.ended_wall_s, batch.began_wall_s)

    def is_running(self, batch: Batch) -> bool:
        """Whether the service works on it now."""
        return batch.ended_wall_s is None and (batch.line, batch.boot_id) in self.alive


def read_history(reader: Reader, path: Path) -> History:
    """Read all events once.

    Raises:
        JournalError: the journal is damaged.
    """
    last_decisions = reader.last_decisions()
    signs = {key: last.decided_at_wall_s for key, last in last_decisions.items()}
    runs: dict[tuple[str, str], Noted] = {}
    farewells: set[tuple[str, str]] = set()

    def look(noted: Iterator[Noted]) -> Iterator[Noted]:
        for one in noted:
            key = (one.event.line, one.event.boot_id)
            runs.setdefault(key, one)
            signs[key] = max(signs.get(key, 0.0), one.event.at_wall_s)
            if is_farewell(one.event):
                farewells.add(key)
            yield one

    batches = batches_of(look(read_events(reader, WantedEvents())))
    newest = [key[1] for key in runs][-1:] if is_written(path) else []
    alive = frozenset(key for key in runs if key[1] in newest and key not in farewells)
    signs |= dict.fromkeys(alive, time.time())
    return History(batches, last_decisions, signs, runs, alive)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A report's subject, and where to read of it."""

    subject: Subject
    decisions: Wanted
    events: WantedEvents


def choose(history: History, path: Path, options: argparse.Namespace) -> Chosen:
    """What the options ask for.

    Raises:
        UsageError: they contradict each other, or there is no such line.
        JournalError: there is no such batch, or nothing at all.
    """
    asked_for_time = options.since is not None or options.until is not None
    if asked_for_time and options.batch is not None:
        raise UsageError("--batch, or --since and --until: give one of them")
    if asked_for_time:
        return _span(history, _line(history, path, options.line), options)
    return _batch(history, _find_batch(history, path, options))


def _line(history: History, path: Path, name: str | None) -> str:
    lines = history.lines
    if not lines:
        raise JournalError(f"{path}: it tells of no line yet: let the service decide a product first")
    names = ", ".join(map(repr, lines))
    if name is None and len(lines) > 1:
        raise UsageError(f"{path} has several lines ({names}): say which with --line")
    if name is not None and name not in lines:
        raise UsageError(f"{path} has no line {name!r}, only {names}")
    return name or lines[0]


def _find_batch(history: History, path: Path, options: argparse.Namespace) -> Batch:
    if options.batch in {None, "latest"}:
        line = _line(history, path, options.line)
        found = [one for one in history.batches if one.line == line]
        if not found:
            raise JournalError(
                f"{path}: it tells of no batch of {line!r}, as journals of older versions do: give --since"
            )
        return found[-1]
    of_number = [one for one in history.batches if str(one.number) == options.batch]
    found = [one for one in of_number if options.line in {None, one.line}]
    if not found:
        of_line = "" if options.line is None else f" of {options.line!r}"
        raise JournalError(f"{path}: it has no batch {options.batch}{of_line}: report --list shows what it has")
    return found[0]


def _batch(history: History, batch: Batch) -> Chosen:
    key = (batch.line, batch.boot_id)
    until = history.end_of(batch)
    signs = _signs_of(history, batch.line)
    subject = Subject(batch.line, Span(batch.began_wall_s, until), signs, batch, is_running=history.is_running(batch))
    decisions = Wanted(batch.line, boot_id=batch.boot_id, after_seq=batch.after_seq, until_seq=batch.until_seq)
    events = WantedEvents(batch.line, until_wall_s=until, first=history.runs[key].number)
    return Chosen(subject, decisions, events)


def _span(history: History, line: str, options: argparse.Namespace) -> Chosen:
    since, until = moment(options.since, "--since"), moment(options.until, "--until")
    signs = _signs_of(history, line)
    runs = [one for (of_line, _), one in history.runs.items() if of_line == line]
    until = max(signs.values()) if until is None else until
    # What was before the journal began is no fault of the line.
    firsts = [last.first_decided_at_wall_s for (of_line, _), last in history.last_decisions.items() if of_line == line]
    began = min([*firsts, *(one.event.at_wall_s for one in runs)], default=min(signs.values()))
    since = began if since is None else max(since, began)
    if since >= until:
        raise UsageError(f"nothing is known of {line!r} in this time, or it ends before it begins: give others")
    before = [one for one in runs if one.event.at_wall_s <= since]
    first = before[-1].number if before else None
    alive = any(of_line == line for of_line, _ in history.alive)
    subject = Subject(line, Span(since, until), signs, is_running=alive and until >= max(signs.values()))
    decisions = Wanted(line, since_wall_s=since, until_wall_s=until + 1e-3)
    return Chosen(subject, decisions, WantedEvents(line, until_wall_s=until, first=first))


def _signs_of(history: History, line: str) -> dict[str, float]:
    return {boot_id: at for (of_line, boot_id), at in history.signs_wall_s.items() if of_line == line}
