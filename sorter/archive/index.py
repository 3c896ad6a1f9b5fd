"""Many colors, laid out so that those near a given one are found without looking at each."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.archive.bound import least_difference
from sorter.color.difference import ciede2000
from sorter.records import Lab

_LOWEST = np.array([0.0, -128.0, -128.0], np.float32)
_CELL = np.array([4.0, 5.0, 5.0], np.float32)
"""Of L*, a*, b*. So few cells that their numbers fit into 16 bits, for which NumPy sorts by radix."""
_CELLS = (25, 52, 50)
_AT_ONCE = 32_768
"""Colors whose differences are worked out together: what arises on the way stays in the processor's cache."""
_MANY = 8
"""Such pieces from which on all cores are put to work: for less, starting them would not pay."""
_SLACK = 1e-6
"""CIEDE2000 by which a bound may be wrong through rounding, a hundred times over."""


class Near(NamedTuple):
    """Colors within a tolerance."""

    places: NDArray[np.intp]
    """In the index's order, rising."""
    delta_e: NDArray[np.float64]
    """CIEDE2000 of each."""


@dataclass(frozen=True, slots=True, eq=False)
class ColorIndex:
    """Colors in cells of Lab; `near` gives what `scan` gives. Make one by `of`."""

    _labs: NDArray[np.float32]
    """Shape (3, n), cell by cell."""
    _starts: NDArray[np.intp]
    """Where each cell that is not empty begins, and the end of the last."""
    _lows: NDArray[np.float64]
    """Shape (cells, 3): the lowest values that there are in a cell, not the cell's edge."""
    _highs: NDArray[np.float64]

    @classmethod
    def of(cls, labs: NDArray[np.float32]) -> tuple[ColorIndex, NDArray[np.intp]]:
        """Lay out colors.

        What else is known of them is best kept in the index's own order: then it is read from end to end.

        Args:
            labs: shape (n, 3); any finite values: what lies outside the grid is in its outermost cells.

        Returns:
            The index, and which of the colors handed in is at each of its places.
        """
        cells = _cells(labs)
        order = np.argsort(cells, kind="stable")
        cells = cells[order]
        sorted_labs = np.ascontiguousarray(labs.T)[:, order]
        first = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]]) if len(cells) else np.zeros(0, np.intp)
        lows, highs = (
            np.stack([edge.reduceat(axis, first) if len(first) else axis for axis in sorted_labs], axis=1)
            for edge in (np.minimum, np.maximum)
        )
        starts = np.r_[first, len(cells)].astype(np.intp)
        return cls(sorted_labs, starts, lows.astype(np.float64), highs.astype(np.float64)), order

    def __len__(self) -> int:
        return int(self._starts[-1])

    def near(self, lab: Lab, tolerance: float, allowed: NDArray[np.bool_] | None = None) -> Near:
        """The colors whose CIEDE2000 from ``lab`` is at most ``tolerance``.

        Args:
            lab: the color, float64.
            tolerance: 0 or more.
            allowed: at each place whether the color may be found; all where it is not given.
        """
        places = self._candidates(lab, tolerance)
        if allowed is not None:
            places = places[allowed[places]]
        return self._measured(places, lab, tolerance)

    def scan(self, lab: Lab, tolerance: float) -> Near:
        """The same by looking at each color: what `near` is tested and measured against."""
        return self._measured(np.arange(len(self)), lab, tolerance)

    def _candidates(self, lab: Lab, tolerance: float) -> NDArray[np.intp]:
        """Where the colors are whose cells may reach into the tolerance."""
        cells = np.flatnonzero(least_difference(lab, self._lows, self._highs) <= tolerance + _SLACK)
        sizes = self._starts[cells + 1] - self._starts[cells]
        # Each cell's places are a run: all ones, but for the step from the end of a run to the begin of the next.
        ends = np.cumsum(sizes)
        before = np.r_[0, ends[:-1]].astype(np.intp) if len(ends) else ends
        return np.asarray(np.arange(sizes.sum()) + np.repeat(self._starts[cells] - before, sizes), np.intp)

    def _measured(self, places: NDArray[np.intp], lab: Lab, tolerance: float) -> Near:
        chunks = [places[begin : begin + _AT_ONCE] for begin in range(0, len(places), _AT_ONCE)]
        measure = partial(self._within, one=np.array(lab, np.float64), tolerance=tolerance)
        if len(chunks) < _MANY:
            parts = [measure(some) for some in chunks]
        else:
            with ThreadPoolExecutor(os.cpu_count()) as threads:  # NumPy lets go of the interpreter while it works
                parts = list(threads.map(measure, chunks))
        none = Near(np.zeros(0, np.intp), np.zeros(0))
        return Near(*map(np.concatenate, zip(none, *parts, strict=True)))

    def _within(self, places: NDArray[np.intp], one: NDArray[np.float64], tolerance: float) -> Near:
        delta_e = ciede2000(one, self._labs[:, places].T)
        within = delta_e <= tolerance
        return Near(places[within], delta_e[within])


def _cells(labs: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The number of each color's cell."""
    number = np.zeros(len(labs), np.uint16)
    for axis, count in enumerate(_CELLS):
        along = np.floor((labs[:, axis] - _LOWEST[axis]) / _CELL[axis])
        number = number * np.uint16(count) + np.clip(along, 0, count - 1).astype(np.uint16)
    return number
