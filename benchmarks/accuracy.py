"""How often the sorter is right: on real pictures where they are at hand, and on simulated belts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign import CampaignPlan, CampaignResult, run_campaign
from benchmarks.fruit import FruitResult, judge_fruit
from benchmarks.pictures import LineResult, PlatesResult, decide_plates, repeat_line
from benchmarks.table import Limit, Table, limits_table

_LEAST_RIGHT = 99.5


@dataclass(frozen=True, slots=True)
class AccuracyPlan:
    """How much of each to run."""

    campaign: CampaignPlan
    every: int
    """1 takes every region of the real pictures, 10 every tenth."""


FULL = AccuracyPlan(CampaignPlan(products=60, every=1), every=1)
SHORT = AccuracyPlan(CampaignPlan(products=5, every=20), every=4)


@dataclass(frozen=True, slots=True)
class AccuracyResult:
    """Everything; None where a set is not at hand."""

    candy_plates: PlatesResult | None
    candy_line: LineResult | None
    fruit: FruitResult | None
    skipped: Mapping[str, str]
    """Sets that were left out, and why."""
    campaign: CampaignResult
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        for part in (self.candy_plates, self.candy_line, self.fruit, self.campaign):
            if part is not None:
                yield part.table()
        if self.skipped:
            yield Table("left out", ("set", "why"), list(self.skipped.items()))
        yield limits_table(self.limits)


def measure_accuracy(plan: AccuracyPlan, data: Path) -> AccuracyResult:
    """Decide the sets below ``data`` that are there, and run the campaign."""
    skipped = {
        name: f"no folder {name} in {data.name}: give another one with --data"
        for name in ("candy_plates", "candy_line", "fruit")
        if not (data / name).is_dir()
    }
    plates = None if "candy_plates" in skipped else decide_plates(data / "candy_plates", plan.every)
    line = None if "candy_line" in skipped else repeat_line(data / "candy_line", plan.every)
    fruit = None if "fruit" in skipped else judge_fruit(data / "fruit", plan.every)
    campaign = run_campaign(plan.campaign)
    return AccuracyResult(plates, line, fruit, skipped, campaign, list(_limits(plates, fruit)))


def _limits(plates: PlatesResult | None, fruit: FruitResult | None) -> Iterator[Limit]:
    if plates is not None:
        least = 100 * min(half.share for half in plates.halves)
        yield Limit("candy_plates: right on the other half, least", least, _LEAST_RIGHT, "%", at_least=True)
    if fruit is not None:
        yield Limit("fruit: pictures won by the ground", fruit.ground_won, 1, "")
