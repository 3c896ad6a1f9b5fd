"""Build, supervise, stop: the only file that knows every part."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import wait as wait_for_any

from prometheus_client import CollectorRegistry

from sorter import __version__
from sorter.errors import ConfigurationError, JournalError
from sorter.line_desk import LineDesk
from sorter.line_parts import LineParts, Listeners, TroubleSource
from sorter.line_process import LineProcess
from sorter.line_reports import LineJob
from sorter.live.site_recipes import SiteRecipes
from sorter.outputs.command_inbox import CommandInbox
from sorter.outputs.fail_safe import sorter_lost
from sorter.outputs.fail_safe_metrics import FailSafeMetrics
from sorter.outputs.http import MetricsServer
from sorter.outputs.journal.site import make_journal
from sorter.outputs.journal_metrics import JournalMetrics
from sorter.outputs.ledger import Ledger
from sorter.outputs.ledger_metrics import LedgerMetrics
from sorter.outputs.messages import LineIdentity, Synchronization
from sorter.outputs.metrics import Metrics
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.shadow_metrics import ShadowMetrics
from sorter.outputs.steps import NoRecorder
from sorter.outputs.trigger_metrics import TriggerMetrics
from sorter.outputs.wall_clock import AnchoredClock, read_synchronization
from sorter.ports import Clock
from sorter.recipe_desk import shadow_beside
from sorter.server.process import PaletteProcess
from sorter.settings.load import Loaded, Project
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings, PhotoEyeTrigger, SimulatorSource, SiteSettings
from sorter.shadow_desk import ShadowDesk
from sorter.trigger_desk import TriggerDesk

_TICK_S = 0.1
_METRICS_EVERY_S = 0.25
_STATS_EVERY_S = 5.0
_STOP_LINES_S = 1.5
_STOP_S = 2.5
"""Of the three seconds a stop may take; the rest is for the interpreter to end."""
_JOURNAL_STOP_S = 0.3
"""For the last steps, of which the farewell is told."""
_HEALTHY_S = 2.0


class Service:
    """All lines of a site, with MQTT and metrics around them.

    Args:
        project: checked settings and recipes.
        clock: time.
        boot_id: never the same for two runs.
        listeners: who else wants to know of decisions and heartbeats.
        synchronization: asks what the system says of its clock.
        make_process: makes the process of a line.
        troubles: beyond its own parts, what may be in trouble.

    Raises:
        ConfigurationError: the broker's password or certificate cannot be read.
    """

    def __init__(  # noqa: PLR0913 - what differs between a plant, a demo and a self-test
        self,
        project: Project,
        clock: Clock,
        boot_id: str,
        listeners: Listeners | None = None,
        *,
        synchronization: Callable[[], Synchronization] = read_synchronization,
        make_process: Callable[[LineJob, Clock], LineProcess] = LineProcess,
        troubles: Sequence[TroubleSource] = (),
    ) -> None:
        self._project = project
        required = project.site.value.require_synchronized_clock
        self._clock = AnchoredClock(clock, synchronization, require_synchronized=required)
        self._registry = CollectorRegistry()
        self._metrics = Metrics(self._registry)
        self._trigger_metrics = TriggerMetrics(self._registry)
        self._ledger_metrics = LedgerMetrics(self._registry)
        self._journal_metrics = JournalMetrics(self._registry)
        self._fail_safe_metrics = FailSafeMetrics(self._registry)
        self._shadow_metrics = ShadowMetrics(self._registry)
        self._journal = make_journal(project.site.value.journal, project.base, os.environ, self._clock)
        self._make_process = make_process
        recipes = self._recipes = SiteRecipes(project, os.environ, self._registry, self._clock)
        self._troubles = (*troubles, *self._journal_troubles(), lambda: recipes.troubles)
        self._listeners = listeners or Listeners()
        lines = enumerate(project.site.value.lines)
        self._desks = [self._make_desk(index, settings, boot_id) for index, settings in lines]
        self._palettes = PaletteProcess(project.site.value.palettes, project.base, clock)
        self._server: MetricsServer | None = None
        self._ticked_at_s = clock.monotonic_s()
        self._metrics_at_s = clock.monotonic_s()
        self._stats_at_s = clock.monotonic_s() + _STATS_EVERY_S

    def _make_desk(self, index: int, settings: LineSettings, boot_id: str) -> LineDesk:
        site = self._project.site
        recipe = self._project.recipes[settings.name].value
        simulated = isinstance(settings.source, SimulatorSource)
        identity = LineIdentity(site.value.site, settings.name, boot_id, simulated)
        place = site.place("lines", index, "region")
        loaded_shadow = shadow_beside(recipe, self._project.shadows.get(settings.name))
        shadow = None if loaded_shadow is None else loaded_shadow.value
        job = LineJob(settings, recipe, self._project.base, place, keep_evidence=self._keeps_evidence, shadow=shadow)
        ledger = Ledger(self._clock, self._journal, confirmation=settings.confirmation)
        self._ledger_metrics.watch(settings.name, ledger)
        eye = self._make_eye(settings, recipe)
        commands = CommandInbox()
        with _told_with_place(site):
            publisher = LinePublisher(
                identity,
                site.value.mqtt,
                self._clock,
                ledger,
                self._project.base,
                on_trigger=None if eye is None else eye.hear,
                on_command=commands.hear,
                when_lost=sorter_lost(settings.fail_safe, recipe.fallback.invalid),
            )
        shadows = ShadowDesk(identity, publisher, self._shadow_metrics, self._clock)
        shadows.use(recipe, shadow)
        parts = LineParts(
            identity,
            settings,
            self._recipes.lines[settings.name],
            self._project.recipes[settings.name].path.parent,
            loaded_shadow,
            self._recipes.pauses,
            self._make_process(job, self._clock),
            publisher,
            commands,
            shadows,
            eye,
            self._troubles,
            (lambda _recipe: None) if self._journal is None else self._journal.remember,
            self._journal or NoRecorder(),
        )
        return LineDesk(parts, self._metrics, self._fail_safe_metrics, self._clock, self._listeners)

    def _journal_troubles(self) -> tuple[TroubleSource, ...]:
        journal = self._journal
        return () if journal is None else (lambda: journal.troubles,)

    @property
    def _keeps_evidence(self) -> bool:
        journal = self._project.site.value.journal
        return journal.enabled and (journal.keep_pixels or journal.keep_thumbnails or journal.keep_readings)

    def _make_eye(self, settings: LineSettings, recipe: Recipe) -> TriggerDesk | None:
        trigger = settings.trigger
        if not isinstance(trigger, PhotoEyeTrigger):
            return None
        return TriggerDesk(settings, trigger, recipe.fallback.late, self._trigger_metrics, self._clock)

    @property
    def metrics_port(self) -> int | None:
        """Where the metrics listen; None before `run`."""
        return None if self._server is None else self._server.port

    @property
    def refusals(self) -> Sequence[str]:
        """Sentences of the lines whose settings were refused."""
        return [desk.refusal for desk in self._desks if desk.refusal is not None]

    @property
    def line_states(self) -> dict[str, str]:
        """Each line's last state while the service ran, and why."""
        return {desk.name: desk.state_words for desk in self._desks}

    @property
    def confirmed(self) -> int:
        """Decisions that the diverters have answered."""
        return sum(desk.publisher.counts.confirmed for desk in self._desks)

    @property
    def pids(self) -> dict[str, int | None]:
        """Process ids of the lines, by name."""
        return {desk.name: desk.process.pid for desk in self._desks}

    def run(self, stop_requested: Callable[[], bool]) -> None:
        """Work until ``stop_requested`` answers yes or no line has anything left to do; then stop cleanly.

        Raises:
            ConfigurationError: the metrics address cannot be listened on; nothing was started then. Or a file that was
                changed is mistaken, and the settings ask to end for that.
            JournalError: another process writes this journal, a newer version wrote it, or it is no journal; likewise.
        """
        self._server = self._serve_metrics()
        self._start_journal(self._server)
        self._metrics.describe_build(__version__, platform.python_version())
        self._recipes.start()
        try:
            for desk in self._desks:
                desk.start()
            while not stop_requested() and not all(desk.process.done for desk in self._desks):
                self._tick()
                if self._recipes.fatal is not None:
                    raise self._recipes.fatal
        finally:
            self._stop()

    def _start_journal(self, server: MetricsServer) -> None:
        if self._journal is not None:
            try:
                self._journal.start()
            except JournalError:
                server.close()
                raise

    def _serve_metrics(self) -> MetricsServer:
        metrics = self._project.site.value.metrics
        with _told_with_place(self._project.site):
            return MetricsServer(metrics.host, metrics.port, self._registry, self._healthy, self._ready)

    def _tick(self) -> None:
        pipes = [desk.process.pipe for desk in self._desks if desk.process.pipe is not None]
        if pipes:
            wait_for_any(pipes, timeout=_TICK_S)
        else:
            self._clock.wait_s(_TICK_S)
        self._clock.look()
        self._palettes.look()
        now_s = self._clock.monotonic_s()
        wanted = self._recipes.take()
        for desk in self._desks:
            if desk.name in wanted:
                desk.want(wanted[desk.name])
            desk.listen()
            if now_s >= self._metrics_at_s:
                desk.refresh_metrics()
            if now_s >= self._stats_at_s:
                desk.publish_stats()
        if now_s >= self._metrics_at_s:
            if self._journal is not None:
                self._journal_metrics.set(self._journal.counts)
            self._metrics_at_s = now_s + _METRICS_EVERY_S
        if now_s >= self._stats_at_s:
            self._stats_at_s = now_s + _STATS_EVERY_S
        self._ticked_at_s = now_s

    def _stop(self) -> None:
        """Within three seconds: lines decide what they have, the broker hears of it, the state goes offline."""
        end_s = self._clock.monotonic_s() + _STOP_S
        self._palettes.ask_to_stop()
        with ExitStack() as last:  # each is done whatever becomes of those before it
            last.callback(self._palettes.end)
            if self._server is not None:
                last.callback(self._server.close)
            if self._journal is not None:
                last.callback(self._journal.close, end_s + _JOURNAL_STOP_S)
            last.callback(self._recipes.close, end_s + _JOURNAL_STOP_S)
            last.callback(self._say_farewell, end_s)
            last.callback(self._end_lines)
            self._let_lines_finish(end_s - _STOP_S + _STOP_LINES_S)

    def _let_lines_finish(self, end_s: float) -> None:
        for desk in self._desks:
            desk.process.ask_to_stop()
        while any(desk.process.pipe is not None for desk in self._desks) and self._clock.monotonic_s() < end_s:
            self._tick()

    def _end_lines(self) -> None:
        for desk in self._desks:
            desk.process.end()

    def _say_farewell(self, end_s: float) -> None:
        with ThreadPoolExecutor(max_workers=max(len(self._desks), 1)) as pool:
            list(pool.map(lambda desk: desk.say_farewell(end_s), self._desks))

    def _healthy(self) -> tuple[bool, str]:
        silent_s = self._clock.monotonic_s() - self._ticked_at_s
        return silent_s < _HEALTHY_S, f"the service last looked after its lines {silent_s:.1f} s ago"

    def _ready(self) -> tuple[bool, str]:
        lacking = [f"line {desk.name} is {desk.state_words}" for desk in self._desks if not desk.running]
        for desk in self._desks:
            if not desk.publisher.connected:
                why = "; ".join(desk.publisher.troubles.values())
                lacking.append(f"line {desk.name} has no broker" + (f": {why}" if why else ""))
        return not lacking, "; ".join(lacking) or "every line runs and has its broker"


@contextmanager
def _told_with_place(site: Loaded[SiteSettings]) -> Iterator[None]:
    """Whoever finds these mistakes knows the key, but not where in the settings file it stands."""
    try:
        yield
    except ConfigurationError as error:
        mistakes = [site.mistake(one.sentence, *one.place.split(".")) for one in error.mistakes]
        raise ConfigurationError(mistakes) from error
