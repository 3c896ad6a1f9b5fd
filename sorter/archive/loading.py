"""A table of palettes, read from Parquet into arrays: without a loop over its rows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sorter.errors import SourceError, UsageError

_COLUMNS = ("uri", "lab", "share")
_MOST_COLORS = 2**31 - 1
_LOWEST, _HIGHEST = np.array([-1.0, -200.0, -200.0]), np.array([101.0, 200.0, 200.0])
"""Of L*, a*, b*: wider than any screen or print."""


@dataclass(frozen=True, slots=True, eq=False)
class Palettes:
    """Pictures and their colors."""

    uris: Any
    """An array of pyarrow's: a million texts of Python would take seconds and hundreds of MB."""
    starts: NDArray[np.int64]
    """Where each picture's colors begin, and the end of the last."""
    labs: NDArray[np.float32]
    """Shape (colors, 3), one picture after the other."""
    shares: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1


def load_palettes(path: Path) -> Palettes:
    """Read the columns ``uri``, ``lab`` and ``share``; a picture without colors, or with an error, has none.

    Raises:
        SourceError: the file is missing, no Parquet, or holds no palettes.
        UsageError: pyarrow is not installed.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        remedy = 'install it with pip install "conveyor-color-sorter[parquet]"'
        raise UsageError(f"Parquet files need pyarrow, which is not installed: {remedy}") from error
    if not path.is_file():
        raise SourceError(f"{path}: no such file: name the Parquet file that palette --out wrote")
    try:
        with parquet.ParquetFile(path) as file:
            if missing := [name for name in _COLUMNS if name not in file.schema_arrow.names]:
                raise SourceError(f"{path}: no table of palettes, for it has no column {missing[0]}: name another file")
            return _palettes(file.read(list(_COLUMNS)), arrow, path)
    except (arrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(f"{path}: not a readable table of palettes ({reason}): make it again") from error


def _palettes(table: Any, arrow: Any, path: Path) -> Palettes:
    uris = table["uri"].cast(arrow.large_string()).combine_chunks()
    sizes, shares = _lists(table["share"], arrow)
    numbers, flat = _lists(table["lab"], arrow)
    if uris.null_count:
        raise _unsound(path, np.flatnonzero(uris.is_null().to_numpy(zero_copy_only=False))[0], "it has no uri")
    if len(shares) > _MOST_COLORS:
        raise SourceError(f"{path}: {len(shares)} colors are more than {_MOST_COLORS}: divide the table")
    if (wrong := np.flatnonzero(numbers != 3 * sizes)).size:
        raise _unsound(path, wrong[0], "it has not three numbers of lab for each share")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    labs = flat.reshape(-1, 3)
    sound = ((labs >= _LOWEST) & (labs <= _HIGHEST)).all(axis=1) & (shares >= 0) & (shares <= 1.001)
    if not sound.all():
        row = np.searchsorted(starts, np.argmin(sound), side="right") - 1
        raise _unsound(path, row, "a color is outside Lab, or its share outside 0 to 1")
    return Palettes(uris, starts, labs, shares)


def _lists(column: Any, arrow: Any) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """How many numbers each row has, and all of them; what is missing is not a number."""
    lists = column.cast(arrow.large_list(arrow.float32())).combine_chunks()
    sizes = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    numbers = lists.flatten().to_numpy(zero_copy_only=False)
    return sizes.astype(np.int64), np.ascontiguousarray(numbers, np.float32)


def _unsound(path: Path, row: np.intp, what: str) -> SourceError:
    return SourceError(f"{path}: picture {int(row) + 1} of the table is unsound, for {what}: make the table again")
