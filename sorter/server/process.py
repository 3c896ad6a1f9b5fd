"""The palette server beside the lines: a process of its own that is started again when it dies, and ends with us."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from sorter.errors import ConfigurationError, SorterError
from sorter.line_process import stop_signals_held
from sorter.logs import set_up_log
from sorter.ports import Clock
from sorter.settings.palettes import ServerSettings

_log = logging.getLogger(__name__)

_RESTART_WAIT_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_STEADY_S = 60.0
"""One that has lived this long starts with a clean slate."""
_END_WAIT_S = 0.5
_NICENESS = 10
"""The lines come first, whatever strangers send."""
_NEEDED = ("swagger_ui_bundle", "python_multipart", "sorter.server.running")

BeServer = Callable[[ServerSettings, Connection, int], None]
"""Takes settings, a pipe whose end means stop, and the level of the log."""


def serve(settings: ServerSettings, stop_requested: Callable[[], bool]) -> None:
    """Be the server, see `running.run_server`.

    Raises:
        SorterError: packages that it needs are not installed.
        ConfigurationError: nothing can listen there, or there is no such folder.
    """
    try:
        *_, running = map(import_module, _NEEDED)
    except ImportError as error:
        remedy = 'install them with pip install "conveyor-color-sorter[server]"'
        raise SorterError(f"the palette server needs packages that are missing ({error.name}): {remedy}") from error
    running.run_server(settings, stop_requested)


class PaletteProcess:
    """Keeps the palette server's process alive; never waits for it, and nothing of it is raised here.

    Args:
        settings: whether there is one, and how.
        base: the folder that its relative paths start from.
        clock: time.
        be_server: what the process runs; must be importable there.
    """

    def __init__(self, settings: ServerSettings, base: Path, clock: Clock, be_server: BeServer | None = None) -> None:
        paths = {"folder": settings.folder, "index": settings.index}
        meant = {key: None if path is None else str((base / path).absolute()) for key, path in paths.items()}
        self._settings = settings.model_copy(update=meant)
        self._clock = clock
        self._be_server = be_server or _be_server
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._failures = 0
        self._started_at_s = 0.0
        self._start_at_s: float | None = clock.monotonic_s() if settings.enabled else None

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._process is None else self._process.pid

    def look(self) -> None:
        """Start it, where it is wanted and its time has come; notice its death."""
        if self._process is not None and not self._process.is_alive():
            code = self._process.exitcode
            self._plan(f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}")
        if self._start_at_s is not None and self._clock.monotonic_s() >= self._start_at_s:
            self._start_at_s = None
            self._started_at_s = self._clock.monotonic_s()
            try:
                self._spawn()
            except OSError as error:  # no memory, no file or no process number is left
                self._plan(f"could not be started ({error.strerror})")

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._pipe = context.Pipe(duplex=False)
        arguments = (self._settings, theirs, logging.getLogger().getEffectiveLevel())
        # No daemon: those may have no processes of their own.
        process = context.Process(target=self._be_server, args=arguments, name="palettes", daemon=False)
        with theirs, stop_signals_held():
            process.start()
        self._process = process

    def _plan(self, reason: str) -> None:
        """The next start, later after each failure."""
        self._bury()
        if self._clock.monotonic_s() - self._started_at_s > _STEADY_S:
            self._failures = 0
        wait_s = _RESTART_WAIT_S[min(self._failures, len(_RESTART_WAIT_S) - 1)]
        self._failures += 1
        self._start_at_s = self._clock.monotonic_s() + wait_s
        _log.error("the palette server %s; starting it again in %g s", reason, wait_s)

    def ask_to_stop(self) -> None:
        """Tell it to end: it has two seconds for what it is answering."""
        self._start_at_s = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def end(self) -> None:
        """End it whatever it does; safe to call twice."""
        self.ask_to_stop()
        self._bury()

    def _bury(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.join(_END_WAIT_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(_END_WAIT_S)
            self._process = None


def _be_server(settings: ServerSettings, pipe: Connection, log_level: int) -> None:
    """Run in the server's own process. Ctrl-C reaches the whole process group; only the service acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    set_up_log(log_level)
    os.nice(_NICENESS)
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(pipe, stop), name="stop", daemon=True).start()
    try:
        serve(settings, stop.is_set)
    except ConfigurationError as error:
        _log.error("the palette server cannot run: %s", "; ".join(one.sentence for one in error.mistakes))
        sys.exit(error.exit_code)
    except SorterError as error:
        _log.error("%s", error)
        sys.exit(error.exit_code)


def _wait_for_end(pipe: Connection, stop: threading.Event) -> None:
    try:
        pipe.recv_bytes()
    except (EOFError, OSError):  # the service has closed it, or is gone itself
        stop.set()
