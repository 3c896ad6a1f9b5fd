"""Whether the bins of a recipe can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.volumes import Volume, nearest_ends, shared_color, volumes_of
from sorter.color.bins import bin_colors
from sorter.color.difference import ciede2000
from sorter.color.lab import lab_to_hex
from sorter.records import Lab
from sorter.settings.bins import BinSettings
from sorter.settings.recipe import Recipe, SortMode

HARD_DEVIATIONS = 3.0
SAFE_DEVIATIONS = 5.0
_SAME = 0.005
"""CIEDE2000: less than a digit of Lab as it is told."""
_TOUCHING = 0.1
"""CIEDE2000: less than this is no gap, to a camera; and a sliver that both reach can look like one."""
_FEW_BINS = 16
"""All pairs of so many are looked at."""
_NEIGHBORS = 3
"""With more, so many others of each bin, whatever their distance."""
_MOST_NEIGHBORS = 24
"""So many where they may meet: a recipe whose bins all do has other troubles."""
_COLORS = 8
"""So many pairs of reference colors of two bins are looked at, the nearest."""
_MOST_PLACES = 2048

_FATES = {
    SortMode.UNIQUE: "to be ambiguous",
    SortMode.NEAREST_WITHIN_TOLERANCE: "in the nearer bin, ambiguous where neither is clearly nearer",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bins of a recipe."""

    first: int
    """Its position in the recipe; less than ``second``."""
    second: int
    delta_e: float
    """CIEDE2000 between the nearest of their reference colors; of bins of several colors at once, of the farthest."""
    gap: float | None
    """CIEDE2000 between the nearest colors that each of them reaches, 0 where they share some; None where it has no
    meaning: between bins of several colors at once, and where a bin reaches nothing that a picture can show."""
    disputed: Lab | None = None
    """A color that both reach, as deep in both as was found; None where there is none."""
    deviations: float | None = None
    """Difference of the colors in standard deviations of the samples that they were taught by; None where a bin has
    no samples, or these did not differ at all."""
    is_hardest: bool = False
    """Whether one of the two has fewer deviations to no other bin."""

    @property
    def is_same_color(self) -> bool:
        """Whether nothing can tell the two apart."""
        return self.delta_e < _SAME

    @property
    def is_hard(self) -> bool:
        """Whether samples of the one are easily taken for the other's."""
        return self.deviations is not None and self.deviations < HARD_DEVIATIONS

    @property
    def hardness(self) -> float:
        """What orders pairs by their samples, the hardest first."""
        return np.inf if self.deviations is None else self.deviations

    @property
    def tightness(self) -> tuple[float, float]:
        """What orders pairs, the tightest first."""
        return (np.inf if self.gap is None else self.gap, self.delta_e)


@dataclass(frozen=True, slots=True)
class Separability:
    """How the bins of a recipe lie to each other."""

    pairs: tuple[Pair, ...]
    """All of them where the bins are few; else those that may meet, and each bin's nearest. The tightest first."""
    several: tuple[int, ...]
    """Positions of the bins that ask for several colors at once."""
    invisible: tuple[int, ...]
    """Positions of the bins that reach no color that a picture can show."""


def examine(recipe: Recipe) -> Separability:
    """Work out how far apart what the bins reach is.

    Only colors that sRGB can show count: no picture holds another. Bins of several colors at once (``all_of``) are held
    only against each other, and only to find those that ask for the same: whether one product shows the colors of both
    is a matter of its shares, and before all other bins they go anyway.
    """
    bins = recipe.bins
    volumes = volumes_of(bins)
    several = tuple(index for index, one in enumerate(bins) if one.all_of)
    same = [
        pair
        for first, second in combinations(several, 2)
        if (pair := Pair(first, second, _all_apart(bins[first], bins[second]), None)).is_same_color
    ]
    pairs = _with_the_hardest([*_near(bins, volumes), *same])
    pairs.sort(key=lambda pair: (*pair.tightness, pair.first, pair.second))
    visible = {one.bin for one in volumes}.union(several)
    return Separability(tuple(pairs), several, tuple(index for index in range(len(bins)) if index not in visible))


def _with_the_hardest(pairs: Sequence[Pair]) -> list[Pair]:
    hardest: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda one: (one.hardness, one.first, one.second)):
        hardest.setdefault(pair.first, pair)
        hardest.setdefault(pair.second, pair)
    return [replace(pair, is_hardest=pair in hardest.values()) for pair in pairs]


def nearest_of(pairs: Sequence[Pair]) -> dict[int, Pair]:
    """Each bin's tightest pair, by the bin's position."""
    found: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda one: one.tightness):
        found.setdefault(pair.first, pair)
        found.setdefault(pair.second, pair)
    return found


