"""A table of palettes made piece by piece, so that a kill at any moment costs seconds of work and nothing else.

Beside the table, in ``NAME.parquet.parts/``, lie: what was asked (``plan.json``), every picture's address in order
(``names``, written wholly before the work begins), and the rows of the first so many of them in finished files. To go
on is to count those rows and to pass over as many names.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Protocol

from sorter.archive.row import Row, Wish
from sorter.archive.stores import Place, places
from sorter.archive.table import Tally, arrow, merge, part_tally, sync_folder, write_part
from sorter.errors import SorterError, UsageError

_PART_ROWS = 5_000
_PART_S = 5.0
"""A part is finished after so many rows, or so long: what a kill can cost."""
_PLAN_VERSION = 1

Engine = Callable[[Iterator[str], Callable[[], bool]], Iterator[Row]]
"""From addresses to their rows, in their order; ends early once it is told to stop."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to make."""

    patterns: Sequence[str]
    """As `sorter.archive.stores.places` takes them."""
    wish: Wish
    out: Path


class Watcher(Protocol):
    """Whoever looks on."""

    def listed(self) -> None:
        """One more picture was found."""
        ...

    def begins(self, total: int, done: int) -> None:
        """So many pictures there are, so many were done before."""
        ...

    def finished(self, row: Row) -> None:
        """A picture is done."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job."""

    pictures: int
    done: int
    """Fewer than there are where it was stopped."""
    done_before: int
    """By an earlier start."""
    errors: int
    """Rows that have one."""
    seconds: float
    """Of this start, from the first picture on."""


def run_job(job: Job, engine: Engine, watcher: Watcher, stopped: Callable[[], bool]) -> Outcome:
    """Make the table, or go on with it where an earlier start was broken off.

    Raises:
        UsageError: no picture is there, another job has begun on the same table, or a package is missing.
        SorterError: the table cannot be written, or a store does not answer.
    """
    arrow()
    if not job.out.absolute().parent.is_dir():
        raise UsageError(f"{job.out}: there is no such folder to write into: make it first")
    folder = job.out.with_name(job.out.name + ".parts")
    try:
        with _locked(folder):
            _check_plan(folder, job)
            names = folder / "names"
            if not names.exists():
                _list(job, names, watcher, stopped)
            if stopped():
                return Outcome(0, 0, 0, 0, 0.0)
            return _Work(job, folder, watcher, stopped).run(engine)
    except OSError as error:
        place = error.filename or folder
        raise SorterError(
            f"{place}: it cannot be written or read ({error.strerror}): make room, or name another file"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder of parts for this process alone."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{folder}: another process is at work there: wait for it, or name another file"
            ) from error
        yield


def _check_plan(folder: Path, job: Job) -> None:
    plan = {
        "version": _PLAN_VERSION,
        "pictures": [*job.patterns],
        "colors": job.wish.colors,
        "endpoint_url": job.wish.endpoint_url,
    }
    path = folder / "plan.json"
    if not path.exists():
        _write_whole(path, iter([json.dumps(plan)]))
        return
    try:
        before = json.loads(path.read_bytes())
    except ValueError:
        before = None
    if before != plan:
        raise UsageError(
            f"{folder}: another job was begun there, with other pictures, colors or endpoint: "
            "end it with its own arguments, name another --out, or remove that folder"
        )


def _list(job: Job, names: Path, watcher: Watcher, stopped: Callable[[], bool]) -> None:
    found = 0

    def lines() -> Iterator[str]:
        nonlocal found
        for place in _each_once(job):
            if stopped():
                return
            found += 1
            watcher.listed()
            yield json.dumps(place.uri)

    unfinished = _write_unfinished(names, lines())
    if found and not stopped():
        _put(unfinished, names)
        return
    shutil.rmtree(names.parent)
    if not stopped():
        raise UsageError(f"no picture is there that {' or '.join(job.patterns)} means: see how it is written")


def _each_once(job: Job) -> Iterator[Place]:
    """All pictures; one that two patterns mean comes once. A digest of 16 bytes is what is remembered of each."""
    several = len(job.patterns) > 1
    seen: set[bytes] = set()
    for pattern in job.patterns:
        for place in places(pattern, job.wish.endpoint_url):
            if several:
                digest = blake2b(place.uri.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                if digest in seen:
                    continue
                seen.add(digest)
            yield place


def _write_whole(path: Path, lines: Iterator[str]) -> None:
    _put(_write_unfinished(path, lines), path)


def _write_unfinished(path: Path, lines: Iterator[str]) -> Path:
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    return unfinished


def _put(unfinished: Path, path: Path) -> None:
    unfinished.replace(path)
    sync_folder(path.parent)


class _Work:
    """From names to the table."""

    def __init__(self, job: Job, folder: Path, watcher: Watcher, stopped: Callable[[], bool]) -> None:
        self._job = job
        self._folder = folder
        self._watcher = watcher
        self._stopped = stopped
        self._parts = sorted(folder.glob("*.parquet"))
        self._names = folder / "names"

    def run(self, engine: Engine) -> Outcome:
        tallies = [part_tally(path) for path in self._parts]
        before = Tally(sum(tally.rows for tally in tallies), sum(tally.errors for tally in tallies))
        with self._names.open("rb") as file:
            total = sum(1 for _ in file)
        self._watcher.begins(total, before.rows)
        began_s = time.monotonic()
        made = self._make(engine, before.rows)
        done = before.rows + made.rows
        if done == total:
            merge(self._parts, self._job.out)
            shutil.rmtree(self._folder)
        elif not self._stopped():
            raise SorterError(f"{done} of {total} pictures are done and the engine has ended: start the command again")
        return Outcome(total, done, before.rows, before.errors + made.errors, time.monotonic() - began_s)

    def _make(self, engine: Engine, done: int) -> Tally:
        made = errors = 0
        rows: list[Row] = []
        began_s = time.monotonic()
        for row in engine(self._uris(done), self._stopped):
            rows.append(row)
            made += 1
            errors += row.error is not None
            self._watcher.finished(row)
            if len(rows) >= _PART_ROWS or time.monotonic() - began_s > _PART_S:
                self._keep(rows)
                rows = []
                began_s = time.monotonic()
        if rows:
            self._keep(rows)
        return Tally(made, errors)

    def _uris(self, done: int) -> Iterator[str]:
        with self._names.open("rb") as file:
            yield from (json.loads(line) for line in islice(file, done, None))

    def _keep(self, rows: Sequence[Row]) -> None:
        path = self._folder / f"{len(self._parts) + 1:08}.parquet"
        write_part(rows, path)
        self._parts.append(path)
