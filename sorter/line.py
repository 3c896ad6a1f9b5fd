"""One line's process: frames from its source through the stages; decisions and a heartbeat to the service."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import cv2
from threadpoolctl import threadpool_limits

from sorter.capture.feed import Feed
from sorter.capture.redact import redact
from sorter.capture.source import describe, open_source
from sorter.errors import ConfigurationError, SorterError
from sorter.line_reports import HEARTBEAT_S, MAX_TIMES, CameraReport, Heartbeat, LineJob, LineStatus, Report, Rules
from sorter.pipeline import Pipeline
from sorter.ports import Clock, FrameSource
from sorter.product.region import bounding_box
from sorter.records import Decision, Frame, Lab
from sorter.settings.source import is_live, may_be_silent
from sorter.stages import Stages

_RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Waits before the next try at a film that cannot be read; the last one for ever."""
_LOST_S = 5.0
"""A live source whose settings do not say how long its silence may last is opened anew after this."""
SourceOpener = Callable[..., FrameSource]
"""As `capture.source.open_source`."""


def configure_threads() -> None:
    """One thread for each native library: two fighting pools turn 5 ms into a second now and then.

    Call it before the first decision: scikit-learn's OpenMP reads its variable when it is loaded.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    threadpool_limits(1)


@dataclass(slots=True)
class _Progress:
    """What the next heartbeat says."""

    status: LineStatus = LineStatus.CONNECTING
    reason: str = "opening the source"
    cause: str | None = None
    processed: int = 0
    given_up: int = 0
    corrupt: int = 0
    products: int = 0
    vanished: int = 0
    intruders: int = 0
    first_frame: tuple[int, float] | None = None
    last_frame_at_s: float | None = None
    camera: CameraReport | None = None
    belt_lab: Lab | None = None
    times_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_TIMES))

    def heartbeat(self, rules: int) -> Heartbeat:
        times, self.times_s = tuple(self.times_s), deque(maxlen=MAX_TIMES)
        return Heartbeat(
            status=self.status,
            reason=self.reason,
            cause=self.cause,
            frames_processed=self.processed,
            frames_given_up=self.given_up,
            frames_corrupt=self.corrupt,
            products=self.products,
            vanished=self.vanished,
            intruders=self.intruders,
            first_frame=self.first_frame,
            last_frame_at_s=self.last_frame_at_s,
            camera=self.camera,
            processing_s=times,
            belt_lab=self.belt_lab,
            rules=rules,
        )


class Line:
    """Runs a line until it is told to stop, the film ends or its settings are refused.

    Args:
        job: what to do.
        clock: time.
        report: takes decisions and heartbeats; must not block for long.
        stop_within: waits up to so many seconds, and says whether the line is to stop.
        may_decide: whether all that deciding needs has been loaded; a live line learns its belt until then.
        new_rules: those that came since it was asked last, if some did.
        open_source: opens the line's source.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a line is told and tells
        self,
        job: LineJob,
        clock: Clock,
        report: Callable[[Report], None],
        stop_within: Callable[[float], bool],
        may_decide: Callable[[], bool] = lambda: True,
        new_rules: Callable[[], Rules | None] = lambda: None,
        open_source: SourceOpener = open_source,
    ) -> None:
        self._job = job
        self._new_rules = new_rules
        self._open_source = open_source
        self._may_decide = may_decide
        self._clock = clock
        self._report = report
        self._stop_within = stop_within
        self._progress = _Progress()
        self._undecided_before = (0, 0)
        """Vanished and intruders, up to this opening of a film."""
        self._products_before = 0
        """Likewise."""
        self._last_beat_s = -1e9
        self._feed: Feed | None = None
        self._blind = False
        self._seen_until_s: float | None = None
        """When the last picture before a blindness was taken; None where there was none."""

    def run(self) -> None:
        """Work; returns when there is nothing left to do.

        Raises:
            HangingError: a live source hangs in native code.
        """
        try:
            if is_live(self._job.settings.source):
                self._run_live()
            else:
                self._run_film()
        except ConfigurationError as error:
            self._say(LineStatus.REFUSED, str(error))

    def _run_live(self) -> None:
        self._feed = feed = self._open_feed()
        may_decide = self._may_decide
        stages = Stages(self._job, lambda _frame: self._clock.monotonic_s(), lambda: feed.color_seen and may_decide())
        feed.start()
        try:
            while not feed.ended and not self._stop_within(0):
                frame = feed.take(HEARTBEAT_S)
                self._change_rules(stages)
                sees = self._watch(feed, stages)
                if frame is not None and sees:
                    self._take(frame, stages)
                    feed.want_from(frame.captured_at_s + self._looks_apart_s(stages.pipeline))
        finally:
            feed.stop()
            self._hand_over(stages.finish(), stages)
            self._beat(force=True)
        if feed.ended:
            self._say(LineStatus.ENDED, "the film is at its end")

    def _open_feed(self) -> Feed:
        job, settings = self._job, self._job.settings
        source = settings.source
        feed = Feed(
            lambda: self._open_source(settings, job.base, self._clock, feed.wants),
            describe(source, job.base),
            settings.guards,
            getattr(source, "timeout_s", _LOST_S),
            self._clock,
            settings.name,
            bounding_box(settings.region),
            may_be_silent=may_be_silent(source),
        )
        return feed

    def _looks_apart_s(self, pipeline: Pipeline | None) -> float:
        return 0.0 if pipeline is None else min(pipeline.looks_apart_s, 1 / self._job.settings.look_rate_hz)

    def _watch(self, feed: Feed, stages: Stages) -> bool:
        """Tell whether the line sees, and return it; what it saw before it went blind is decided while that helps."""
        blind = feed.blindness
        if blind is not None:
            if not self._blind:
                self._blind, self._seen_until_s = True, self._progress.last_frame_at_s
                self._hand_over(stages.foresee(feed.frozen_since_s), stages)
            lost = blind.cause in {"camera_lost", "camera_refused"}
            self._say(LineStatus.LOST if lost else LineStatus.BLIND, blind.reason, blind.cause)
        self._beat()
        return blind is None

    def _note_feed(self, feed: Feed) -> None:
        counts, (grade, why) = feed.counts, feed.quality
        self._progress.given_up, self._progress.corrupt = counts.given_up, counts.corrupt
        self._progress.camera = CameraReport(
            link=feed.link.state.value,
            quality=grade.value,
            quality_reason=redact(why),
            unfit=counts.unfit,
            repeated=counts.repeated,
            passed_over=counts.passed_over,
            reconnects=feed.link.reconnects,
            outage_s=feed.link.outage_s,
            degraded=feed.degraded,
            time_base=feed.time_base.value,
            clock_offset_s=feed.clock_offset_s,
        )

    def _run_film(self) -> None:
        """Films and folders wait for their reader; one that is not there may come yet."""
        for wait_s in self._tries():
            try:
                ended = self._run_film_once()
            except ConfigurationError:
                raise
            except SorterError as error:
                self._say(LineStatus.LOST, str(error), "camera_lost")
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

    def _run_film_once(self) -> bool:
        """Run one opening of the film; whether it came to its end rather than being stopped."""
        source = self._open_source(self._job.settings, self._job.base, self._clock)
        stages = Stages(self._job, lambda frame: frame.captured_at_s)
        corrupt_before = self._progress.corrupt
        self._undecided_before = self._progress.vanished, self._progress.intruders
        self._products_before = self._progress.products
        with closing(source):
            try:
                for frame in source.frames():
                    self._beat()
                    if self._stop_within(0):
                        return False
                    self._change_rules(stages)
                    self._progress.corrupt = corrupt_before + source.frames_skipped
                    self._take(frame, stages)
                return not self._stop_within(0)
            finally:
                self._progress.corrupt = corrupt_before + source.frames_skipped
                self._hand_over(stages.finish(), stages)
                self._beat(force=True)

    def _change_rules(self, stages: Stages) -> None:
        rules = self._new_rules()
        if rules is not None:
            self._job = self._job.under(rules)
            stages.use(rules)

    def _take(self, frame: Frame, stages: Stages) -> None:
        began_s = self._clock.monotonic_s()
        decisions = stages.take(frame)
        progress = self._progress
        progress.times_s.append(self._clock.monotonic_s() - began_s)
        progress.processed += 1
        if progress.first_frame is None:
            progress.first_frame = (frame.number, frame.captured_at_s)
        progress.last_frame_at_s = frame.captured_at_s
        self._note(stages.pipeline)
        self._hand_over(decisions, stages)

    def _note(self, pipeline: Pipeline | None) -> None:
        if pipeline is None:
            return
        self._progress.belt_lab = pipeline.belt_lab
        vanished, intruders = self._undecided_before
        self._progress.vanished = vanished + pipeline.counts.vanished
        self._progress.intruders = intruders + pipeline.counts.intruders
        status = LineStatus.LEARNING if pipeline.learning else LineStatus.RUNNING
        if status is not self._progress.status:
            self._say(status, "learning the empty belt" if pipeline.learning else self._sees_again())

    def _sees_again(self) -> str:
        since_s, self._blind, self._seen_until_s = self._seen_until_s, False, None
        if since_s is None:
            return "deciding products"
        return f"deciding products again, after {self._clock.monotonic_s() - since_s:.1f} s without a sound picture"

    def _hand_over(self, decisions: list[Decision], stages: Stages) -> None:
        for decision in decisions:
            self._job = replace(self._job, first_product=decision.product + 1)
            self._report(decision)
        if stages.pipeline is not None:  # no heartbeat may count what has not been handed over
            self._progress.products = self._products_before + stages.pipeline.counts.products

    def _say(self, status: LineStatus, reason: str, cause: str | None = None) -> None:
        progress, told = self._progress, (status, redact(reason), cause)
        if told != (progress.status, progress.reason, progress.cause):
            progress.status, progress.reason, progress.cause = told
            self._beat(force=True)

    def _beat(self, *, force: bool = False) -> None:
        now_s = self._clock.monotonic_s()
        if force or now_s - self._last_beat_s >= HEARTBEAT_S:
            self._last_beat_s = now_s
            if self._feed is not None:
                self._note_feed(self._feed)
            self._report(self._progress.heartbeat(self._job.rules))
