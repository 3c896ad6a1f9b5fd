"""How well a line sees: a cause for machines, a grade with its reason for people; pure, from what pictures became."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sorter.capture.guards.chain import Fault, Finding
from sorter.capture.link import Link, LinkState

CAUSES = {
    Fault.GAP: "picture_stale",
    Fault.STALE: "picture_stale",
    Fault.FROZEN: "picture_frozen",
    Fault.CORRUPT: "picture_corrupt",
    Fault.DARK: "picture_dark",
    Fault.OVEREXPOSED: "picture_overexposed",
}
"""The row of the fail-safe table that a fault belongs to, once it lasts."""
_FAILURES = {LinkState.LOST: "camera_lost", LinkState.REFUSED: "camera_refused"}
_WINDOW_S = 10.0
POOR_SHARE = 0.02
"""With more unfit pictures than this a line is degraded."""


class Grade(StrEnum):
    """What people call the quality of a camera's pictures."""

    EXCELLENT = "excellent"
    FAIR = "fair"
    POOR = "poor"
    """It sorts, but pictures are lost or late: mend it before it gets worse."""
    UNUSABLE = "unusable"
    """Nothing can be decided by it."""


@dataclass(frozen=True, slots=True)
class Blindness:
    """Nothing can be decided now."""

    cause: str
    reason: str


class _Fact(NamedTuple):
    """Something measured, and from where on it makes the quality fair or poor."""

    measured: float
    fair: float
    poor: float
    reason: str


@dataclass(slots=True)
class _Second:
    """What came in one second."""

    number: int
    sound: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    given_up: int = 0
    oldest_s: float = 0.0
    longest_gap_s: float = 0.0


class Health:
    """Keeps the last seconds of what became of a line's pictures.

    Args:
        max_gap_s: no sound picture for longer is blindness.
        max_age_s: the oldest that a picture may be.
        now_s: monotonic seconds.
    """

    def __init__(self, max_gap_s: float, max_age_s: float, now_s: float) -> None:
        self._max_gap_s = max_gap_s
        self._max_age_s = max_age_s
        self._seen_at_s = now_s
        """The last time that a picture was sound, or the same as a sound one."""
        self._begun = False
        self._finding: Finding | None = None
        """What was wrong with the last picture, if anything was."""
        self._blindness: Blindness | None = None
        self._seconds: deque[_Second] = deque(maxlen=round(_WINDOW_S) + 1)

    def sound(self, age_s: float, now_s: float) -> None:
        """A picture passed every guard."""
        second = self._second(now_s)
        second.sound += 1
        second.oldest_s = max(second.oldest_s, age_s)
        if self._begun:
            second.longest_gap_s = max(second.longest_gap_s, now_s - self._seen_at_s)
        self._begun = True
        self.repeated(now_s)

    def repeated(self, now_s: float) -> None:
        """A picture was the same as the one before, and not for too long yet."""
        self._seen_at_s, self._finding = now_s, None

    def unfit(self, finding: Finding, now_s: float, count: int = 1) -> None:
        """A picture failed a guard, or ``count`` of them could not be decoded."""
        self._finding = finding
        if finding.fault is not Fault.GAP:  # those are only not believed yet
            self._second(now_s).bad[finding.fault.value] += count

    def given_up(self, count: int, now_s: float) -> None:
        """So many pictures were given up for newer ones."""
        if count:
            self._second(now_s).given_up += count

    def blind_s(self, now_s: float) -> float:
        """For how long there has been no sound picture, seconds."""
        return now_s - self._seen_at_s

    def unfit_share(self, now_s: float) -> float:
        """Part of the pictures of the last ten seconds that were unfit, 0..1."""
        sound, bad = self._sums(now_s)
        return bad.total() / max(sound + bad.total(), 1)

    @property
    def behind(self) -> bool:
        """Whether pictures come, and are old: only a new connection helps."""
        return self._finding is not None and self._finding.fault in {Fault.GAP, Fault.STALE}

    def blindness(self, link: Link, now_s: float) -> Blindness | None:
        """Why nothing can be decided, if nothing can.

        While one cause lasts its first words stay, and while the stream is watched until it is live again the cause
        stays, too: nobody wants to read of each picture.
        """
        before, new = self._blindness, self._new_blindness(link, now_s)
        settling = self._finding is not None and self._finding.fault is Fault.GAP and link.failure is None
        goes_on = new is not None and before is not None and before.cause == new.cause != "camera_lost"
        if before is not None and (settling or goes_on):
            return before
        self._blindness = new
        return new

    def _new_blindness(self, link: Link, now_s: float) -> Blindness | None:
        if link.failure is not None:
            return Blindness(_FAILURES[link.failure], link.reason)
        if link.state is LinkState.STALLED:
            return Blindness("picture_stale", link.reason)
        finding = self._finding
        if finding is None or link.state is not LinkState.LIVE:
            return None
        blind_s = self.blind_s(now_s)
        if finding.fault is Fault.GAP:  # a stream that has just begun is given its time
            blind_s = min(blind_s, link.in_state_s(now_s))
        if finding.fault is Fault.FROZEN or blind_s > self._max_gap_s:
            return Blindness(CAUSES[finding.fault], finding.reason)
        return None

    def grade(self, link: Link, now_s: float) -> tuple[Grade, str]:
        """The quality of the last ten seconds, and what it is for."""
        blind = self._new_blindness(link, now_s)
        if blind is not None:
            return Grade.UNUSABLE, blind.reason
        recent, (sound, bad) = self._recent(now_s), self._sums(now_s)
        given_up = sum(second.given_up for second in recent)
        if not sound:
            return Grade.UNUSABLE, "no sound picture yet"
        facts = (
            _Fact(self.unfit_share(now_s), 0.002, POOR_SHARE, _share_of_bad(bad, sound)),
            _Fact(max(one.oldest_s for one in recent) / self._max_age_s, 0.3, 0.8, "pictures come late"),
            _Fact(max(one.longest_gap_s for one in recent) / self._max_gap_s, 0.3, 0.8, "pictures come with gaps"),
            _Fact(given_up / sound, 0.05, 0.5, f"this machine is too busy: {given_up} pictures given up in 10 s"),
        )
        for fact in facts:
            if fact.measured > fact.poor:
                return Grade.POOR, fact.reason
        for fact in facts:
            if fact.measured > fact.fair:
                return Grade.FAIR, fact.reason
        return Grade.EXCELLENT, "pictures come sound and in time"

    def _recent(self, now_s: float) -> list[_Second]:
        return [second for second in self._seconds if now_s - second.number <= _WINDOW_S]

    def _sums(self, now_s: float) -> tuple[int, Counter[str]]:
        """Sound pictures, and unfit ones by fault."""
        recent = self._recent(now_s)
        return sum(second.sound for second in recent), sum((second.bad for second in recent), Counter())

    def _second(self, now_s: float) -> _Second:
        number = int(now_s)
        if not self._seconds or self._seconds[-1].number != number:
            self._seconds.append(_Second(number))
        return self._seconds[-1]


def _share_of_bad(bad: Counter[str], sound: int) -> str:
    what = ", ".join(f"{count} {fault}" for fault, count in bad.most_common())
    return f"{bad.total()} of {sound + bad.total()} pictures in 10 s were unfit: {what or 'none'}"
