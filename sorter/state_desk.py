"""What a line says of itself: its state by the fail-safe table, and its alarms."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sorter.line_reports import Heartbeat, LineStatus
from sorter.outputs.alarms import Alarms
from sorter.outputs.events import alarm_event, state_event
from sorter.outputs.fail_safe import FailSafe, Ruling, sorter_lost
from sorter.outputs.fail_safe_metrics import FailSafeMetrics
from sorter.outputs.messages import FailSafeFacts, LineIdentity, LineState, Message, alarm_message, state_message
from sorter.outputs.metrics import Metrics
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.steps import Recorder
from sorter.outputs.wall_clock import AnchoredClock
from sorter.settings.fail_safe import Action, FailSafeTable
from sorter.settings.recipe import Recipe

_log = logging.getLogger(__name__)

_STARTING = {LineStatus.CONNECTING, LineStatus.LEARNING}
_CAUSES = {
    LineStatus.LOST: "camera_lost",
    LineStatus.BLIND: "picture_stale",
    LineStatus.ENDED: "film_ended",
    LineStatus.REFUSED: "configuration_refused",
}
_DEGRADED = "some of the camera's pictures are unfit and left out: look after it; the stats tell what is wrong"

_REASONS_EVERY_S = 60.0
"""How often another reason of the same state and cause is written down at most."""


class StateDesk:
    """Holds the line's own word against the fail-safe table, and tells what is news.

    Args:
        identity: who speaks.
        recipe: in force.
        table: the line's fail-safe table.
        publisher: the line's connection.
        metrics: the service's.
        fail_safe_metrics: likewise.
        clock: time.
        recorder: is told each change of the state, and each alarm.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a desk, handed in
        self,
        identity: LineIdentity,
        recipe: Recipe,
        table: FailSafeTable,
        publisher: LinePublisher,
        metrics: Metrics,
        fail_safe_metrics: FailSafeMetrics,
        clock: AnchoredClock,
        recorder: Recorder,
    ) -> None:
        self._identity = identity
        self._recipe = recipe
        self._table = table
        self._publisher = publisher
        self._metrics = metrics
        self._fail_safe_metrics = fail_safe_metrics
        self._clock = clock
        self._recorder = recorder
        self._fail_safe = FailSafe(table, recipe.fallback.invalid)
        self._alarms = Alarms()
        self._base = (LineState.STARTING, "starting the line")
        """What the line would be if nothing were wrong."""
        self._line_troubles: dict[str, str] = {}
        """What the line itself says is wrong."""
        self._troubles: Mapping[str, str] = {}
        """What all the other parts say is wrong."""
        self._told: tuple[LineState, str, str | None, Ruling | None] | None = None
        self._names_another_recipe = False
        """Since it was told last."""
        self._noted: tuple[LineState | None, str | None, float] = (None, None, 0.0)
        """State and cause that were written down last, and when (monotonic seconds)."""

    @property
    def ruling(self) -> Ruling | None:
        """The row that rules now."""
        return self._fail_safe.ruling

    @property
    def running(self) -> bool:
        """Whether the line decides products."""
        return self._told is not None and self._told[0] in {LineState.RUNNING, LineState.DEGRADED}

    @property
    def words(self) -> str:
        """The state and why."""
        return "not started" if self._told is None else f"{self._told[0].value}: {self._told[1]}"

    def begin(self, reason: str) -> None:
        """The line's process was started."""
        self._set_line(LineState.STARTING, reason, {})

    def lose_process(self, reason: str) -> None:
        """The line's process is gone."""
        self._set_line(LineState.STARTING, "starting the line again", {"line_process_lost": reason})

    def take_heartbeat(self, beat: Heartbeat) -> None:
        """The line told what it does."""
        state = LineState.STARTING if beat.status in _STARTING else LineState.RUNNING
        cause = beat.cause or _CAUSES.get(beat.status)
        troubles = {} if cause is None else {cause: beat.reason}
        if beat.status is LineStatus.RUNNING and beat.camera is not None and beat.camera.degraded:
            troubles["camera_degraded"] = _DEGRADED
        self._set_line(state, beat.reason, troubles)

    def follow(self, troubles: Mapping[str, str]) -> None:
        """Take what every other part says is wrong now, and tell what is news."""
        self._troubles = troubles
        self._judge()

    def clear(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """See `FailSafe.clear`; what it changes is told."""
        changed = self._fail_safe.clear()
        self._judge()
        return changed

    def use_table(self, table: FailSafeTable) -> None:
        """The rows of the fail-safe table are others from now on."""
        self._table = table
        self._fail_safe.use(table)
        self._judge()

    def use(self, recipe: Recipe) -> None:
        """Another recipe is in force: the state names it."""
        self._recipe = recipe
        self._fail_safe.branch = recipe.fallback.invalid
        self._names_another_recipe = True
        self._judge()

    def farewell(self) -> Message:
        """The last state of a service that is stopped."""
        lost = sorter_lost(self._table, self._recipe.fallback.invalid)
        message = self._message(LineState.OFFLINE, "the service was stopped", None, lost)
        self._recorder.note_event(state_event(message))
        return message

    def _set_line(self, state: LineState, reason: str, troubles: dict[str, str]) -> None:
        self._base, self._line_troubles = (state, reason), troubles
        self._judge()

    def _judge(self) -> None:
        self._fail_safe.follow({**self._troubles, **self._line_troubles}, self._clock.monotonic_s())
        self._tell_state()
        self._tell_alarms()

    def _tell_state(self) -> None:
        ruling, before = self._fail_safe.ruling, self._told
        state, reason, cause = self._state(ruling)
        told = state, reason, cause, ruling
        if before == told and not self._names_another_recipe:
            return
        self._told, self._names_another_recipe = told, False
        facts = None if ruling is None else ruling.facts
        message = self._message(state, reason, cause, facts)
        if before is None or before[:3] != told[:3]:
            self._note(state, cause, message)
            # The first word of a trouble is loud; what is learned of it by trying again is not.
            known = before is not None and (before[0], before[2]) == (state, cause)
            level = logging.INFO if cause in {None, "paused"} else logging.DEBUG if known else logging.WARNING
            _log.log(level, "line %s is %s: %s", self._identity.line, state.value, reason)
        self._metrics.set_state(self._identity.line, state)
        self._fail_safe_metrics.set_active(self._identity.line, () if ruling is None else ruling.active)
        self._publisher.publish_state(message)

    def _note(self, state: LineState, cause: str | None, message: Message) -> None:
        """Write it down, but no reason that changes by the second: a fault of a night must not push out the batch."""
        now_s = self._clock.monotonic_s()
        if (state, cause) != self._noted[:2] or now_s - self._noted[2] >= _REASONS_EVERY_S:
            self._noted = state, cause, now_s
            self._recorder.note_event(state_event(message))

    def _message(self, state: LineState, reason: str, cause: str | None, facts: FailSafeFacts | None) -> Message:
        clock, recipe = self._clock, self._recipe.identity
        now_s, synchronization = clock.wall_s(), clock.synchronization
        return state_message(state, reason, self._identity, recipe, cause, now_s, facts, clock=synchronization)

    def _state(self, ruling: Ruling | None) -> tuple[LineState, str, str | None]:
        """The state, its reason, and the cause that made it so."""
        state, reason = self._base
        if ruling is None:
            return state, reason, None
        if ruling.action is Action.HALT:
            return LineState.HALTED, ruling.reason, ruling.cause
        if state is LineState.STARTING:
            return state, reason, None
        if ruling.action is Action.DIVERT:
            paused = ruling.cause == "paused"
            return LineState.READY if paused else LineState.DEGRADED, ruling.reason, ruling.cause
        if ruling.degrades:
            return LineState.DEGRADED, ruling.reason, ruling.cause
        return state, reason, None

    def _tell_alarms(self) -> None:
        """Raise the alarms of new causes, after clearing those that are active no longer."""
        now_s = self._clock.wall_s()
        stated = None if self._told is None else self._told[2]
        for alarm in self._alarms.follow(self._fail_safe.active, now_s):
            if alarm.cause != stated:  # which the state tells
                level, word = (logging.WARNING, "raised") if alarm.raised else (logging.INFO, "cleared")
                _log.log(level, "line %s: the alarm %s is %s: %s", self._identity.line, alarm.cause, word, alarm.reason)
            message = alarm_message(alarm, self._identity, now_s)
            self._recorder.note_event(alarm_event(message))
            self._publisher.publish_alarm(message)
