"""One line's process: frames from its source through the stages; decisions and a heartbeat to the service."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib import import_module
from multiprocessing.connection import Connection

import cv2
from threadpoolctl import threadpool_limits

from sorter.capture.clock import SystemClock
from sorter.capture.reader import Reader
from sorter.capture.redact import redact
from sorter.capture.source import open_source
from sorter.errors import ConfigurationError, Mistake, SorterError, SourceError
from sorter.line_reports import HEARTBEAT_S, MAX_TIMES, Heartbeat, LineJob, LineStatus, Report
from sorter.pipeline import Pipeline, open_pipeline
from sorter.ports import Clock, FrameSource
from sorter.product.region import RegionOutsideError
from sorter.records import Decision, Frame

_log = logging.getLogger(__name__)

_RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Waits before the next try at a lost source; the last one for ever."""


def configure_threads() -> None:
    """One thread for each native library: two fighting pools turn 5 ms into a second now and then.

    Call it before the first decision: scikit-learn's OpenMP reads its variable when it is loaded.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    threadpool_limits(1)


def decide_film(job: LineJob, source: FrameSource) -> Iterator[Decision]:
    """Decide every product of a source from start to end, no frame skipped, on the frames' own time.

    Raises:
        SourceError: the source failed, or it is a greyscale camera's; what was in view by then was decided.
        ConfigurationError: the region does not fit the picture.
    """
    stages = _Stages(job, lambda frame: frame.captured_at_s)
    try:
        for frame in source.frames():
            yield from stages.take(frame)
    except SourceError:
        yield from stages.finish()
        raise
    yield from stages.finish()


class _Stages:
    """The pipeline, opened by the first frame's size, behind the checks that need a frame."""

    def __init__(
        self, job: LineJob, now_s: Callable[[Frame], float], may_decide: Callable[[], bool] = lambda: True
    ) -> None:
        self._job = job
        self._now_s = now_s
        self._may_decide = may_decide
        self._shape: tuple[int, ...] = ()
        self.pipeline: Pipeline | None = None

    def take(self, frame: Frame) -> list[Decision]:
        if self.pipeline is None:
            self.pipeline = self._open(frame)
            self._shape = frame.image_bgr.shape
        if frame.image_bgr.shape != self._shape:
            was, now = (f"{shape[1]} x {shape[0]}" for shape in (self._shape, frame.image_bgr.shape))
            raise SourceError(f"the picture changed from {was} to {now} pixels: fix the camera's resolution")
        return self.pipeline.process(frame)

    def finish(self) -> list[Decision]:
        return [] if self.pipeline is None else self.pipeline.finish()

    def _open(self, frame: Frame) -> Pipeline:
        job = self._job
        try:
            pipeline = open_pipeline(job.settings, job.recipe, frame, self._now_s, job.first_product)
        except RegionOutsideError as error:
            raise ConfigurationError([Mistake(job.region_place, str(error))]) from error
        pipeline.may_decide = self._may_decide
        return pipeline


@dataclass(slots=True)
class _Progress:
    """What the next heartbeat says."""

    status: LineStatus = LineStatus.CONNECTING
    reason: str = "opening the source"
    processed: int = 0
    given_up: int = 0
    corrupt: int = 0
    vanished: int = 0
    intruders: int = 0
    first_frame: tuple[int, float] | None = None
    last_frame_at_s: float | None = None
    times_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_TIMES))

    def heartbeat(self) -> Heartbeat:
        times, self.times_s = tuple(self.times_s), deque(maxlen=MAX_TIMES)
        return Heartbeat(
            status=self.status,
            reason=self.reason,
            frames_processed=self.processed,
            frames_given_up=self.given_up,
            frames_corrupt=self.corrupt,
            vanished=self.vanished,
            intruders=self.intruders,
            first_frame=self.first_frame,
            last_frame_at_s=self.last_frame_at_s,
            processing_s=times,
        )


