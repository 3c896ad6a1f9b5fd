"""A palette against the bins of a recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import rgb_to_lab
from sorter.color.light import in_light_of, light_of
from sorter.records import BinMatch, Lab, Palette, RunnerUp
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.recipe import Recipe, SortMode

_ROUNDING = 1e-9
"""Shares are sums."""


def bin_colors(settings: BinSettings) -> list[Lab]:
    """Every color of a bin in Lab, however it was written; at least one."""
    return [one.in_lab(rgb_to_lab) for one in settings.references]


class References(NamedTuple):
    """Reference colors with what may lie around them."""

    lab: NDArray[np.float64]
    """Shape (..., 3)."""
    limits: NDArray[np.float64]
    """Shape (..., 5): largest CIEDE2000, dL*, dab, da*, db*; infinite where the shape does not ask."""
    exposure: NDArray[np.float64]
    """Shape (...): how many times stronger or weaker the light may be."""

    @classmethod
    def of(cls, bins: Sequence[BinSettings]) -> Self:
        """Those of bins, one after the other."""
        colors = [bin_colors(one) for one in bins]
        counts = [len(some) for some in colors]
        return cls(
            lab=np.array([color for some in colors for color in some]),
            limits=np.repeat([_limits(one.tolerance) for one in bins], counts, axis=0),
            exposure=np.repeat([one.exposure_range for one in bins], counts),
        )

    def measure(self, colors_lab: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far colors are from the references, each in the light nearest to its reference's that is allowed.

        Args:
            colors_lab: shape (..., 3); broadcasts against the references.

        Returns:
            CIEDE2000, dL*, dab, da* and db* in the last axis of the broadcast shape; only CIEDE2000 where no
            reference asks for another.
        """
        seen, forgiving = colors_lab, self.exposure > 1
        if forgiving.any():
            lit = in_light_of(seen, light_of(self.lab[..., 0]), self.exposure)
            seen = np.where(forgiving[..., None], lit, seen)
        differences = ciede2000(seen, self.lab)
        if np.isinf(self.limits[..., 1:]).all():
            return differences[..., None]
        away = np.abs(seen - self.lab)
        chroma = np.hypot(away[..., 1], away[..., 2])
        return np.stack([differences, away[..., 0], chroma, away[..., 1], away[..., 2]], axis=-1)


class Nearest(NamedTuple):
    """What bins say of palettes, one entry for each; see `BinMatch`."""

    bins: NDArray[np.intp]
    """The nearest bins: their places among the names."""
    delta_e: NDArray[np.float64]
    is_in_reach: NDArray[np.bool_]
    seconds: NDArray[np.intp]
    """The runners-up, where there are any."""
    away: NDArray[np.float64]
    """CIEDE2000 to the runners-up; infinite where there is none."""
    bins_in_reach: NDArray[np.intp]


