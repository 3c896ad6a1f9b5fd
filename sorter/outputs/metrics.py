"""Prometheus metrics: base units, and labels bounded by configuration (never product, color or client id)."""

from __future__ import annotations

import threading
from dataclasses import fields

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

from sorter.line_reports import CameraReport
from sorter.outputs.camera_metrics import CameraMetrics
from sorter.outputs.messages import LineState
from sorter.outputs.running_totals import RunningTotals
from sorter.outputs.stats import FrameCounts
from sorter.records import Decision, RecipeId, Verdict

_AGE_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_PROCESSING_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5)
_FATES = tuple(field.name for field in fields(FrameCounts))


class Metrics:
    """What the service counts and measures, as Prometheus reads it.

    Args:
        registry: where the metrics are registered; a fresh one for each service.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._totals = RunningTotals()
        self._recipes: dict[str, RecipeId] = {}
        ProcessCollector(registry=registry)
        self._decisions = Counter(
            "sorter_decisions", "Products decided", ("line", "verdict", "branch"), registry=registry
        )
        self._products = Counter("sorter_products", "Products routed", ("line", "bin"), registry=registry)
        self._frames = Counter(
            "sorter_frames", f"Frames by fate: {', '.join(_FATES)}", ("line", "fate"), registry=registry
        )
        self._undecided = Counter(
            "sorter_undecided", "Seen, not decided: vanished, intruder", ("line", "kind"), registry=registry
        )
        self._age = Histogram(
            "sorter_decision_age_seconds",
            "From the picture to the decision",
            ("line",),
            buckets=_AGE_BUCKETS_S,
            registry=registry,
        )
        self._processing = Histogram(
            "sorter_processing_seconds",
            "Time one frame took after decoding",
            ("line",),
            buckets=_PROCESSING_BUCKETS_S,
            registry=registry,
        )
        self._state = Gauge("sorter_line_state", "1 for the line's state", ("line", "state"), registry=registry)
        self._restarts = Counter(
            "sorter_line_restarts", "Times a line's process was started again", ("line",), registry=registry
        )
        self._connected = Gauge("sorter_mqtt_connected", "1 while the broker accepts us", ("line",), registry=registry)
        self._camera = CameraMetrics(registry)
        self._build = Info("sorter_build", "The running program", registry=registry)
        self._recipe = Gauge(
            "sorter_recipe_info", "The recipe in force", ("line", "name", "revision", "hash"), registry=registry
        )

    def describe_build(self, version: str, python: str) -> None:
        """Say which program runs."""
        self._build.info({"version": version, "python": python})

    def expect_line(self, line: str) -> None:
        """Show a line's counters from zero, so that the first increase is seen as one."""
        for fate in _FATES:
            self._frames.labels(line, fate)
        self._restarts.labels(line)
        self.set_connected(line, connected=False)
        self.set_state(line, LineState.STARTING)

    def count_decision(self, line: str, decision: Decision) -> None:
        """One product was decided."""
        self._decisions.labels(line, decision.verdict.value, decision.branch).inc()
        if decision.verdict is Verdict.ROUTED and decision.match is not None:
            self._products.labels(line, decision.match.bin).inc()
        self._age.labels(line).observe(decision.decided_at_s - decision.captured_at_s)

    def observe_processing(self, line: str, duration_s: float) -> None:
        """One frame was processed."""
        self._processing.labels(line).observe(duration_s)

    def set_frames(self, line: str, totals: FrameCounts) -> None:
        """Pass on a line's running totals; one below the last (a line that was started again) begins anew."""
        for fate in _FATES:
            self._totals.pass_on(self._frames, line, fate, total=getattr(totals, fate))

    def set_camera(self, line: str, camera: CameraReport) -> None:
        """How a live source does."""
        self._camera.set(line, camera)

    def set_undecided(self, line: str, *, vanished: int, intruders: int) -> None:
        """Pass on a line's running totals of what it saw and did not decide."""
        self._totals.pass_on(self._undecided, line, "vanished", total=vanished)
        self._totals.pass_on(self._undecided, line, "intruder", total=intruders)

    def set_state(self, line: str, state: LineState) -> None:
        """1 for this state, 0 for the others."""
        for other in LineState:
            self._state.labels(line, other.value).set(int(other is state))

    def count_restart(self, line: str) -> None:
        """A line's process ended unasked and was started again."""
        self._restarts.labels(line).inc()

    def set_connected(self, line: str, *, connected: bool) -> None:
        """Whether the line's connection to the broker stands."""
        self._connected.labels(line).set(int(connected))

    def set_recipe(self, line: str, recipe: RecipeId) -> None:
        """The recipe in force; the one before is no longer shown, so the labels do not pile up."""
        with self._lock:
            before = self._recipes.get(line)
            if before is not None and before != recipe:
                self._recipe.remove(line, before.name, str(before.revision), before.hash)
            self._recipes[line] = recipe
            self._recipe.labels(line, recipe.name, str(recipe.revision), recipe.hash).set(1)
