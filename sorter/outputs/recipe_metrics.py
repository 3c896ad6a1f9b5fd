"""What became of recipes that were changed while the sorter ran, as Prometheus reads it."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


class Fate(StrEnum):
    """What became of a changed recipe."""

    LIVE = "live"
    REFUSED = "refused"
    """It is mistaken."""
    HELD = "held"
    """It waits until a person confirms it."""
    REJECTED = "rejected"
    """A person does not want it."""


class RecipeMetrics:
    """One line each.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._changes = Counter(
            "sorter_recipe_changes",
            f"Changed recipes by what became of them: {', '.join(Fate)}",
            ("line", "fate"),
            registry=registry,
        )
        self._file_right = Gauge(
            "sorter_recipe_file_right",
            "1 while the recipe file could be in force, 0 while it is refused",
            ("line",),
            registry=registry,
        )
        self._waits = Gauge(
            "sorter_recipe_waits", "1 while a changed recipe waits to be confirmed", ("line",), registry=registry
        )

    def expect_line(self, line: str) -> None:
        """Show a line's figures from zero."""
        for fate in Fate:
            self._changes.labels(line, fate.value)
        self.set_standing(line, is_right=True, waits=False)

    def count(self, line: str, fate: Fate) -> None:
        """A recipe was changed."""
        self._changes.labels(line, fate.value).inc()

    def set_standing(self, line: str, *, is_right: bool, waits: bool) -> None:
        """How the line's recipe file stands."""
        self._file_right.labels(line).set(int(is_right))
        self._waits.labels(line).set(int(waits))
