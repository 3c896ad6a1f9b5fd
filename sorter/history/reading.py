"""Reads a history line by line and holds each entry against the one before."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sorter.errors import HistoryError
from sorter.history.entries import LONGEST_LINE_BYTES, NO_HASH, Entry, Unsound, read_line

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the chain does not hold."""

    line: int
    """In the file, from 1."""
    why: str
    is_torn: bool = False
    """The last line has no end: what a power loss leaves. It is no tampering, and the next entry takes its place."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk through a whole history found."""

    entries: int
    """That are sound in themselves."""
    newest: Entry | None
    """The sound entry with the highest number."""
    broken: Broken | None
    """The first place where the chain breaks."""
    torn: Broken | None
    since: int | None = None
    """How many entries came after the one whose hash was asked for; None where none was, or it is not there."""

    @property
    def is_sound(self) -> bool:
        """Every entry is as it was written, and where it was; a torn end is told, and is no fault of the chain."""
        return self.broken is None


class Head(NamedTuple):
    """The end of a chain: what the next entry must follow."""

    number: int
    hash: str


START = Head(0, NO_HASH)


class Step(NamedTuple):
    """One line of the file: a sound entry, a break, or a sound entry in the wrong place."""

    end: int
    """Offset behind the line."""
    entry: Entry | None
    broken: Broken | None


def read_entries(path: Path) -> Iterator[Entry | Broken]:
    """Every sound entry in the file's order; a break comes before the entry that does not follow.

    Memory is bounded by the longest line, 8 MiB.

    Raises:
        HistoryError: there is no such file, or it cannot be read.
    """
    with opened(path) as file:
        for step in walk(file):
            if step.broken:
                yield step.broken
            if step.entry:
                yield step.entry


def verify(path: Path, noted: str | None = None) -> Verification:
    """Walk the chain from its first entry to its last.

    Args:
        path: of the history.
        noted: an entry's hash that was noted elsewhere: where no entry has it, that is a break. Nothing else tells
            that entries were cut off the end.

    Raises:
        HistoryError: there is no such file, or it cannot be read.
    """
    entries, lines = 0, 0
    newest: Entry | None = None
    broken, torn = None, None
    since: int | None = None
    with opened(path) as file:
        for lines, step in enumerate(walk(file), start=1):  # noqa: B007 - how many there were is told below
            if step.broken and step.broken.is_torn:
                torn = step.broken
            broken = broken or (step.broken if step.broken is not torn else None)
            if step.entry:
                entries += 1
                newest = step.entry if newest is None or step.entry.number > newest.number else newest
                since = 0 if step.entry.hash == noted else since + 1 if since is not None else None
    if noted is not None and since is None and broken is None:
        why = f"no entry has the hash {noted[:64]}: entries were cut off the end, or this is another history"
        broken = Broken(lines + 1, why)
    return Verification(entries, newest, broken, torn, since)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A history to be read.

    Raises:
        HistoryError: there is no such file, or it cannot be read.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise HistoryError(f"{path}: this is not a file: name the history with recipes.history, or --history")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        sentence = f"{path}: there is no such history: it begins when the service runs, or name another"
        raise HistoryError(sentence) from error
    except OSError as error:
        raise HistoryError(f"{path}: the history cannot be read ({error.strerror}): mend its rights") from error


def walk(file: BinaryIO) -> Iterator[Step]:
    """Each line of a history, held against the sound entry with the highest number before it."""
    head = START
    for number, (line, end) in enumerate(_lines(file), start=1):
        if not line.endswith(b"\n"):
            yield Step(end, None, Broken(number, _TORN, is_torn=True))
            return
        try:
            entry = _entry(line)
        except Unsound as error:
            yield Step(end, None, Broken(number, f"the line is not as it was written: {error}"))
            continue
        why = _misplaced(entry, head)
        yield Step(end, entry, Broken(number, why) if why else None)
        if entry.number > head.number:
            head = Head(entry.number, entry.hash)


_TORN = "the last line is not whole, as a power loss leaves it: the next entry takes its place"


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Each line (of one that is too long, only its beginning and end), and the offset behind it."""
    while line := file.readline(LONGEST_LINE_BYTES):
        if len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            line = line[:1]
            while (rest := file.readline(_CHUNK_BYTES)) and not rest.endswith(b"\n"):
                pass
            line += rest[-1:]
        yield line, file.tell()


def _entry(line: bytes) -> Entry:
    return read_line(line.removesuffix(b"\n"))


def _misplaced(entry: Entry, head: Head) -> str | None:
    """Why an entry cannot follow; None where it does."""
    following = head.number + 1
    if entry.number > following:
        missing = f"entry {following} is" if entry.number == following + 1 else f"entries {following} and on are"
        return f"entry {entry.number} follows entry {head.number}: {missing} missing, changed or in another place"
    if entry.number < following:
        return f"entry {entry.number} comes after entry {head.number}: it was put here, or repeated"
    if entry.previous != head.hash:
        return f"entry {entry.number} does not carry the hash of the entry before: one of them was exchanged"
    return None
