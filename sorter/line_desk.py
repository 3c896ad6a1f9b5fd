"""One line at the service's desk: its process, its voice on the wire, its counts."""

from __future__ import annotations

import logging
from dataclasses import replace

from sorter.color.bins import bin_colors
from sorter.command_desk import CommandDesk
from sorter.detectors import Detectors
from sorter.line_parts import LineParts, Listeners
from sorter.line_process import Lost
from sorter.line_reports import CameraReport, Heartbeat, LineStatus
from sorter.line_tally import Tally, frame_counts, in_words
from sorter.live.site_recipes import Wanted
from sorter.outputs.command import Code, Command, CommandName, Outcome
from sorter.outputs.events import BatchReason, batch_event, recipe_event
from sorter.outputs.fail_safe_metrics import FailSafeMetrics
from sorter.outputs.messages import LineState, decision_message, recipe_message
from sorter.outputs.metrics import Metrics
from sorter.outputs.stats import FrameCounts, LineStats, stats_message
from sorter.outputs.wall_clock import AnchoredClock
from sorter.recipe_desk import RecipeDesk, WhenChanged
from sorter.records import Decision
from sorter.settings.fail_safe import Action
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings
from sorter.state_desk import StateDesk
from sorter.timing import Timing, diverted

_log = logging.getLogger(__name__)

_FAREWELL_S = 0.8
_POLL_S = 0.01


