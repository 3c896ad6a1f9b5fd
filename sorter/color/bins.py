"""A palette against the bins of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import rgb_to_lab
from sorter.records import BinMatch, Lab, Palette, RunnerUp
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.recipe import Recipe, SortMode

_FAR = 1e4
"""More than any color difference."""


def bin_colors(settings: BinSettings) -> list[Lab]:
    """Every color of a bin in Lab, however it was written; at least one."""
    return [one.in_lab(rgb_to_lab) for one in settings.references]


class _Part(NamedTuple):
    """One color that a bin of several colors asks for."""

    color: int
    """Its row among the colors of all bins."""
    min_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins of a recipe, ready to be matched."""

    names: tuple[str, ...]
    branches: tuple[str, ...]
    colors_lab: NDArray[np.float64]
    """Shape (colors, 3): every reference color, those of one bin together, in the bins' order."""
    first_color: NDArray[np.intp]
    """Shape (bins,): where each bin's colors begin."""
    limits: NDArray[np.float64]
    """Shape (colors, 5): largest CIEDE2000, dL*, dab, da*, db*; infinite where the shape does not ask."""
    stretch: NDArray[np.float64]
    """Shape (colors,): the cube root of the bin's exposure range."""
    parts: tuple[tuple[_Part, ...], ...]
    """For each bin, the colors it asks for at once; empty where one will do."""
    mode: SortMode

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Read the bins of a recipe; the order in the file decides nothing (equal distances go by name)."""
        bins = sorted(recipe.bins, key=lambda one: one.name)
        colors = [bin_colors(one) for one in bins]
        counts = [len(some) for some in colors]
        first = np.cumsum([0, *counts[:-1]])
        return cls(
            names=tuple(one.name for one in bins),
            branches=tuple(one.branch for one in bins),
            colors_lab=np.array([color for some in colors for color in some]),
            first_color=first,
            limits=np.repeat([_limits(one.tolerance) for one in bins], counts, axis=0),
            stretch=np.repeat([np.cbrt(one.exposure_range) for one in bins], counts),
            parts=tuple(
                tuple(_Part(int(start) + index, part.min_share) for index, part in enumerate(one.all_of or ()))
                for one, start in zip(bins, first, strict=True)
            ),
            mode=recipe.sort_mode,
        )

    def compare(self, colors_lab: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Hold colors against every reference color.

        Args:
            colors_lab: shape (n, 3).

        Returns:
            CIEDE2000 differences, and whether the tolerance reaches, both of shape (n, colors); under a bin with an
            exposure range, of the color as it would be in the light nearest to the bin's that the range allows.
        """
        seen = self._in_the_bins_light(np.asarray(colors_lab, np.float64)[:, None])
        differences = ciede2000(seen, self.colors_lab)
        if np.isinf(self.limits[:, 1:]).all():
            return differences, differences <= self.limits[:, 0]
        away = np.abs(seen - self.colors_lab)
        chroma = np.hypot(away[..., 1], away[..., 2])
        measures = np.stack([differences, away[..., 0], chroma, away[..., 1], away[..., 2]], axis=-1)
        return differences, np.asarray((measures <= self.limits).all(axis=-1))

    def match(self, palette: Palette) -> BinMatch:
        """Find the nearest bin and its runner-up."""
        return self.match_all([palette])[0]

    def match_all(self, palettes: Sequence[Palette]) -> list[BinMatch]:
        """Find for each palette its nearest bin and the runner-up.

        A bin that reaches the color goes before a nearer one that does not; the margin is then negative, which the
        verdict takes for ambiguous, never for unknown. A bin of several colors that are all there goes before bins
        that ask for less. With the mode ``nearest`` only the difference counts.
        """
        differences, reached = self._of_bins(palettes)
        asked = np.array([max(len(parts), 1) for parts in self.parts])
        rank = differences.copy()
        if self.mode is not SortMode.NEAREST:
            rank += _FAR * np.where(reached, len(self.parts) + 8 - asked, len(self.parts) + 8)
        order = rank.argsort(axis=1, kind="stable")
        return [self._found(order[row], differences[row], reached[row], asked) for row in range(len(palettes))]

    def _in_the_bins_light(self, colors_lab: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, 1, 3) to (n, colors, 3); more light on a surface multiplies L* + 16, a* and b* alike (CIE 15)."""
        if (self.stretch == 1).all():
            return colors_lab
        wanted = (self.colors_lab[:, 0] + 16) / (colors_lab[..., 0] + 16)
        factor = np.clip(wanted, 1 / self.stretch, self.stretch)[..., None]
        shift = np.array([16.0, 0.0, 0.0])
        return np.asarray((colors_lab + shift) * factor - shift)

    def _of_bins(self, palettes: Sequence[Palette]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Differences and reach of each palette to each bin, shape (palettes, bins)."""
        several = any(self.parts)
        wanted = [palette if several else palette[:1] for palette in palettes]
        differences, reached = self.compare(np.array([color.lab for palette in wanted for color in palette]))
        starts = np.cumsum([0, *(len(palette) for palette in wanted)])
        dominant = starts[:-1]
        of_bins = np.minimum.reduceat(differences[dominant], self.first_color, axis=1)
        reach_of_bins = np.logical_or.reduceat(reached[dominant], self.first_color, axis=1)
        for index, parts in enumerate(self.parts):
            for row, palette in enumerate(wanted if parts else ()):
                rows = slice(starts[row], starts[row + 1])
                columns = [part.color for part in parts]
                shares = np.array([color.share for color in palette])
                least = [part.min_share for part in parts]
                one = _all_parts(differences[rows][:, columns], reached[rows][:, columns], shares, least)
                of_bins[row, index], reach_of_bins[row, index] = one
        return of_bins, reach_of_bins

    def _found(
        self,
        order: NDArray[np.intp],
        differences: NDArray[np.float64],
        reached: NDArray[np.bool_],
        asked: NDArray[np.intp],
    ) -> BinMatch:
        best = order[0]
        if reached[best] and self.mode is not SortMode.NEAREST:
            order = order[asked[order] >= asked[best]]
        second = order[1] if len(order) > 1 else None
        return BinMatch(
            bin=self.names[best],
            branch=self.branches[best],
            delta_e=float(differences[best]),
            is_in_reach=bool(reached[best]),
            runner_up=None if second is None else RunnerUp(self.names[second], float(differences[second])),
            bins_in_reach=int(reached[order].sum()),
        )


