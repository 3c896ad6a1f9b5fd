"""The CSV of ``decide --boxes`` and ``teach --boxes``: checked whole, before the first picture is read."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sorter.errors import ConfigurationError, Mistake, SourceError
from sorter.records import Box

_EDGES = ("x0", "y0", "x1", "y1")
_MAX_BYTES = 256_000_000

FaultOf = Callable[[str], str | None]
"""What is wrong with a field, as a sentence; None where nothing is."""
_NO_MORE: Mapping[str, FaultOf] = {}


@dataclass(frozen=True, slots=True)
class PictureBox:
    """One product region of a picture."""

    path: Path
    box: Box | None
    """None for the whole picture."""
    ref: dict[str, str]
    """The CSV's row."""
    name: str
    """What to call it on the screen."""

    def within(self, width_px: int, height_px: int) -> Box:
        """The box, or the whole of a picture of this size."""
        return self.box or Box(0, 0, width_px, height_px)


def read_boxes(path: Path, needed: Mapping[str, FaultOf] = _NO_MORE) -> list[PictureBox]:
    """Read and check every row: the file's name, and a box that lies within its picture.

    Args:
        path: of the CSV.
        needed: more columns that it must have, and what is asked of their fields.

    Raises:
        ConfigurationError: with every mistake of the CSV, each with its line.
        SourceError: the CSV cannot be read.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SourceError(f"{path}: larger than {_MAX_BYTES // 10**6} MB: split it")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read_rows(path, csv.DictReader(file, strict=True), needed)
    except OSError as error:
        sentence = f"{path}: cannot be read ({error.strerror}): check its name and its rights"
        raise SourceError(sentence) from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 text: save the CSV as UTF-8") from error


def _read_rows(path: Path, reader: csv.DictReader[str], needed: Mapping[str, FaultOf]) -> list[PictureBox]:
    try:
        fault = _fault_of_heading(reader.fieldnames or [], needed)
        if fault is not None:
            raise ConfigurationError([Mistake(f"{path}:1:1", fault)])
        rows = _Rows(path, needed, with_boxes="x0" in (reader.fieldnames or []))
        for row in reader:
            rows.take(reader.line_num, row)
    except csv.Error as error:
        line = reader.reader.line_num  # the reader around it counts only whole rows
        raise ConfigurationError([Mistake(f"{path}:{line}:1", f"this is not CSV: {error}")]) from error
    return rows.finish()


def _fault_of_heading(columns: Sequence[str], needed: Mapping[str, FaultOf]) -> str | None:
    found = ", ".join(repr(column[:40]) for column in columns[:12]) or "none at all"
    repeated = [column for column, count in Counter(columns).items() if count > 1]
    if "file" not in columns:
        return f"the CSV has no column 'file' to name the pictures; its columns are {found}"
    if repeated:
        return f"the CSV has two columns {repeated[0]!r}: rename one"
    missing = [column for column in needed if column not in columns]
    if missing:
        return f"the CSV has no column {missing[0]!r}; its columns are {found}"
    lacking = [edge for edge in _EDGES if edge not in columns]
    if lacking and len(lacking) < len(_EDGES):
        return f"the CSV lacks the column {lacking[0]!r}: give all of x0, y0, x1, y1 or none; its columns are {found}"
    return None


class _Rows:
    """Collects regions and mistakes."""

    def __init__(self, path: Path, needed: Mapping[str, FaultOf], *, with_boxes: bool) -> None:
        self._path = path
        self._needed = needed
        self._with_boxes = with_boxes
        self._sizes: dict[Path, tuple[int, int] | None] = {}
        self._regions: list[PictureBox] = []
        self._mistakes: list[Mistake] = []

    def take(self, line: int, row: dict[str, str]) -> None:
        if None in row or None in row.values():
            self._note(line, "the row has more or fewer fields than the heading: mend it")
            return
        if not row["file"].strip() or not row["file"].isprintable():
            self._note(line, "the column 'file' is empty, or holds what no file's name should: mend it")
            return
        faults = [fault for column, fault_of in self._needed.items() if (fault := fault_of(row[column]))]
        for fault in faults:
            self._note(line, fault)
        picture = self._path.parent / row["file"]
        box = self._box(line, row, picture) if self._with_boxes else None
        if self._with_boxes and box is None:
            return
        self._regions.append(PictureBox(picture, box, dict(row), f"{row['file']}:{line}"))

    def finish(self) -> list[PictureBox]:
        if self._mistakes:
            raise ConfigurationError(self._mistakes)
        if not self._regions:
            raise ConfigurationError([Mistake(f"{self._path}:1:1", "the CSV has no rows: nothing to decide")])
        return self._regions

    def _box(self, line: int, row: dict[str, str], picture: Path) -> Box | None:
        try:
            box = Box(*(int(row[edge]) for edge in _EDGES))
        except ValueError:
            self._note(line, "x0, y0, x1 and y1 must be whole numbers of pixels")
            return None
        if box.width <= 0 or box.height <= 0:
            self._note(line, f"the box is {box.width} x {box.height} pixels: x1 and y1 must be beyond x0 and y0")
            return None
        size = self._size(picture)
        if size and (box.x0 < 0 or box.y0 < 0 or box.x1 > size[0] or box.y1 > size[1]):
            self._note(
                line, f"the box {tuple(box)} reaches outside {row['file']}, which is {size[0]} x {size[1]} pixels"
            )
            return None
        return box

    def _size(self, picture: Path) -> tuple[int, int] | None:
        """Width and height as the picture will be read; None where only reading it can tell what is wrong."""
        if picture not in self._sizes:
            try:
                with Image.open(picture) as opened:
                    turned = opened.getexif().get(0x0112, 1) >= 5  # EXIF orientations that swap the sides
                    size = (opened.height, opened.width) if turned else (opened.width, opened.height)
            except Exception:  # noqa: BLE001 - Pillow raises nearly anything; reading the picture tells it in a sentence
                self._sizes[picture] = None
            else:
                self._sizes[picture] = size
        return self._sizes[picture]

    def _note(self, line: int, sentence: str) -> None:
        self._mistakes.append(Mistake(f"{self._path}:{line}:1", sentence))