class LineDesk:
    """One line in the service.

    Args:
        parts: the line's own.
        metrics: the service's.
        fail_safe_metrics: likewise.
        clock: time.
        listeners: who else wants to know.
    """

    def __init__(
        self,
        parts: LineParts,
        metrics: Metrics,
        fail_safe_metrics: FailSafeMetrics,
        clock: AnchoredClock,
        listeners: Listeners,
    ) -> None:
        identity = self._identity = parts.identity
        self.name = identity.line
        self.process = parts.process
        self.publisher = parts.publisher
        self.refusal: str | None = None
        """Why the line's settings were refused."""
        self._parts = parts
        when_changed = WhenChanged(self._use_recipe, parts.shadow_desk.use, self._use_settings)
        self._recipes = RecipeDesk(
            parts.settings, parts.recipe_folder, parts.recipes, parts.shadow, parts.process, when_changed
        )
        self._metrics = metrics
        self._clock = clock
        self._listeners = listeners
        self._eye = parts.eye
        self._timing = Timing.of(parts.settings)
        self._tally = Tally(clock.wall_s())
        self._base_frames = FrameCounts()
        """What earlier processes of this line counted: each begins at zero."""
        self._seq = 0
        self._camera: CameraReport | None = None
        """How the line's live source does, as last told."""
        table, recipe = parts.settings.fail_safe, self._recipes.recipe
        self._detectors = Detectors(table)
        self._state = StateDesk(
            identity, recipe, table, self.publisher, metrics, fail_safe_metrics, clock, parts.recorder
        )
        self._commands = CommandDesk(
            identity, parts.commands, self.publisher, self._carry_out, fail_safe_metrics, clock
        )
        fail_safe_metrics.expect_line(self.name)

    def start(self) -> None:
        """Announce the line and start its process."""
        self._metrics.expect_line(self.name)
        self._tell_recipe()
        self._begin_batch(BatchReason.START)
        self._state.begin("starting the line")
        self.publisher.start()
        self.process.start()

    @property
    def running(self) -> bool:
        """Whether it decides products."""
        return self._state.running

    @property
    def state_words(self) -> str:
        """Its state and why."""
        return self._state.words

    def listen(self) -> None:
        """Take what the line's process and the wire have said, and look after the process."""
        self._commands.listen()
        self._recipes.listen()
        if self._eye is not None:  # before the decisions: a trigger may have come with its product's
            self._eye.listen(connected=self.publisher.connected)
        restarts = self.process.restarts
        self._state.follow(self._troubles())
        for report in self.process.listen():
            match report:
                case Decision():
                    self._take_decision(report)
                case Heartbeat():
                    self._take_heartbeat(report)
                case Lost():
                    self._base_frames = self._tally.frames
                    self.publisher.ledger.note_process_lost()
                    self._detectors.forget_looks()
                    self._note_status(LineStatus.LOST)
                    self._state.lose_process(f"the line's process {report.reason}")
        if self.process.restarts > restarts:
            self._metrics.count_restart(self.name)
            self._state.begin("starting the line again")

    def _troubles(self) -> dict[str, str]:
        """What is wrong with every part but the line's own process, which tells it by its heartbeat."""
        troubles: dict[str, str] = {} if self._paused is None else {"paused": self._paused}
        troubles |= self.publisher.troubles | self._clock.troubles | self._detectors.troubles | self._recipes.troubles
        if self._eye is not None:
            troubles |= self._eye.troubles
        for source in self._parts.troubles:
            troubles |= source()
        return troubles

    def _note_status(self, status: LineStatus) -> None:
        if self._eye is not None:
            self._eye.note_line(status)

    def _take_decision(self, decision: Decision) -> None:
        self._seq += 1
        naming = None
        if self._eye is not None:
            decision, naming = self._eye.announce(decision)
        self._detectors.note_decision(decision)
        decision = self._by_the_table(decision)
        clock = self._clock
        message = decision_message(
            decision, self._identity, self._seq, clock.shift_s, naming, clock=clock.synchronization
        )
        self.publisher.publish_decision(decision, message)
        self._parts.recipes.note(decision, message)
        decision = replace(decision, evidence=None)  # whoever keeps decisions must not keep their pixels
        self._tally.count(decision)
        self._metrics.count_decision(self.name, decision)
        _log.info("%s", in_words(self.name, decision, message["product"]))
        self._parts.shadow_desk.note(decision, message)
        self._listeners.on_decision(decision, message)

    def _by_the_table(self, decision: Decision) -> Decision:
        """While a row does not let decisions go on, what is still seen goes to the row's branch."""
        ruling = self._state.ruling
        if ruling is None or ruling.action is Action.CONTINUE:
            return decision
        timing = self._timing if self._eye is None else self._eye.timing
        return diverted(decision, ruling.cause, ruling.branch, timing)

    def _take_heartbeat(self, beat: Heartbeat) -> None:
        self._tally.frames = self._base_frames + frame_counts(beat)
        self.publisher.ledger.note_products(beat.products)
        self._metrics.set_undecided(self.name, vanished=beat.vanished, intruders=beat.intruders)
        for duration_s in beat.processing_s:
            self._metrics.observe_processing(self.name, duration_s)
        if beat.status is LineStatus.REFUSED:
            self.refusal = beat.reason
        self._note_status(beat.status)
        if beat.camera is not None:
            self._camera = beat.camera
        self._detectors.note_heartbeat(beat, self._clock.monotonic_s())
        self._state.take_heartbeat(beat)
        self._listeners.on_heartbeat(self.name, beat)

    def _carry_out(self, command: Command) -> Outcome:
        match command.name:
            case CommandName.PAUSE:
                return self._pause(command)
            case CommandName.RESUME:
                return self._resume()
            case CommandName.RESET_BATCH:
                self._begin_batch(BatchReason.COMMAND)
                self.publish_stats()
                return Outcome(Code.DONE, "the batch is counted from zero")
            case _:
                return self._recipes.carry_out(command)

    @property
    def _paused(self) -> str | None:
        """By whom and why, where it is."""
        return self._parts.pauses.of(self.name)

    def _pause(self, command: Command) -> Outcome:
        if self._paused is not None:
            return Outcome(Code.ALREADY, f"it was {self._paused}")
        by = "by command" if command.by is None else f"by {command.by}"
        words = f"paused {by}" + ("" if command.reason is None else f": {command.reason}")
        self._parts.pauses.note(self.name, words)
        self._state.follow(self._troubles())
        return Outcome(Code.DONE, "every product goes to the branch of the row paused until the command resume")

    def _resume(self) -> Outcome:
        was_paused = self._paused is not None
        self._parts.pauses.note(self.name, None)
        self._state.follow(self._troubles())
        cleared, kept = self._state.clear()
        if kept:
            return Outcome(Code.REFUSED, f"{', '.join(kept)} cannot be cleared while it holds: mend it first")
        if cleared:
            return Outcome(Code.DONE, f"cleared: {', '.join(cleared)}")
        if was_paused:
            return Outcome(Code.DONE, "decisions go on")
        return Outcome(Code.ALREADY, "it is not paused, and nothing waits to be cleared")

    def want(self, wanted: Wanted) -> None:
        """The settings file was changed."""
        self._recipes.want(wanted)

    def _use_recipe(self, recipe: Recipe, is_another: bool) -> None:  # noqa: FBT001 - a listener's arguments have no names
        if self._eye is not None:
            self._eye.use_late_branch(recipe.fallback.late)
        self._tell_recipe()
        self._state.use(recipe)
        if is_another:
            self._begin_batch(BatchReason.RECIPE_CHANGE)

    def _use_settings(self, settings: LineSettings) -> None:
        self._timing = Timing.of(settings)
        self._detectors.use(settings.fail_safe)
        self._state.use_table(settings.fail_safe)
        self.publisher.ledger.use(settings.confirmation)
        _log.info("line %s: changed settings are in force", self.name)

    def _begin_batch(self, reason: BatchReason) -> None:
        """Count from zero; what is decided from now on is of this batch, and under the recipe in force."""
        now_s = self._clock.wall_s()
        self._tally.begin_batch(now_s)
        event = batch_event(self._identity, self._recipes.recipe.identity, reason, self._seq, now_s)
        self._parts.recorder.note_event(event)

    def _tell_recipe(self) -> None:
        recipe = self._recipes.recipe
        self._parts.remember(recipe)
        self._parts.recorder.note_event(recipe_event(self._identity, recipe.identity, self._clock.wall_s()))
        self._metrics.set_recipe(self.name, recipe.identity)
        colors = {one.name: bin_colors(one) for one in recipe.bins}
        self.publisher.publish_recipe(recipe_message(recipe, self._identity, colors))

    def refresh_metrics(self) -> None:
        """Bring the line's metrics up to date."""
        self._metrics.set_frames(self.name, self._tally.frames)
        if self._camera is not None:
            self._metrics.set_camera(self.name, self._camera)
        self._metrics.set_connected(self.name, connected=self.publisher.connected)
        if self._eye is not None:
            self._eye.refresh_metrics()

    def publish_stats(self) -> None:
        """Publish the line's counts."""
        tally = self._tally
        stats = LineStats(
            products=tally.products.verdicts.total(),
            by_verdict=dict(tally.products.verdicts),
            by_branch=dict(tally.products.branches),
            by_bin=dict(tally.products.bins),
            frames=tally.frames,
            delivery=self.publisher.counts,
            latency=tally.latency(),
            camera=self._camera,
            triggers=None if self._eye is None else self._eye.stats,
            batch=tally.batch_counts(),
            history=self._parts.recipes.history_head,
        )
        self.publisher.publish_stats(stats_message(stats, self._identity, self._clock.wall_s()))
        self._parts.shadow_desk.publish()

    def say_farewell(self, end_s: float) -> None:
        """By ``end_s`` (monotonic): deliver what can be delivered, publish the last counts, go offline."""
        self._wait_for_confirms(end_s - _FAREWELL_S)
        self.publish_stats()
        self.publisher.close(self._state.farewell(), _FAREWELL_S)
        self._metrics.set_state(self.name, LineState.OFFLINE)
        self.refresh_metrics()
        _log.info("line %s is offline: the service was stopped", self.name)

    def _wait_for_confirms(self, end_s: float) -> None:
        """A diverter that has answered before may answer the last decisions too."""
        while self.publisher.connected and self._clock.monotonic_s() < end_s:
            counts = self.publisher.counts
            answered = counts.confirmed + counts.unconfirmed
            if not counts.waiting and (not answered or answered >= counts.acknowledged):
                return
            self._clock.wait_s(_POLL_S)