def _limits(tolerance: Tolerance) -> list[float]:
    shape = (tolerance.delta_e, tolerance.delta_l, tolerance.delta_ab, tolerance.delta_a, tolerance.delta_b)
    return [np.inf if limit is None else limit for limit in shape]


def _all_parts(
    differences: NDArray[np.float64],
    reached: NDArray[np.bool_],
    shares: NDArray[np.float64],
    least: Sequence[float],
) -> tuple[float, bool]:
    """How far a palette is from showing all parts, and whether it shows them.

    A part is as far as the palette's colors must be taken in, nearest first, to make up its share; a color is
    counted for the part it is nearest to.

    Args:
        differences: of the palette's colors to the parts, shape (colors, parts).
        reached: whether the tolerance reaches, shape (colors, parts).
        shares: of the palette's colors, shape (colors,).
        least: the share that each part must have.
    """
    farthest, shown = 0.0, True
    nearest = differences.argmin(axis=1)
    for part, min_share in enumerate(least):
        order = differences[:, part].argsort(kind="stable")
        taken = int(np.searchsorted(np.cumsum(shares[order]), min_share - 1e-9))
        farthest = max(farthest, float(differences[order[min(taken, len(order) - 1)], part]))
        own = reached[:, part] & (nearest == part)
        shown &= bool(shares[own].sum() >= min_share - 1e-9)
    return farthest, shown
