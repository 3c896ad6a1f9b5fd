"""The table of palettes: a Parquet file, one row a picture; and its parts, each a finished file of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from sorter.archive.row import Row
from sorter.errors import SorterError, UsageError

_GROUP = 10_000
"""Rows of the table that are written at once, and that a reader has to take at once."""


_REPEATED = ["hex.list.element", "foreground", "background", "accent"]
"""Columns whose values come again."""


_NO_COLOR: list[float | None] = [None, None, None]


class Tally(NamedTuple):
    """What a table holds."""

    rows: int
    errors: int


def arrow() -> tuple[Any, Any]:
    """The packages pyarrow and pyarrow.parquet.

    Raises:
        UsageError: they are not installed.
    """
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        remedy = 'install it with pip install "conveyor-color-sorter[stores]"'
        raise UsageError(f"a table of palettes needs pyarrow, which is not installed: {remedy}") from error


def schema() -> Any:
    """Names and types of the columns, as a pyarrow schema."""
    of, _ = arrow()
    reals = of.list_(of.float32())
    return of.schema(
        [
            of.field("uri", of.string(), nullable=False),
            ("error", of.string()),
            ("bytes", of.int64()),
            ("sha256", of.string()),
            ("width", of.int32()),
            ("height", of.int32()),
            ("hex", of.list_(of.string())),
            ("lab", reals),
            ("share", reals),
            ("dominant_lab", of.list_(of.float32(), 3)),
            ("foreground", of.string()),
            ("background", of.string()),
            ("accent", of.string()),
        ]
    )


def write_part(rows: Sequence[Row], path: Path) -> None:
    """Write rows as a file that is there wholly or not at all, whatever happens meanwhile.

    Raises:
        SorterError: it cannot be written.
    """
    of, _ = arrow()
    # pyarrow cannot read back from Parquet that a list of fixed size is null: three numbers are null instead.
    facts: list[dict[str, Any]] = [row.as_dict() | {"dominant_lab": row.dominant_lab or _NO_COLOR} for row in rows]
    _write(path, iter([of.Table.from_pylist(facts, schema())]))


def part_tally(path: Path) -> Tally:
    """How many rows a part has.

    Raises:
        SorterError: it is none.
    """
    of, parquet = arrow()
    try:
        errors = parquet.read_table(path, columns=["error"])["error"]
    except (OSError, of.ArrowException) as error:
        raise SorterError(f"{path}: not a part of a table: remove the folder it is in, and begin anew") from error
    return Tally(len(errors), len(errors) - errors.null_count)


def merge(parts: Sequence[Path], path: Path) -> None:
    """Write all parts, one after another, as one table; one that is there is replaced at the end.

    Raises:
        SorterError: it cannot be written.
    """
    _write(path, _groups(parts))


def _groups(parts: Sequence[Path]) -> Iterator[Any]:
    """Tables of so many rows, however many a part has: how often a job was broken off does not show."""
    of, parquet = arrow()
    waiting = schema().empty_table()
    for part in parts:
        waiting = of.concat_tables([waiting, parquet.read_table(part, schema=schema())])
        while len(waiting) >= _GROUP:
            yield waiting.slice(0, _GROUP)
            waiting = waiting.slice(_GROUP)
    yield waiting


def _write(path: Path, tables: Iterator[Any]) -> None:
    _, parquet = arrow()
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            with parquet.ParquetWriter(file, schema(), compression="zstd", use_dictionary=_REPEATED) as writer:
                for table in tables:
                    writer.write_table(table, row_group_size=_GROUP)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SorterError(
            f"{path}: it cannot be written ({error.strerror}): make room, or name another file"
        ) from error


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlive a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
