"""What a network camera costs the service, beside bare decoding, and how many of them this machine carries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from tqdm import tqdm

from benchmarks.belt import ROOT, BenchBelt
from benchmarks.camera.reel import BeltReel, belt_encoding, make_belt_reel
from benchmarks.camera.truth import Interval
from benchmarks.rig import LOGIN, Rig, live_belt, open_rig
from benchmarks.table import Limit, Table, limits_table
from sorter.capture.redact import join_credentials
from sorter.errors import SorterError

_MOST_DECODES = 1.6
_MOST_GIVEN_UP = 0.03
_STARTING_S = 20.0
"""For many lines to start at once, and to learn their belts."""
_AFTER_START_S = 3.0
"""Products that passed while the belt was learned are decided late by design: they are not counted."""
_OPENING_S = 10.0
"""For the bare decoder to find its first picture."""


@dataclass(frozen=True, slots=True)
class StreamsPlan:
    """What to run, and for how long."""

    size_px: tuple[int, int]
    bit_rate: int
    lead_in_s: float
    settle_s: float
    """Of sorting, before anything is measured."""
    steady_s: float
    """How long the cost of a picture is measured."""
    sorted_s: float
    """How long each number of lines has to hold out."""
    most_lines: int


FULL = StreamsPlan((1920, 1080), 4_000_000, 10.0, 5.0, 60.0, 25.0, 8)
SHORT = StreamsPlan((640, 360), 1_500_000, 5.0, 1.0, 4.0, 3.0, 2)


@dataclass(frozen=True, slots=True)
class PictureCost:
    """Processor time of one picture: the service with its line, and bare decoding of the same stream meanwhile."""

    frames: int
    service_ms: float
    line_ms: float
    bare_ms: float
    camera_ms: float
    """The test camera's own, for one of the two who look."""

    @property
    def sorter_ms(self) -> float:
        """All of the service."""
        return self.service_ms + self.line_ms

    @property
    def decodes(self) -> float:
        """Times bare decoding."""
        return self.sorter_ms / self.bare_ms

    def row(self) -> Sequence[str]:
        """For the table."""
        figures = self.line_ms, self.service_ms, self.sorter_ms, self.bare_ms, self.decodes, self.camera_ms
        return f"{self.frames}", *(f"{figure:.2f}" for figure in figures)


@dataclass(frozen=True, slots=True)
class Load:
    """So many lines at once."""

    lines: int
    products: int
    correct: int
    lost: int
    """Missed, late, not routed, wrong or extra."""
    frames: int
    given_up: int
    age_p99_ms: float
    sorter_cores: float
    """Cores that the service and its lines kept busy."""
    camera_cores: float
    machine_cores: float
    """Cores that were busy with anything at all."""

    @property
    def sustained(self) -> bool:
        """Whether no product was lost, and next to no picture given up."""
        return not self.lost and self.given_up <= _MOST_GIVEN_UP * self.frames

    def row(self) -> Sequence[str]:
        """For the table."""
        counts = self.lines, self.products, self.correct, self.lost, self.frames, self.given_up
        cores = self.sorter_cores, self.camera_cores, self.machine_cores
        ages = f"{self.age_p99_ms:.0f}"
        return *map(str, counts), ages, *(f"{one:.2f}" for one in cores), "yes" if self.sustained else "no"


@dataclass(frozen=True, slots=True)
class StreamsResult:
    """Both."""

    size_px: tuple[int, int]
    cores: int
    cost: PictureCost
    loads: Sequence[Load]
    stopped_by: str | None
    """Why one line more could not even begin; None where a product was lost, or the plan was at its end."""
    limits: Sequence[Limit]

    @property
    def sustained(self) -> int:
        """Most lines without a lost product."""
        return max((load.lines for load in self.loads if load.sustained), default=0)

    def tables(self) -> Iterator[Table]:
        """For people."""
        size = f"{self.size_px[0]} x {self.size_px[1]}"
        columns = ("pictures", "line ms", "service ms", "together ms", "bare decoding ms", "times bare", "camera ms")
        yield Table(f"processor time of one picture of {size} at 30 Hz, by RTSP", columns, [self.cost.row()])
        columns = (
            "lines", "products", "correct", "lost", "pictures", "given up", "age p99 ms", "sorter cores",
            "camera cores", "machine cores", "sustained",
        )  # fmt: skip
        title = f"lines at once, each on a stream of {size} at 25 Hz; {self.cores} cores, the test camera on them, too"
        yield Table(title, columns, [load.row() for load in self.loads])
        if self.stopped_by:
            yield Table("one line more could not begin", ("why",), [(self.stopped_by,)])
        yield limits_table(self.limits)


def measure_streams(plan: StreamsPlan) -> StreamsResult:
    """Measure the cost of a picture, then add line after line until one loses a product."""
    cost = _measure_cost(plan)
    loads, stopped_by = _add_lines(plan)
    limits = [Limit("one stream: processor time of a picture, times bare decoding", cost.decodes, _MOST_DECODES, "")]
    return StreamsResult(plan.size_px, os.cpu_count() or 1, cost, loads, stopped_by, limits)


