"""How often the sorter is right: on real pictures where they are at hand, and on simulated belts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign import CampaignPlan, CampaignResult, run_campaign
from benchmarks.comparison import WayAccuracy, comparison_table
from benchmarks.converged import CONVERGED, ConvergedResult, compare_converged
from benchmarks.engine import peers_table
from benchmarks.families import sort_families
from benchmarks.fruit import FruitPixels, cut_out_fruit, judge_fruit
from benchmarks.pictures import decide_plates, repeat_line
from benchmarks.regions import Reading, read_regions
from benchmarks.table import Limit, Table, limits_table
from benchmarks.ways import Way, open_ways

_LEAST_RIGHT = 99.8
_TABLES = {"candy_plates": "boxes.csv", "candy_line": "crops.csv", "fruit": "labels.csv"}


@dataclass(frozen=True, slots=True)
class AccuracyPlan:
    """How much of each to run."""

    campaign: CampaignPlan
    every: int
    """1 takes every region of the real pictures, 10 every tenth."""


FULL = AccuracyPlan(CampaignPlan(products=60, every=1), every=1)
SHORT = AccuracyPlan(CampaignPlan(products=5, every=20), every=10)


@dataclass(frozen=True, slots=True)
class AccuracyResult:
    """Everything."""

    ways: Sequence[WayAccuracy]
    """This sorter's is the first."""
    converged: ConvergedResult | None
    """None where no set is at hand."""
    skipped: Mapping[str, str]
    """Sets that were left out, and why."""
    versions: Mapping[str, str]
    """Of the other tools."""
    left_out: str | None
    """Why there are no other tools."""
    campaign: CampaignResult
    limits: Sequence[Limit]

    def tables(self) -> Iterator[Table]:
        """For people."""
        if self.converged is not None:
            yield comparison_table(self.ways)
            yield peers_table(self.versions, self.left_out)
            yield self.converged.table()
        ours = self.ways[0]
        for part in (ours.candy_plates, ours.candy_line, ours.fruit, ours.families, self.campaign):
            if part is not None:
                yield part.table()
        if self.skipped:
            yield Table("left out", ("set", "why"), list(self.skipped.items()))
        yield limits_table(self.limits)


def measure_accuracy(plan: AccuracyPlan, data: Path, *, peers: bool) -> AccuracyResult:
    """Let every way read the sets below ``data`` that are there, and run the campaign.

    Args:
        plan: how much.
        data: the folder of real sets.
        peers: compare other tools too.
    """
    skipped = {
        name: f"no folder {name} in {data.name}: give another one with --data"
        for name in _TABLES
        if not (data / name).is_dir()
    }
    with open_ways(peers=peers and len(skipped) < len(_TABLES)) as ways:
        compared = [way for way in ways.all if way.compared]
        sets = {name: _read(data / name, plan.every, compared) for name in _TABLES if name not in skipped}
        versions, left_out = ways.versions, ways.left_out
    pixels = [cut_out_fruit(data / "fruit" / reading.picture) for reading in sets.get("fruit", [])]
    results = [_judge(way.name, sets, pixels) for way in compared]
    converged = compare_converged(sets) if sets else None
    limits = list(_limits(results[0], converged))
    return AccuracyResult(results, converged, skipped, versions, left_out, run_campaign(plan.campaign), limits)


def _read(folder: Path, every: int, ways: Sequence[Way]) -> Sequence[Reading]:
    return list(read_regions(folder / _TABLES[folder.name], "color", every, [*ways, CONVERGED]))


def _judge(way: str, sets: Mapping[str, Sequence[Reading]], pixels: Sequence[FruitPixels]) -> WayAccuracy:
    plates, fruit, line = (sets.get(name) for name in ("candy_plates", "fruit", "candy_line"))
    return WayAccuracy(
        way=way,
        candy_plates=None if plates is None else decide_plates(plates, way),
        fruit=None if fruit is None else judge_fruit(fruit, pixels, way),
        families=None if fruit is None else sort_families(fruit, way),
        candy_line=None if line is None else repeat_line(line, way),
    )


def _limits(ours: WayAccuracy, converged: ConvergedResult | None) -> Iterator[Limit]:
    if ours.candy_plates is not None and ours.candy_plates.least_share is not None:
        least = 100 * ours.candy_plates.least_share
        yield Limit("candy_plates: right on the other half, least", least, _LEAST_RIGHT, "%", at_least=True)
    if ours.fruit is not None:
        yield Limit("fruit: pictures won by the ground", ours.fruit.ground_won, 1, "")
    if ours.candy_line is not None:
        within = 100 * ours.candy_line.within / ours.candy_line.tried
        yield Limit("candy_line: crops within one bin", within, 100, "%", at_least=True)
    if converged is not None:
        yield from converged.limits()
