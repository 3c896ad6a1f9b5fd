"""What the service tells a line's process, as the line asks for it."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from sorter.line_reports import NewRecipe, Stop
from sorter.settings.recipe import Recipe


class Orders:
    """Reads `line_reports.Order` from the pipe; its end means stop.

    Args:
        pipe: to the service.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._stopped = False
        self._recipe: Recipe | None = None

    def stop_within(self, duration_s: float) -> bool:
        """Wait for the order to stop, at most so many seconds; whether it has come. A recipe is kept meanwhile."""
        end_s = time.monotonic() + duration_s
        while not self._stopped and self._pipe.poll(max(0.0, end_s - time.monotonic())):
            self._read()
        return self._stopped

    def new_recipe(self) -> Recipe | None:
        """The newest recipe that came since the last call."""
        recipe, self._recipe = self._recipe, None
        return recipe

    def _read(self) -> None:
        try:
            order = self._pipe.recv()
        except (EOFError, OSError):  # the service is gone
            order = Stop()
        if isinstance(order, NewRecipe):
            self._recipe = order.recipe
        else:
            self._stopped = True
