"""`sorter.decision.decide_readings` for many products at once: the same verdicts, a hundred times quicker. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sorter.backtest.recorded import Way
from sorter.color.bins import Bins, Nearest
from sorter.readings import Stacked
from sorter.records import Verdict
from sorter.settings.recipe import Recipe, SortMode

_UNKNOWN = -1
_AMBIGUOUS = -2
"""What a palette or product is said to be; from 0 on, the place of the bin it is routed to among the bins' names."""
_DIFFERENCES_AT_ONCE = 1 << 14
"""Colors times references: as many as stay in a processor's cache with all that CIEDE2000 makes of them."""


class Judge:
    """A recipe, ready to judge.

    Args:
        recipe: the recipe.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._bins = Bins.of(recipe)
        bins = zip(self._bins.names, self._bins.branches, strict=True)
        self._ways = [Way(Verdict.ROUTED.value, name, branch) for name, branch in bins]
        # Found by their negative numbers, from the end of the list.
        self._ways += [
            Way(verdict.value, None, recipe.fallback.branch_for(verdict))
            for verdict in (Verdict.AMBIGUOUS, Verdict.UNKNOWN)
        ]

    def ways(self, products: Stacked) -> list[Way]:
        """What the recipe says of each product; each must have readings."""
        return [self._ways[said] for said in self._vote(products, self._judge(products)).tolist()]

    def _judge(self, products: Stacked) -> NDArray[np.intp]:
        """What is said of each palette: `sorter.decision.judge`."""
        return np.concatenate([self._judge_block(*block) for block in self._blocks(products)])

    def _judge_block(self, labs: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.intp]:
        found = self._bins.nearest(labs, shares)
        mode = self._recipe.sort_mode
        said = found.bins.copy()
        said[self._is_unclear(found)] = _AMBIGUOUS
        if mode is not SortMode.NEAREST:
            said[~found.is_in_reach] = _UNKNOWN
        return said

    def _is_unclear(self, found: Nearest) -> NDArray[np.bool_]:
        # Where there is no runner-up it is infinitely far, and nothing is unclear; nor where the bin is as far as that.
        with np.errstate(invalid="ignore"):
            unclear = found.away - found.delta_e < self._recipe.min_margin
        if self._recipe.sort_mode is SortMode.UNIQUE:
            unclear |= found.bins_in_reach > 1
        return unclear

    def _blocks(self, products: Stacked) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Colors and shares of the palettes, a few at a time, as `Bins.nearest` takes them."""
        first = products.sizes.cumsum() - products.sizes
        longest = 1 if self._bins.parts is None else int(products.sizes.max())
        step = max(_DIFFERENCES_AT_ONCE // (longest * len(self._bins.references.lab)), 1)
        places = np.arange(longest)
        for begin in range(0, len(first), step):
            block = slice(begin, begin + step)
            is_there = places < products.sizes[block, None]
            colors = products.colors[first[block, None] + np.where(is_there, places, 0)]
            yield colors[..., :3], np.where(is_there, colors[..., 3], 0.0)

    def _vote(self, products: Stacked, said: NDArray[np.intp]) -> NDArray[np.intp]:
        """What is said of each product: `sorter.decision.vote`, but for who speaks."""
        first_reading = products.readings.cumsum() - products.readings
        own = products.palettes.cumsum() - products.palettes
        product_of_reading = np.repeat(np.arange(len(products.readings)), products.readings)
        # What more than half of the readings say is also what the middle one says once they are sorted.
        votes = said[own]
        in_order = votes[np.lexsort((votes, product_of_reading))]
        winner = in_order[first_reading + products.readings // 2]
        agreeing = np.add.reduceat(votes == winner[product_of_reading], first_reading, dtype=np.intp)
        stability = _stability(products, said, winner[product_of_reading], own, first_reading)
        verdict: NDArray[np.intp] = winner.copy()
        verdict[(winner >= 0) & (stability < self._recipe.min_stability)] = _AMBIGUOUS
        verdict[2 * agreeing <= products.readings] = _AMBIGUOUS
        return verdict


def _stability(
    products: Stacked,
    said: NDArray[np.intp],
    winner_of_reading: NDArray[np.intp],
    own: NDArray[np.intp],
    first_reading: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Of the parts of all readings, those that say what their product is said to be; a reading without parts is one."""
    agrees = said == np.repeat(winner_of_reading, products.palettes)
    parted = products.palettes > 1
    right = np.add.reduceat(agrees, own, dtype=np.intp) - (parted & agrees[own])
    counted = products.palettes - parted
    return np.add.reduceat(right, first_reading) / np.add.reduceat(counted, first_reading)
