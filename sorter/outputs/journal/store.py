"""The journal's SQLite file, written by one thread in small transactions, and kept within its bounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from sorter.errors import JournalError
from sorter.outputs.events import Event
from sorter.outputs.journal import files
from sorter.outputs.journal.event_table import expire_events, insert_event
from sorter.outputs.journal.items import Item, Row, bytes_of
from sorter.outputs.journal.layout import APPLICATION_ID, GROWTH, PAGE_BYTES, TABLES, VERSION, Limits
from sorter.outputs.steps import StepTaken

_BUSY_MS = 500
"""How long somebody else's transaction is waited for."""
_FEW = 16
"""Decisions dropped at once: a small transaction, beside which new ones hardly wait."""
_AGED = 64
_MOST_PAGES = 256
"""Given back, or decisions dropped, at once where much is to go."""
_LEDGER_PER_PIXELS = 4
"""The ledger reaches back this many times as far as the pixels do, where there is not room for all."""
_CHECKED_BYTES = 16_000_000
"""A file up to this size is looked through as it is opened; it takes a tenth of a second."""
_TRIES = 64
_MOST_PART = 8
"""Pixels of one decision that are larger than this part of the file are left out."""


class DamagedError(sqlite3.DatabaseError):
    """The file was looked through, and is not whole."""


