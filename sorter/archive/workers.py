"""Worker processes that turn addresses into rows, in order; one that dies or hangs is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import cast

import cv2

from sorter.archive.row import Row, Wish, failed, row_of

_AHEAD = 8
"""Pictures that are on their way to a worker, so that it never waits."""
_WINDOW = 64
"""Pictures for each worker between the oldest unfinished one and the newest: what waits in memory for its turn."""
HANG_S = 300.0
"""Longest that a worker may be about one picture: all attempts at reading it, and decoding."""
_START_S = 60.0
"""Longest that it may take to start."""
_TRIES = 2
_LOOK_S = 0.25
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    ahead: deque[tuple[int, str]] = field(default_factory=deque)
    """What it was given and has not answered; it is about the first."""
    since_s: float = 0.0
    """When it began with that, or with starting."""
    ready: bool = False
    """Whether it has started: importing what it needs can take seconds on a busy machine."""


RowOf = Callable[[str], Row]


class Workers:
    """A context in which processes work.

    Args:
        count: processes.
        wish: what is asked of each picture.
        tell: called with a sentence when a worker died or hung.
        row_of: what a worker does, other than `sorter.archive.row.row_of`; picklable.
        hang_s: longest that it may take.
    """

    def __init__(
        self,
        count: int,
        wish: Wish,
        tell: Callable[[str], None],
        make_row: RowOf | None = None,
        hang_s: float = HANG_S,
    ) -> None:
        self._count = count
        self._make_row = make_row or partial(row_of, wish=wish)
        self._tell = tell
        self._hang_s = hang_s
        self._workers: list[_Worker] = []
        self._again: deque[tuple[int, str]] = deque()
        self._tries: dict[int, int] = {}
        self._done: dict[int, Row] = {}
        self._newest = -1

    def __enter__(self) -> Workers:
        self._workers = [self._start() for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    def rows(self, uris: Iterator[str], stopped: Callable[[], bool]) -> Iterator[Row]:
        """The rows of these pictures, in their order; ends early once it is stopped."""
        numbered = enumerate(uris)
        turn = 0
        self._newest = -1
        exhausted = False
        while not stopped():
            exhausted = self._hand_out(numbered, turn) or exhausted
            while turn in self._done:
                yield self._done.pop(turn)
                self._tries.pop(turn, None)
                turn += 1
            if exhausted and not self._again and not any(worker.ahead for worker in self._workers):
                if not self._done:
                    return
                continue
            self._listen()

    def _hand_out(self, numbered: Iterator[tuple[int, str]], turn: int) -> bool:
        """Fill up what each worker has ahead; whether there is no more."""
        for depth in range(_AHEAD):
            for worker in self._workers:
                if len(worker.ahead) > depth:
                    continue
                if not self._again and self._newest - turn >= _WINDOW * self._count:
                    return False
                one = self._again.popleft() if self._again else next(numbered, None)
                if one is None:
                    return True
                self._newest = max(self._newest, one[0])
                self._give(worker, one)
        return False

    def _give(self, worker: _Worker, one: tuple[int, str]) -> None:
        if not worker.ahead and worker.ready:
            worker.since_s = time.monotonic()
        worker.ahead.append(one)
        with suppress(OSError):  # it has died: that is found when listening
            worker.pipe.send(one[1])

    def _listen(self) -> None:
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(by_pipe), _LOOK_S):
            worker = by_pipe[cast("Connection", pipe)]
            try:
                row = worker.pipe.recv()
            except (EOFError, OSError):
                self._replace(worker, f"died{_how(worker.process)}")
                continue
            worker.since_s = time.monotonic()
            if row is None:
                worker.ready = True
                continue
            number, _ = worker.ahead.popleft()
            self._done[number] = row
        now_s = time.monotonic()
        for worker in list(self._workers):
            limit_s = self._hang_s if worker.ready else max(self._hang_s, _START_S)
            if worker.ahead and now_s - worker.since_s > limit_s:
                self._replace(worker, f"was about it for {self._hang_s:g} s")

    def _replace(self, worker: _Worker, fate: str) -> None:
        """Put another worker in its place: what it was about is tried once more, what it had ahead is not blamed."""
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._workers[self._workers.index(worker)] = self._start()
        if not worker.ahead:
            self._tell(f"a worker {fate}; another one takes its place")
            return
        number, uri = worker.ahead.popleft()
        self._again.extend(worker.ahead)
        self._tries[number] = self._tries.get(number, 0) + 1
        told = failed(uri, f"a worker {fate} over this picture: look at the file with care")
        if self._tries[number] >= _TRIES:
            self._done[number] = told
        else:
            self._tell(f"{told.uri}: a worker {fate} over this picture; it is tried once more")
            self._again.append((number, uri))

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_work, args=(theirs, self._make_row), daemon=True)
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(_THREADS)  # read by numeric libraries when a process loads them
        try:
            process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()
        return _Worker(process, ours, since_s=time.monotonic())


def _how(process: BaseProcess) -> str:
    process.join(1.0)
    code = process.exitcode
    return "" if code is None else f" by signal {-code}" if code < 0 else f" with exit code {code}"


def _work(pipe: Connection, make_row: RowOf) -> None:
    """Answer one address after another, until whoever asks is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes: the first one decides
    cv2.setNumThreads(1)
    with suppress(EOFError, OSError):
        pipe.send(None)  # it is ready
        while True:
            pipe.send(make_row(pipe.recv()))
