"""From what the frames say of a product to one verdict and one branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sorter.color.bins import Bins
from sorter.color.dominant import read_color
from sorter.records import BinMatch, ColorReading, Doubt, LabPixels, Verdict
from sorter.settings.recipe import Recipe, SortMode


class Saying(NamedTuple):
    """A verdict on one sample, with its bin where it is routed, and why where it is in doubt."""

    verdict: Verdict
    bin: str | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one frame says of a product."""

    reading: ColorReading
    match: BinMatch
    parts: tuple[BinMatch, ...] = ()
    """What disjoint parts of its sample say."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all frames say together."""

    verdict: Verdict
    ballot: Ballot
    """The frame that speaks for the others: the one nearest to their median color."""
    stability: float
    """Part of the disjoint samples of all frames that say the same, 0..1."""
    doubt: Doubt | None = None
    """Why it is ambiguous."""


def read_samples(samples: Sequence[LabPixels]) -> list[ColorReading]:
    """What each sample of a product says of its color: no recipe is asked, and it is the same for ever."""
    return [read_color(sample) for sample in samples]


def decide_readings(readings: Sequence[ColorReading], bins: Bins, recipe: Recipe) -> Outcome:
    """What the readings of a product, at least one, say together under a recipe."""
    return vote([cast(reading, bins) for reading in readings], recipe)


def cast(reading: ColorReading, bins: Bins) -> Ballot:
    """Match a reading, and each part of its sample, to the bins."""
    match, *parts = bins.match_all([reading.palette, *reading.parts])
    return Ballot(reading, match, tuple(parts))


def judge(match: BinMatch, recipe: Recipe) -> Saying:
    """Route only when the nearest bin is both near enough and clearly nearest.

    How near is enough, and whether other bins may reach the color too, is the recipe's sort mode.
    """
    mode = recipe.sort_mode
    if mode is not SortMode.NEAREST and not match.is_in_reach:
        return Saying(Verdict.UNKNOWN)
    several = mode is not SortMode.NEAREST and match.bins_in_reach > 1
    unclear = match.margin is not None and match.margin < recipe.min_margin
    if unclear or (several and mode is SortMode.UNIQUE):
        return Saying(Verdict.AMBIGUOUS, doubt=Doubt.SEVERAL_BINS if several else Doubt.NOT_CLEARLY_NEAREST)
    return Saying(Verdict.ROUTED, match.bin)


def vote(ballots: Sequence[Ballot], recipe: Recipe) -> Outcome:
    """Let the frames vote: what more than half of them say is the verdict; where they disagree it is ambiguous.

    So it is where a routed product is not stable: where too many disjoint samples of it say something else.

    Args:
        ballots: at least one.
        recipe: what is asked of a bin.
    """
    said = [judge(ballot.match, recipe) for ballot in ballots]
    (winner, count), *_ = Counter((saying.verdict, saying.bin) for saying in said).most_common()
    stability = _stability(ballots, recipe, winner)
    if 2 * count <= len(ballots):
        return Outcome(Verdict.AMBIGUOUS, _speaker(ballots), stability, Doubt.SAMPLES_DISAGREE)
    agreed = [index for index, saying in enumerate(said) if (saying.verdict, saying.bin) == winner]
    speaker = _speaker([ballots[index] for index in agreed])
    if winner[0] is Verdict.ROUTED and stability < recipe.min_stability:
        return Outcome(Verdict.AMBIGUOUS, speaker, stability, Doubt.SAMPLES_DISAGREE)
    doubt = next(said[index].doubt for index in agreed if ballots[index] is speaker)
    return Outcome(winner[0], speaker, stability, doubt)


def _stability(ballots: Sequence[Ballot], recipe: Recipe, winner: tuple[Verdict, str | None]) -> float:
    """Of the parts of all samples; of the samples themselves where they were not parted."""
    sayings = [judge(match, recipe) for ballot in ballots for match in ballot.parts or (ballot.match,)]
    return sum((saying.verdict, saying.bin) == winner for saying in sayings) / len(sayings)


def _speaker(ballots: Sequence[Ballot]) -> Ballot:
    colors = np.array([ballot.reading.dominant.lab for ballot in ballots])
    return ballots[int(np.linalg.norm(colors - np.median(colors, axis=0), axis=1).argmin())]
