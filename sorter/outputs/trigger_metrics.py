"""What is counted and measured with a photo-eye, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sorter.outputs.stats import TriggerStats

_LATE_BUCKETS_S = (-0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""A picture's time may be too early, too: a camera's clock that is ahead, or an eye nearer than its settings say."""
_GLASS_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_OUTCOMES = ("matched", "without_product", "malformed", "refused")


class TriggerMetrics:
    """Only lines with an eye are shown.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._triggers = Counter(
            "sorter_triggers",
            "Triggers by what became of them: matched, without_product, malformed, refused",
            ("line", "outcome"),
            registry=registry,
        )
        self._without_trigger = Counter(
            "sorter_products_without_trigger", "Products that the eye did not announce", ("line",), registry=registry
        )
        self._late = Histogram(
            "sorter_eye_to_picture_seconds",
            "When the pictures say that a product crossed, less when the eye says so",
            ("line",),
            buckets=_LATE_BUCKETS_S,
            registry=registry,
        )
        self._glass = Histogram(
            "sorter_glass_to_decision_seconds",
            "From the product before the lens to the decision, as an eye measures it",
            ("line",),
            buckets=_GLASS_BUCKETS_S,
            registry=registry,
        )
        self._speed = Gauge("sorter_belt_speed_meters_per_second", "As the encoder tells", ("line",), registry=registry)
        self._told: dict[tuple[str, str], int] = {}

    def expect_line(self, line: str) -> None:
        """Show a line's counters from zero, so that the first increase is seen as one."""
        for outcome in _OUTCOMES:
            self._triggers.labels(line, outcome)
        self._without_trigger.labels(line)
        self._late.labels(line)
        self._glass.labels(line)

    def set_totals(self, line: str, totals: TriggerStats) -> None:
        """Pass on a line's running totals, and its belt's speed where it is measured."""
        for outcome in _OUTCOMES:
            self._pass_on(self._triggers.labels(line, outcome), (line, outcome), getattr(totals, outcome))
        self._pass_on(self._without_trigger.labels(line), (line, ""), totals.products_without_trigger)
        if totals.belt_speed_mm_per_s is not None:
            self._speed.labels(line).set(totals.belt_speed_mm_per_s / 1000)

    def observe_match(self, line: str, late_s: float, age_s: float) -> None:
        """One product was matched.

        Args:
            line: its line.
            late_s: how late the time of its picture is.
            age_s: from that time to the decision.
        """
        self._late.labels(line).observe(late_s)
        self._glass.labels(line).observe(max(0.0, age_s + late_s))

    def _pass_on(self, counter: Counter, key: tuple[str, str], total: int) -> None:
        counter.inc(total - self._told.get(key, 0))
        self._told[key] = total