def warnings_of(pair: Pair, recipe: Recipe) -> Iterator[str]:
    """What an operator should know of two bins.

    With the mode ``nearest`` tolerances are not asked, so they may overlap. That samples are hard to tell apart is said
    of each bin's hardest pair alone: where one bin's scatter widely, they are alike to many others.
    """
    names = f"bins {recipe.bins[pair.first].name!r} and {recipe.bins[pair.second].name!r}"
    if pair.is_same_color:
        yield f"{names} have the same color: the two can never be told apart; change one, or make them one bin"
        return
    if pair.disputed is not None and recipe.sort_mode is not SortMode.NEAREST:
        color = f"{lab_to_hex(pair.disputed)} (Lab {', '.join(f'{value:.1f}' for value in pair.disputed)})"
        fate = _FATES[recipe.sort_mode]
        yield f"{names} overlap: both reach {color}; lower a tolerance, or expect such products {fate}"
    if pair.is_hard and pair.is_hardest:
        yield (
            f"{names} are hard to tell apart: {pair.deviations:.1f} standard deviations of their samples lie between "
            f"them (under {HARD_DEVIATIONS:g} is hard, over {SAFE_DEVIATIONS:g} is safe); steady the light, teach with "
            "cleaner samples, or make them one bin"
        )


def _near(bins: Sequence[BinSettings], volumes: Sequence[Volume]) -> list[Pair]:
    chosen = _worth_a_look(volumes)
    shared = {pair: shared_color(volumes[pair[0]], volumes[pair[1]]) for pair in chosen}
    apart = [pair for pair in chosen if shared[pair] is None]
    gaps = dict.fromkeys(chosen, 0.0)
    if apart:
        found, ends = nearest_ends([(volumes[one], volumes[other]) for one, other in apart])
        for pair, gap, (end, _) in zip(apart, found.tolist(), ends, strict=True):
            gaps[pair] = 0.0 if gap < _TOUCHING else gap
            shared[pair] = end if gap < _TOUCHING else None
    by_bins: dict[tuple[int, int], tuple[int, int]] = {}
    for pair in sorted(chosen, key=lambda one: gaps[one]):
        by_bins.setdefault((volumes[pair[0]].bin, volumes[pair[1]].bin), pair)
    return [_pair(bins, ends_of, gaps[pair], shared[pair]) for ends_of, pair in by_bins.items()]


def _pair(
    bins: Sequence[BinSettings], positions: tuple[int, int], gap: float, disputed: NDArray[np.float64] | None
) -> Pair:
    one, other = (bins[position] for position in positions)
    delta_e = float(ciede2000(np.array(bin_colors(one))[:, None], np.array(bin_colors(other))).min())
    spread = one.taught.spread + other.taught.spread if one.taught and other.taught else 0.0
    return Pair(
        *positions,
        delta_e=delta_e,
        gap=gap,
        disputed=None if disputed is None else Lab(*disputed.tolist()),
        deviations=delta_e / spread if spread else None,
    )


def _worth_a_look(volumes: Sequence[Volume]) -> list[tuple[int, int]]:
    """Pairs of volumes of different bins: of each bin its nearest others, and more of them where they may meet."""
    labs = np.array([one.reference.lab for one in volumes]).reshape(-1, 3)
    reaches = np.array([one.reach for one in volumes])
    owners = np.array([one.bin for one in volumes])
    chosen: set[tuple[int, int]] = set()
    bins = np.unique(owners)
    least = _FEW_BINS if len(bins) <= _FEW_BINS else _NEIGHBORS
    for owner in bins:
        rows = np.flatnonzero(owners == owner)
        differences = ciede2000(labs[rows, None], labs)
        between = np.where(owners == owner, np.inf, differences - reaches[rows, None] - reaches)
        # CIEDE2000 is no metric: two may meet that are a little farther from each other than both reach.
        may_meet = between < 1 + 0.1 * differences
        looked: Counter[int] = Counter()
        for place in between.argsort(axis=None, kind="stable")[:_MOST_PLACES]:
            row, column = np.unravel_index(place, between.shape)
            other = int(owners[column])
            enough = _MOST_NEIGHBORS if may_meet[row, column] else least
            is_wanted = looked[other] < _COLORS if other in looked else len(looked) < enough
            if is_wanted and other != owner:
                looked[other] += 1
                one, two = sorted((int(rows[row]), int(column)), key=lambda index: volumes[index].bin)
                chosen.add((one, two))
    return sorted(chosen)


def _all_apart(one: BinSettings, other: BinSettings) -> float:
    """The farthest part of either from all of the other's; infinite where they ask for other shares."""
    if sorted(part.min_share for part in one.all_of or ()) != sorted(part.min_share for part in other.all_of or ()):
        return np.inf
    differences = ciede2000(np.array(bin_colors(one))[:, None], np.array(bin_colors(other)))
    return float(max(differences.min(axis=0).max(), differences.min(axis=1).max()))
