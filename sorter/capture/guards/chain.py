"""All detectors of one line, in the order in which one makes the next pointless."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sorter.capture.guards.corrupt import CorruptGuard
from sorter.capture.guards.frozen import FrozenGuard
from sorter.capture.guards.gap import GapGuard, too_old
from sorter.capture.guards.light import too_bright, too_dark
from sorter.capture.guards.probe import Probe
from sorter.records import Frame
from sorter.settings.guards import GuardSettings


class Fault(StrEnum):
    """What is wrong with a picture; each is counted, and each is a row of the fail-safe table."""

    GAP = "gap"
    """It follows a gap, and whether the stream is live again is not known yet."""
    STALE = "stale"
    FROZEN = "frozen"
    CORRUPT = "corrupt"
    DARK = "dark"
    OVEREXPOSED = "overexposed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture is unfit."""

    fault: Fault
    reason: str
    """One sentence: what is seen, and the remedy."""


class Guards:
    """All detectors of one line, in the order in which one makes the next pointless.

    Args:
        settings: the limits.
        may_be_silent: a gap between pictures is no fault of this source.
    """

    def __init__(self, settings: GuardSettings, *, may_be_silent: bool = False) -> None:
        self._settings = settings
        self._gap = GapGuard(math.inf if may_be_silent else settings.max_gap_s)
        self._frozen = FrozenGuard(settings.frozen_s)
        self._corrupt = CorruptGuard()

    def begin(self) -> None:
        """The stream was opened anew; what its pictures look like is still known."""
        self._gap.begin()

    @property
    def repeats(self) -> bool:
        """Whether the frame last looked at shows what the one before it showed, and nothing new."""
        return self._frozen.repeats

    @property
    def still_since_s(self) -> float | None:
        """When the picture was taken that has not moved since; None while it moves."""
        return self._frozen.still_since_s

    def check(self, frame: Frame, arrived_s: float) -> Finding | None:
        """Look at the next picture; None where it may be decided by."""
        return self.check_times(frame, arrived_s) or self._check_pixels(frame)

    def check_times(self, frame: Frame, arrived_s: float) -> Finding | None:
        """As `check`, of a picture that nobody needs: only whether it is live and fresh."""
        reason = self._gap.check(frame, arrived_s)
        if reason is not None:
            return Finding(Fault.GAP, reason)
        reason = too_old(arrived_s - frame.captured_at_s, self._settings.max_age_s)
        return None if reason is None else Finding(Fault.STALE, reason)

    def _check_pixels(self, frame: Frame) -> Finding | None:
        limits, probe = self._settings, Probe(frame)
        checks: Sequence[tuple[Fault, Callable[[], str | None]]] = (
            (Fault.FROZEN, lambda: self._frozen.check(probe, frame)),
            (Fault.DARK, lambda: too_dark(probe, limits.dark_level)),
            (Fault.OVEREXPOSED, lambda: too_bright(probe, limits.overexposed_share)),
            (Fault.CORRUPT, lambda: self._corrupt.check(probe, frame)),
        )
        for fault, check in checks:
            reason = check()
            if reason is not None:
                return Finding(fault, reason)
        return None
