"""The simulated diverter in a process of its own: of the sorter it sees the wire, and nothing else."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from sorter.capture.clock import SystemClock
from sorter.demo.diverter import Diverter, DiverterCounts
from sorter.errors import BrokerError
from sorter.line_process import stop_signals_held
from sorter.logs import set_up_log
from sorter.outputs.topics import Topics
from sorter.settings.site import MqttSettings

_START_TIMEOUT_S = 20.0
_FINISH_TIMEOUT_S = 5.0


class DiverterProcess:
    """Runs a `Diverter` from entering to leaving.

    Args:
        settings: the broker; no password is read.
        lines: the topics of each line it serves.
        log_level: of its log lines.
    """

    def __init__(self, settings: MqttSettings, lines: Sequence[Topics], log_level: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, self._theirs = context.Pipe(duplex=True)
        arguments = (settings, tuple(lines), log_level, self._theirs)
        self._process = context.Process(target=_be_diverter, args=arguments, name="diverter", daemon=True)

    def __enter__(self) -> Self:
        with stop_signals_held():
            self._process.start()
        self._theirs.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def wait_until_ready(self) -> None:
        """Return once the broker has granted its subscription.

        Raises:
            BrokerError: it did not in time.
        """
        if self._answer(_START_TIMEOUT_S) is not True:
            raise BrokerError("the simulated diverter could not subscribe to the decisions: see the broker's log")

    def finish(self) -> DiverterCounts:
        """End it; returns what it has seen and done.

        Raises:
            BrokerError: it is gone.
        """
        try:
            self._pipe.send("finish")
        except OSError as error:
            raise BrokerError("the simulated diverter is gone: its process was ended") from error
        counts = self._answer(_FINISH_TIMEOUT_S)
        if not isinstance(counts, DiverterCounts):
            raise BrokerError("the simulated diverter is gone: its process was ended")
        return counts

    def _answer(self, timeout_s: float) -> object:
        try:
            return self._pipe.recv() if self._pipe.poll(timeout_s) else None
        except (EOFError, OSError):
            return None


def _be_diverter(settings: MqttSettings, lines: Sequence[Topics], log_level: int, pipe: Connection) -> None:
    """Anything that comes down the pipe, its end included, means finish; Ctrl-C is for the service alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    set_up_log(log_level)
    diverter = Diverter(settings, lines, SystemClock(), Path())
    try:
        pipe.send(diverter.start(_START_TIMEOUT_S))
        pipe.poll(None)
        diverter.close()
        pipe.send(diverter.counts)
    except (BrokenPipeError, ConnectionResetError):  # whoever started it is gone, and so is it
        diverter.close()