class Line:
    """Runs a line until it is told to stop, the film ends or its settings are refused.

    Args:
        job: what to do.
        clock: time.
        report: takes decisions and heartbeats; must not block for long.
        stop_within: waits up to so many seconds, and says whether the line is to stop.
        may_decide: whether all that deciding needs has been loaded; a live line learns its belt until then.
    """

    def __init__(
        self,
        job: LineJob,
        clock: Clock,
        report: Callable[[Report], None],
        stop_within: Callable[[float], bool],
        may_decide: Callable[[], bool] = lambda: True,
    ) -> None:
        self._job = job
        self._may_decide = may_decide
        self._clock = clock
        self._report = report
        self._stop_within = stop_within
        self._progress = _Progress()
        self._undecided_before = (0, 0)
        """Vanished and intruders, up to this opening of the source."""
        self._last_beat_s = -1e9

    def run(self) -> None:
        """Work; returns when there is nothing left to do."""
        for wait_s in self._tries():
            try:
                ended = self._run_source()
            except ConfigurationError as error:
                self._say(LineStatus.REFUSED, str(error))
                return
            except SorterError as error:
                self._say(LineStatus.LOST, str(error))
                if self._wait(wait_s):
                    return
            else:
                if ended:
                    self._say(LineStatus.ENDED, "the film is at its end")
                return

    def _tries(self) -> Iterator[float]:
        """Waits between tries; they start over once frames came in between."""
        tried = 0
        seen = 0
        while True:
            if self._progress.processed > seen:
                seen, tried = self._progress.processed, 0
            yield _RETRY_S[min(tried, len(_RETRY_S) - 1)]
            tried += 1

    def _wait(self, duration_s: float) -> bool:
        end_s = self._clock.monotonic_s() + duration_s
        while (left_s := end_s - self._clock.monotonic_s()) > 0:
            self._beat()
            if self._stop_within(min(left_s, HEARTBEAT_S)):
                return True
        return False

    def _run_source(self) -> bool:
        """Run one opening of the source; whether it came to its end rather than being stopped."""
        source = open_source(self._job.settings, self._job.base, self._clock)
        stages = (
            _Stages(self._job, self._now_s, self._may_decide)
            if source.live
            else _Stages(self._job, lambda frame: frame.captured_at_s)
        )
        corrupt_before, given_up_before = self._progress.corrupt, self._progress.given_up
        self._undecided_before = self._progress.vanished, self._progress.intruders
        with closing(source):
            frames = self._live_frames(source, given_up_before) if source.live else self._film_frames(source)
            try:
                for frame in frames:
                    self._progress.corrupt = corrupt_before + source.frames_skipped
                    self._take(frame, stages)
                return not self._stop_within(0)
            finally:
                self._progress.corrupt = corrupt_before + source.frames_skipped
                self._hand_over(stages.finish())
                self._beat(force=True)

    def _now_s(self, _frame: Frame) -> float:
        return self._clock.monotonic_s()

    def _live_frames(self, source: FrameSource, given_up_before: int) -> Iterator[Frame]:
        reader = Reader(source, self._job.settings.name)
        reader.start()
        try:
            while not self._stop_within(0):
                frame = reader.shelf.take(HEARTBEAT_S)
                self._progress.given_up = given_up_before + reader.shelf.frames_given_up
                self._beat()
                if frame is not None:
                    yield frame
                elif reader.shelf.ended:  # a film played at its own speed; a camera's end is an error of its source
                    return
        finally:
            reader.stop()

    def _film_frames(self, source: FrameSource) -> Iterator[Frame]:
        for frame in source.frames():
            self._beat()
            if self._stop_within(0):
                return
            yield frame

    def _take(self, frame: Frame, stages: _Stages) -> None:
        began_s = self._clock.monotonic_s()
        decisions = stages.take(frame)
        progress = self._progress
        progress.times_s.append(self._clock.monotonic_s() - began_s)
        progress.processed += 1
        if progress.first_frame is None:
            progress.first_frame = (frame.number, frame.captured_at_s)
        progress.last_frame_at_s = frame.captured_at_s
        self._note(stages.pipeline)
        self._hand_over(decisions)

    def _note(self, pipeline: Pipeline | None) -> None:
        if pipeline is None:
            return
        vanished, intruders = self._undecided_before
        self._progress.vanished = vanished + pipeline.counts.vanished
        self._progress.intruders = intruders + pipeline.counts.intruders
        status = LineStatus.LEARNING if pipeline.learning else LineStatus.RUNNING
        if status is not self._progress.status:
            self._say(status, "learning the empty belt" if pipeline.learning else "deciding products")

    def _hand_over(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self._job = replace(self._job, first_product=decision.product + 1)
            self._report(decision)

    def _say(self, status: LineStatus, reason: str) -> None:
        self._progress.status, self._progress.reason = status, redact(reason)
        self._beat(force=True)

    def _beat(self, *, force: bool = False) -> None:
        now_s = self._clock.monotonic_s()
        if force or now_s - self._last_beat_s >= HEARTBEAT_S:
            self._last_beat_s = now_s
            self._report(self._progress.heartbeat())


def _load_clustering() -> None:
    """Import what the first decision needs while the belt is being learned: it takes a second on a small machine."""
    for name in ("scipy.optimize", "sklearn.cluster"):
        import_module(name)


def run_line_process(job: LineJob, pipe: Connection) -> None:
    """Be a line's process: anything that comes down the pipe, its end included, means stop.

    Ctrl-C reaches the whole process group; only the service acts on it, and tells its lines.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure_threads()
    loading = threading.Thread(target=_load_clustering, name="load", daemon=True)
    loading.start()
    try:
        Line(job, SystemClock(), pipe.send, pipe.poll, lambda: not loading.is_alive()).run()
    except (BrokenPipeError, ConnectionResetError):
        _log.debug("the service is gone; the line stops")
    except Exception:  # noqa: BLE001 - logged, and told by the exit code
        # The service starts the line again, so whoever is to mend the fault has only the log to go by.
        _log.exception("line %s ends by a fault of the program", job.settings.name)
        sys.exit(1)
