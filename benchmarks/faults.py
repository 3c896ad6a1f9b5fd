"""A camera's faults, one after the other, on a running line: what it says, what it decides, how it comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

import numpy as np
from tqdm import tqdm

from benchmarks.camera.reel import BeltReel, Fault, Segment, belt_encoding, make_belt_reel
from benchmarks.camera.truth import Interval, WireScore
from benchmarks.rig import Rig, live_belt, open_rig
from benchmarks.table import Limit, Table, limits_table
from benchmarks.wire import Seen
from sorter.settings.site import LineSettings

_LINE = "line-1"
_TOLD_S, _RESUMED_S, _AGE_MS = 2.0, 3.0, 150.0
_BEFORE_S = 0.3
"""A product that crosses just before a fault begins is decided by pictures that come just after."""


_DECIDED_S = 1.0
"""A product that has crossed is decided by then."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault, from its beginning to the next one's."""

    name: str
    lasts_s: int
    recovers_s: int
    """How long the line is watched after it."""
    begin: Callable[[Rig], None] | None = None
    """None where it lies in the reel."""
    end: Callable[[Rig], None] | None = None
    in_reel: Fault | None = None
    by_repeats: bool = False
    """It shows in equal pictures, whose limit is another one."""
    must_tell: bool = True
    until_key: bool = False
    """The camera itself begins again with its next key frame: only then is its stream there again."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What to go through."""

    size_px: tuple[int, int]
    other_size_px: tuple[int, int]
    bit_rate: int
    lead_in_s: int
    plain_s: int
    trials: Sequence[Trial]

    @property
    def starts_s(self) -> Sequence[int]:
        """When each trial begins, in seconds of the belt; the last one is the end of all."""
        lasting = [trial.lasts_s + trial.recovers_s for trial in self.trials]
        return list(accumulate(lasting, initial=self.lead_in_s + self.plain_s))


def _freeze(rig: Rig) -> None:
    rig.server.freeze()


def _thaw(rig: Rig) -> None:
    rig.server.thaw()


def _kill(rig: Rig) -> None:
    rig.server.kill()


def _start(rig: Rig) -> None:
    rig.server.start("--backlog")


def _cut(rig: Rig) -> None:
    rig.cables[_LINE].cut(refuse=True)


def _hold(rig: Rig) -> None:
    rig.cables[_LINE].hold()


def _restore(rig: Rig) -> None:
    rig.cables[_LINE].restore()


def _trials(recovers_s: int, *lasts_s: int) -> Sequence[Trial]:
    """All faults, the length of each as given; from the kill on, the camera sends its backlog after a freeze."""
    frozen, killed, backlog, cut, held, repeat, heavy, light, resize = lasts_s
    return (
        Trial("camera frozen, then goes on with now", frozen, recovers_s, _freeze, _thaw, until_key=True),
        Trial("camera killed, then started", killed, recovers_s, _kill, _start, until_key=True),
        Trial("camera frozen, then sends its backlog", backlog, recovers_s, _freeze, _thaw),
        Trial("link cut, and refused", cut, recovers_s, _cut, _restore),
        Trial("link blackholed, then all arrives", held, recovers_s, _hold, _restore),
        Trial("same picture again and again", repeat, recovers_s, in_reel=Fault.REPEAT, by_repeats=True),
        Trial("every picture damaged", heavy, recovers_s, in_reel=Fault.DAMAGE_HEAVY),
        Trial("a few bytes damaged", light, recovers_s, in_reel=Fault.DAMAGE_LIGHT, must_tell=False),
        Trial("another resolution", resize, recovers_s, in_reel=Fault.RESIZE),
    )