class Store:
    """An open journal.

    Args:
        path: its file; made with its folder where it is not there.
        limits: its bounds.

    Raises:
        JournalError: another process writes it, a newer version made it, or it is no journal.
        sqlite3.DatabaseError: it is damaged, or cannot be written.
        OSError: its folder cannot be written.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._limits = limits
        self._reserve = files.Reserve(path, limits.reserve_bytes)
        self._lock = files.WriterLock(path)
        self._most_pages = limits.pages
        self.short_of_disk = False
        """The disk is full: the file grows no more, and the oldest makes room for the newest."""
        try:
            self._base = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        except BaseException:
            self._lock.release()
            raise
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        base = self._base
        base.execute("PRAGMA secure_delete = OFF")
        made_by, version = self._number("application_id"), self._number("user_version")
        is_new = not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not is_new and made_by != APPLICATION_ID:
            raise JournalError(f"{self.path}: this is another program's file: give journal.path another name")
        if version > VERSION:
            told = f"its format is {version}, and this version of the sorter knows {VERSION}"
            raise JournalError(f"{self.path}: a newer version wrote this journal ({told}): install that, or move it")
        if is_new:
            base.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            base.execute("PRAGMA auto_vacuum = INCREMENTAL")
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        base.execute(f"PRAGMA wal_autocheckpoint = {max(self._limits.transaction_bytes // PAGE_BYTES, 16)}")
        base.execute(f"PRAGMA journal_size_limit = {self._limits.wal_bytes // 2}")
        if is_new:
            marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            base.executescript(f"BEGIN; {TABLES} {marks} COMMIT;")
        else:
            self._grow(version)
        self._look_through()
        self._bound(self._limits.pages)
        if not self._reserve.keep():
            self._freeze()

    def _grow(self, version: int) -> None:
        for older in range(version, VERSION):
            self._base.executescript(f"BEGIN; {GROWTH[older]} PRAGMA user_version = {older + 1}; COMMIT;")

    def _look_through(self) -> None:
        if self._number("page_count") * PAGE_BYTES <= _CHECKED_BYTES:
            said = self._base.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise DamagedError(said)
        self._base.execute("SELECT max(id) FROM decisions").fetchone()

    def close(self) -> None:
        """Give the file back; what was committed is in it."""
        try:
            self._base.close()
        finally:
            self._lock.release()

    @property
    def oldest_wall_s(self) -> float | None:
        """When the oldest decision that is kept was made; None where there is none."""
        found = self._base.execute("SELECT decided_at FROM decisions ORDER BY id LIMIT 1").fetchone()
        return None if found is None else float(found[0])

    @property
    def is_in_place(self) -> bool:
        """Whether the file has still its name: what somebody deletes would go on to be written, unseen."""
        return self.path.exists()

    def write(self, items: Sequence[Item], meaning_of: Callable[[str], str | None]) -> int:
        """Write decisions, steps and events in one transaction; the oldest go where there is no room.

        Args:
            items: in the order in which they happened; about `Limits.transaction_bytes` at most.
            meaning_of: a recipe's meaning, as JSON, by its hash.

        Returns:
            Steps that were left out since their decision is not there.

        Raises:
            sqlite3.DatabaseError: nothing was written.
        """
        wanted = 8 + 3 * sum(bytes_of(item) for item in items) // (2 * PAGE_BYTES)
        for _ in range(_TRIES):
            try:
                self._make_room(wanted)
                with self._transaction(wanted):
                    return self._insert(items, meaning_of)
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                self._give_way(wanted, error)
        raise sqlite3.OperationalError("there is no room for it, whatever is dropped")

    def expire(self, now_wall_s: float) -> int:
        """Drop some of what is too old; how many decisions went."""
        oldest = now_wall_s - self._limits.max_age_s
        expire_events(self._base, oldest, _AGED)
        rows = self._base.execute("SELECT id, decided_at FROM decisions ORDER BY id LIMIT ?", (_AGED,)).fetchall()
        old = [number for number, _ in takewhile(lambda row: row[1] < oldest, rows)]
        if not old:
            return 0
        with self._transaction(_AGED):
            self._drop_decisions(old[-1])
        return len(old)

    def regain(self) -> None:
        """See whether a full disk has room again."""
        enough = self._limits.reserve_bytes + 2 * self._limits.wal_bytes
        if self.short_of_disk and files.free_bytes(self.path) >= enough and self._reserve.keep():
            self._bound(self._limits.pages)
            self.short_of_disk = False

    def harden(self) -> None:
        """Force what was committed onto the disk: what power loss may take is what came since."""
        try:
            self._base.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError as error:
            if not is_full(error) or self.short_of_disk:
                raise
            self._freeze()

    def shrink(self) -> None:
        """Give back some of what is beyond the bound, which may have been lowered."""
        if self._number("page_count") > self._most_pages:
            self._make_room(0)
            self._spare_wal(_MOST_PAGES)
            # Page by page: `execute` would stop after the first.
            self._base.executescript(f"PRAGMA incremental_vacuum({_MOST_PAGES})")
            self._bound(self._most_pages)

    def _insert(self, items: Sequence[Item], meaning_of: Callable[[str], str | None]) -> int:
        orphans = 0
        for item in items:
            match item:
                case Row():
                    self._insert_decision(item, meaning_of)
                case StepTaken():
                    orphans += self._insert_step(item)
                case Event():
                    insert_event(self._base, item, self._limits.events)
        return orphans

    def _insert_decision(self, row: Row, meaning_of: Callable[[str], str | None]) -> None:
        """What is there already stays as it is; its pixels may come later."""
        known = self._base.execute("SELECT id FROM decisions WHERE decision_id = ?", (row.decision_id,)).fetchone()
        number = self._insert_message(row, meaning_of) if known is None else known[0]
        if 0 < row.evidence_bytes <= self._most_pages * PAGE_BYTES // _MOST_PART:
            if row.samples or row.thumbnail:
                pixels = (number, row.samples, row.thumbnail)
                self._base.execute("INSERT OR IGNORE INTO pixels VALUES (?, ?, ?)", pixels)
            if row.readings:
                self._base.execute("INSERT OR IGNORE INTO readings VALUES (?, ?)", (number, row.readings))

    def _insert_message(self, row: Row, meaning_of: Callable[[str], str | None]) -> int:
        run = self._base.execute
        (before,) = run("SELECT coalesce(max(id), 0) FROM decisions").fetchone()
        number = int(before) + 1
        (boot,) = run(
            "INSERT INTO boots (boot_id, last_decision) VALUES (?, ?)"
            " ON CONFLICT (boot_id) DO UPDATE SET last_decision = excluded.last_decision RETURNING id",
            (row.boot_id, number),
        ).fetchone()
        facts = (row.product, row.trigger_id, row.verdict, row.bin, row.branch)
        times = (row.captured_at_wall_s, row.decided_at_wall_s)
        run(
            "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, row.decision_id, boot, row.line, row.seq, *facts, *times, row.recipe, row.message),
        )
        meaning = meaning_of(row.recipe)
        if meaning is not None:
            run(
                "INSERT INTO recipes VALUES (?, ?, ?)"
                " ON CONFLICT (hash) DO UPDATE SET last_decision = excluded.last_decision",
                (row.recipe, meaning, number),
            )
        return number

    def _insert_step(self, step: StepTaken) -> int:
        done = self._base.execute(
            "INSERT INTO steps (decision, step, at, detail) SELECT id, ?, ?, ? FROM decisions WHERE decision_id = ?",
            (step.step.value, step.at_wall_s, step.detail, step.decision_id),
        )
        return 1 - done.rowcount

    def _make_room(self, pages: int) -> None:
        """Drop the oldest until so many pages are free."""
        while (excess := self._used_pages + pages - self._most_pages) > 0:
            if not self._drop_some(max(_FEW, min(excess // 8, _MOST_PAGES))):
                return

    @property
    def _used_pages(self) -> int:
        return self._number("page_count") - self._number("freelist_count")

    def _drop_some(self, count: int = _FEW) -> bool:
        """Drop a few: pixels first, until the ledger reaches back several times as far; whether there were any."""
        newest, oldest, pictured = self._base.execute(
            "SELECT max(id), min(id), (SELECT min(decision) FROM"
            " (SELECT min(decision) decision FROM pixels UNION ALL SELECT min(decision) FROM readings)) FROM decisions"
        ).fetchone()
        if newest is None:
            return False
        with self._transaction(count):
            if pictured is not None and (newest - oldest) < _LEDGER_PER_PIXELS * (newest - pictured + 1):
                for table in ("pixels", "readings"):
                    self._base.execute(f"DELETE FROM {table} WHERE decision < ?", (pictured + count,))  # noqa: S608
            else:
                self._drop_decisions(oldest + count - 1)
        return True

    def _drop_decisions(self, last: int) -> None:
        for table, column in (
            ("steps", "decision"),
            ("pixels", "decision"),
            ("readings", "decision"),
            ("decisions", "id"),
        ):
            self._base.execute(f"DELETE FROM {table} WHERE {column} <= ?", (last,))  # noqa: S608 - our own names
        for table in ("boots", "recipes"):
            self._base.execute(f"DELETE FROM {table} WHERE last_decision <= ?", (last,))  # noqa: S608 - likewise

    @contextmanager
    def _transaction(self, pages: int) -> Iterator[None]:
        self._spare_wal(pages)
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise

    def _spare_wal(self, pages: int) -> None:
        """See that the log has room for a transaction."""
        if files.wal_bytes(self.path) + 2 * pages * PAGE_BYTES > self._limits.wal_bytes:
            self._empty_wal()

    def _empty_wal(self) -> None:
        """Bring all of the log into the file; whoever reads in one go for long stands in the way of that."""
        busy, _, _ = self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy and files.wal_bytes(self.path) > self._limits.wal_bytes // 2:
            raise sqlite3.OperationalError("a program that reads it for too long keeps its log from being emptied")

    def _give_way(self, pages: int, error: sqlite3.OperationalError) -> None:
        """The file is at its bound, or the disk is full: then the reserve makes room for the log, and it grows no more.

        Raises:
            sqlite3.OperationalError: that was done already.
        """
        if self._number("page_count") + pages >= self._most_pages:
            try:
                if self._drop_some():
                    return
            except sqlite3.OperationalError as another:
                if not is_full(another):
                    raise
        if self.short_of_disk:
            raise error
        self._freeze()
        self._empty_wal()

    def _freeze(self) -> None:
        self.short_of_disk = True
        # A young file is too small to live in: some of what the reserve held is for it, and the rest for the log.
        grown = self._number("page_count") + self._reserve.give_back() // (4 * PAGE_BYTES)
        self._bound(min(grown, self._limits.pages))

    def _bound(self, pages: int) -> None:
        self._most_pages = pages
        self._base.execute(f"PRAGMA max_page_count = {pages}")  # which no file that is larger already obeys

    def _number(self, pragma: str) -> int:
        return int(self._base.execute(f"PRAGMA {pragma}").fetchone()[0])


def is_full(error: sqlite3.Error) -> bool:
    """Whether disk or file has no room."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def is_damage(error: sqlite3.Error) -> bool:
    """Whether what stands in the file makes no sense."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, DamagedError) or primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
