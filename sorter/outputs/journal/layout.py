"""What the journal's file holds, and how large it may become. Pure."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 2
"""Raised with every change of the tables that an older program could not live with."""
APPLICATION_ID = 0x534F5254
"""Marks a SQLite file as ours."""
PAGE_BYTES = 4096

TABLES = """
CREATE TABLE boots (
    id INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL UNIQUE,
    last_decision INTEGER NOT NULL
);
CREATE TABLE recipes (
    hash TEXT PRIMARY KEY,
    meaning TEXT NOT NULL,
    last_decision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    boot INTEGER NOT NULL,
    line TEXT NOT NULL,
    seq INTEGER NOT NULL,
    product INTEGER,
    trigger_id TEXT,
    verdict TEXT NOT NULL,
    bin TEXT,
    branch TEXT NOT NULL,
    captured_at REAL NOT NULL,
    decided_at REAL NOT NULL,
    recipe TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX decisions_by_time ON decisions (decided_at);
CREATE TABLE pixels (
    decision INTEGER PRIMARY KEY,
    samples BLOB,
    thumbnail BLOB
);
CREATE TABLE readings (
    decision INTEGER PRIMARY KEY,
    readings BLOB NOT NULL
);
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    decision INTEGER NOT NULL,
    step TEXT NOT NULL,
    at REAL NOT NULL,
    detail TEXT
);
CREATE INDEX steps_by_decision ON steps (decision, step);
"""
"""Times are seconds since 1970. ``message`` is the JSON that went on the wire; what stands beside it is for filters."""
_EVENTS = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    boot TEXT NOT NULL,
    line TEXT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
);
"""
"""What befell the lines; ``boot`` is the run's id itself: it may come before the first decision, or without one."""
TABLES += _EVENTS

GROWTH = {1: "CREATE TABLE readings (decision INTEGER PRIMARY KEY, readings BLOB NOT NULL);" + _EVENTS}
"""What brings a file of each older version to the next one."""

_MB = 1_000_000
_MOST_EVENTS = 100_000
_INDEX_BYTES = 64 * 1024
"""Of the log's index, which readers share."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the disk the journal may take, and for how long."""

    max_bytes: int
    """All its files together, but for damaged ones that were put aside."""
    max_age_s: float

    @property
    def wal_bytes(self) -> int:
        """Largest size of the write-ahead log."""
        return min(max(self.max_bytes // 8, 256 * 1024), 8 * _MB)

    @property
    def reserve_bytes(self) -> int:
        """Kept on the disk for the time when it is full: with no room at all nothing could be deleted, either."""
        return self.wal_bytes // 2

    @property
    def pages(self) -> int:
        """Largest size of the main file."""
        return max((self.max_bytes - self.wal_bytes - self.reserve_bytes - _INDEX_BYTES) // PAGE_BYTES, 64)

    @property
    def events(self) -> int:
        """How many events are kept: so few for their pages that they take less than a tenth of the file."""
        return min(_MOST_EVENTS, self.pages)

    @property
    def transaction_bytes(self) -> int:
        """What is written at once, about."""
        return self.wal_bytes // 4