FULL = FaultPlan((1920, 1080), (1280, 720), 4_000_000, 10, 120, _trials(12, 10, 4, 10, 5, 8, 6, 5, 5, 6))
SHORT = FaultPlan((640, 360), (320, 180), 1_500_000, 5, 4, _trials(4, 2, 1, 2, 1, 2, 4, 2, 1, 2))


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What one fault did."""

    fault: str
    lasts_s: float
    limit_s: float
    """After so long the line has to know, by its settings."""
    told: str | None
    """State and cause by which it first said that it is blind; None where it went on as if nothing were."""
    told_after_s: float | None
    running_after_s: float | None
    """From the recovery of the stream."""
    right_after_s: float | None
    """From the recovery of the stream to the first right decision."""
    score: WireScore
    must_tell: bool
    watched_s: float
    """From its beginning to the next one's."""

    @property
    def told_late_s(self) -> float:
        """Beyond the limit; where it should have been told and was not, as long as was waited for it."""
        if self.told_after_s is None and not self.must_tell:
            return 0.0
        return (self.watched_s if self.told_after_s is None else self.told_after_s) - self.limit_s

    @property
    def resumed_after_s(self) -> float:
        """To the first right decision; where there was none, as long as was waited for it."""
        return self.watched_s - self.lasts_s if self.right_after_s is None else self.right_after_s

    @property
    def false(self) -> int:
        """Decisions that lie."""
        return self.score.wrong_bin + self.score.extra

    def row(self) -> Sequence[str]:
        """For the table."""
        times = (self.told_after_s, self.running_after_s, self.right_after_s)
        told, running, right = ("-" if one is None else f"{one:.2f}" for one in times)
        score = self.score
        lost = score.missed + sum(score.not_routed.values())
        counts = (score.products, score.correct, score.excused, lost, score.wrong_bin, score.extra)
        return self.fault, f"{self.lasts_s:g}", self.told or "nothing", told, running, right, *map(str, counts)


@dataclass(frozen=True, slots=True)
class PlainResult:
    """The line without any fault."""

    seconds: float
    score: WireScore
    age_p50_ms: float
    age_p99_ms: float
    states: Sequence[str]
    """Other than running."""

    def row(self) -> Sequence[str]:
        """For the table."""
        score = self.score
        off = "-" if score.crossing_off_ms is None else f"{score.crossing_off_ms:.0f}"
        worst = "-" if score.worst_crossing_off_ms is None else f"{score.worst_crossing_off_ms:.0f}"
        counts = (
            score.products,
            score.correct,
            score.wrong_bin,
            sum(score.not_routed.values()),
            score.missed,
            score.extra,
        )
        ages = f"{self.age_p50_ms:.0f}", f"{self.age_p99_ms:.0f}"
        return f"{self.seconds:g}", *map(str, counts), *ages, off, worst, ", ".join(self.states) or "none"


@dataclass(frozen=True, slots=True)
class FaultsResult:
    """All of it."""

    size_px: tuple[int, int]
    plain: PlainResult
    trials: Sequence[TrialResult]
    states: Sequence[tuple[float, str, str]]
    """All that the line said: seconds of the belt, state and cause, reason; for ``--json``."""
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        columns = (
            "s", "products", "correct", "wrong bin", "not routed", "missed", "extra", "age p50 ms", "age p99 ms",
            "crossing off ms", "worst ms", "other states",
        )  # fmt: skip
        size = f"{self.size_px[0]} x {self.size_px[1]}, H.264 by RTSP"
        yield Table(f"a line without faults, {size}", columns, [self.plain.row()])
        columns = (
            "fault", "s", "the line says", "after s", "running s", "right s", "products", "correct", "excused", "lost",
            "wrong bin", "extra",
        )  # fmt: skip
        title = "faults; running and right: from the stream's recovery to that state and to the first right decision"
        yield Table(title, columns, [trial.row() for trial in self.trials])
        yield limits_table(self.limits)


def measure_faults(plan: FaultPlan) -> FaultsResult:
    """Draw the reel, run the line, and put it through everything."""
    belt = live_belt(plan.size_px, 30.0, plan.lead_in_s)
    frames = plan.starts_s[-1] * 30
    encoding = belt_encoding(belt.source, plan.bit_rate)
    reel = make_belt_reel(BeltReel(belt.source, belt.degrees, frames, encoding, tuple(_segments(plan))))
    with open_rig(belt, {_LINE: reel}) as rig:
        ends_s = list(_go_through(rig, plan))
        rig.wait_until(plan.starts_s[-1] - 0.5)
        plain = _plain_result(rig, plan)
        trials = [_trial_result(rig, plan, place, end_s) for place, end_s in enumerate(ends_s)]
        states = [_timed(rig, one) for one in rig.states(_LINE)]
    return FaultsResult(plan.size_px, plain, trials, states, list(_limits(plain, trials)))


def _timed(rig: Rig, state: Seen) -> tuple[float, str, str]:
    return round(state.at_s - rig.epoch_s, 2), _words(state), str(state.content["reason"])


def _segments(plan: FaultPlan) -> Iterator[Segment]:
    for trial, start_s in zip(plan.trials, plan.starts_s, strict=False):
        if trial.in_reel is not None:
            first = start_s * 30
            yield Segment(trial.in_reel, first, first + trial.lasts_s * 30, plan.other_size_px)


