"""Commands by what became of them, and which rows of the fail-safe table are active, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge

from sorter.outputs.command import Code, CommandName
from sorter.settings.fail_safe import FailSafeTable

_OTHER = "other"
_NAMES = {name.value for name in CommandName}
_CAUSES = tuple(FailSafeTable.model_fields)


class FailSafeMetrics:
    """Labels are bounded: a command or a cause that nobody knows is "other".

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._commands = Counter(
            "sorter_commands", "Commands by what became of them", ("line", "command", "code"), registry=registry
        )
        self._unanswerable = Counter(
            "sorter_command_responses_ignored",
            "Commands that asked for an answer on a topic where none may go",
            ("line",),
            registry=registry,
        )
        self._active = Gauge(
            "sorter_fail_safe_active",
            "1 while a row of the fail-safe table is active",
            ("line", "cause"),
            registry=registry,
        )

    def expect_line(self, line: str) -> None:
        """Show a line's figures from zero."""
        for name in CommandName:
            for code in Code:
                self._commands.labels(line, name.value, code.value)
        self._unanswerable.labels(line)
        self.set_active(line, ())

    def count_command(self, line: str, name: str, code: Code, count: int = 1) -> None:
        """A command was answered."""
        self._commands.labels(line, name if name in _NAMES else _OTHER, code.value).inc(count)

    def count_unanswerable(self, line: str) -> None:
        """A command asked for an answer where none may go."""
        self._unanswerable.labels(line).inc()

    def set_active(self, line: str, causes: Collection[str]) -> None:
        """Which rows are active."""
        for cause in _CAUSES:
            self._active.labels(line, cause).set(int(cause in causes))
        self._active.labels(line, _OTHER).set(int(any(cause not in _CAUSES for cause in causes)))
