"""How log lines look, the same in the service and in its lines' processes."""

from __future__ import annotations

import logging


def set_up_log(level: int) -> None:
    """Write log lines of this level and above to standard error, with their time."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
