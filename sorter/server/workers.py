"""Processes that look at pictures: what takes too long is killed, and a decoder that crashes takes nobody with it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection

from sorter.line_process import stop_signals_held
from sorter.server.reading import ReaderLostError, Reading, ReadingTooSlowError, read_colors, reading_of

_log = logging.getLogger(__name__)

MOST_WORKERS = 8
_END_WAIT_S = 1.0
_AGAIN_S = 1.0
"""Before another is started in the place of one that did not even begin."""


def workers_wanted(wanted: int | None) -> int:
    """As many as are asked for; else as many as there are cores for this process, at most 8."""
    return wanted or min(len(os.sched_getaffinity(0)), MOST_WORKERS)


class Workers:
    """A fixed number of processes, each with one picture at a time; starts them.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        for _ in range(count):
            self._start()

    def __call__(self, content: bytes, colors: int, end_s: float) -> Reading:
        """See `ReadColors`; `ReaderLostError` where the process ended over it."""
        worker = self._take(end_s)
        try:
            return reading_of(worker.ask(content, colors, end_s))
        finally:
            if worker.is_lost:
                self._replace(worker)
            else:
                self._idle.put(worker)

    def _take(self, end_s: float) -> _Worker:
        while (left_s := end_s - time.monotonic()) > 0:
            with suppress(queue.Empty):
                worker = self._idle.get(timeout=left_s)
                if worker.is_alive():
                    return worker
                self._replace(worker)  # it died without a picture, which is not the next one's fault
        raise ReadingTooSlowError("no process was free to look at the picture in time: ask again")

    def close(self) -> None:
        """End all of them, whatever they do; safe to call twice."""
        with self._lock:
            self._closed = True
            workers = list(self._all)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.bury()

    def _bury(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.bury()

    def _replace(self, worker: _Worker) -> None:
        self._bury(worker)
        self._start()

    def _start(self) -> None:
        threading.Thread(target=self._bring_up, name="palette-worker", daemon=True).start()

    def _bring_up(self) -> None:
        """Start one, and let it wait for a picture once it has loaded all: no request's time is spent on that."""
        while not self._closed:
            worker = self._try_one()
            if worker is not None and worker.is_ready():
                self._idle.put(worker)
                return
            if worker is not None:
                self._bury(worker)
            time.sleep(_AGAIN_S)

    def _try_one(self) -> _Worker | None:
        with self._lock:
            if self._closed:  # one that is started after the end would outlive it
                return None
            try:
                worker = _Worker()
            except OSError as error:  # no memory, no file or no process number is left
                _log.warning("no process to look at pictures could be started (%s)", error.strerror)
                return None
            self._all.add(worker)
            return worker


class _Worker:
    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_look_at_pictures, args=(theirs,), name="palette-worker", daemon=True)
        self.is_lost = False
        """Another must take its place."""
        with theirs, stop_signals_held():
            self._process.start()

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.is_alive()

    def is_ready(self) -> bool:
        """Waits for its first word; False where it died before."""
        try:
            self._pipe.recv_bytes()
        except (EOFError, OSError):
            return False
        return True

    def ask(self, content: bytes, colors: int, end_s: float) -> bytes:
        """What `read_colors` answers; killed where it does not answer in time."""
        guard = threading.Timer(max(end_s - time.monotonic(), 0.0), self.kill)
        guard.daemon = True
        guard.start()
        try:
            self._pipe.send((content, colors))
            return self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            self.is_lost = True
            if time.monotonic() >= end_s:
                raise ReadingTooSlowError("looking at the picture took too long: make it smaller") from error
            raise ReaderLostError("the picture cannot be read: its decoder broke down over it") from error
        finally:
            guard.cancel()

    def kill(self) -> None:
        """End the process; whoever waits for its answer learns of it by the pipe."""
        self.is_lost = True
        self._process.kill()

    def bury(self) -> None:
        """Release what it held."""
        self.kill()
        self._process.join(_END_WAIT_S)
        self._pipe.close()


def _look_at_pictures(pipe: Connection) -> None:
    """Be such a process until the pipe's end; Ctrl-C reaches the whole process group, and the server ends us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # One thread for each process, said before scikit-learn is loaded; and that now, not with the first picture.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import_module("sklearn.cluster")
    try:
        pipe.send_bytes(b"ready")
        while True:
            content, colors = pipe.recv()
            pipe.send_bytes(read_colors(content, colors))
    except (EOFError, OSError):  # the server is gone
        return
