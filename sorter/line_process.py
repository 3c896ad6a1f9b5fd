"""A line's process as the service sees it: started, listened to, and started again when it falls silent or dies."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from sorter.line_reports import LineJob, LineStatus, Order, Report, Rules, Stop
from sorter.logs import set_up_log
from sorter.ports import Clock
from sorter.records import Decision
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings

_log = logging.getLogger(__name__)

_SILENCE_S = 5.0
"""A line that says nothing for this long hangs in native code: its heartbeat is four a second."""
_OPENING_SILENCE_S = 30.0
"""Importing the numeric libraries from a cold, slow disk takes its time."""
_RESTART_WAIT_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_S = 60.0
"""A process that has lived this long starts with a clean slate."""
_END_WAIT_S = 1.0
"""How long the end of a process is waited for."""


BeLine = Callable[[LineJob, Connection, int], None]
"""Takes the job, the pipe to the service, and the level of the log."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The line's process died or was killed for its silence; it will be started again."""

    reason: str


class LineProcess:
    """Keeps one line's process alive.

    Args:
        job: what the line does; its next product number moves on with its decisions.
        clock: time.
        be_line: what the process runs; must be importable there.
    """

    def __init__(self, job: LineJob, clock: Clock, be_line: BeLine | None = None) -> None:
        self._be_line = be_line or _be_line
        self._job = job
        self._clock = clock
        self._process: SpawnProcess | None = None
        self._heard_at_s = 0.0
        self._started_at_s = 0.0
        self._patience_s = _OPENING_SILENCE_S
        self._failures = 0
        self._start_at_s: float | None = None
        self._stillborn: str | None = None
        """Why no process could be started."""
        self.pipe: Connection | None = None
        """Readable when the line has something to say; None while no process runs."""
        self.restarts = 0
        self._rules_on_their_way = False
        """Sent, and not yet told by the line to be in force."""
        self.done = False
        """The line has said its last word: the film ended or its settings were refused."""

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process; where the system refuses, `listen` tells it and tries again."""
        self._started_at_s = self._heard_at_s = self._clock.monotonic_s()
        self._patience_s = _OPENING_SILENCE_S
        self._start_at_s = None
        try:
            self._spawn()
        except OSError as error:  # no memory, no file or no process number is left
            self._stillborn = f"could not be started ({error.strerror})"

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe(duplex=True)
        name = f"line-{self._job.settings.name}"
        arguments = (self._job, theirs, logging.getLogger().getEffectiveLevel())
        process = context.Process(target=self._be_line, args=arguments, name=name, daemon=True)
        with theirs, stop_signals_held():
            process.start()
        self._process = process

    def listen(self) -> Iterator[Report | Lost]:
        """What the line said since the last call; notices its death and its silence, and starts it again."""
        reason, self._stillborn = self._stillborn, None
        if reason is None:
            gone = yield from self._hear()
            reason = self._epitaph() if gone else self._kill_if_silent()
        if reason is not None:
            yield from self._lose(reason)
        if self._start_at_s is not None and self._clock.monotonic_s() >= self._start_at_s:
            self.restarts += 1
            self.start()

    def _hear(self) -> Generator[Report, None, bool]:
        """What waits in the pipe; whether the pipe has ended, and the process with it."""
        pipe = self.pipe
        try:
            while pipe is not None and pipe.poll():
                report: Report = pipe.recv()
                self._take(report)
                yield report
        except (EOFError, OSError):  # the latter where it was killed in the middle of a word
            return True
        return False

    def _take(self, report: Report) -> None:
        self._heard_at_s = self._clock.monotonic_s()
        if isinstance(report, Decision):
            self._job = replace(self._job, first_product=report.product + 1)
            return
        if report.rules == self._job.rules:
            self._rules_on_their_way = False
        # A camera is opened in a thread of its own: from its first word on a line has no reason to be silent.
        self._patience_s = _SILENCE_S
        self.done = self.done or report.status in {LineStatus.ENDED, LineStatus.REFUSED}

    def _kill_if_silent(self) -> str | None:
        silent_s = self._clock.monotonic_s() - self._heard_at_s
        if self.pipe is None or silent_s <= self._patience_s:
            return None
        self._kill()
        return f"said nothing for {silent_s:.0f} s and was killed"

    def _epitaph(self) -> str:
        process = self._process
        if process is None:
            return "is gone"
        process.join(_END_WAIT_S)
        code = process.exitcode
        return f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"

    def _lose(self, reason: str) -> Iterator[Lost]:
        """The process is gone; plan the next one, unless the line had said its last word."""
        self._bury()
        if self.done:
            return
        if self._clock.monotonic_s() - self._started_at_s > _STEADY_S:
            self._failures = 0
        wait_s = _RESTART_WAIT_S[min(self._failures, len(_RESTART_WAIT_S) - 1)]
        self._failures += 1
        self._start_at_s = self._clock.monotonic_s() + wait_s
        _log.error("line %s: its process %s; starting it again", self._job.settings.name, reason)
        yield Lost(reason)

    def _bury(self) -> None:
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None
        if self._process is not None:
            self._process.join(_END_WAIT_S)
            self._kill()
            self._process = None

    def _kill(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join(_END_WAIT_S)

    def ask_to_stop(self) -> None:
        """Tell the line to decide what it has and end."""
        self._start_at_s = None
        self.done = True
        self._tell(Stop())

    def change_rules(self, recipe: Recipe, shadow: Recipe | None, settings: LineSettings) -> bool:
        """Decide by these from the next picture on, and after every restart.

        Args:
            recipe: the bins.
            shadow: a recipe whose opinion the decisions tell.
            settings: may differ from those of the start in branches and timing alone.

        Returns:
            False where the line has not taken those before yet: try again. A line that hangs must not fill the
            pipe, which would block the service.
        """
        if self._rules_on_their_way and self.pipe is not None:
            return False
        rules = Rules(recipe, shadow, settings, self._job.rules + 1)
        self._job = self._job.under(rules)
        self._rules_on_their_way = True
        self._tell(rules)
        return True

    def _tell(self, order: Order) -> None:
        if self.pipe is not None:
            try:
                self.pipe.send(order)
            except OSError:
                _log.debug("line %s was gone before it could be told", self._job.settings.name)

    def end(self) -> None:
        """End the process whatever it does."""
        self._kill()
        self._bury()


@contextmanager
def stop_signals_held() -> Iterator[None]:
    """A process started meanwhile begins with them blocked, ours come when it is over.

    Ctrl-C reaches the whole process group: a line still importing would die of it with a traceback, before it
    could decide anything about signals itself.
    """
    # Left to be started with the first process, it would unblock them before that.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _be_line(job: LineJob, pipe: Connection, log_level: int) -> None:
    """Run in the line's own process; only there are the numeric libraries imported."""
    set_up_log(log_level)
    from sorter.line_entry import run_line_process  # noqa: PLC0415 - see above: the service starts a second earlier

    run_line_process(job, pipe)
