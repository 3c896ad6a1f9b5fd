"""Real pictures of single products, each region read once by every way."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.ways import Way
from sorter.capture.picture import read_picture
from sorter.records import ColorReading


@dataclass(frozen=True, slots=True)
class Reading:
    """What one region of a picture said."""

    picture: str
    truth: str
    """The color it is known to have."""
    colors: Mapping[str, ColorReading]
    """By the name of the way that read it."""
    row: Mapping[str, str]
    """Of the set's CSV."""


def read_regions(table: Path, truth: str, every: int, ways: Sequence[Way]) -> Iterator[Reading]:
    """Read the color of every region that a CSV names, picture by picture.

    Args:
        table: columns file, and x0, y0, x1, y1 unless each picture is one region; as for ``decide --boxes``.
        truth: the column that says which color it is; "" where the set has none.
        every: 1 for all regions, 8 for every eighth.
        ways: at least one; each reads each region once.
    """
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::every]
    held, image = "", np.empty((0, 0, 3), np.uint8)
    for row in tqdm(rows, desc=table.parent.name, unit=" regions", leave=False, disable=None):
        if row["file"] != held:
            held, image = row["file"], read_picture(table.parent / row["file"])
        region = image
        if "x0" in row:
            region = image[int(row["y0"]) : int(row["y1"]), int(row["x0"]) : int(row["x1"])]
        yield Reading(held, row.get(truth, ""), {way.name: way.read(region).color for way in ways}, row)
