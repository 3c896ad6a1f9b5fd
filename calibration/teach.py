"""From samples of known color to bins: a color each, how far it reaches, and what is doubtful about it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.separability import examine
from calibration.teach_color import Learned, Sample, learn_color
from calibration.teach_warnings import warnings_of
from calibration.volumes import Volume, volumes_of
from sorter.color.difference import ciede2000
from sorter.errors import SourceError
from sorter.records import Lab
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.recipe import FallbackBranches, Recipe

LEAST_SCATTER = 5.0
"""Samples of one batch lie nearer together than the product's color does from batch to batch (CIEDE2000)."""
REACH = 2.0
"""A bin with room around it reaches this many times as far as its samples scatter."""
MOST_TOLERANCE = 20.0
"""No bin is taught to reach farther than this (CIEDE2000): what differs more is another color to every eye."""
_LEAST_TOLERANCE = 0.1
_APART = 0.06
"""Bins that are nearer than twice this (CIEDE2000) count as touching."""
_STEP_BACK = 0.97
_MOST_STEPS_BACK = 12
_ANY = "any"
_STEPS = 257
"""Places that are looked at on the way to a neighbor."""
_MOST_MISSED = 0.1
"""Part of its own samples that a bin may leave out without a warning."""
_P95_OF_SPREAD = 1.6
"""In three dimensions of alike normal scatter the 95th percentile is this many times the root mean square."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a bin learned."""

    bin: str
    color: Lab
    """Rounded to two decimals."""
    tolerance: float
    """CIEDE2000, rounded down to one decimal."""
    used: int
    """Samples learned from."""
    outliers: tuple[str, ...]
    """Names of the samples that were left out."""
    spread: float
    """Standard deviation of the samples: root mean square of their CIEDE2000 differences to the color."""
    warnings: tuple[str, ...]
    """One sentence each."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ball:
    """A bin as its neighbors see it; of a bin of several colors, one of them."""

    name: str
    color: NDArray[np.float64]
    """Shape (3,)."""
    scatter: float
    """How far its products lie from its color (CIEDE2000)."""
    volume: Volume | None = None
    """What it reaches, where that is given and stays."""

    def apart(self, colors: NDArray[np.float64]) -> NDArray[np.float64]:
        """CIEDE2000 to colors of shape (n, 3) or (3,)."""
        return ciede2000(self.color, colors)


def teach(samples: Mapping[str, Sequence[Sample]], recipe: Recipe | None = None) -> list[Lesson]:
    """Learn a bin from the samples of each color.

    Neighbors share the way between them in proportion to how far their samples scatter, so that no two bins that are
    taught together reach each other. Bins of the recipe that are not taught stay as they are: a new bin keeps out of
    their reach where that leaves it its own samples; else it takes its share, and warns.

    Args:
        samples: by the name of their bin; at least one of each.
        recipe: what there is already; bins of the same names are replaced.

    Raises:
        SourceError: two bins have the same color.
    """
    learned = {name: learn_color(some) for name, some in samples.items()}
    balls = [_ball_of(name, one) for name, one in learned.items()]
    kept_bins = [one for one in (recipe.bins if recipe else ()) if one.name not in samples]
    everyone = [*balls, *_kept_balls(kept_bins)]
    tolerances = {ball.name: _tolerance(ball, _others(ball, everyone)) for ball in balls}
    _part(balls, tolerances, kept_bins, everyone)
    return [
        _lesson(ball, samples[ball.name], learned[ball.name], tolerances[ball.name], _others(ball, everyone))
        for ball in balls
    ]


def _lesson(
    ball: _Ball, samples: Sequence[Sample], learned: Learned, tolerance: float, others: Sequence[_Ball]
) -> Lesson:
    warnings = (*warnings_of(samples, learned), *_crowded(ball, learned, tolerance, others))
    return Lesson(ball.name, learned.color, tolerance, learned.used, learned.outliers, learned.spread, warnings)


def _others(ball: _Ball, everyone: Iterable[_Ball]) -> list[_Ball]:
    return [other for other in everyone if other is not ball]


def _ball_of(name: str, learned: Learned) -> _Ball:
    return _Ball(name, np.array(learned.color), max(learned.scatter, LEAST_SCATTER))


def _kept_balls(bins: Sequence[BinSettings]) -> Iterator[_Ball]:
    """Bins of several colors at once have none: what they take is a matter of shares, and they go before all others."""
    for volume in volumes_of(bins):
        settings = bins[volume.bin]
        scatter = volume.reach / REACH if settings.taught is None else _P95_OF_SPREAD * settings.taught.spread
        yield _Ball(settings.name, volume.reference.lab, max(scatter, LEAST_SCATTER), volume)


def _tolerance(ball: _Ball, others: Iterable[_Ball]) -> float:
    """Rounded down, so that rounding makes no two bins reach each other."""
    tolerance = min(REACH * ball.scatter, MOST_TOLERANCE)
    for other in others:
        way = _way(ball, other)
        # Measured on the way, since CIEDE2000 is no metric: the parts of a way can be less together than the whole.
        is_ours = ball.apart(way) * other.scatter < other.apart(way) * ball.scatter
        fair = _short_of(float(ball.apart(way[is_ours]).max(initial=0.0)))
        room = _short_of(_room(ball, other))
        tolerance = min(tolerance, fair, room if room >= min(ball.scatter, fair) else fair)
        if _rounded_down(tolerance) < _LEAST_TOLERANCE:
            sentence = f"the samples of bin {ball.name!r} have the color of bin {other.name!r}: give them one bin"
            raise SourceError(sentence)
    return _rounded_down(tolerance)


def _part(
    balls: Sequence[_Ball], tolerances: dict[str, float], kept: Sequence[BinSettings], everyone: Sequence[_Ball]
) -> None:
    """Lower tolerances until no bins share a color beside the way between them either, but for those in the way."""
    in_the_way = {
        (ball.name, other.name) for ball in balls for other in everyone if _room(ball, other) < tolerances[ball.name]
    }
    for _ in range(_MOST_STEPS_BACK):
        bins = [*(_settings(ball, tolerances[ball.name]) for ball in balls), *kept]
        disputes = [pair for pair in examine(_recipe_of(bins)).pairs if pair.disputed is not None]
        names = [(bins[pair.first].name, bins[pair.second].name) for pair in disputes]
        tight = {name for pair in names if pair not in in_the_way for name in pair if name in tolerances}
        if not tight:
            return
        for name in tight:
            tolerances[name] = max(_rounded_down(_STEP_BACK * tolerances[name]), _LEAST_TOLERANCE)


def _settings(ball: _Ball, tolerance: float) -> BinSettings:
    color = (float(ball.color[0]), float(ball.color[1]), float(ball.color[2]))
    return BinSettings(name=ball.name, lab=color, tolerance=Tolerance(delta_e=tolerance), branch=_ANY)


def _recipe_of(bins: Sequence[BinSettings]) -> Recipe:
    fallback = FallbackBranches(unknown=_ANY, ambiguous=_ANY, late=_ANY, invalid=_ANY)
    return Recipe(name=_ANY, bins=tuple(bins), fallback=fallback)


def _way(ball: _Ball, other: _Ball) -> NDArray[np.float64]:
    """Colors from one to the other, shape (n, 3)."""
    return ball.color + (other.color - ball.color) * np.linspace(0, 1, _STEPS)[:, None]


def _room(ball: _Ball, other: _Ball) -> float:
    """CIEDE2000 to where the reach of a neighbor that stays begins; infinite for one that is taught, too."""
    if other.volume is None:
        return math.inf
    way = _way(ball, other)
    return float(ball.apart(way[other.volume.fullness(way) <= 1]).min(initial=math.inf))


def _short_of(way: float) -> float:
    return way - _APART


def _rounded_down(tolerance: float) -> float:
    return math.floor(tolerance * 10 + 1e-9) / 10


def _crowded(ball: _Ball, learned: Learned, tolerance: float, others: Sequence[_Ball]) -> Iterator[str]:
    """What a bin is too near to, or too wide for."""
    missed = learned.used - learned.within(tolerance)
    if missed > _MOST_MISSED * learned.used:
        nearest = min(others, key=lambda other: float(ball.apart(other.color)), default=None)
        near = f" and bin {nearest.name!r} is {ball.apart(nearest.color):.1f} away" if nearest else ""
        yield (
            f"the bin reaches only {learned.used - missed} of its own {learned.used} samples: they scatter by "
            f"{learned.scatter:.1f} (CIEDE2000){near}; where products have several colors, teach each color as a bin "
            "with the same branch"
        )
    free: dict[str, float] = {}
    for other in others:
        if _room(ball, other) < tolerance:
            way = _way(ball, other)
            ends_at = float(other.apart(way[ball.apart(way) <= tolerance]).min())
            free[other.name] = min(ends_at, free.get(other.name, ends_at))
    for name, ends_at in free.items():
        least = max(_rounded_down(_short_of(ends_at)), _LEAST_TOLERANCE)
        yield f"bin {name!r} is in the way and stays as it is: lower its tolerance to {least:g} to make room"
