"""From samples of known color to bins: a color each, how far it reaches, and what is doubtful about it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from calibration.teach_color import Learned, Sample, learn_color
from calibration.teach_warnings import warnings_of
from sorter.color.bins import bin_colors
from sorter.color.difference import ciede2000
from sorter.errors import SourceError
from sorter.records import Lab
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.recipe import Recipe

LEAST_SCATTER = 5.0
"""Samples of one batch lie nearer together than the product's color does from batch to batch (CIEDE2000)."""
REACH = 2.0
"""A bin with room around it reaches this many times as far as its samples scatter."""
MOST_TOLERANCE = 20.0
"""No bin is taught to reach farther than this (CIEDE2000): what differs more is another color to every eye."""
_LEAST_TOLERANCE = 0.1
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
    """A bin as its neighbors see it."""

    name: str
    colors: NDArray[np.float64]
    """Shape (n, 3)."""
    scatter: float
    """How far its products lie from its colors (CIEDE2000)."""
    reach: float | None = None
    """Its tolerance, where that is given and stays."""

    def gap(self, other: _Ball) -> float:
        """CIEDE2000 between the nearest colors of the two."""
        return float(ciede2000(self.colors[:, None], other.colors[None]).min())


def teach(samples: Mapping[str, Sequence[Sample]], recipe: Recipe | None = None) -> list[Lesson]:
    """Learn a bin from the samples of each color.

    Neighbors share the way between them in proportion to how far their samples scatter, so that no two bins that are
    taught together reach each other. Bins of the recipe that are not taught stay as they are: a new bin keeps out of
    their reach where that leaves it its own samples; else it takes its share, and warns.

    Args:
        samples: by the name of their bin; at least one of each.
        recipe: what there is already; bins of the same names are replaced.

    Raises:
        SourceError: the samples of a bin do not agree on a color, or two bins have the same color.
    """
    learned = {name: learn_color(name, some) for name, some in samples.items()}
    balls = [_ball_of(name, one) for name, one in learned.items()]
    kept = [_ball_of_bin(one) for one in (recipe.bins if recipe else ()) if one.name not in samples]
    return [_lesson(ball, samples[ball.name], learned[ball.name], [*balls, *kept]) for ball in balls]


def _lesson(ball: _Ball, samples: Sequence[Sample], learned: Learned, all_balls: Iterable[_Ball]) -> Lesson:
    others = [other for other in all_balls if other is not ball]
    tolerance = _tolerance(ball, others)
    warnings = (*warnings_of(samples, learned), *_crowded(ball, learned, tolerance, others))
    return Lesson(ball.name, learned.color, tolerance, learned.used, learned.outliers, learned.spread, warnings)


def _ball_of(name: str, learned: Learned) -> _Ball:
    return _Ball(name, np.array([learned.color]), max(learned.scatter, LEAST_SCATTER))


def _ball_of_bin(settings: BinSettings) -> _Ball:
    colors = np.array(bin_colors(settings))
    reach = _reach(colors, settings.tolerance)
    scatter = reach / REACH if settings.taught is None else _P95_OF_SPREAD * settings.taught.spread
    return _Ball(settings.name, colors, max(scatter, LEAST_SCATTER), reach)


def _reach(colors: NDArray[np.float64], tolerance: Tolerance) -> float:
    """The largest CIEDE2000 from a color to anything its tolerance takes in; of a cylinder or box, to its corners."""
    if tolerance.delta_e is not None:
        return tolerance.delta_e
    side = tolerance.delta_ab or 0.0
    half = np.array([tolerance.delta_l or 0.0, tolerance.delta_a or side, tolerance.delta_b or side])
    corners = half * np.array(list(product((-1.0, 1.0), repeat=3)))
    return float(ciede2000(colors[:, None], colors[:, None] + corners).max())


def _tolerance(ball: _Ball, others: Iterable[_Ball]) -> float:
    """Rounded down, so that rounding makes no two bins reach each other."""
    tolerance = min(REACH * ball.scatter, MOST_TOLERANCE)
    for other in others:
        gap = ball.gap(other)
        fair = gap * ball.scatter / (ball.scatter + other.scatter)
        room = fair if other.reach is None else gap - other.reach
        tolerance = min(tolerance, fair, room if room >= min(ball.scatter, fair) else fair)
        if _rounded_down(tolerance) < _LEAST_TOLERANCE:
            sentence = f"the samples of bin {ball.name!r} have the color of bin {other.name!r}: give them one bin"
            raise SourceError(sentence)
    return _rounded_down(tolerance)


def _rounded_down(tolerance: float) -> float:
    return math.floor(tolerance * 10 + 1e-9) / 10


def _crowded(ball: _Ball, learned: Learned, tolerance: float, others: Sequence[_Ball]) -> Iterable[str]:
    """What a bin is too near to, or too wide for."""
    missed = learned.used - learned.within(tolerance)
    if missed > _MOST_MISSED * learned.used:
        nearest = min(others, key=ball.gap, default=None)
        near = f" and bin {nearest.name!r} is {ball.gap(nearest):.1f} away" if nearest else ""
        yield (
            f"the bin reaches only {learned.used - missed} of its own {learned.used} samples: they scatter by "
            f"{learned.scatter:.1f} (CIEDE2000){near}; where products have several colors, teach each color as a bin "
            "with the same branch"
        )
    for other in others:
        gap = ball.gap(other)
        if other.reach is not None and gap < tolerance + other.reach:
            least = max(_rounded_down(gap - tolerance), _LEAST_TOLERANCE)
            yield f"bin {other.name!r} is in the way and stays as it is: lower its tolerance to {least:g} to make room"
