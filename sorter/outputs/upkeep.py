"""A thread that looks after a connection while nothing happens on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)

_EVERY_S = 0.25


class Upkeep:
    """Calls ``look`` several times a second until closed; a fault in it is told and does not end it.

    Args:
        name: of the thread.
        look: may take long.
    """

    def __init__(self, name: str, look: Callable[[], None]) -> None:
        self._look = look
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Begin no other look; the one under way goes on."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                self._look()
            except Exception:  # noqa: BLE001 - logged; the next look may go well
                _log.exception("a fault in looking after the connection; it goes on")
