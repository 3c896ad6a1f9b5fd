"""The ledger's counts as Prometheus reads them: a line's are all of one moment, so the sums hold in every scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sorter.outputs.conservation import Sums
from sorter.outputs.ledger import Ledger
from sorter.records import Verdict

_OUTCOMES = ("acknowledged", "expired", "dropped", "refused", "unknown")


class LedgerMetrics(Collector):
    """Asks each line's ledger once per scrape.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ledgers: dict[str, Ledger] = {}
        registry.register(self)

    def watch(self, line: str, ledger: Ledger) -> None:
        """Show a line's ledger; before the first scrape."""
        self._ledgers[line] = ledger

    def describe(self) -> Iterable[Metric]:
        """The families; nothing is asked for them."""
        return _families({})

    def collect(self) -> Iterator[Metric]:
        """The families with their samples."""
        yield from _families({line: ledger.sums for line, ledger in self._ledgers.items()})


def _families(lines: Mapping[str, Sums]) -> Iterator[Metric]:
    products = CounterMetricFamily("sorter_ledger_products", "Products seen", labels=("line",))
    verdicts = CounterMetricFamily("sorter_ledger_verdicts", "Products by verdict", labels=("line", "verdict"))
    decisions = CounterMetricFamily("sorter_ledger_decisions", "Decisions made", labels=("line",))
    deliveries = CounterMetricFamily(
        "sorter_ledger_deliveries", f"Decisions by outcome: {', '.join(_OUTCOMES)}", labels=("line", "outcome")
    )
    waiting = GaugeMetricFamily("sorter_ledger_waiting", "Decisions queued or on their way", labels=("line",))
    sent = CounterMetricFamily(
        "sorter_ledger_sent", "Decisions handed to the connection, and again after its loss", labels=("line",)
    )
    unread = CounterMetricFamily(
        "sorter_ledger_unread", "Acknowledged decisions that nobody reads, where the broker says so", labels=("line",)
    )
    closed = CounterMetricFamily(
        "sorter_ledger_closed", "Decisions by how the diverter closed them", labels=("line", "outcome")
    )
    strange = CounterMetricFamily(
        "sorter_ledger_strange_confirms",
        "Confirms that close nothing: repeated (or too late), stray (of no decision of ours), malformed",
        labels=("line", "kind"),
    )
    unaccounted = GaugeMetricFamily(
        "sorter_ledger_unaccounted",
        "Products without a verdict and decisions without an outcome: 0, or an alarm",
        labels=("line", "sum"),
    )
    for line, sums in lines.items():
        told = sums.delivery
        products.add_metric((line,), sums.products)
        for verdict in Verdict:
            verdicts.add_metric((line, verdict.value), sums.verdicts.get(verdict.value, 0))
        decisions.add_metric((line,), told.made)
        for outcome in _OUTCOMES:
            deliveries.add_metric((line, outcome), getattr(told, outcome))
        waiting.add_metric((line,), told.waiting)
        sent.add_metric((line,), told.sent)
        unread.add_metric((line,), told.unread)
        for ending, count in sums.closed.items():
            closed.add_metric((line, ending), count)
        strange.add_metric((line, "repeated"), told.repeated)
        strange.add_metric((line, "stray"), told.stray)
        strange.add_metric((line, "malformed"), sums.malformed_confirms)
        unaccounted.add_metric((line, "products"), sums.unaccounted_products)
        unaccounted.add_metric((line, "decisions"), sums.unaccounted_decisions)
    yield from (products, verdicts, decisions, deliveries, waiting, sent, unread, closed, strange, unaccounted)
