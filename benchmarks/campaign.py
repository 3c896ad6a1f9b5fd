"""The simulated belt under many conditions, decided off line and held against its truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm import tqdm

from benchmarks.belt import BenchBelt
from benchmarks.table import Table
from benchmarks.timing import cpu_s
from sorter.demo.scoring import Score, Scorer
from sorter.line_reports import Heartbeat, LineStatus
from sorter.pipeline import Pipeline
from sorter.records import Decision, Frame, Verdict
from sorter.settings.site import Direction

_MOST_FRAMES = 6000
_BELT_COLORS = ("#f0f0f0", "#1a1a1a", "#1f6b3a", "#8a8a8a", "#2a4b8d")
_DEFECTS = ("texture", "shading", "noise", "glare")


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """How much of it to run."""

    products: int
    """About so many on each belt."""
    every: int
    """1 runs all conditions, 20 every twentieth."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One belt, and in which way it differs from the one that ships."""

    group: str
    name: str
    belt: BenchBelt


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """What became of the products of one belt."""

    group: str
    name: str
    seconds: float
    """Of the belt's own time."""
    products: int
    correct: int
    wrong: int
    """Routed to another bin, or not routed."""
    missed: int
    extra: int
    not_routed: int
    """Decisions with another verdict than *routed*: where these are all the wrong and extra ones, none went astray."""
    frame_ms: float
    """Processor time, mean per frame."""

    @property
    def clean(self) -> bool:
        """Whether everything was as it should be."""
        return not (self.wrong or self.missed or self.extra)

    def cells(self) -> Sequence[str]:
        """For the table."""
        counts = (self.products, self.correct, self.wrong, self.not_routed, self.missed, self.extra)
        mark = "" if self.clean else "<"
        return self.group, self.name, *map(str, counts), f"{self.frame_ms:.2f}", mark


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """All conditions."""

    conditions: Sequence[ConditionResult]

    @property
    def right_share(self) -> float:
        """Part of all products that was decided right."""
        return sum(one.correct for one in self.conditions) / max(sum(one.products for one in self.conditions), 1)

    def table(self) -> Table:
        """For people."""
        columns = (
            "condition", "setting", "products", "correct", "wrong", "not routed", "missed", "extra",
            "ms per frame", "",
        )  # fmt: skip
        sums = [
            str(sum(getattr(one, name) for one in self.conditions))
            for name in ("products", "correct", "wrong", "not_routed", "missed", "extra")
        ]
        rows = [one.cells() for one in self.conditions]
        return Table("simulated belts against their truth", columns, [*rows, ("all", "", *sums, "-", "")])


def run_campaign(plan: CampaignPlan) -> CampaignResult:
    """Run every condition from its first frame."""
    conditions = list(_conditions(BenchBelt.of_config()))[:: plan.every]
    shown = tqdm(conditions, desc="campaign", unit=" belts", leave=False, disable=None)
    return CampaignResult([_run(condition, plan.products) for condition in shown])


def _conditions(base: BenchBelt) -> Iterator[Condition]:
    yield Condition("as shipped", "-", base)
    for direction in (Direction.LEFT, Direction.UP, Direction.DOWN, 30.0, 135.0, -100.0):
        yield Condition("direction", f"{direction}", base.moving(direction))
    yield from _varied(base, "lanes", (2, 3))
    yield from _varied(base, "gap_mm", (5, 10, 15, 30))
    for lanes, gap_mm in ((2, 20), (3, 15)):
        yield Condition("lanes, gap_mm", f"{lanes}, {gap_mm}", base.with_source(lanes=lanes, gap_mm=gap_mm))
    yield from _varied(base, "belt_speed_mm_per_s", (50, 100, 500, 1000, 2000))
    yield from _varied(base, "frame_rate_hz", (5, 10, 15, 60))
    for defect in _DEFECTS:
        yield from _varied(base, defect, (0, 1))
    yield Condition("all four defects", "1", base.with_source(**dict.fromkeys(_DEFECTS, 1)))
    yield from _varied(base, "exposure_s", (0.01, 0.03))
    yield from _varied(base, "light_drift_per_min", (-0.5, 1.0))
    yield from _varied(base, "belt_hex", _BELT_COLORS)
    yield from _varied(base, "mm_per_px", (0.25, 1.0, 2.0))
    yield Condition("picture", "1920 x 1080", base.in_1080p())
    yield from _varied(base, "lead_in_s", (0,))
    yield Condition("lead_in_s, gap_mm", "0, 15", base.with_source(lead_in_s=0, gap_mm=15))
    yield from _varied(base, "seed", (2, 3, 4, 5, 6))


def _varied(base: BenchBelt, key: str, values: Sequence[object]) -> Iterator[Condition]:
    return (Condition(key, f"{value}", base.with_source(**{key: value})) for value in values)


def _run(condition: Condition, products: int) -> ConditionResult:
    belt = condition.belt
    seconds = _seconds_for(belt, products)
    decisions, frame_ms = _decide(belt, seconds)
    score = _score(belt, decisions, seconds)
    return ConditionResult(
        group=condition.group,
        name=condition.name,
        seconds=seconds,
        products=score.products,
        correct=score.correct,
        wrong=score.wrong,
        missed=score.missed,
        extra=score.extra,
        not_routed=sum(decision.verdict is not Verdict.ROUTED for decision in decisions),
        frame_ms=frame_ms,
    )


def _seconds_for(belt: BenchBelt, products: int) -> float:
    """How long it takes until about so many products have come, with whole frames and a bound."""
    source = belt.source
    pitch_mm = float(np.mean([kind.length_mm for kind in source.products])) + 1.5 * source.gap_mm
    wanted_s = source.lead_in_s + products * pitch_mm / source.belt_speed_mm_per_s / source.lanes
    longest_s = _MOST_FRAMES / source.frame_rate_hz
    # The belt must be learned, and the first products must have reached the decision line.
    passage_s = source.width_px * source.mm_per_px / source.belt_speed_mm_per_s
    return min(max(wanted_s, belt.line.belt.learn_s) + passage_s, longest_s)


def _decide(belt: BenchBelt, seconds: float) -> tuple[list[Decision], float]:
    """All decisions of a belt, and the mean time of a frame in milliseconds."""
    decisions: list[Decision] = []
    pipeline: Pipeline | None = None
    spent_s, frames = 0.0, 0
    for frame in belt.frames(seconds):
        pipeline = pipeline or belt.open_pipeline(frame)
        spent_s += cpu_s(partial(_process, pipeline, frame, decisions))
        frames += 1
    if pipeline is not None:
        decisions.extend(pipeline.finish())
    return decisions, spent_s / max(frames, 1) * 1e3


def _process(pipeline: Pipeline, frame: Frame, decisions: list[Decision]) -> None:
    decisions.extend(pipeline.process(frame))


def _score(belt: BenchBelt, decisions: Sequence[Decision], seconds: float) -> Score:
    scorer = Scorer([belt.line])
    frames = round(seconds * belt.source.frame_rate_hz)
    scorer.note_heartbeat(
        belt.line.name,
        Heartbeat(
            status=LineStatus.ENDED,
            reason="",
            frames_processed=frames,
            frames_given_up=0,
            frames_corrupt=0,
            first_frame=(0, 0.0),
            last_frame_at_s=(frames - 1) / belt.source.frame_rate_hz,
        ),
    )
    for decision in decisions:
        scorer.note_decision(belt.line.name, decision)
    return scorer.score()