def _go_through(rig: Rig, plan: FaultPlan) -> Iterator[float]:
    """When each fault was over, in seconds of the belt."""
    trials = list(zip(plan.trials, plan.starts_s, strict=False))
    for trial, start_s in tqdm(trials, desc="faults", leave=False, disable=None):
        rig.wait_until(start_s)
        if trial.begin is not None:
            trial.begin(rig)
        rig.wait_until(start_s + trial.lasts_s)
        if trial.end is not None:
            trial.end(rig)
        yield _recovered_s(rig, trial, float(start_s + trial.lasts_s))


def _recovered_s(rig: Rig, trial: Trial, planned_s: float) -> float:
    """When the camera's stream was there again; key frames come at whole seconds."""
    if trial.end is None:
        return planned_s
    return float(ceil(rig.now_s)) if trial.until_key else rig.now_s


def _plain_result(rig: Rig, plan: FaultPlan) -> PlainResult:
    within = Interval(float(plan.lead_in_s), plan.starts_s[0] - _BEFORE_S)
    ages_ms = [one.age_ms for one in rig.decisions(_LINE) if one.crossed_s in within]
    p50, p99 = np.percentile(ages_ms, (50, 99)).tolist() if ages_ms else (0.0, 0.0)
    words = [_words(one) for one in rig.states(_LINE) if one.at_s - rig.epoch_s in within]
    others = [word for word in words if word != "running"]
    return PlainResult(within.last_s - within.first_s, rig.score(_LINE, within), p50, p99, others)


def _trial_result(rig: Rig, plan: FaultPlan, place: int, end_s: float) -> TrialResult:
    trial, start_s, next_s = plan.trials[place], plan.starts_s[place], plan.starts_s[place + 1]
    # Before the very end, too: who crosses last must have had the time to be decided.
    within = Interval(start_s - _BEFORE_S, min(next_s - _BEFORE_S, plan.starts_s[-1] - _DECIDED_S))
    blind = Interval(start_s - _BEFORE_S, end_s + _RESUMED_S)
    states = [(one.at_s - rig.epoch_s, one) for one in rig.states(_LINE)]
    told = next(((at_s, one) for at_s, one in states if start_s <= at_s < next_s and _blind(one)), None)
    running_s = next((at_s for at_s, one in states if told and max(told[0], end_s) <= at_s and not _blind(one)), None)
    pairs = rig.truth.pair(rig.decisions(_LINE))
    right_s = next((pair.decision.decided_s for pair in pairs if pair.right and pair.decision.decided_s >= end_s), None)
    return TrialResult(
        fault=trial.name,
        lasts_s=round(end_s - start_s, 1),
        limit_s=_limit_s(rig.belt.line, trial),
        told=None if told is None else _words(told[1]),
        told_after_s=None if told is None else told[0] - start_s,
        running_after_s=None if running_s is None else running_s - end_s,
        right_after_s=None if right_s is None else right_s - end_s,
        score=rig.score(_LINE, within, blind),
        must_tell=trial.must_tell,
        watched_s=float(next_s - start_s),
    )


def _blind(state: Seen) -> bool:
    """Whether it says that nothing can be decided; a degraded line sorts on."""
    return state.content["state"] not in {"running", "degraded"}


def _words(state: Seen) -> str:
    cause = state.content["cause"]
    return str(state.content["state"]) + (f", {cause}" if cause else "")


def _limit_s(line: LineSettings, trial: Trial) -> float:
    return line.guards.frozen_s if trial.by_repeats else line.guards.max_gap_s


def _limits(plain: PlainResult, trials: Sequence[TrialResult]) -> Iterator[Limit]:
    score = plain.score
    lost = score.missed + score.wrong_bin + score.extra + sum(score.not_routed.values())
    yield Limit("without faults: products missed, wrong, not routed or extra", lost, 1, "")
    yield Limit("without faults: age of the picture at the decision, p99", plain.age_p99_ms, _AGE_MS, "ms")
    yield Limit(
        "every fault: told this much after its limit, latest", max(one.told_late_s for one in trials), _TOLD_S, "s"
    )
    yield Limit("every fault: wrong bins and decisions of nothing", sum(one.false for one in trials), 1, "")
    yield Limit("every fault: lost after sorting must have resumed", sum(map(_lost, trials)), 1, "")
    slowest = max(one.resumed_after_s for one in trials)
    yield Limit("every fault: from its end to the first right decision, slowest", slowest, _RESUMED_S, "s")


def _lost(trial: TrialResult) -> int:
    return trial.score.missed + sum(trial.score.not_routed.values())
