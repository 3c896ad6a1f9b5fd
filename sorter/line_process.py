"""A line's process as the service sees it: started, listened to, and started again when it falls silent or dies."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from sorter.line_reports import Heartbeat, LineJob, LineStatus, Report
from sorter.ports import Clock
from sorter.records import Decision

_log = logging.getLogger(__name__)

_SILENCE_S = 5.0
"""A line that says nothing for this long hangs in native code: its heartbeat is four a second."""
_START_SILENCE_S = 30.0
"""Importing the numeric libraries on a cold, slow disk takes its time."""
_RESTART_WAIT_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_S = 60.0
"""A process that has lived this long starts with a clean slate."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The line's process died or was killed for its silence; it will be started again."""

    reason: str


class LineProcess:
    """Keeps one line's process alive.

    Args:
        job: what the line does; its next product number moves on with its decisions.
        clock: time.
    """

    def __init__(self, job: LineJob, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._process: SpawnProcess | None = None
        self._heard_at_s = 0.0
        self._started_at_s = 0.0
        self._spoke = False
        self._failures = 0
        self._start_at_s: float | None = None
        self.pipe: Connection | None = None
        """Readable when the line has something to say; None while no process runs."""
        self.restarts = 0
        self.done = False
        """The line has said its last word: the film ended or its settings were refused."""

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe(duplex=True)
        name = f"line-{self._job.settings.name}"
        self._process = context.Process(target=_be_line, args=(self._job, theirs), name=name, daemon=True)
        self._process.start()
        theirs.close()
        self._started_at_s = self._heard_at_s = self._clock.monotonic_s()
        self._spoke = False
        self._start_at_s = None

    def listen(self) -> Iterator[Report | Lost]:
        """What the line said since the last call; notices its death and its silence, and starts it again."""
        yield from self._hear()
        now_s = self._clock.monotonic_s()
        if self.pipe is not None and now_s - self._heard_at_s > (_SILENCE_S if self._spoke else _START_SILENCE_S):
            self._kill()
            yield from self._hear()
            yield self._lose(f"said nothing for {now_s - self._heard_at_s:.0f} s and was killed")
        if self._start_at_s is not None and now_s >= self._start_at_s:
            self.restarts += 1
            self.start()

    def _hear(self) -> Iterator[Report | Lost]:
        pipe = self.pipe
        try:
            while pipe is not None and pipe.poll():
                report: Report = pipe.recv()
                self._take(report)
                yield report
        except (EOFError, ConnectionResetError):
            if self.done:
                self._bury()
            else:
                yield self._lose(self._epitaph())

    def _take(self, report: Report) -> None:
        self._heard_at_s = self._clock.monotonic_s()
        self._spoke = True
        if isinstance(report, Decision):
            self._job = replace(self._job, first_product=report.product + 1)
        elif isinstance(report, Heartbeat) and report.status in {LineStatus.ENDED, LineStatus.REFUSED}:
            self.done = True

    def _epitaph(self) -> str:
        process = self._process
        if process is None:
            return "is gone"
        process.join(1.0)
        code = process.exitcode
        return f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"

    def _lose(self, reason: str) -> Lost:
        self._bury()
        if self._clock.monotonic_s() - self._started_at_s > _STEADY_S:
            self._failures = 0
        wait_s = _RESTART_WAIT_S[min(self._failures, len(_RESTART_WAIT_S) - 1)]
        self._failures += 1
        self._start_at_s = self._clock.monotonic_s() + wait_s
        _log.error("line %s: its process %s; starting it again", self._job.settings.name, reason)
        return Lost(reason)

    def _bury(self) -> None:
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None
        if self._process is not None:
            self._process.join(1.0)
            self._process = None

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join(1.0)

    def ask_to_stop(self) -> None:
        """Tell the line to decide what it has and end."""
        self._start_at_s = None
        self.done = True
        if self.pipe is not None:
            try:
                self.pipe.send("stop")
            except (BrokenPipeError, ConnectionResetError):
                _log.debug("line %s was gone before it could be told to stop", self._job.settings.name)

    def end(self) -> None:
        """End the process whatever it does."""
        self._kill()
        self._bury()


def _be_line(job: LineJob, pipe: Connection) -> None:
    """Run in the line's own process; only there are the numeric libraries imported."""
    from sorter.line import run_line_process  # noqa: PLC0415 - see above: the service starts a second earlier

    run_line_process(job, pipe)
