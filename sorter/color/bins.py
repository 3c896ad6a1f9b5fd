"""A color against the bins of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import rgb_to_lab
from sorter.records import BinMatch, Lab, RunnerUp
from sorter.settings.recipe import BinSettings, Recipe, color_of


def bin_color(settings: BinSettings) -> Lab:
    """The bin's color in Lab, however it was written."""
    return color_of(settings, rgb_to_lab)


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins of a recipe, ready to be matched."""

    names: tuple[str, ...]
    branches: tuple[str, ...]
    centers_lab: NDArray[np.float64]
    """Shape (bins, 3)."""
    tolerances: NDArray[np.float64]
    """Shape (bins,), CIEDE2000."""

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Read the bins of a recipe; the order in the file decides nothing (equal distances go by name)."""
        bins = sorted(recipe.bins, key=lambda one: one.name)
        return cls(
            names=tuple(one.name for one in bins),
            branches=tuple(one.branch for one in bins),
            centers_lab=np.array([bin_color(one) for one in bins]),
            tolerances=np.array([one.tolerance for one in bins]),
        )

    def match(self, lab: Lab) -> BinMatch:
        """Find the nearest bin and its runner-up.

        A bin that reaches the color goes before a nearer one that does not; the margin is then negative,
        which the verdict takes for ambiguous, never for unknown.
        """
        differences = ciede2000(np.array(lab), self.centers_lab)
        reached = differences <= self.tolerances
        order = np.lexsort((differences, ~reached))
        best, second = int(order[0]), int(order[1]) if len(order) > 1 else None
        return BinMatch(
            bin=self.names[best],
            branch=self.branches[best],
            delta_e=float(differences[best]),
            tolerance=float(self.tolerances[best]),
            runner_up=None if second is None else RunnerUp(self.names[second], float(differences[second])),
            bins_in_reach=int(reached.sum()),
        )
