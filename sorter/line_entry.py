"""A line's process from its first to its last step, and what the service tells it meanwhile."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from importlib import import_module
from multiprocessing.connection import Connection

from sorter.capture.clock import SystemClock
from sorter.capture.feed import HangingError
from sorter.capture.source import open_source
from sorter.line import Line, SourceOpener, configure_threads
from sorter.line_reports import LineJob, Rules, Stop

_log = logging.getLogger(__name__)


class Orders:
    """Reads `line_reports.Order` from the pipe; its end means stop.

    Args:
        pipe: to the service.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._stopped = False
        self._rules: Rules | None = None

    def stop_within(self, duration_s: float) -> bool:
        """Wait for the order to stop, at most so many seconds; whether it has come. Rules are kept meanwhile."""
        end_s = time.monotonic() + duration_s
        while not self._stopped and self._pipe.poll(max(0.0, end_s - time.monotonic())):
            self._read()
        return self._stopped

    def new_rules(self) -> Rules | None:
        """The newest rules that came since the last call."""
        rules, self._rules = self._rules, None
        return rules

    def _read(self) -> None:
        try:
            order = self._pipe.recv()
        except (EOFError, OSError):  # the service is gone
            order = Stop()
        if isinstance(order, Rules):
            self._rules = order
        else:
            self._stopped = True


def _load_clustering() -> None:
    """Import what the first decision needs while the belt is being learned: it takes a second on a small machine."""
    for name in ("scipy.optimize", "sklearn.cluster"):
        import_module(name)


def run_line_process(job: LineJob, pipe: Connection, open_from: SourceOpener = open_source) -> None:
    """Be a line's process: down the pipe come `line_reports.Order`; its end means stop.

    Ctrl-C reaches the whole process group; only the service acts on it, and tells its lines.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure_threads()
    loading = threading.Thread(target=_load_clustering, name="load", daemon=True)
    loading.start()
    orders = Orders(pipe)
    line = Line(
        job,
        SystemClock(),
        pipe.send,
        orders.stop_within,
        lambda: not loading.is_alive(),
        orders.new_rules,
        open_from,
    )
    try:
        line.run()
    except (BrokenPipeError, ConnectionResetError):
        _log.debug("the service is gone; the line stops")
    except HangingError as error:
        _log.error("line %s: %s; its process ends, to be started again", job.settings.name, error)
        os._exit(1)  # an orderly end would wait for what hangs
    except Exception:  # noqa: BLE001 - logged, and told by the exit code
        # The service starts the line again, so whoever is to mend the fault has only the log to go by.
        _log.exception("line %s ends by a fault of the program", job.settings.name)
        sys.exit(1)
