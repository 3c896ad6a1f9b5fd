"""Adds to a history: each entry is on the disk when it is said to be, and what cannot be written waits."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sorter.errors import HistoryError
from sorter.history.entries import Entry, Unsound, WentLive, make_line
from sorter.history.reading import START, Broken, Head, opened, walk

_LOG = logging.getLogger(__name__)
_MOST_WAITING = 64
_MODE = 0o644
TROUBLE = "history_unwritable"
"""The cause that the fail-safe table knows it by."""


class History:
    """The recipes that were ever in force, for the one process that adds to them; not for several threads.

    Nothing that is wrong with the file is raised: ``troubles`` tells it.

    Args:
        path: of the file; its folder is made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._read = _Read()
        self._waiting: deque[tuple[WentLive, float]] = deque()
        self._unwritable: str | None = None
        self._lost: str | None = None

    @property
    def troubles(self) -> dict[str, str]:
        """The cause ``history_unwritable`` with a sentence while something is wrong; else empty."""
        found = [one for one in (self._unwritable, self._lost, self._read.trouble) if one]
        return {TROUBLE: "; ".join(found)} if found else {}

    @property
    def newest(self) -> Entry | None:
        """The newest entry of all: its hash is worth noting elsewhere."""
        entries = self._read.newest_of.values()
        return max(entries, key=lambda entry: entry.number, default=None)

    def open(self) -> None:
        """Read the file, and keep other processes from adding to it."""
        self._write_waiting()

    def append(self, live: WentLive, at_wall_s: float) -> None:
        """Write an entry to the disk; where that is not possible, it waits for the next, or for ``retry``.

        Args:
            live: the recipe that came into force.
            at_wall_s: when, in seconds since 1970.
        """
        try:
            make_line(1, at_wall_s, live, START.hash)
        except Unsound as error:
            self._lose(f"a recipe of the line {live.line!r} cannot be written down: {error}")
            return
        if len(self._waiting) == _MOST_WAITING:
            self._waiting.popleft()
            self._lose(f"more than {_MOST_WAITING} recipes waited to be written down: the oldest are missing")
        self._waiting.append((live, at_wall_s))
        self._write_waiting()

    def retry(self) -> None:
        """Write what waits, and see whether somebody has changed the file; cheap where nobody has."""
        self._write_waiting()

    def last(self, line: str) -> Entry | None:
        """The newest sound entry of a line; None where it has none."""
        return self._read.newest_of.get(line)

    def close(self) -> None:
        """Let others add to it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _lose(self, why: str) -> None:
        self._lost = f"{self.path}: {why}"
        _LOG.error("%s", self._lost)

    def _write_waiting(self) -> None:
        try:
            self._read.again(self.path)  # what there is may be asked for, even where another process writes
            self._take_lock()
            self._read.again(self.path)
            while self._waiting:
                live, at_wall_s = self._waiting[0]
                self._write(live, at_wall_s)
                self._waiting.popleft()
            self._unwritable = None
        except HistoryError as error:
            self._unwritable = str(error)
        except OSError as error:
            remedy = "make room on the disk, or mend the folder's rights"
            waits = f"; {len(self._waiting)} of them wait" if self._waiting else ""
            self._unwritable = f"{self.path}: recipes cannot be written down ({error.strerror}){waits}: {remedy}"

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_name(self.path.name + "-lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            remedy = "stop the other one, or give this one a recipes.history of its own"
            raise HistoryError(f"{self.path}: another process writes this history: {remedy}") from error
        self._lock = lock

    def _write(self, live: WentLive, at_wall_s: float) -> None:
        head = self._read.head
        entry, line = make_line(head.number + 1, at_wall_s, live, head.hash)
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
        try:
            if is_new:
                _settle(self.path.parent)
            self._put_torn_aside(file)
            _write_all(file, line + b"\n", at=self._read.end)
            self._read.add(entry, os.fstat(file))
        finally:
            os.close(file)

    def _put_torn_aside(self, file: int) -> None:
        """An entry that a power loss cut short must not run into the next one."""
        end = self._read.end
        size = os.fstat(file).st_size
        if size <= end:
            return
        aside = self.path.with_name(self.path.name + ".torn")
        with os.fdopen(os.dup(file), "rb") as torn, aside.open("ab") as kept:
            torn.seek(end)
            shutil.copyfileobj(torn, kept)
            kept.write(b"\n")
            kept.flush()
            os.fsync(kept.fileno())
        os.ftruncate(file, end)
        _LOG.warning("%s: the last entry was cut short by a power loss: what is left of it is in %s", self.path, aside)


class _Stamp(NamedTuple):
    """By which a change of the file by others is seen."""

    inode: int
    size: int
    changed_at_ns: int


class _Read:
    """What is known of the file, without the texts of any but each line's newest entry."""

    def __init__(self) -> None:
        self.head: Head = START
        self.end = 0
        """Offset behind the last whole line."""
        self.newest_of: dict[str, Entry] = {}
        self._stamp: _Stamp | None = None
        self._broken: str | None = None
        self._cut: str | None = None

    @property
    def trouble(self) -> str | None:
        """Where the chain is broken, in a sentence."""
        return self._cut or self._broken

    def add(self, entry: Entry, status: os.stat_result) -> None:
        """An entry was written behind the others."""
        self._stamp = _stamp(status)
        self.end = status.st_size
        self._take(entry)

    def again(self, path: Path) -> None:
        """Read the file, unless it is as it was left.

        Raises:
            HistoryError: it cannot be read.
            OSError: it cannot be looked at.
        """
        stamp = _stamp(path.stat()) if path.exists() else None
        if stamp == self._stamp and not (stamp is None and self.head.number):
            return
        self._stamp = None
        self.end = 0
        is_there = self._read(path) if stamp else not self.head.number
        # It goes on where it was, so that whoever verifies it sees the gap.
        words = f"{path}: entry {self.head.number} was there and is gone: the history was cut or exchanged"
        self._cut = None if is_there else words
        self._stamp = stamp

    def _read(self, path: Path) -> bool:
        """Whether the entry that was the newest is still there."""
        self._broken = None
        known, is_there = self.head, not self.head.number
        with opened(path) as file:
            for step in walk(file):
                self._notice(step.broken, path)
                if not (step.broken and step.broken.is_torn):
                    self.end = step.end
                if step.entry:
                    is_there = is_there or step.entry.hash == known.hash
                    self._take(step.entry)
        if not is_there:
            self.head = known
        return is_there

    def _notice(self, broken: Broken | None, path: Path) -> None:
        if broken and not broken.is_torn and self._broken is None:
            remedy = "somebody changed the history; python run_sorter.py recipes verify tells the same"
            self._broken = f"{path}:{broken.line}: {broken.why}; {remedy}"

    def _take(self, entry: Entry) -> None:
        if entry.number > self.head.number:
            self.head = Head(entry.number, entry.hash)
        newest = self.newest_of.get(entry.live.line)
        if newest is None or entry.number > newest.number:
            self.newest_of[entry.live.line] = entry


def _stamp(status: os.stat_result) -> _Stamp:
    return _Stamp(status.st_ino, status.st_size, status.st_mtime_ns)


def _write_all(file: int, data: bytes, at: int) -> None:
    """All of it and to the disk, or nothing of it."""
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
    except OSError:
        with suppress(OSError):  # what then stays is a torn end, which the next entry puts aside
            os.ftruncate(file, at)
        raise


def _settle(folder: Path) -> None:
    """The new file's name is on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
