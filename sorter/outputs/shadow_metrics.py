"""How often a shadow recipe agrees with the recipe in force, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from sorter.outputs.shadow import Comparison


class ShadowMetrics:
    """The shadow recipes' metrics: each product is counted once, under one outcome.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._products = Counter(
            "sorter_shadow_products",
            "Products by what the shadow recipe says beside the recipe in force: agrees, disagrees (same branch), "
            "rerouted (another branch), not_compared",
            ("line", "outcome"),
            registry=registry,
        )

    def expect_line(self, line: str) -> None:
        """Show a line's counters from zero: it has a shadow recipe now."""
        for comparison in Comparison:
            self._products.labels(line, comparison.value)

    def count(self, line: str, comparison: Comparison) -> None:
        """One product was decided beside a shadow recipe."""
        self._products.labels(line, comparison.value).inc()
