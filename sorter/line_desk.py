"""One line at the service's desk: its process, its voice on the wire, its counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from sorter.color.bins import bin_colors
from sorter.line_process import LineProcess, Lost
from sorter.line_reports import CameraReport, Heartbeat, LineStatus
from sorter.line_tally import Tally, frame_counts, in_words
from sorter.outputs.alarms import Alarms
from sorter.outputs.messages import (
    LineIdentity,
    LineState,
    Message,
    alarm_message,
    decision_message,
    recipe_message,
    state_message,
)
from sorter.outputs.metrics import Metrics
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.stats import FrameCounts, LineStats, stats_message
from sorter.outputs.steps import NoRecorder, Recorder
from sorter.ports import Clock
from sorter.records import Decision
from sorter.settings.recipe import Recipe
from sorter.trigger_desk import TriggerDesk

_log = logging.getLogger(__name__)

_NO_RECORDER = NoRecorder()
_FAREWELL_S = 0.8
_POLL_S = 0.01

_STATES = {
    LineStatus.CONNECTING: (LineState.STARTING, None),
    LineStatus.LEARNING: (LineState.STARTING, None),
    LineStatus.RUNNING: (LineState.RUNNING, None),
    LineStatus.LOST: (LineState.HALTED, "camera_lost"),
    LineStatus.BLIND: (LineState.HALTED, "picture_stale"),
    LineStatus.ENDED: (LineState.HALTED, "film_ended"),
    LineStatus.REFUSED: (LineState.HALTED, "configuration_refused"),
}

_DEGRADED = "some of the camera's pictures are unfit and left out: look after it; the stats tell what is wrong"

DecisionListener = Callable[[Decision, Message], None]
HeartbeatListener = Callable[[str, Heartbeat], None]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who else wants to know; called in the service's own thread, and must be quick."""

    on_decision: DecisionListener = lambda _decision, _message: None
    on_heartbeat: HeartbeatListener = lambda _line, _beat: None


