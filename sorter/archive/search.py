"""Search by color: the pictures of an archive whose palettes hold certain colors, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sorter.archive.index import ColorIndex, Near
from sorter.archive.loading import Palettes, load_palettes
from sorter.archive.wanted import Wanted
from sorter.color.difference import ciede2000
from sorter.color.lab import lab_to_hex
from sorter.errors import UsageError
from sorter.records import Lab

MOST_WANTED = 16
"""Colors of one query."""
MOST_FOUND = 10_000
"""Pictures of one answer; how many there are in all is told whatever their number."""
_HALVES = 5.0
"""CIEDE2000 at which a color counts half."""
_GRID = 2.0**40
"""Shares are summed in whole parts of 2^-40: such sums are exact, in whatever order."""
_SHORT = 1e-6
"""Share that may be missing: 0.7 in 32 bits is a little less than 0.7."""


@dataclass(frozen=True, slots=True)
class Color:
    """One color of a picture in the archive."""

    lab: Lab
    share: float
    """0..1."""

    @property
    def hex(self) -> str:
        """As "#rrggbb"."""
        return lab_to_hex(self.lab)


@dataclass(frozen=True, slots=True)
class Match:
    """A color that is within the tolerance of a wanted one."""

    color: Color
    delta_e: float
    """CIEDE2000."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that has all that was wanted."""

    uri: str
    score: float
    """0..1, see `PaletteIndex.query`."""
    matches: tuple[tuple[Match, ...], ...]
    """For each wanted color, in their order; nearest first."""
    palette: tuple[Color, ...]
    """All colors of the picture, as the archive has them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query came to."""

    total: int
    """Pictures that have all that was wanted."""
    found: tuple[Found, ...]
    """The best of them, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class PaletteIndex:
    """The palettes of an archive, in memory, ready to be searched. Make one by `load` or `of`."""

    _palettes: Palettes
    _colors: ColorIndex
    _rows: NDArray[np.int32]
    """The picture of each color, in the order of ``_colors``."""
    _shares: NDArray[np.float32]
    """Likewise."""

    @classmethod
    def load(cls, path: Path) -> PaletteIndex:
        """Read a table of palettes, see docs/search.md.

        Raises:
            SourceError: it is missing, no Parquet file, or not such a table.
            UsageError: pyarrow is not installed.
        """
        return cls._of(load_palettes(path))

    @classmethod
    def of(
        cls, uris: Sequence[str], sizes: Sequence[int], labs: Sequence[Lab], shares: Sequence[float]
    ) -> PaletteIndex:
        """Take palettes as they are.

        Args:
            uris: of the pictures.
            sizes: how many colors each has.
            labs: the colors of all, one picture after the other.
            shares: theirs, 0..1.
        """
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        flat = np.array(labs, np.float32).reshape(-1, 3)
        return cls._of(Palettes(import_module("pyarrow").array(uris), starts, flat, np.array(shares, np.float32)))

    @classmethod
    def _of(cls, palettes: Palettes) -> PaletteIndex:
        rows = np.repeat(np.arange(len(palettes), dtype=np.int32), np.diff(palettes.starts))
        colors, order = ColorIndex.of(palettes.labs)
        return cls(palettes, colors, rows[order], palettes.shares[order])

    def __len__(self) -> int:
        """Pictures, those without any color among them."""
        return len(self._palettes)

    def query(self, wanted: Sequence[Wanted], limit: int) -> Answer:
        """The pictures that have every wanted color: within its tolerance, and together with at least its share.

        A color counts by its share and its nearness: ``share * 2 ** (-delta_e / 5)``. The sum over the colors that
        match, cut off at `Wanted.best_share` and divided by it, is how well one wanted color is met; the score is the
        geometric mean of these. Equal scores are in the order of their uris. One color may meet several wanted ones.

        Raises:
            UsageError: nothing, or more than `MOST_WANTED` colors are wanted, or no picture or more than `MOST_FOUND`.
        """
        return self._answer(wanted, limit, self._colors.near)

    def scan(self, wanted: Sequence[Wanted], limit: int) -> Answer:
        """The same answer by looking at every color: what `query` is tested and measured against."""
        return self._answer(wanted, limit, lambda lab, tolerance, _: self._colors.scan(lab, tolerance))

    def _answer(self, wanted: Sequence[Wanted], limit: int, near: Callable[..., Near]) -> Answer:
        if not 0 < len(wanted) <= MOST_WANTED:
            raise UsageError(f"{len(wanted)} colors are wanted: name 1 to {MOST_WANTED}")
        if not 0 < limit <= MOST_FOUND:
            raise UsageError(f"the limit is {limit}: ask for 1 to {MOST_FOUND} pictures")
        fits = np.ones(len(self), np.bool_)
        met: dict[int, NDArray[np.float64]] = {}
        # A small tolerance leaves the fewest for the others to look at.
        for place in sorted(range(len(wanted)), key=lambda place: wanted[place].tolerance):
            one = wanted[place]
            allowed = None if fits.all() else fits[self._rows]
            has, met[place] = self._met(one, near(one.lab, one.tolerance, allowed))
            fits &= has
        rows = np.flatnonzero(fits)
        scores = np.prod([met[place][rows] for place in range(len(wanted))], axis=0) ** (1 / len(wanted))
        best = self._best(rows, scores, limit)
        return Answer(len(rows), tuple(self._found(rows[at], scores[at], wanted) for at in best))

    def _met(self, one: Wanted, near: Near) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Of each picture whether it has a wanted color, and how well it is met."""
        rows, count = self._rows[near.places], len(self)
        shares = self._shares[near.places].astype(np.float64)
        has = np.zeros(count, np.bool_)
        has[rows] = True
        sums = _sums(rows, shares, count)
        weighed = _sums(rows, shares * np.exp2(-near.delta_e / _HALVES), count)
        return has & (sums >= one.min_share - _SHORT), np.minimum(weighed, one.best_share) / one.best_share

    def _best(self, rows: NDArray[np.intp], scores: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
        """Where the best are, in their order."""
        places = np.arange(len(rows))
        if len(rows) > limit:
            last = np.partition(scores, len(rows) - limit)[len(rows) - limit]
            places = np.flatnonzero(scores >= last)
        arrow = import_module("pyarrow")
        ranked = {"score": scores[places], "uri": self._palettes.uris.take(arrow.array(rows[places])), "row": places}
        order = [("score", "descending"), ("uri", "ascending"), ("row", "ascending")]
        compute: Any = import_module("pyarrow.compute")
        best = compute.sort_indices(arrow.table(ranked), sort_keys=order).to_numpy()[:limit]
        return np.asarray(places[best])

    def _found(self, row: np.intp, score: np.float64, wanted: Sequence[Wanted]) -> Found:
        span = slice(*self._palettes.starts[row : row + 2].tolist())
        labs, shares = self._palettes.labs[span], self._palettes.shares[span].tolist()
        palette = tuple(Color(Lab(*lab), share) for lab, share in zip(labs.tolist(), shares, strict=True))
        matches = tuple(_matches(one, labs, palette) for one in wanted)
        return Found(self._palettes.uris[int(row)].as_py(), float(score), matches, palette)


def _matches(one: Wanted, labs: NDArray[np.float32], palette: Sequence[Color]) -> tuple[Match, ...]:
    delta_e = ciede2000(np.array(one.lab, np.float64), labs)
    order = np.argsort(delta_e, kind="stable")
    return tuple(Match(palette[at], float(delta_e[at])) for at in order if delta_e[at] <= one.tolerance)


def _sums(rows: NDArray[np.int32], parts: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(rows, np.rint(parts * _GRID), count) / _GRID, np.float64)
