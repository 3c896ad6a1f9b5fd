"""``palette --out TABLE.parquet``: the colors of any number of pictures as one table."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from sorter.archive.job import Engine, Job, Outcome, run_job
from sorter.archive.row import Row, Wish
from sorter.archive.workers import Workers
from sorter.commands.screen import printable, say, say_json
from sorter.commands.stopping import INTERRUPTED_EXIT_CODE, StopSignals
from sorter.errors import UsageError

_UNUSED = {
    "method": "minibatch", "space": "lab", "ignore_white": False, "ignore": [], "frame": 0, "coolors": False,
    "gpl": None, "ase": None, "css": None, "csv": None, "plot": None,
}  # fmt: skip
"""Options that are about single pictures, as they are where nobody has named them."""

_MOST_TOLD = 20
"""Errors that are told on the screen too."""


def make_table(options: argparse.Namespace) -> int:
    """Make the table, or go on with it; 0 also where rows have an error, for they are told in the table."""
    _check(options)
    colors = options.colors if isinstance(options.colors, int) else None
    wish = Wish(colors, options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None)
    job = Job(options.images, wish, options.out)
    with StopSignals() as stop, _engine(options, wish) as engine, closing(_Bar()) as bar:
        outcome = run_job(job, engine, bar, stop.requested)
    _tell(outcome, options)
    return INTERRUPTED_EXIT_CODE if stop.requested() else 0


def _check(options: argparse.Namespace) -> None:
    if options.out.suffix.lower() != ".parquet":
        raise UsageError(f"{options.out}: a table's name must end in .parquet")
    for name, unsaid in _UNUSED.items():
        if getattr(options, name) != unsaid:
            raise UsageError(f"--{name.replace('_', '-')} is for single pictures: leave it out with --out")
    if options.ray_address is not None and options.engine != "daft":
        raise UsageError("--ray-address is for --engine daft: name that too")


@contextmanager
def _engine(options: argparse.Namespace, wish: Wish) -> Iterator[Engine]:
    jobs = options.jobs or len(os.sched_getaffinity(0))
    if options.engine == "daft":
        from sorter.archive.cluster import daft_engine  # noqa: PLC0415 - only where it is asked for

        yield daft_engine(wish, jobs, options.ray_address)
        return
    with Workers(jobs, wish, _complain) as workers:
        yield workers.rows


def _complain(sentence: str) -> None:
    with tqdm.external_write_mode(file=sys.stderr):
        sys.stderr.write(f"{printable(sentence)}\n")


class _Bar:
    """Progress on stderr: first the names found, then the pictures done, with rate and time left."""

    def __init__(self) -> None:
        self._bar = tqdm(desc="listing", unit=" pictures", disable=None, file=sys.stderr, leave=False)
        self._errors = 0

    def listed(self) -> None:
        """One more picture was found."""
        self._bar.update()

    def begins(self, total: int, done: int) -> None:
        """So many pictures there are, so many were done before."""
        self._bar.close()
        self._bar = tqdm(
            total=total, initial=done, unit=" pictures", smoothing=0.05, disable=None, file=sys.stderr, leave=False
        )

    def finished(self, row: Row) -> None:
        """A picture is done."""
        if row.error is not None:
            self._errors += 1
            if self._errors <= _MOST_TOLD:
                _complain(row.error)
            if self._errors == _MOST_TOLD:
                _complain("further errors are told in the table alone")
        self._bar.update()

    def close(self) -> None:
        """Clear it away."""
        self._bar.close()


def _tell(outcome: Outcome, options: argparse.Namespace) -> None:
    out: Path = options.out
    made = outcome.done - outcome.done_before
    rate = round(made / outcome.seconds, 1) if outcome.seconds > 0 else 0.0
    if options.json:
        facts = {"out": os.fspath(out), "engine": options.engine, "pictures_per_s": rate} | asdict(outcome)
        facts["seconds"] = round(outcome.seconds, 3)
        say_json(json.dumps(facts, separators=(",", ":")).encode())
        return
    before = f", {outcome.done_before} of them by an earlier start" if outcome.done_before else ""
    if outcome.done < outcome.pictures or not outcome.pictures:
        so_far = f"{outcome.done} of {outcome.pictures} pictures are done{before}"
        say(f"stopped: {so_far}; the same command goes on from there")
        return
    say(
        f"{outcome.pictures} pictures in {printable(os.fspath(out))}{before}: {outcome.errors} with an error, "
        f"{rate:.1f} pictures/s in {outcome.seconds:.1f} s"
    )
