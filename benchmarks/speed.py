"""Everything after decoding, frame by frame, beside the decoding of a 1080p frame, timed in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.belt import BenchBelt
from benchmarks.film import Encoding, FilmLoop, encode
from benchmarks.stages import StageTime, StageWatch
from benchmarks.table import Limit, Table, limits_table
from benchmarks.timing import Spread, Turns, cpu_s
from sorter.pipeline import Pipeline
from sorter.records import Frame

_MOST_MS = 3.0
_MOST_DECODES = 1.5
SORT, DECODE, DECODE_MORE, CONVERT = "sort", "decode, 4 Mbit/s", "decode, 8 Mbit/s", "decode and BGR, 4 Mbit/s"
_FILMS = {DECODE: Encoding(4_000_000), DECODE_MORE: Encoding(8_000_000)}
"""Both ends of what cameras send. Fewer bits decode faster, so 4 Mbit/s is the stricter measure: it is the limit's."""


@dataclass(frozen=True, slots=True)
class SpeedPlan:
    """How long to measure."""

    seconds: float
    """Of the belt, after its empty look was learned."""
    passes: int
    film_seconds: float


FULL = SpeedPlan(seconds=20.0, passes=3, film_seconds=10.0)
SHORT = SpeedPlan(seconds=1.0, passes=1, film_seconds=0.4)


@dataclass(frozen=True, slots=True)
class BeltSpeed:
    """One belt, and the decoding that was timed between its frames."""

    belt: str
    decisions: int
    sort: Spread
    sort_worst_ms: float
    decode: Spread
    """Bare, at 4 Mbit/s."""
    decode_more: Spread
    """Bare, at 8 Mbit/s."""
    convert: Spread
    """At 4 Mbit/s, with the BGR picture."""
    learning_ms: float
    """Once, at the start: learning the empty belt and deciding what passed meanwhile."""
    stages: Sequence[StageTime]

    @property
    def decodes(self) -> float:
        """How many decodings of a 1080p frame a frame of 960 x 540 costs, by their means."""
        return self.sort.mean_ms / self.decode.mean_ms

    def row(self) -> Sequence[str]:
        """For the table of belts."""
        by_median = self.sort.median_ms / self.decode.median_ms
        ratios = f"{self.decodes:.2f}", f"{by_median:.2f}", f"{self.sort.mean_ms / self.convert.mean_ms:.2f}"
        counts = f"{self.sort.count}", f"{self.decisions}"
        return self.belt, *counts, *self.sort.cells(), f"{self.sort_worst_ms:.1f}", *ratios, f"{self.learning_ms:.0f}"


@dataclass(frozen=True, slots=True)
class SpeedResult:
    """All belts."""

    belts: Sequence[BeltSpeed]
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        yield _belts_table(self.belts)
        yield _decoding_table(self.belts)
        yield from (_stages_table(belt) for belt in self.belts)
        yield limits_table(self.limits)


def measure_speed(plan: SpeedPlan) -> SpeedResult:
    """Time belts with one lane, three lanes and nothing on them."""
    base = BenchBelt.of_config()
    belts = {
        "1 lane": base,
        "3 lanes": base.with_source(lanes=3),
        "empty": base.with_source(lead_in_s=60.0),
    }
    with tempfile.TemporaryDirectory() as folder:
        films = {name: Path(folder, f"{encoding.bit_rate}.mp4") for name, encoding in _FILMS.items()}
        for name, film in films.items():
            encode(_shown(base.in_1080p().frames(plan.film_seconds), f"film to {name}"), film, _FILMS[name])
        results = [_measure_belt(name, belt, films, plan) for name, belt in belts.items()]
    limits = [limit for result in results for limit in _limits(result)]
    return SpeedResult(results, limits)


def _shown(frames: Iterator[Frame], what: str) -> Iterator[Frame]:
    yield from tqdm(frames, desc=what, unit=" frames", leave=False, disable=None)


