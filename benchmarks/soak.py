"""A camera that is lost and comes back, again and again: memory, reconnections, decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import psutil
from tqdm import tqdm

from benchmarks.camera.reel import BeltReel, belt_encoding, make_belt_reel
from benchmarks.camera.truth import Interval, WireScore, sum_scores
from benchmarks.memory import ProcessMemory, Samples
from benchmarks.rig import Rig, live_belt, open_rig
from benchmarks.table import Limit, Table, limits_table
from sorter.errors import SorterError

_LINE = "line-1"
_MOST_GROWTH_MB = 5.0
_BEFORE_S, _RESUMED_S = 0.3, 3.0
_SAMPLE_S = 0.5
_SEAM_S = 1.0
_LEAD_IN_S = 10.0


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """How long, and how often."""

    size_px: tuple[int, int]
    bit_rate: int
    lap_s: float
    """The reel is played over and over; each lap begins with an empty belt."""
    seconds: float
    every_s: float
    """From one loss to the next."""
    lasts_s: float
    settled_after_s: float
    """From here on growth is looked for: pools and caches fill once."""

    def of_minutes(self, minutes: float) -> SoakPlan:
        """The same, for so long."""
        return replace(self, seconds=60 * minutes)


FULL = SoakPlan((960, 540), 2_000_000, 120.0, 1800.0, 10.0, 2.0, 60.0)
SHORT = SoakPlan((640, 360), 1_500_000, 30.0, 30.0, 5.0, 1.2, 12.0)


@dataclass(frozen=True, slots=True)
class Loss:
    """One time that the camera was away, in seconds of the belt."""

    what: str
    began_s: float
    ended_s: float
    came_back: bool
    """Whether the line sorted again before the next one."""


@dataclass(frozen=True, slots=True)
class SoakResult:
    """All of it."""

    seconds: float
    losses: Sequence[Loss]
    connections: int
    """Made to the camera after the first."""
    line_restarts: int
    memory: Sequence[ProcessMemory]
    score: WireScore
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        score, back = self.score, sum(one.came_back for one in self.losses)
        rows = [
            ("watched", f"{self.seconds:.0f} s"),
            ("camera lost", f"{len(self.losses)}"),
            ("sorting again before the next loss", f"{back}"),
            ("connections after the first", f"{self.connections}"),
            ("restarts of the line's process", f"{self.line_restarts}"),
            ("products due", f"{score.products}"),
            ("decided right", f"{score.correct}"),
            ("excused, since the camera was away", f"{score.excused}"),
            ("missed or not routed beyond that", f"{score.missed + sum(score.not_routed.values())}"),
            ("wrong bin", f"{score.wrong_bin}"),
            ("extra", f"{score.extra}"),
        ]
        yield Table("a camera that is lost and comes back", ("what", "is"), rows)
        columns = "process", "peak MB", "first third MB", "last third MB", "growth MB", "watched s"
        yield Table("resident memory (1 MB = 1,000,000 bytes)", columns, [one.cells() for one in self.memory])
        yield limits_table(self.limits)


def measure_soak(plan: SoakPlan) -> SoakResult:
    """Lose the camera in turns in every way."""
    belt = live_belt(plan.size_px, 25.0, _LEAD_IN_S)
    frames = round(plan.lap_s * belt.source.frame_rate_hz)
    reel = make_belt_reel(BeltReel(belt.source, belt.degrees, frames, belt_encoding(belt.source, plan.bit_rate)))
    with open_rig(belt, {_LINE: reel}, "--loop") as rig:
        rig.wait_for("the line sorts", lambda: rig.sorts(_LINE))
        watch = _Watch(rig)
        losses = list(_lose_often(rig, plan, watch))
        end_s = rig.now_s
        rig.wait_until(end_s + 1.0)
        restarts = round(rig.metric("sorter_line_restarts_total", line=_LINE))
        score = _score_laps(rig, plan, losses, end_s)
        connections = rig.cables[_LINE].accepted - 1
        memory = [watch.line.summary("line", end_s), watch.service.summary("service", end_s)]
    return SoakResult(end_s, losses, connections, restarts, memory, score, list(_limits(losses, memory, score)))


class _Watch:
    """Memory of the service and of its line."""

    def __init__(self, rig: Rig) -> None:
        service, lines = rig.processes()
        self.service, self.line = Samples(service), Samples(lines[0])

    def take(self, *, settled: bool) -> None:
        for one in (self.service, self.line):
            one.take(settled=settled)


def _cut(rig: Rig) -> Callable[[], None]:
    rig.cables[_LINE].cut(refuse=True)
    return rig.cables[_LINE].restore


def _hold(rig: Rig) -> Callable[[], None]:
    rig.cables[_LINE].hold()
    return rig.cables[_LINE].restore


def _kill(rig: Rig) -> Callable[[], None]:
    rig.server.kill()
    return rig.server.start


def _freeze(rig: Rig) -> Callable[[], None]:
    rig.server.freeze()
    return rig.server.thaw


_WAYS = {"cut": _cut, "killed": _kill, "blackholed": _hold, "frozen": _freeze}


def _lose_often(rig: Rig, plan: SoakPlan, watch: _Watch) -> Iterator[Loss]:
    ways = cycle(_WAYS.items())
    shown = tqdm(total=round(plan.seconds), desc="soak", unit=" s", leave=False, disable=None)
    start_s = rig.now_s
    with shown:
        while rig.now_s < start_s + plan.seconds:
            what, lose = next(ways)
            began_s = rig.now_s
            restore = lose(rig)
            _watch_until(rig, began_s + plan.lasts_s, plan, watch)
            restore()
            ended_s = rig.now_s
            _watch_until(rig, began_s + plan.every_s, plan, watch)
            shown.update(round(rig.now_s - start_s) - shown.n)
            yield Loss(what, began_s, ended_s, rig.sorts(_LINE))


def _watch_until(rig: Rig, belt_s: float, plan: SoakPlan, watch: _Watch) -> None:
    while rig.now_s < belt_s:
        rig.wait_until(min(rig.now_s + _SAMPLE_S, belt_s))
        try:
            watch.take(settled=rig.now_s > plan.settled_after_s)
        except psutil.NoSuchProcess as error:
            raise SorterError("the line's process is gone; a lost camera must not take it along") from error


def _score_laps(rig: Rig, plan: SoakPlan, losses: Sequence[Loss], end_s: float) -> WireScore:
    """Each lap of the reel against the same belt, and all together."""
    decisions = rig.decisions(_LINE)
    scores = []
    for lap in range(int(end_s // plan.lap_s) + 1):
        back_s = lap * plan.lap_s
        moved = [replace(one, crossed_s=one.crossed_s - back_s, decided_s=one.decided_s - back_s) for one in decisions]
        blind = [Interval(one.began_s - _BEFORE_S - back_s, one.ended_s + _RESUMED_S - back_s) for one in losses]
        # At the seam the belt jumps: what is in view vanishes, and may be decided as if it had moved on.
        seam = Interval(plan.lap_s - _SEAM_S, plan.lap_s)
        within = Interval(_SEAM_S if lap else 0.0, min(end_s - back_s, plan.lap_s))
        scores.append(rig.truth.score(moved, within, [*blind, seam]))
    return sum_scores(scores)


def _limits(losses: Sequence[Loss], memory: Sequence[ProcessMemory], score: WireScore) -> Iterator[Limit]:
    for one in memory:
        yield Limit(f"memory of the {one.process}: growth", one.growth_mb, _MOST_GROWTH_MB, "MB")
    yield Limit("losses that the line had not come back from", sum(not one.came_back for one in losses), 1, "")
    yield Limit("wrong bins and decisions of nothing", score.wrong_bin + score.extra, 1, "")
    lost = score.missed + sum(score.not_routed.values())
    yield Limit("lost after sorting must have resumed", lost, 1, "")
