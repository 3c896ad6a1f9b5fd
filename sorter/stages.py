"""A line's stages from its job, for films and live sources alike; and a film from its start to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sorter.errors import ConfigurationError, Mistake, SourceError
from sorter.line_reports import LineJob, Rules
from sorter.pipeline import Pipeline, open_pipeline
from sorter.ports import FrameSource
from sorter.product.region import RegionOutsideError
from sorter.records import Decision, Frame
from sorter.timing import Timing


def decide_film(job: LineJob, source: FrameSource) -> Iterator[Decision]:
    """Decide every product of a source from start to end, no frame skipped, on the frames' own time.

    Raises:
        SourceError: the source failed, or it is a greyscale camera's; what was in view by then was decided.
        ConfigurationError: the region does not fit the picture.
    """
    stages = Stages(job, lambda frame: frame.captured_at_s)
    try:
        for frame in source.frames():
            yield from stages.take(frame)
    except SourceError:
        yield from stages.finish()
        raise
    yield from stages.finish()


class Stages:
    """The pipeline, opened by the first frame's size, behind the checks that need a frame.

    Args:
        job: what the line is to do.
        now_s: the time at which a frame is processed, monotonic seconds.
        may_decide: whether all that deciding needs has been loaded.

    Attributes:
        pipeline: None before the first frame.
    """

    def __init__(
        self, job: LineJob, now_s: Callable[[Frame], float], may_decide: Callable[[], bool] = lambda: True
    ) -> None:
        self._job = job
        self._now_s = now_s
        self._may_decide = may_decide
        self._size_px = (0, 0)
        self.pipeline: Pipeline | None = None

    def take(self, frame: Frame) -> list[Decision]:
        """Take the next frame; the decisions that fall due.

        Raises:
            ConfigurationError: the region does not fit the picture.
            SourceError: the picture's size changed.
        """
        if self.pipeline is None:
            self.pipeline = self._open(frame)
            self._size_px = frame.picture_size_px
        if frame.picture_size_px != self._size_px:
            was, now = (f"{size[0]} x {size[1]}" for size in (self._size_px, frame.picture_size_px))
            raise SourceError(f"the picture changed from {was} to {now} pixels: fix the camera's resolution")
        return self.pipeline.process(frame)

    def use(self, rules: Rules) -> None:
        """See `Pipeline.use`."""
        self._job = self._job.under(rules)
        if self.pipeline is not None:
            self.pipeline.use(rules.recipe, Timing.of(rules.settings), rules.shadow)

    def foresee(self, still_since_s: float | None) -> list[Decision]:
        """See `Pipeline.foresee`."""
        return [] if self.pipeline is None else self.pipeline.foresee(still_since_s)

    def finish(self) -> list[Decision]:
        """See `Pipeline.finish`."""
        return [] if self.pipeline is None else self.pipeline.finish()

    def _open(self, frame: Frame) -> Pipeline:
        job = self._job
        try:
            pipeline = open_pipeline(
                job.settings, job.recipe, frame, self._now_s, job.first_product, keep_evidence=job.keep_evidence
            )
        except RegionOutsideError as error:
            raise ConfigurationError([Mistake(job.region_place, str(error))]) from error
        pipeline.use(job.recipe, Timing.of(job.settings), job.shadow)
        pipeline.may_decide = self._may_decide
        return pipeline
