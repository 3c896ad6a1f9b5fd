"""How long a line was in which state, and for which cause. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sorter.batch.span import Span, is_farewell
from sorter.outputs.events import Event, EventKind
from sorter.outputs.messages import LineState

NOT_KNOWN = "not_known"
"""Nobody wrote down what the line did: the service died, or the events of that time are not kept."""
STARTING_AGAIN = "starting_again"
"""After a fault, in the same run of the service: it sees the belt anew, and decides nothing until it knows it."""
FAULTY = frozenset({LineState.HALTED.value, LineState.DEGRADED.value, STARTING_AGAIN, NOT_KNOWN})
"""States in which a line does not do all that it should, as far as is known."""
_LONGEST = 10


@dataclass(slots=True)
class Spell:
    """How long something held, in all, within the span."""

    times: int = 0
    seconds: float = 0.0
    reason: str = ""
    """In the line's words, as told last."""
    until_wall_s: float = 0.0
    """When it ended last."""


class Fault(NamedTuple):
    """One time in which the line did not do all that it should."""

    seconds: float
    since_wall_s: float
    state: str
    cause: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Held:
    state: str
    cause: str | None
    reason: str
    since_wall_s: float


@dataclass(slots=True)
class Uptime:
    """The times of one line; tell it every event from the beginning of the run in which the span begins, then `end`.

    A state holds until the next one. A service that died without a farewell is taken to have lived until its last
    sign of life; from then to the next run's first event it is not known what the line did.
    """

    span: Span
    signs_wall_s: Mapping[str, float]
    """By run of the service: its last decision or event; for the one that runs, now."""
    by_state: dict[str, Spell] = field(default_factory=dict)
    """They add up to the span."""
    by_cause: dict[str, Spell] = field(default_factory=dict)
    """Of the states that a cause made, the graver one where several held, with the time to start again after it."""
    alarms: dict[str, Spell] = field(default_factory=dict)
    """Every cause while its alarm was raised; several may hold at once."""
    longest: list[Fault] = field(default_factory=list)
    """The longest faults, ten at most, the longest first."""
    _boot_id: str | None = None
    _held: _Held | None = None
    _has_started: bool = False
    _heard_wall_s: float = 0.0
    _raised: dict[str, tuple[float, str]] = field(default_factory=dict)
    _said_farewell_wall_s: float | None = None

    def take(self, event: Event) -> None:
        """The next event of the line."""
        at = event.at_wall_s
        if event.boot_id != self._boot_id:
            self._leave_run(at)
            self._boot_id, self._has_started, self._said_farewell_wall_s = event.boot_id, False, None
            self._held = _Held(LineState.STARTING.value, None, "starting the line", at)
        self._heard_wall_s = at
        if event.kind is EventKind.STATE:
            self._change_state(event)
            if is_farewell(event):
                self._said_farewell_wall_s = at
        elif event.kind is EventKind.ALARM:
            cause = event.detail["cause"]
            if event.detail["raised"]:
                self._raised.setdefault(cause, (at, event.detail["reason"]))
            elif cause in self._raised:
                self._close_alarm(cause, at)

    def _change_state(self, event: Event) -> None:
        detail, held, since = event.detail, self._held, event.at_wall_s
        state, cause = detail["state"], detail["cause"]
        if state != LineState.STARTING.value:
            self._has_started = True
        elif self._has_started:
            state, cause = STARTING_AGAIN, cause or (held and held.cause)  # what it took is the cause's, too
        if held is not None and (held.state, held.cause) == (state, cause):
            since = held.since_wall_s  # it is told again, with another reason
        else:
            self._close_state(since)
        self._held = _Held(state, cause, detail["reason"], since)

    def end(self) -> None:
        """That was all."""
        self._leave_run(self.span.until_wall_s)

    def _leave_run(self, at: float) -> None:
        """The run that was told of is over, and nothing of it is known from ``at`` on."""
        if self._boot_id is None:
            self._add_state(_Held(NOT_KNOWN, None, "no events are kept of this time", self.span.since_wall_s), at)
            return
        farewell = self._said_farewell_wall_s
        sign = max(self.signs_wall_s.get(self._boot_id, 0.0), self._heard_wall_s)
        lived = min(sign, at) if farewell is None else at
        for cause in list(self._raised):
            self._close_alarm(cause, lived if farewell is None else farewell)
        self._close_state(lived)
        self._add_state(_Held(NOT_KNOWN, None, "the service ended without a farewell", lived), at)

    def _close_state(self, until: float) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._add_state(held, until)

    def _add_state(self, held: _Held, until: float) -> None:
        seconds = self._add(self.by_state, held.state, held.since_wall_s, until, held.reason)
        if held.cause is not None:
            reason = "" if held.state == STARTING_AGAIN else held.reason  # which says nothing of the cause
            self._add(self.by_cause, held.cause, held.since_wall_s, until, reason)
        if held.state in FAULTY and seconds:
            since = max(held.since_wall_s, self.span.since_wall_s)
            faults = [*self.longest, Fault(seconds, since, held.state, held.cause, held.reason)]
            self.longest = sorted(faults, key=lambda fault: -fault.seconds)[:_LONGEST]

    def _close_alarm(self, cause: str, until: float) -> None:
        since, reason = self._raised.pop(cause)
        self._add(self.alarms, cause, since, until, reason)

    def _add(self, spells: dict[str, Spell], name: str, since: float, until: float, reason: str) -> float:
        """How much of it lies within the span is added, and told."""
        begin, end = max(since, self.span.since_wall_s), min(until, self.span.until_wall_s)
        if end <= begin:
            return 0.0
        spell = spells.setdefault(name, Spell())
        spell.times += spell.until_wall_s != begin
        spell.seconds += end - begin
        spell.reason, spell.until_wall_s = reason or spell.reason, end
        return end - begin
