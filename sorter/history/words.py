"""What two recipes decide differently, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from sorter.color.bins import bin_colors
from sorter.color.difference import ciede2000
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.color import ColorSettings, PartColor
from sorter.settings.recipe import FallbackBranches, Recipe


def differences_in_words(before: Recipe, after: Recipe) -> tuple[str, ...]:
    """Each difference of meaning in a few words; empty where both have the same name and the same hash.

    Revision, comments, order, who made a change and where a bin's numbers came from decide nothing, and are left out.
    """
    return tuple(_differences(before, after))


def removed_bins(before: Recipe, after: Recipe) -> tuple[str, ...]:
    """Names of the bins that only the first has, in the order of the alphabet."""
    return tuple(sorted({one.name for one in before.bins} - {one.name for one in after.bins}))


def _differences(before: Recipe, after: Recipe) -> Iterator[str]:
    if before.name != after.name:
        yield f"the recipe {after.name} instead of {before.name}"
    old, new = ({one.name: one for one in recipe.bins} for recipe in (before, after))
    yield from (f"bin {name} is gone" for name in removed_bins(before, after))
    yield from (f"bin {one.name} is new, to {one.branch}" for one in after.bins if one.name not in old)
    for name in sorted(old.keys() & new.keys()):
        yield from _of_bin(old[name], new[name])
    for verdict in FallbackBranches.model_fields:
        branches = getattr(before.fallback, verdict), getattr(after.fallback, verdict)
        if branches[0] != branches[1]:
            yield f"{verdict} products go to {branches[1]} instead of {branches[0]}"
    for key in ("min_margin", "min_stability", "sort_mode"):
        yield from _changed(key, _shown(getattr(before, key)), _shown(getattr(after, key)))


def _of_bin(before: BinSettings, after: BinSettings) -> Iterator[str]:
    name = after.name
    yield from _of_colors(before, after)
    yield from _changed(f"bin {name}: tolerance", _reach(before.tolerance), _reach(after.tolerance))
    yield from _changed(f"bin {name}: exposure_range", _shown(before.exposure_range), _shown(after.exposure_range))
    if before.branch != after.branch:
        yield f"{name} goes to {after.branch} instead of {before.branch}"


def _of_colors(before: BinSettings, after: BinSettings) -> Iterator[str]:
    kinds = _kind(before), _kind(after)
    old, new = (Counter(map(_color, one.references)) for one in (before, after))
    if old == new and kinds[0] == kinds[1]:
        return
    if kinds == (_ONE, _ONE):
        moved = float(ciede2000(*(np.array(bin_colors(one)[0]) for one in (before, after))))
        how = f"moved by {moved:.1f} dE00" if moved >= 0.05 else "is hardly moved, or written in another way"
        yield f"color of {after.name} {how}: {', '.join(old)} -> {', '.join(new)}"
        return
    if kinds[0] != kinds[1]:
        yield f"bin {after.name}: {kinds[1]} instead of {kinds[0]}"
    yield from (f"bin {after.name}: {color} is gone" for color in (old - new).elements())
    yield from (f"bin {after.name}: {color} is new" for color in (new - old).elements())


_ONE = "one color"


def _kind(settings: BinSettings) -> str:
    if settings.any_of is not None:
        return "any of several colors"
    return "all of several colors" if settings.all_of is not None else _ONE


def _color(color: ColorSettings) -> str:
    """As it is written: two ways to write the same color are different recipes."""
    if color.hex is not None:
        written = color.hex
    elif color.rgb is not None:
        written = "rgb " + " ".join(map(str, color.rgb))
    else:
        written = "lab " + " ".join(map(_shown, color.lab or ()))
    return f"{written} on {_shown(color.min_share)} of it" if isinstance(color, PartColor) else written


def _reach(tolerance: Tolerance) -> str:
    if tolerance.delta_e is not None:
        return f"{_shown(tolerance.delta_e)} (CIEDE2000)"
    given = ((key, getattr(tolerance, key)) for key in Tolerance.model_fields)
    return ", ".join(f"{key} {_shown(value)}" for key, value in given if value is not None)


def _changed(what: str, before: str, after: str) -> Iterator[str]:
    if before != after:
        shape = " (CIEDE2000)"
        if before.endswith(shape) and after.endswith(shape):
            before = before.removesuffix(shape)
        yield f"{what} {before} -> {after}"


def _shown(value: object) -> str:
    """So many digits that different numbers look different."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
