"""How the journal does, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from sorter.outputs.journal.counts import JournalCounts
from sorter.outputs.running_totals import RunningTotals


class JournalMetrics:
    """The journal's metrics.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._totals = RunningTotals()
        self._written = Counter("sorter_journal_written", "Written down", ("what",), registry=registry)
        self._lost = Counter(
            "sorter_journal_lost",
            "Decisions, steps and events not written: dropped where too many waited, failed where they could not be",
            ("how",),
            registry=registry,
        )
        self._thinned = Counter(
            "sorter_journal_thinned", "Decisions written without pixels, since too many waited", registry=registry
        )
        self._waiting = Gauge("sorter_journal_waiting", "Decisions, steps and events to be written", registry=registry)
        self._size = Gauge("sorter_journal_size_bytes", "Of all the journal's files", registry=registry)
        self._oldest = Gauge(
            "sorter_journal_oldest_timestamp_seconds",
            "When the oldest decision that is kept was made; 0 where there is none",
            registry=registry,
        )

    def set(self, counts: JournalCounts) -> None:
        """Take the journal's newest counts."""
        self._totals.pass_on(self._written, "decisions", total=counts.decisions)
        self._totals.pass_on(self._written, "steps", total=counts.steps)
        self._totals.pass_on(self._written, "events", total=counts.events)
        self._totals.pass_on(self._lost, "dropped", total=counts.dropped)
        self._totals.pass_on(self._lost, "failed", total=counts.failed)
        self._totals.pass_on(self._thinned, total=counts.thinned)
        self._waiting.set(counts.waiting)
        self._size.set(counts.size_bytes)
        self._oldest.set(counts.oldest_wall_s or 0.0)
