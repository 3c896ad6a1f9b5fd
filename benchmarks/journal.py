"""What the journal costs: in the line, on the way to the service, and on the disk."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.belt import BenchBelt
from benchmarks.table import Table
from benchmarks.timing import Spread, Turns
from sorter.capture.clock import SystemClock
from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.items import Row
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.rows import row_of
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.outputs.steps import Step, StepTaken
from sorter.pipeline import Pipeline, open_pipeline
from sorter.records import Decision, Frame
from sorter.thumbnail import shrink, to_jpeg

_IDENTITY = LineIdentity("bench", "line", "0123456789abcdef0123456789abcdef", simulated=True)
_EVERY = 3  # a live line looks ten times a second
_PICTURES = 9  # at the beginning of a product's way, and at each eighth of it
_AT_ONCE = 500  # more would wait without their pixels
_STEPS = (Step.SENT, Step.ACKNOWLEDGED, Step.ACTUATED)
_WALL_S = 1.7e9


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """How much to write."""

    seconds: float
    """Of the simulated belt."""
    passes: int
    decisions: int


FULL = JournalPlan(seconds=30, passes=7, decisions=5000)
SHORT = JournalPlan(seconds=5, passes=1, decisions=100)


@dataclass(frozen=True, slots=True)
class JournalResult:
    """All figures are per decision, unless they say otherwise."""

    line_ms: float
    """Processor time in the line for evidence: the pictures on a product's way, and the JPEG of the last one."""
    pipe_bytes: float
    pipe_bytes_without: float
    pipe: Spread
    """Both ends of the pipe: writing and reading."""
    packing: Spread
    adding: Spread
    """What the service's own thread waits for."""
    service_cpu_ms: float
    """Packing and writing, by the journal's thread."""
    written_per_s: float
    samples_bytes: float
    thumbnail_bytes: float
    message_bytes: float
    file_bytes: float

    def tables(self) -> Iterator[Table]:
        """For people."""
        yield Table(
            "journal: bytes per decision",
            ("what", "bytes"),
            [
                ("through the pipe", f"{self.pipe_bytes:.0f}"),
                ("through the pipe without evidence", f"{self.pipe_bytes_without:.0f}"),
                ("samples in the journal", f"{self.samples_bytes:.0f}"),
                ("thumbnail", f"{self.thumbnail_bytes:.0f}"),
                ("message", f"{self.message_bytes:.0f}"),
                ("file, with three steps, indexes and all", f"{self.file_bytes:.0f}"),
            ],
        )
        yield Table(
            "journal: milliseconds per decision",
            ("what", "mean", "median", "p99"),
            [
                ("pipe, both ends", *self.pipe.cells()),
                ("packing", *self.packing.cells()),
                ("handing a decision and three steps to the journal", *self.adding.cells()),
            ],
        )
        yield Table(
            "journal: all in all",
            ("what", "figure"),
            [
                ("evidence in the line, processor ms per decision", f"{self.line_ms:.2f}"),
                ("packing and writing, processor ms per decision", f"{self.service_cpu_ms:.2f}"),
                ("decisions written per second at most", f"{self.written_per_s:.0f}"),
            ],
        )


def measure_journal(plan: JournalPlan) -> JournalResult:
    """Run the belt with and without evidence, then write what it decided."""
    belt = BenchBelt.of_config()
    frames = list(belt.frames(plan.seconds))[::_EVERY]
    decisions = _decide(belt, frames, keep=True)
    turns = Turns()
    for _ in range(plan.passes):
        turns.begin_pass()
        for one in decisions:
            turns.take({"pictures": partial(_picture, one, frames[0])})
    rows = [_row(one) for one in decisions]
    with tempfile.TemporaryDirectory() as folder:
        adding, cpu_s, wall_s, size = _write(decisions, plan.decisions, Path(folder) / "journal.sqlite")
    without = [replace(one, evidence=None) for one in decisions]
    return JournalResult(
        line_ms=float(turns.times_s("pictures").mean()) * 1e3,
        pipe_bytes=_mean(len(pickle.dumps(one)) for one in decisions),
        pipe_bytes_without=_mean(len(pickle.dumps(one)) for one in without),
        pipe=Spread.of([_timed(partial(_through_the_pipe, one)) for one in decisions]),
        packing=Spread.of([_timed(partial(_row, one)) for one in decisions]),
        adding=Spread.of(adding),
        service_cpu_ms=cpu_s * 1e3 / plan.decisions,
        written_per_s=plan.decisions / wall_s,
        samples_bytes=_mean(len(row.samples or b"") for row in rows),
        thumbnail_bytes=_mean(len(row.thumbnail or b"") for row in rows),
        message_bytes=_mean(len(row.message) for row in rows),
        file_bytes=size / plan.decisions,
    )


def _decide(belt: BenchBelt, frames: Sequence[Frame], *, keep: bool) -> list[Decision]:
    pipeline: Pipeline = open_pipeline(
        belt.line, belt.recipe, frames[0], lambda frame: frame.captured_at_s, keep_evidence=keep
    )
    return [decision for frame in frames for decision in pipeline.process(frame)] + pipeline.finish()


def _picture(decision: Decision, frame: Frame) -> bytes:
    """Of the place where a product was; what is there makes no difference."""
    x0, y0, x1, y1 = decision.box or (0, 0, 1, 1)
    small = [shrink(frame.image_bgr[y0:y1, x0:x1]) for _ in range(_PICTURES)]
    return to_jpeg(small[-1])


def _through_the_pipe(decision: Decision) -> object:
    return pickle.loads(pickle.dumps(decision))  # noqa: S301 - our own


def _row(decision: Decision) -> Row:
    message = decision_message(decision, _IDENTITY, decision.product, _WALL_S)
    return row_of(message, decision.evidence, Keeping())


def _write(decisions: Sequence[Decision], count: int, path: Path) -> tuple[list[float], float, float, int]:
    """Seconds that each handing over took, processor and wall seconds of it all, and the file's bytes."""
    journal = Journal(path, Limits(2_000_000_000, 1e12), SystemClock())
    messages = [
        decision_message(decisions[seq % len(decisions)], _IDENTITY, seq, _WALL_S) for seq in range(1, count + 1)
    ]
    journal.start()
    adding: list[float] = []
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    for seq, message in enumerate(messages, start=1):
        adding.append(_timed(partial(_hand_over, journal, decisions[seq % len(decisions)], message)))
        if seq % _AT_ONCE == 0:
            journal.flush(60)
    journal.flush(60)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    journal.close(time.monotonic() + 60)
    return adding, cpu_s, wall_s, path.stat().st_size


def _hand_over(journal: Journal, decision: Decision, message: dict[str, object]) -> None:
    journal.add(decision, message)
    for step in _STEPS:
        journal.note(StepTaken(str(message["decision_id"]), step, _WALL_S))


def _timed(action: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    action()
    return time.perf_counter() - began_s


def _mean(values: Iterable[int]) -> float:
    return float(np.mean(list(values)))
