"""From what the frames say of a product to one verdict and one branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sorter.records import BinMatch, ColorReading, Verdict


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one frame says of a product."""

    reading: ColorReading
    match: BinMatch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all frames say together."""

    verdict: Verdict
    ballot: Ballot
    """The frame that speaks for the others: the one nearest to their median color."""


def judge(match: BinMatch, min_margin: float) -> Verdict:
    """Route only when the nearest bin is both near enough and clearly nearest."""
    if match.bins_in_reach == 0:
        return Verdict.UNKNOWN
    if match.bins_in_reach > 1 or (match.margin is not None and match.margin < min_margin):
        return Verdict.AMBIGUOUS
    return Verdict.ROUTED


def vote(ballots: Sequence[Ballot], min_margin: float) -> Outcome:
    """Let the frames vote: what more than half of them say is the verdict; where they disagree it is ambiguous.

    Args:
        ballots: at least one.
        min_margin: CIEDE2000.
    """
    said = [_say(ballot, min_margin) for ballot in ballots]
    (winner, count), *_ = Counter(said).most_common()
    if 2 * count <= len(ballots):
        return Outcome(Verdict.AMBIGUOUS, _speaker(ballots))
    speaker = _speaker([ballot for ballot, word in zip(ballots, said, strict=True) if word == winner])
    return Outcome(winner[0], speaker)


def _say(ballot: Ballot, min_margin: float) -> tuple[Verdict, str | None]:
    verdict = judge(ballot.match, min_margin)
    return verdict, ballot.match.bin if verdict is Verdict.ROUTED else None


def _speaker(ballots: Sequence[Ballot]) -> Ballot:
    colors = np.array([ballot.reading.dominant.lab for ballot in ballots])
    return ballots[int(np.linalg.norm(colors - np.median(colors, axis=0), axis=1).argmin())]
