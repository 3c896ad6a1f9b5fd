"""Ctrl-C and SIGTERM as a question that can be asked."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Self

INTERRUPTED_EXIT_CODE = 128 + signal.SIGINT
"""What a shell expects of a program that was broken off before its work was done."""


class StopSignals:
    """While in force, SIGINT and SIGTERM are remembered instead of ending the program."""

    def __init__(self) -> None:
        self._requested = False

    def __enter__(self) -> Self:
        self._before = {one: signal.signal(one, self._note) for one in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def requested(self) -> bool:
        """Whether one of them came."""
        return self._requested

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True