def _reel(belt: BenchBelt, bit_rate: int, seconds: float) -> Path:
    frames = round(seconds * belt.source.frame_rate_hz)
    return make_belt_reel(BeltReel(belt.source, belt.degrees, frames, belt_encoding(belt.source, bit_rate)))


def _measure_cost(plan: StreamsPlan) -> PictureCost:
    belt = live_belt(plan.size_px, 30.0, plan.lead_in_s)
    until_s = plan.lead_in_s + plan.settle_s
    reel = _reel(belt, plan.bit_rate, until_s + _OPENING_S + plan.steady_s)
    with open_rig(belt, {"line-1": reel}) as rig:
        rig.wait_until(until_s)
        if not rig.sorts("line-1"):
            raise SorterError(f"the line is {rig.state('line-1')} after {until_s:g} s, and must sort")
        return _cost_beside(rig, round(plan.steady_s * 30))


def _cost_beside(rig: Rig, frames: int) -> PictureCost:
    with _bare_decoder(rig, frames) as bare:
        assert bare.stdout is not None  # noqa: S101  # it is a pipe
        if bare.stdout.readline().strip() != "begun":
            raise SorterError("the bare decoder found no picture")
        service, lines = rig.processes()
        before = [_cpu_s([service]), _cpu_s(lines), rig.server.cpu_s]
        told = json.loads(bare.stdout.readline() or "{}")
        after = [_cpu_s([service]), _cpu_s(lines), rig.server.cpu_s]
    if told.get("frames") != frames:
        raise SorterError(f"the stream ended before the bare decoder had {frames} pictures")
    service_s, line_s, camera_s = (end - start for start, end in zip(before, after, strict=True))
    to_ms = 1e3 / frames
    return PictureCost(frames, service_s * to_ms, line_s * to_ms, told["cpu_s"] * to_ms, camera_s * to_ms / 2)


@contextmanager
def _bare_decoder(rig: Rig, frames: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.bare", str(frames)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
    try:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        process.stdin.write(join_credentials(rig.server.url("line-1"), LOGIN.user, LOGIN.password) + "\n")
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.communicate()


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(one.user + one.system for one in times))


def _add_lines(plan: StreamsPlan) -> tuple[Sequence[Load], str | None]:
    belt = live_belt(plan.size_px, 25.0, plan.lead_in_s)
    reel = _reel(belt, plan.bit_rate, plan.lead_in_s + _STARTING_S + plan.sorted_s)
    loads: list[Load] = []
    for count in tqdm(range(1, plan.most_lines + 1), desc="lines", leave=False, disable=None):
        try:
            loads.append(_carry(plan, belt, {f"line-{number}": reel for number in range(1, count + 1)}))
        except SorterError as error:
            return loads, str(error)
        if not loads[-1].sustained:
            break
    return loads, None


def _carry(plan: StreamsPlan, belt: BenchBelt, reels: Mapping[str, Path]) -> Load:
    with open_rig(belt, reels) as rig:
        rig.wait_for("all lines sort", lambda: all(map(rig.sorts, reels)))
        began_s = max(plan.lead_in_s, rig.now_s + _AFTER_START_S)
        rig.wait_until(began_s)
        service, lines = rig.processes()
        before, pictures_before = _usage(rig, [service, *lines]), _pictures(rig)
        rig.wait_until(began_s + plan.sorted_s)
        after, pictures_after = _usage(rig, [service, *lines]), _pictures(rig)
        lasted_s = rig.now_s - began_s
        rig.wait_until(began_s + plan.sorted_s + 0.5)
        cores = [(end - start) / lasted_s for start, end in zip(before, after, strict=True)]
        pictures = [end - start for start, end in zip(pictures_before, pictures_after, strict=True)]
        return _load(rig, Interval(began_s, began_s + plan.sorted_s - 0.5), pictures, cores)


def _pictures(rig: Rig) -> Sequence[int]:
    """Pictures of all lines so far: processed, and given up for newer ones."""
    fates = "processed", "given_up"
    return [
        round(sum(rig.metric("sorter_frames_total", line=line, fate=fate) for line in rig.cables)) for fate in fates
    ]


def _usage(rig: Rig, sorter: Sequence[psutil.Process]) -> Sequence[float]:
    """Processor seconds so far: of the sorter, of the camera, and of everything on the machine."""
    times = psutil.cpu_times()
    everything = sum(times) - times.idle - getattr(times, "iowait", 0.0)
    return _cpu_s(sorter), rig.server.cpu_s, everything


def _load(rig: Rig, within: Interval, pictures: Sequence[int], cores: Sequence[float]) -> Load:
    scores = [rig.score(line, within) for line in rig.cables]
    ages_ms = sorted(one.age_ms for line in rig.cables for one in rig.decisions(line) if one.crossed_s in within)
    products, correct = sum(one.products for one in scores), sum(one.correct for one in scores)
    extra = sum(one.extra for one in scores)
    return Load(
        lines=len(scores),
        products=products,
        correct=correct,
        lost=products - correct + extra,
        frames=sum(pictures),
        given_up=pictures[1],
        age_p99_ms=ages_ms[round(0.99 * (len(ages_ms) - 1))] if ages_ms else 0.0,
        sorter_cores=cores[0],
        camera_cores=cores[1],
        machine_cores=cores[2],
    )
