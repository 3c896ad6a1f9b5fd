"""A table of palettes as the archive's job writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sorter.color.lab import rgb_to_lab

SCHEMA = pa.schema([
    ("uri", pa.string()), ("error", pa.string()), ("bytes", pa.int64()), ("sha256", pa.string()), ("width", pa.int32()),
    ("height", pa.int32()), ("hex", pa.list_(pa.string())), ("lab", pa.list_(pa.float32())),
    ("share", pa.list_(pa.float32())), ("dominant_lab", pa.list_(pa.float32(), 3)), ("foreground", pa.string()),
    ("background", pa.string()), ("accent", pa.string()),
])  # fmt: skip


def write_palettes(path: Path, *pictures: tuple[str, Sequence[tuple[str, float]]], broken: str | None = None) -> Path:
    """Pictures with their colors as "rrggbb" and share; one more that could not be read."""
    rows = [_row(uri, colors) for uri, colors in pictures]
    if broken is not None:
        rows.insert(1, {"uri": broken, "error": "not a readable picture (unknown format)"})
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
    return path


def _row(uri: str, colors: Sequence[tuple[str, float]]) -> dict[str, object]:
    labs = [rgb_to_lab(*bytes.fromhex(color)) for color, _ in colors]
    return {
        "uri": uri,
        "hex": [f"#{color}" for color, _ in colors],
        "lab": [value for lab in labs for value in lab],
        "share": [share for _, share in colors],
        "dominant_lab": list(labs[0]) if labs else None,
    }
