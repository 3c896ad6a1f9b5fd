"""Totals that somebody else keeps, passed on to Prometheus counters."""

from __future__ import annotations

import threading

from prometheus_client import Counter


class RunningTotals:
    """Raises counters to totals that rise by themselves; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[tuple[str, tuple[str, ...]], float] = {}

    def pass_on(self, counter: Counter, *labels: str, total: float) -> None:
        """Raise a counter to ``total``; one below the last (of a line that was started again) begins anew."""
        key = (str(counter), labels)
        with self._lock:
            before = self._told.get(key, 0)
            child = counter.labels(*labels) if labels else counter
            child.inc(total - before if total >= before else total)
            self._told[key] = total