class _Parts(NamedTuple):
    """The colors that bins of several colors ask for, those of one bin together."""

    colors: NDArray[np.intp]
    """Shape (parts,): their rows among the colors of all bins."""
    min_shares: NDArray[np.float64]
    """Shape (parts,)."""
    first: NDArray[np.intp]
    """Where the parts of each such bin begin."""
    bins: NDArray[np.intp]
    """Which bins these are."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins of a recipe, ready to be matched."""

    names: tuple[str, ...]
    branches: tuple[str, ...]
    references: References
    """Every reference color, those of one bin together, in the order of the bins' names."""
    first_color: NDArray[np.intp]
    """Shape (bins,): where each bin's colors begin."""
    asked: NDArray[np.intp]
    """Shape (bins,): how many colors a product must show at once."""
    parts: _Parts | None
    """None where one color will do for every bin."""
    mode: SortMode

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Read the bins of a recipe; the order in the file decides nothing (equal differences go by name)."""
        bins = sorted(recipe.bins, key=lambda one: one.name)
        first = np.cumsum([0, *(len(one.references) for one in bins[:-1])])
        return cls(
            names=tuple(one.name for one in bins),
            branches=tuple(one.branch for one in bins),
            references=References.of(bins),
            first_color=first,
            asked=np.array([len(one.all_of or (one,)) for one in bins]),
            parts=_parts(bins, first),
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
        measures = self.references.measure(np.asarray(colors_lab, np.float64)[:, None])
        limits = self.references.limits[:, : measures.shape[-1]]
        return measures[..., 0], np.asarray((measures <= limits).all(axis=-1))

    def match(self, palette: Palette) -> BinMatch:
        """Find the nearest bin and its runner-up."""
        return self.match_all([palette])[0]

    def match_all(self, palettes: Sequence[Palette]) -> list[BinMatch]:
        """Find for each palette its nearest bin and the runner-up.

        A bin that reaches the color goes before a nearer one that does not; the margin is then negative, which the
        verdict takes for ambiguous, never for unknown. A bin of several colors that are all there goes before bins
        that ask for less, in every mode, and these are then no rivals of it. The runner-up is the nearest of the
        other rivals, whether or not its tolerance reaches. With the mode ``nearest`` only the difference counts
        among bins that ask for the same.
        """
        longest = 1 if self.parts is None else max(map(len, palettes))
        # Short palettes are filled up with their first color, of which there is none.
        labs = np.array([[(p[i] if i < len(p) else p[0]).lab for i in range(longest)] for p in palettes])
        shares = np.array([[p[i].share if i < len(p) else 0.0 for i in range(longest)] for p in palettes])
        found = self.nearest(labs, shares)
        return [
            BinMatch(
                bin=self.names[nearest],
                branch=self.branches[nearest],
                delta_e=delta_e,
                is_in_reach=is_in_reach,
                runner_up=None if math.isinf(away) else RunnerUp(self.names[second], away),
                bins_in_reach=bins_in_reach,
            )
            for nearest, delta_e, is_in_reach, second, away, bins_in_reach in zip(
                *(column.tolist() for column in found), strict=True
            )
        ]

    def nearest(self, labs: NDArray[np.float64], shares: NDArray[np.float64]) -> Nearest:
        """What `match_all` finds, of many palettes at once.

        Args:
            labs: their colors, shape (palettes, colors, 3); one color will do where ``parts`` is None. Palettes of
                fewer colors are filled up with any.
            shares: of these colors, shape (palettes, colors); 0 where there is none.
        """
        differences, reached = self._of_bins(labs, shares)
        counts = reached & (self.asked > 1) if self.mode is SortMode.NEAREST else reached
        tier = np.where(counts, -self.asked, 0)
        rows = np.arange(len(labs))
        # The least of equals comes first, and the bins stand in the order of their names.
        best = np.where(tier == tier.min(axis=1, keepdims=True), differences, np.inf).argmin(axis=1)
        asked = np.where(counts[rows, best], self.asked[best], 1)
        rivals = self.asked >= asked[:, None]
        others = np.where(rivals, differences, np.inf)
        others[rows, best] = np.inf
        second = others.argmin(axis=1)
        return Nearest(
            bins=best,
            delta_e=differences[rows, best],
            is_in_reach=reached[rows, best],
            seconds=second,
            away=others[rows, second],
            bins_in_reach=(reached & rivals).sum(axis=1),
        )

    def _of_bins(
        self, labs: NDArray[np.float64], shares: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Differences and reach of each palette to each bin, shape (palettes, bins)."""
        differences, reached = self.compare(labs.reshape(-1, 3))
        shape = (*shares.shape, len(self.references.lab))
        differences, reached = differences.reshape(shape), reached.reshape(shape)
        of_bins = np.minimum.reduceat(differences[:, 0], self.first_color, axis=1)
        reach_of_bins = np.logical_or.reduceat(reached[:, 0], self.first_color, axis=1)
        if self.parts is not None:
            columns = self.parts.colors
            farthest, shown = _all_parts(differences[..., columns], reached[..., columns], shares, self.parts)
            of_bins[:, self.parts.bins] = farthest
            reach_of_bins[:, self.parts.bins] = shown
        return of_bins, reach_of_bins


def _limits(tolerance: Tolerance) -> list[float]:
    shape = (tolerance.delta_e, tolerance.delta_l, tolerance.delta_ab, tolerance.delta_a, tolerance.delta_b)
    return [np.inf if limit is None else limit for limit in shape]


def _parts(bins: Sequence[BinSettings], first_color: NDArray[np.intp]) -> _Parts | None:
    several = [index for index, one in enumerate(bins) if one.all_of]
    if not several:
        return None
    counts = [len(bins[index].all_of or ()) for index in several]
    return _Parts(
        colors=np.concatenate(
            [first_color[index] + np.arange(count) for index, count in zip(several, counts, strict=True)]
        ),
        min_shares=np.array([part.min_share for index in several for part in bins[index].all_of or ()]),
        first=np.cumsum([0, *counts[:-1]]),
        bins=np.array(several),
    )


def _all_parts(
    differences: NDArray[np.float64], reached: NDArray[np.bool_], shares: NDArray[np.float64], parts: _Parts
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How far palettes are from showing all parts of each bin, and whether they show them.

    A part is as far as the palette's colors must be taken in, nearest first, to make up its share. It is shown where
    the colors within its tolerance that are nearer to no other part of the bin have its share together.

    Args:
        differences: of the palettes' colors to the parts, shape (palettes, colors, parts).
        reached: whether the tolerance reaches, in the same shape.
        shares: of the palettes' colors, shape (palettes, colors); 0 where there is no color.
        parts: of all bins that ask for several.

    Returns:
        The farthest part's difference, and whether all are shown, both of shape (palettes, bins of several colors).
    """
    needed = parts.min_shares - _ROUNDING
    near = np.where(shares[..., None] > 0, differences, np.inf)
    order = near.argsort(axis=1, kind="stable")
    sorted_shares = np.take_along_axis(np.broadcast_to(shares[..., None], near.shape), order, axis=1)
    # All colors together may have less than a share: then the farthest of them counts.
    summed = sorted_shares.cumsum(axis=1)
    is_enough = summed >= np.minimum(needed, summed[:, -1:] - _ROUNDING)
    taken = is_enough.argmax(axis=1)
    away = np.take_along_axis(near, np.take_along_axis(order, taken[:, None], axis=1), axis=1)[:, 0]
    counts = np.diff(np.append(parts.first, len(parts.colors)))
    nearest = np.repeat(np.minimum.reduceat(differences, parts.first, axis=2), counts, axis=2)
    own = np.where(reached & (differences == nearest), shares[..., None], 0.0).sum(axis=1)
    return (
        np.maximum.reduceat(away, parts.first, axis=1),
        np.logical_and.reduceat(own >= needed, parts.first, axis=1),
    )
