"""The journal's table of events: written, dropped, and read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sorter.outputs.events import Event, EventKind, Noted
from sorter.outputs.journal.reading import Reader
from sorter.outputs.messages import dumps

_PAGE = 1000


def insert_event(base: sqlite3.Connection, event: Event, most: int) -> None:
    """Add one; of more than ``most``, the oldest go."""
    base.execute(
        "INSERT INTO events (at, boot, line, kind, detail) VALUES (?, ?, ?, ?, ?)",
        (event.at_wall_s, event.boot_id, event.line, event.kind.value, dumps(event.detail).decode()),
    )
    base.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (most,))


def expire_events(base: sqlite3.Connection, oldest_wall_s: float, few: int) -> None:
    """Drop some of those that are too old: of the oldest ``few``, up to the first that is not.

    The newest stays: numbers go on from it, and a batch is known by its number.
    """
    rows = base.execute(
        "SELECT id, at FROM events WHERE id < (SELECT max(id) FROM events) ORDER BY id LIMIT ?", (few,)
    ).fetchall()
    old = [number for number, _ in takewhile(lambda row: row[1] < oldest_wall_s, rows)]
    if old:
        base.execute("DELETE FROM events WHERE id <= ?", (old[-1],))


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """Which events; what is None is not asked."""

    line: str | None = None
    kind: EventKind | None = None
    since_wall_s: float | None = None
    """At this time or later, seconds since 1970."""
    until_wall_s: float | None = None
    """Before this time."""
    first: int | None = None
    """From this number on."""
    last: int | None = None
    """The newest of those, at most so many."""


def read_events(reader: Reader, wanted: WantedEvents) -> Iterator[Noted]:
    """The events, oldest first, a page in memory at a time; none where an older version wrote the journal.

    Raises:
        JournalError: the file is damaged.
    """
    if not reader.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events'"):
        return
    where, values = _where(wanted)
    after = 0
    if wanted.last is not None:
        newest = f"SELECT id FROM events WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own words
        after = (reader.rows(f"SELECT min(id) FROM ({newest})", [*values, wanted.last])[0][0] or 1) - 1  # noqa: S608
    page = f"SELECT id, at, boot, line, kind, detail FROM events WHERE {where} AND id > ? ORDER BY id LIMIT {_PAGE}"  # noqa: S608
    while rows := reader.rows(page, [*values, after]):
        after = rows[-1][0]
        for row in rows:
            yield _noted(row)


def _noted(row: tuple[Any, ...]) -> Noted:
    number, at_wall_s, boot_id, line, kind, detail = row
    return Noted(number, Event(EventKind(kind), line, boot_id, at_wall_s, json.loads(detail)))


def _where(wanted: WantedEvents) -> tuple[str, list[object]]:
    """A condition, and the values of its question marks."""
    asked: list[tuple[str, object]] = [
        ("line = ?", wanted.line),
        ("kind = ?", wanted.kind and wanted.kind.value),
        ("at >= ?", wanted.since_wall_s),
        ("at < ?", wanted.until_wall_s),
        ("id >= ?", wanted.first),
    ]
    conditions = [condition for condition, value in asked if value is not None]
    return " AND ".join(conditions) or "1", [value for _, value in asked if value is not None]