def _measure_belt(name: str, belt: BenchBelt, films: Mapping[str, Path], plan: SpeedPlan) -> BeltSpeed:
    run = _Run(belt, films, plan)
    for number in range(plan.passes):
        run.go(f"{name}, pass {number + 1} of {plan.passes}", watched=False)
        run.go(f"{name}, stages, pass {number + 1} of {plan.passes}", watched=True)
    plain, watched = run.plain, Spread.of(run.watched.times_s(SORT))
    return BeltSpeed(
        belt=name,
        decisions=run.decisions,
        sort=Spread.of(plain.times_s(SORT)),
        sort_worst_ms=plain.worst_s(SORT) * 1e3,
        decode=Spread.of(plain.times_s(DECODE)),
        decode_more=Spread.of(plain.times_s(DECODE_MORE)),
        convert=Spread.of(plain.times_s(CONVERT)),
        learning_ms=float(np.median(run.learning_s)) * 1e3,
        stages=run.watch.stages(watched.count * plan.passes, watched.mean_ms),
    )


class _Run:
    """Passes over one belt: each frame is drawn (not timed), sorted, and a film's frames are decoded in between."""

    def __init__(self, belt: BenchBelt, films: Mapping[str, Path], plan: SpeedPlan) -> None:
        self._belt = belt
        self._films = films
        self._seconds = plan.seconds + belt.line.belt.learn_s
        self.plain, self.watched = Turns(), Turns()
        self.watch = StageWatch()
        self.learning_s: list[float] = []
        self.decisions = 0

    def go(self, title: str, *, watched: bool) -> None:
        turns = self.watched if watched else self.plain
        turns.begin_pass()
        self.decisions = 0
        with ExitStack() as stack:
            decoding = self._decoding(stack)
            pipeline: Pipeline | None = None
            for frame in _shown(self._belt.frames(self._seconds), title):
                pipeline = pipeline or self._belt.open_pipeline(frame)
                if pipeline.learning:
                    self._learn(pipeline, frame)
                    continue
                with self.watch.watching() if watched else nullcontext():
                    turns.take({SORT: partial(self._sort, pipeline, frame), **decoding})

    def _decoding(self, stack: ExitStack) -> dict[str, Callable[[], object]]:
        loops = {name: FilmLoop(film, convert=False) for name, film in self._films.items()}
        loops[CONVERT] = FilmLoop(self._films[DECODE], convert=True)
        return {name: stack.enter_context(loop).next_frame for name, loop in loops.items()}

    def _learn(self, pipeline: Pipeline, frame: Frame) -> None:
        took_s = cpu_s(lambda: pipeline.process(frame))
        if not pipeline.learning:
            self.learning_s.append(took_s)

    def _sort(self, pipeline: Pipeline, frame: Frame) -> None:
        self.decisions += len(pipeline.process(frame))


def _limits(result: BeltSpeed) -> Iterator[Limit]:
    yield Limit(f"{result.belt}: mean per frame", result.sort.mean_ms, _MOST_MS, "ms")
    yield Limit(f"{result.belt}: times decoding a 1080p frame, by means", result.decodes, _MOST_DECODES, "")


def _belts_table(belts: Sequence[BeltSpeed]) -> Table:
    columns = (
        "belt", "frames", "decisions", "mean ms", "median ms", "p99 ms", "worst ms",
        "x decode (means)", "x decode (medians)", "x decode and BGR (means)", "learning ms",
    )  # fmt: skip
    title = "everything after decoding, per frame of 960 x 540, one core, processor time"
    return Table(title, columns, [belt.row() for belt in belts])


def _decoding_table(belts: Sequence[BeltSpeed]) -> Table:
    rows = [
        (f"{what}, beside {belt.belt}", *spread.cells())
        for belt in belts
        for what, spread in ((DECODE, belt.decode), (DECODE_MORE, belt.decode_more), (CONVERT, belt.convert))
    ]
    title = "decoding one frame of 1080p H.264 with one thread, timed between the frames above"
    return Table(title, ("what", "mean ms", "median ms", "p99 ms"), rows)


def _stages_table(belt: BeltSpeed) -> Table:
    rows = [_stage_row(stage) for stage in belt.stages]
    columns = ("stage", "mean ms of a frame", "calls per frame", "median ms of a call", "p99 ms of a call")
    return Table(f"stages, belt: {belt.belt}", columns, rows)


def _stage_row(stage: StageTime) -> Sequence[str]:
    call = ("-", "-") if stage.call is None else (f"{stage.call.median_ms:.3f}", f"{stage.call.p99_ms:.3f}")
    return stage.name, f"{stage.mean_ms:.3f}", f"{stage.calls_per_frame:.2f}", *call
