"""What goes wrong slowly, as decisions and heartbeats tell: too much work, too many unknowns, another light."""

from __future__ import annotations

from collections import deque

from sorter.color.difference import ciede2000_of_pair
from sorter.line_reports import Heartbeat, LineStatus
from sorter.records import Decision, Lab, Verdict
from sorter.settings.fail_safe import FailSafeTable

_WINDOW_S = 5.0
_MISSED = 0.5
"""With more than this part of the looks missed, a product may pass between two of them."""
_RECOVERED = 0.5
"""Raised at a limit, cleared below this part of it: nothing flickers in between."""


class Detectors:
    """All of them for one line.

    Args:
        table: their limits.
    """

    def __init__(self, table: FailSafeTable) -> None:
        self._late = LateStreak(table.overloaded.after)
        self._looks = MissedLooks()
        self._unknowns = UnknownStreak(table.too_many_unknowns.after)
        self._drift = LightDrift(table.light_drifted.max_delta_e)
        self._words: dict[str, str] = {}

    def use(self, table: FailSafeTable) -> None:
        """Hold it against another table from now on; what was seen until now counts on."""
        self._late.after = table.overloaded.after
        self._unknowns.after = table.too_many_unknowns.after
        self._drift.max_delta_e = table.light_drifted.max_delta_e

    def note_decision(self, decision: Decision) -> None:
        """A product was decided; as the line did, before anything was diverted."""
        self._late.note(decision.verdict)
        self._unknowns.note(decision.verdict)

    def note_heartbeat(self, beat: Heartbeat, now_s: float) -> None:
        """The line told how it goes."""
        self._looks.note(beat, now_s)
        if beat.belt_lab is not None and beat.status is LineStatus.RUNNING:
            self._drift.note(beat.belt_lab)

    def forget_looks(self) -> None:
        """The line's process is another one: its counts begin at zero."""
        self._looks = MissedLooks()

    @property
    def troubles(self) -> dict[str, str]:
        """The causes that hold now; while one lasts its first words stay, whatever its figure does."""
        reasons = {
            "overloaded": self._late.reason or self._looks.reason,
            "too_many_unknowns": self._unknowns.reason,
            "light_drifted": self._drift.reason,
        }
        self._words = {cause: self._words.get(cause, reason) for cause, reason in reasons.items() if reason is not None}
        return dict(self._words)


class LateStreak:
    """Products decided too late in a row; one in time ends it."""

    def __init__(self, after: int) -> None:
        self.after = after
        self._length = 0

    def note(self, verdict: Verdict) -> None:
        """One more product."""
        self._length = self._length + 1 if verdict is Verdict.LATE else 0

    @property
    def reason(self) -> str | None:
        """In words; None while it does not hold."""
        if self._length < self.after:
            return None
        return (
            f"the last {self._length} products were decided after their deadline: this machine is too busy, or the "
            "pictures come too late"
        )


class UnknownStreak:
    """Unknown or ambiguous products in a row; a routed one ends it, and what could not be judged says nothing."""

    def __init__(self, after: int) -> None:
        self.after = after
        self._length = 0

    def note(self, verdict: Verdict) -> None:
        """One more product."""
        if verdict in {Verdict.UNKNOWN, Verdict.AMBIGUOUS}:
            self._length += 1
        elif verdict is Verdict.ROUTED:
            self._length = 0

    @property
    def reason(self) -> str | None:
        """In words; None while it does not hold."""
        if self._length < self.after:
            return None
        return f"{self._length} products in a row belong in no bin: look for the wrong recipe, products or light"


class MissedLooks:
    """Pictures that should have been looked at, and for which there was no time; over the last five seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()
        """Time, looks and missed looks since the process began."""
        self._raised = False

    def note(self, beat: Heartbeat, now_s: float) -> None:
        """The line told how it goes; only while it decides, since opening and learning take every picture."""
        if beat.status is not LineStatus.RUNNING:
            self._seen.clear()
            self._raised = False
            return
        self._seen.append((now_s, beat.frames_processed, beat.frames_given_up))
        while len(self._seen) > 1 and now_s - self._seen[1][0] >= _WINDOW_S:
            self._seen.popleft()
        if now_s - self._seen[0][0] >= _WINDOW_S:
            self._raised = self.missed_share > (_MISSED * _RECOVERED if self._raised else _MISSED)

    @property
    def missed_share(self) -> float:
        """Part of the wanted looks that were missed, 0..1."""
        (_, looks, missed), (_, looks_now, missed_now) = self._seen[0], self._seen[-1]
        more = missed_now - missed
        return more / max(looks_now - looks + more, 1)

    @property
    def reason(self) -> str | None:
        """In words; None while it does not hold."""
        if not self._raised:
            return None
        return f"{self.missed_share:.0%} of the looks at the belt were missed in 5 s: this machine is too busy"


class LightDrift:
    """The belt's color against the one that was learned first since the service began."""

    def __init__(self, max_delta_e: float) -> None:
        self.max_delta_e = max_delta_e
        self._first: Lab | None = None
        self.delta_e = 0.0
        """CIEDE2000, as of now."""
        self._raised = False

    def note(self, belt: Lab) -> None:
        """The empty belt's color as it is now."""
        if self._first is None:
            self._first = belt
        self.delta_e = ciede2000_of_pair(self._first, belt)
        self._raised = self.delta_e > self.max_delta_e * (_RECOVERED if self._raised else 1.0)

    @property
    def reason(self) -> str | None:
        """In words; None while it does not hold."""
        if not self._raised:
            return None
        return (
            f"the empty belt's color is {self.delta_e:.1f} (CIEDE2000) from what it was at the start, more than "
            f"{self.max_delta_e:g}: look at lamp, lens, white balance and belt"
        )