class LineDesk:
    """One line in the service.

    Args:
        identity: who speaks on the wire.
        recipe: in force.
        process: the line's process, not yet started.
        publisher: the line's connection, not yet started.
        metrics: the service's.
        clock: time.
        listeners: who else wants to know.
        eye: the photo-eye that numbers its products; None where the line does so itself.
        recorder: who writes its decisions down.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a line, made by the service and handed in
        self,
        identity: LineIdentity,
        recipe: Recipe,
        process: LineProcess,
        publisher: LinePublisher,
        metrics: Metrics,
        clock: Clock,
        listeners: Listeners,
        eye: TriggerDesk | None = None,
        recorder: Recorder = _NO_RECORDER,
    ) -> None:
        self.name = identity.line
        self.process = process
        self.publisher = publisher
        self.refusal: str | None = None
        """Why the line's settings were refused."""
        self._identity = identity
        self._recipe = recipe
        self._metrics = metrics
        self._clock = clock
        self._listeners = listeners
        self._eye = eye
        self._recorder = recorder
        self._tally = Tally()
        self._base_frames = FrameCounts()
        """What earlier processes of this line counted: each begins at zero."""
        self._seq = 0
        self._state: tuple[LineState, str, str | None] | None = None
        self._camera: CameraReport | None = None
        """How the line's live source does, as last told."""
        self._alarms = Alarms()
        self._state_trouble: dict[str, str] = {}
        """The state's cause, if it has one, with its reason."""

    def start(self) -> None:
        """Announce the line and start its process."""
        self._metrics.expect_line(self.name)
        self._metrics.set_recipe(self.name, self._recipe.identity)
        colors = {one.name: bin_colors(one) for one in self._recipe.bins}
        self.publisher.publish_recipe(recipe_message(self._recipe, self._identity, colors))
        self.set_state(LineState.STARTING, "starting the line", None)
        self.publisher.start()
        self.process.start()

    @property
    def running(self) -> bool:
        """Whether it decides products."""
        return self._state is not None and self._state[0] in {LineState.RUNNING, LineState.DEGRADED}

    @property
    def state_words(self) -> str:
        """Its state and why."""
        return "not started" if self._state is None else f"{self._state[0].value}: {self._state[1]}"

    def listen(self) -> None:
        """Take what the line's process has said, and look after the process."""
        if self._eye is not None:  # before the decisions: a trigger may have come with its product's
            self._eye.listen(connected=self.publisher.connected)
        restarts = self.process.restarts
        for report in self.process.listen():
            match report:
                case Decision():
                    self._take_decision(report)
                case Heartbeat():
                    self._take_heartbeat(report)
                case Lost():
                    self._base_frames = self._tally.frames
                    self._note_status(LineStatus.LOST)
                    self.set_state(LineState.HALTED, f"the line's process {report.reason}", "line_process_lost")
        if self.process.restarts > restarts:
            self._metrics.count_restart(self.name)
            self.set_state(LineState.STARTING, "starting the line again", None)
        self._tell_alarms()

    def _note_status(self, status: LineStatus) -> None:
        if self._eye is not None:
            self._eye.note_line(status)

    def _take_decision(self, decision: Decision) -> None:
        self._seq += 1
        naming = None
        if self._eye is not None:
            decision, naming = self._eye.announce(decision)
        shift_s = self._clock.wall_s() - self._clock.monotonic_s()
        message = decision_message(decision, self._identity, self._seq, shift_s, naming)
        self._recorder.add(decision, message)
        decision = replace(decision, evidence=None)  # whoever keeps decisions must not keep their pixels
        self.publisher.publish_decision(message, decision.deadline.act_before_s)
        self._tally.count(decision)
        self._metrics.count_decision(self.name, decision)
        _log.info("%s", in_words(self.name, decision, message["product"]))
        self._listeners.on_decision(decision, message)

    def _take_heartbeat(self, beat: Heartbeat) -> None:
        self._tally.frames = self._base_frames + frame_counts(beat)
        self._metrics.set_undecided(self.name, vanished=beat.vanished, intruders=beat.intruders)
        for duration_s in beat.processing_s:
            self._metrics.observe_processing(self.name, duration_s)
        if beat.status is LineStatus.REFUSED:
            self.refusal = beat.reason
        self._note_status(beat.status)
        if beat.camera is not None:
            self._camera = beat.camera
        self._tell_status(beat)
        self._listeners.on_heartbeat(self.name, beat)

    def _tell_status(self, beat: Heartbeat) -> None:
        state, cause = _STATES[beat.status]
        if state is LineState.RUNNING and beat.camera is not None and beat.camera.degraded:
            self.set_state(LineState.DEGRADED, _DEGRADED, "camera_degraded")
        else:
            self.set_state(state, beat.reason, beat.cause or cause)

    def set_state(self, state: LineState, reason: str, cause: str | None) -> None:
        """Say the line's state wherever it is read, if it is news; ``cause`` is the fail-safe row or None."""
        before = self._state
        if before == (state, reason, cause):
            return
        # The first word of a trouble is loud; what is learned of it by trying again is not.
        known = before is not None and (before[0], before[2]) == (state, cause)
        level = logging.INFO if cause is None else logging.DEBUG if known else logging.WARNING
        _log.log(level, "line %s is %s: %s", self.name, state.value, reason)
        self._state = (state, reason, cause)
        self._metrics.set_state(self.name, state)
        self.publisher.publish_state(self._state_message(state, reason, cause))
        self._state_trouble = {} if cause is None else {cause: reason}
        self._tell_alarms()

    def _tell_alarms(self) -> None:
        """Raise the alarms of new causes, after clearing those that hold no longer."""
        now_s = self._clock.wall_s()
        troubles = self._state_trouble if self._eye is None else self._state_trouble | self._eye.troubles
        for alarm in self._alarms.follow(troubles, now_s):
            if alarm.cause not in self._state_trouble:  # which the state tells
                level, word = (logging.WARNING, "raised") if alarm.raised else (logging.INFO, "cleared")
                _log.log(level, "line %s: the alarm %s is %s: %s", self.name, alarm.cause, word, alarm.reason)
            self.publisher.publish_alarm(alarm_message(alarm, self._identity, now_s))

    def _state_message(self, state: LineState, reason: str, cause: str | None) -> Message:
        return state_message(state, reason, self._identity, self._recipe.identity, cause, self._clock.wall_s())

    def refresh_metrics(self) -> None:
        """Bring the line's metrics up to date."""
        self._metrics.set_frames(self.name, self._tally.frames)
        if self._camera is not None:
            self._metrics.set_camera(self.name, self._camera)
        self._metrics.set_delivery(self.name, self.publisher.counts)
        self._metrics.set_connected(self.name, connected=self.publisher.connected)
        if self._eye is not None:
            self._eye.refresh_metrics()

    def publish_stats(self) -> None:
        """Publish the line's counts."""
        tally = self._tally
        stats = LineStats(
            products=tally.verdicts.total(),
            by_verdict=dict(tally.verdicts),
            by_branch=dict(tally.branches),
            by_bin=dict(tally.bins),
            frames=tally.frames,
            delivery=self.publisher.counts,
            latency=tally.latency(),
            camera=self._camera,
            triggers=None if self._eye is None else self._eye.stats,
        )
        self.publisher.publish_stats(stats_message(stats, self._identity, self._clock.wall_s()))

    def say_farewell(self, end_s: float) -> None:
        """By ``end_s`` (monotonic): deliver what can be delivered, publish the last counts, go offline."""
        self._wait_for_confirms(end_s - _FAREWELL_S)
        self.publish_stats()
        farewell = self._state_message(LineState.OFFLINE, "the service was stopped", None)
        self.publisher.close(farewell, _FAREWELL_S)
        self._metrics.set_state(self.name, LineState.OFFLINE)
        self.refresh_metrics()
        _log.info("line %s is offline: the service was stopped", self.name)

    def _wait_for_confirms(self, end_s: float) -> None:
        """A diverter that has answered before may answer the last decisions too."""
        while self.publisher.connected and self._clock.monotonic_s() < end_s:
            counts = self.publisher.counts
            if not counts.waiting and (not counts.confirmed or counts.confirmed >= counts.acknowledged):
                return
            self._clock.wait_s(_POLL_S)
