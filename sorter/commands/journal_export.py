"""``journal export``: decisions with their steps as CSV, JSON or Parquet, a page in memory at a time."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from sorter.commands.screen import say
from sorter.errors import JournalError, UsageError
from sorter.outputs.journal.reading import Entry, Reader, Wanted
from sorter.outputs.messages import dumps, rfc3339
from sorter.outputs.steps import Step

_LONG = 2000
"""Decisions from which on progress is shown."""
_GROUP = 5000
"""Rows of a Parquet file that are written at once."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Column(NamedTuple):
    name: str
    kind: str
    """text, whole, real, time or truth."""
    of: Callable[[Entry], Any]


def _plain(name: str, kind: str) -> _Column:
    return _Column(name, kind, lambda entry: entry.message.get(name))


def _inside(name: str, kind: str, key: str, place: str | int) -> _Column:
    def find(entry: Entry) -> Any:
        outer = entry.message.get(key)
        return None if outer is None else outer[place]

    return _Column(name, kind, find)


def _step(step: Step) -> _Column:
    """When it was taken last."""

    def find(entry: Entry) -> str | None:
        times = [one.at_wall_s for one in entry.steps if one.step is step]
        return rfc3339(times[-1]) if times else None

    return _Column(f"{step.value}_at", "time", find)


def _last(entry: Entry) -> str | None:
    return None if entry.furthest is None else entry.furthest.value


def _details(entry: Entry) -> str | None:
    return "; ".join(f"{one.step.value}: {one.detail}" for one in entry.steps if one.detail) or None


_COLUMNS = (
    *(_plain(name, "text") for name in ("decision_id", "boot_id", "site", "line")),
    *(_plain(name, "whole") for name in ("seq", "product")),
    _plain("trigger_id", "text"),
    *(_plain(name, "time") for name in ("captured_at", "decided_at", "act_after", "act_before")),
    _plain("age_ms", "whole"),
    *(_plain(name, "text") for name in ("verdict", "reason", "bin", "branch", "hex")),
    *(_inside(name, "real", "lab", place) for place, name in enumerate(("lab_l", "lab_a", "lab_b"))),
    *(_plain(name, "real") for name in ("share", "delta_e", "margin")),
    _inside("runner_up_bin", "text", "runner_up", "bin"),
    _inside("runner_up_delta_e", "real", "runner_up", "delta_e"),
    *(_plain(name, "real") for name in ("spread", "stability")),
    _plain("frames_used", "whole"),
    _inside("recipe_name", "text", "recipe", "name"),
    _inside("recipe_revision", "whole", "recipe", "revision"),
    _inside("recipe_hash", "text", "recipe", "hash"),
    _plain("simulated", "truth"),
    *(_step(step) for step in Step),
    _Column("last_step", "text", _last),
    _Column("step_details", "text", _details),
)


def export(reader: Reader, wanted: Wanted, path: Path) -> int:
    """Write the decisions into a file of the kind that its name says; one that is there is replaced at the end.

    Raises:
        UsageError: the name tells no kind.
        JournalError: the file cannot be written, or Parquet is not installed.
    """
    writers = {".csv": _write_csv, ".json": _write_json, ".parquet": _write_parquet}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{path}: its name must end in .csv, .json or .parquet")
    total = reader.count(wanted)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        try:
            with tqdm(reader.entries(wanted), total=total, unit=" decisions", disable=total < _LONG) as entries:
                written = write(iter(entries), unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(
            f"{path}: it cannot be written ({error.strerror}): name another file, or make room"
        ) from error
    say(f"{written} decisions in {path}")
    return 0


def _write_csv(entries: Iterator[Entry], path: Path) -> int:
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(column.name for column in _COLUMNS)
        for entry in entries:
            writer.writerow(_cell(column, column.of(entry)) for column in _COLUMNS)
            written += 1
    return written


def _cell(column: _Column, value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it; a number never is one."""
    if column.kind == "text" and value is not None and value.startswith(_FORMULA):
        return "'" + value
    return value


def _write_json(entries: Iterator[Entry], path: Path) -> int:
    written = 0
    with path.open("wb") as file:
        file.write(b"[")
        for entry in entries:
            file.write((b",\n" if written else b"\n") + dumps(entry.as_dict))
            written += 1
        file.write(b"\n]\n")
    return written


def _write_parquet(entries: Iterator[Entry], path: Path) -> int:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        remedy = 'install it with pip install "conveyor-color-sorter[parquet]", or export .csv or .json'
        raise JournalError(f"Parquet files need pyarrow, which is not installed: {remedy}") from error
    kinds = {
        "text": arrow.string(),
        "whole": arrow.int64(),
        "real": arrow.float64(),
        "time": arrow.timestamp("ms", "UTC"),
        "truth": arrow.bool_(),
    }
    schema = arrow.schema([(column.name, kinds[column.kind]) for column in _COLUMNS])
    written = 0
    with parquet.ParquetWriter(os.fspath(path), schema, compression="zstd") as writer:
        while rows := [{one.name: _typed(one, one.of(entry)) for one in _COLUMNS} for entry in islice(entries, _GROUP)]:
            writer.write_table(arrow.Table.from_pylist(rows, schema))
            written += len(rows)
    return written


def _typed(column: _Column, value: Any) -> Any:
    return datetime.fromisoformat(value) if column.kind == "time" and value is not None else value
