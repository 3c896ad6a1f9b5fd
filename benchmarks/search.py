"""Search by color in an archive of synthetic palettes: time of loading, and of queries with and without the index."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.table import Limit, Table, limits_table
from sorter.archive.search import PaletteIndex
from sorter.archive.wanted import Wanted, wanted_color, wanted_of
from sorter.color.lab import lab_to_srgb, srgb_to_lab
from sorter.palette.result import Method, Palette, Rgb, Space, Swatch
from sorter.records import Lab

_Result = TypeVar("_Result")
_COLORS = 5
_THEMES = 3000
_SPREAD = np.array([9.0, 7.0, 7.0])
"""Standard deviation of L*, a*, b* about a theme's color: pictures of one kind are alike, not equal."""
_SEED = 20
_FOUND = 50
_QUERY_S, _LOAD_S = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How much to search."""

    pictures: int
    passes: int


FULL = SearchPlan(pictures=1_000_000, passes=5)
SHORT = SearchPlan(pictures=20_000, passes=1)


@dataclass(frozen=True, slots=True)
class QueryTime:
    """One query, asked again and again: the quickest time, for other work on the machine only ever adds to it."""

    what: str
    found: int
    index_s: float
    scan_s: float
    equal: bool
    """The index gave the scan's answer, to the bit."""

    def cells(self) -> Sequence[str]:
        """A row of the table."""
        index_ms, scan_ms = self.index_s * 1e3, self.scan_s * 1e3
        times = f"{self.scan_s / self.index_s:.1f}"
        same = "equal" if self.equal else "DIFFERENT"
        return (self.what, str(self.found), f"{index_ms:.1f}", f"{scan_ms:.1f}", times, same)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What an archive of this size costs to search."""

    pictures: int
    file_mb: float
    load_s: float
    queries: Sequence[QueryTime]

    @property
    def limits(self) -> list[Limit]:
        """What is promised."""
        return [
            Limit("the slowest query", max(one.index_s for one in self.queries), _QUERY_S, "s"),
            Limit("loading", self.load_s, _LOAD_S, "s"),
            Limit("answers equal to the scan's", self._equal, 1, "of 1", at_least=True),
        ]

    @property
    def _equal(self) -> float:
        return sum(one.equal for one in self.queries) / len(self.queries)

    @property
    def failed(self) -> bool:
        """Whether a promise is broken."""
        return not all(limit.holds for limit in self.limits)

    def tables(self) -> Iterator[Table]:
        """For people."""
        yield Table(
            f"search: {self.pictures} palettes of {_COLORS} colors, {self.file_mb:.0f} MB of Parquet, "
            f"loaded in {self.load_s:.2f} s; the best {_FOUND} pictures; the quickest of all passes",
            ("query", "pictures", "index ms", "scan ms", "times", "answers"),
            [one.cells() for one in self.queries],
        )
        yield limits_table(self.limits)


def measure_search(plan: SearchPlan) -> SearchResult:
    """Write an archive, load it, and ask."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "palettes.parquet"
        palettes = _palettes(plan.pictures)
        _write(path, *palettes)
        load_s, index = _timed(partial(PaletteIndex.load, path))
        size_mb = path.stat().st_size / 1e6
    queries = [_measured(what, wanted, index, plan.passes) for what, wanted in _queries(*palettes).items()]
    return SearchResult(plan.pictures, size_mb, load_s, queries)


def _palettes(pictures: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colors, shape (n, 5, 3), inside the sRGB gamut, about those of a theme; and shares, largest first."""
    rng = np.random.default_rng(_SEED)
    # Photographs are grayer and darker than colors drawn evenly from the gamut are.
    themes = srgb_to_lab(rng.beta(1.1, 1.3, (_THEMES, _COLORS, 3))) * np.array([1.0, 0.75, 0.75])
    labs = themes[rng.integers(0, _THEMES, pictures)] + rng.normal(0, _SPREAD, (pictures, _COLORS, 3))
    inside, _ = lab_to_srgb(labs)
    shares = np.sort(rng.dirichlet(np.full(_COLORS, 1.5), pictures), axis=1)[:, ::-1]
    return srgb_to_lab(inside), shares.astype(np.float32)


def _write(path: Path, labs: NDArray[np.float32], shares: NDArray[np.float32]) -> None:
    table = {
        "uri": pa.array([f"s3://archive/{number % 997:03d}/picture-{number:08d}.jpg" for number in range(len(labs))]),
        "lab": _lists(labs.reshape(len(labs), -1)),
        "share": _lists(shares),
    }
    pq.write_table(pa.table(table), path)


def _lists(rows: NDArray[np.float32]) -> Any:
    starts = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(rows.reshape(-1)))


def _queries(labs: NDArray[np.float32], shares: NDArray[np.float32]) -> dict[str, list[Wanted]]:
    example = wanted_of(_palette(labs[0], shares[0]))
    return {
        "tight: red within 2": [wanted_color("c0392b", 2)],
        "usual: red within 8": [wanted_color("c0392b", 8)],
        "blue, where the formula bends, within 8": [wanted_color("lab(35 45 -80)", 8)],
        "gray within 8": [wanted_color("808080", 8)],
        "wide: brown within 20": [wanted_color("8b5a2b", 20)],
        "the widest: gray within 30": [wanted_color("808080", 30)],
        "two colors: red and teal within 8": [wanted_color("c0392b", 8), wanted_color("teal", 8)],
        "three colors within 15": [wanted_color(one, 15) for one in ("c0392b", "navy", "beige")],
        "three colors within 30": [wanted_color(one, 30) for one in ("c0392b", "navy", "beige")],
        "by example, within 8": list(example),
        "by example, within 20": list(wanted_of(_palette(labs[0], shares[0]), 20)),
    }


def _palette(labs: NDArray[np.float32], shares: NDArray[np.float32]) -> Palette:
    colors = tuple(
        Swatch(Rgb(0, 0, 0), Lab(*lab), share, "") for lab, share in zip(labs.tolist(), shares.tolist(), strict=True)
    )
    return Palette(colors, 0.0, 1, 1, 1, Method.MINIBATCH, Space.LAB)


def _measured(what: str, wanted: Sequence[Wanted], index: PaletteIndex, passes: int) -> QueryTime:
    by_index, by_scan = partial(index.query, wanted, _FOUND), partial(index.scan, wanted, _FOUND)
    times: dict[str, list[float]] = {"index": [], "scan": []}
    for _ in range(passes):  # in turn, so that a busy moment meets both
        index_s, answer = _timed(by_index)
        scan_s, expected = _timed(by_scan)
        times["index"].append(index_s)
        times["scan"].append(scan_s)
    return QueryTime(what, answer.total, *map(min, times.values()), answer == expected)


def _timed(action: Callable[[], _Result]) -> tuple[float, _Result]:
    begin_s = time.perf_counter()
    result = action()
    return time.perf_counter() - begin_s, result
