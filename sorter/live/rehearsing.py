"""The newest products of a line, kept to rehearse changes of its recipe on them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from pathlib import Path

from sorter.backtest.recorded import Recorded
from sorter.backtest.rehearsal import Rehearsal, rehearse
from sorter.errors import JournalError
from sorter.outputs.journal.recorded import newest_products
from sorter.outputs.messages import Message
from sorter.records import Decision
from sorter.settings.recipe import Recipe

_log = logging.getLogger(__name__)


class RecentProducts:
    """The readings of a line's newest products, some 4 kB each; safe between threads.

    Args:
        line: its name.
        most: so many products.
    """

    def __init__(self, line: str, most: int) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._products: deque[Recorded] = deque(maxlen=most)

    def note(self, decision: Decision, message: Message) -> None:
        """A product was decided; one of which nothing was read says nothing about a recipe."""
        if decision.evidence is None or not decision.evidence.readings:
            return
        with self._lock:
            self._products.append(Recorded.of_message(message, decision.decided_at_s, decision.evidence.readings))

    def begin_with(self, journal: Path) -> None:
        """Those that were decided before the service was started again, as a journal tells."""
        try:
            older = newest_products(journal, self._line, self._products.maxlen or 0)
        except JournalError as error:
            _log.info("changes of the recipe of line %s are rehearsed on new products only: %s", self._line, error)
            return
        with self._lock:
            newer = list(self._products)
            self._products.clear()
            self._products.extend([*(one for one in older if one.readings), *newer])

    def rehearse(self, before: Recipe, after: Recipe) -> Rehearsal | None:
        """What a recipe would change against the one before; None where there are no products to try it on."""
        with self._lock:
            products = list(self._products)
        return rehearse(products, after, before) if products else None
