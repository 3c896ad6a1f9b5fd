"""Decisions as a reader of the wire sees them, held against what really lay on the simulated belt."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from sorter.capture.simulator.truth import Schedule, TrueProduct
from sorter.product.region import Grid, build_grid, direction_deg
from sorter.records import Verdict
from sorter.settings.site import LineSettings, SimulatorSource
from sorter.timing import Timing

_MOST_PASSAGE_S = 1.0
"""More than a product takes to pass a line, so that all that may be the nearest one are looked at."""


class Interval(NamedTuple):
    """From when to when, in seconds of the belt: picture 0 was taken at 0."""

    first_s: float
    last_s: float

    def __contains__(self, at_s: object) -> bool:
        return isinstance(at_s, float) and self.first_s <= at_s <= self.last_s

    def widened(self, margin_s: float) -> Interval:
        """With a margin at both ends."""
        return Interval(self.first_s - margin_s, self.last_s + margin_s)


ALWAYS = Interval(float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class WireDecision:
    """What a message of `decision.schema.json` says of its product."""

    crossed_s: float
    """When it crossed the decision line, in seconds of the belt, as its deadline tells."""
    verdict: Verdict
    bin: str | None
    age_ms: float
    decided_s: float
    """In seconds of the belt."""

    @classmethod
    def of(cls, message: Mapping[str, Any], timing: Timing, epoch_wall_s: float) -> Self:
        """Read a message.

        Args:
            message: its payload.
            timing: of its line.
            epoch_wall_s: when picture 0 was taken, in seconds since 1970.
        """
        after_s, before_s, decided_s = (
            datetime.fromisoformat(message[key]).timestamp() - epoch_wall_s
            for key in ("act_after", "act_before", "decided_at")
        )
        crossed_s = (after_s + before_s) / 2 - timing.travel_s[message["branch"]]
        return cls(crossed_s, Verdict(message["verdict"]), message["bin"], float(message["age_ms"]), decided_s)


@dataclass(frozen=True, slots=True)
class Pairing:
    """A decision and the product that it is about; None where there was none, or it had one already."""

    decision: WireDecision
    product: TrueProduct | None
    away_s: float
    """By how much the crossing that it tells is later than the true one."""

    @property
    def right(self) -> bool:
        """Whether it sends its product where it belongs."""
        routed = self.decision.verdict is Verdict.ROUTED
        return self.product is not None and routed and self.decision.bin == self.product.bin


@dataclass(frozen=True, slots=True)
class WireScore:
    """What became of the products that crossed the decision line in some interval."""

    products: int
    correct: int
    wrong_bin: int
    """Routed to another bin than its own: never excused."""
    not_routed: Mapping[str, int]
    """Decided otherwise, by verdict, though the camera saw it well."""
    missed: int
    """Never decided, though the camera saw it well."""
    extra: int
    """Decisions of what is no product, or of one that was decided before: never excused."""
    excused: int
    """Crossed while the camera was away or lied, and were missed or not routed."""
    crossing_off_ms: float | None
    """Median of the told crossing less the true one; None without decisions."""
    worst_crossing_off_ms: float | None
    """The largest, by size."""

    @property
    def clean(self) -> bool:
        """Whether everything was as it should be."""
        return not (self.wrong_bin or self.not_routed or self.missed or self.extra)


def sum_scores(scores: Sequence[WireScore]) -> WireScore:
    """Several intervals or belts together; at least one."""
    counts = ("products", "correct", "wrong_bin", "missed", "extra", "excused")
    offs = [one.crossing_off_ms for one in scores if one.crossing_off_ms is not None]
    worst = [one.worst_crossing_off_ms for one in scores if one.worst_crossing_off_ms is not None]
    return WireScore(
        **{name: sum(getattr(one, name) for one in scores) for name in counts},
        not_routed=dict(sum((Counter(one.not_routed) for one in scores), Counter())),
        crossing_off_ms=statistics.median(offs) if offs else None,
        worst_crossing_off_ms=max(worst, key=abs) if worst else None,
    )


class BeltTruth:
    """What lies on a simulated belt of one lane, and when it crosses a line's decision line.

    Args:
        line: the line, whatever its source is.
        source: the belt that its camera shows.
    """

    def __init__(self, line: LineSettings, source: SimulatorSource) -> None:
        degrees = direction_deg(line.belt.direction)
        grid = build_grid(
            line.region, line.belt.direction, (source.width_px, source.height_px), line.product.min_length_px
        )
        self.timing = Timing.of(line)
        self._schedule = Schedule(source, degrees)
        self._line_px = line.decision_line * grid.length_px - _grid_from_belt_px(grid, self._schedule)

    def crossing_s(self, product: TrueProduct) -> float:
        """When its middle crosses the decision line."""
        belt = self._schedule.belt
        return product.enters_s + (self._line_px - self._schedule.along_px(product, product.enters_s)) / (
            belt.speed_px_per_s
        )

    def due(self, interval: Interval) -> list[TrueProduct]:
        """The products that cross the decision line within an interval of finite length."""
        first_s, last_s = interval
        near = self._schedule.products_between(max(first_s, 0.0), max(last_s, 0.0))
        return [product for product in near if self.crossing_s(product) in interval]

    def pair(self, decisions: Iterable[WireDecision]) -> list[Pairing]:
        """Give each decision its product: the one whose crossing is nearest, not farther than half its length."""
        taken: set[int] = set()
        pairs = []
        for decision in decisions:
            product, away_s = self._nearest(decision)
            if product is not None and product.index in taken:
                product = None
            if product is not None:
                taken.add(product.index)
            pairs.append(Pairing(decision, product, away_s))
        return pairs

    def _nearest(self, decision: WireDecision) -> tuple[TrueProduct | None, float]:
        at_s = decision.crossed_s
        near = self.due(Interval(at_s, at_s).widened(_MOST_PASSAGE_S))
        product = min(near, key=lambda one: abs(self.crossing_s(one) - at_s), default=None)
        if product is None:
            return None, 0.0
        away_s = at_s - self.crossing_s(product)
        half_s = product.length_px / 2 / self._schedule.belt.speed_px_per_s
        # What had not come into view was not decided, whatever crossing is told.
        meant = abs(away_s) <= half_s and product.enters_s <= decision.decided_s
        return (product if meant else None), away_s

    def score(
        self,
        decisions: Iterable[WireDecision],
        within: Interval,
        blind: Sequence[Interval] = (),
        margin_s: float = 0.0,
    ) -> WireScore:
        """Hold decisions against the products that cross within an interval.

        Args:
            decisions: all that there are, in the order in which they came.
            within: of finite length.
            blind: when the camera was away or lied; products that cross then may be missed or not routed.
            margin_s: by how much each blind interval is longer at both ends.
        """
        pairs = [pair for pair in self.pair(decisions) if self._time_of(pair) in within]
        excuses = [interval.widened(margin_s) for interval in blind]
        return _score(self, pairs, self.due(within), excuses)

    def _time_of(self, pair: Pairing) -> float:
        """Where it counts; the crossing that a decision of nothing tells may be anywhere."""
        return pair.decision.decided_s if pair.product is None else self.crossing_s(pair.product)


def _score(
    truth: BeltTruth, pairs: Sequence[Pairing], due: Sequence[TrueProduct], excuses: Sequence[Interval]
) -> WireScore:
    by_product = {pair.product.index: pair for pair in pairs if pair.product is not None}
    products = {product.index: product for product in due}
    excused = {index for index, one in products.items() if any(truth.crossing_s(one) in excuse for excuse in excuses)}
    routed = {index: pair for index, pair in by_product.items() if pair.decision.verdict is Verdict.ROUTED}
    otherwise = {index: pair for index, pair in by_product.items() if index not in routed}
    missed = products.keys() - by_product.keys()
    off_ms = [pair.away_s * 1e3 for pair in by_product.values()]
    return WireScore(
        products=len(products),
        correct=sum(pair.right for pair in routed.values()),
        wrong_bin=sum(not pair.right for pair in routed.values()),
        not_routed=dict(Counter(pair.decision.verdict.value for i, pair in otherwise.items() if i not in excused)),
        missed=len(missed - excused),
        extra=sum(pair.product is None for pair in pairs),
        excused=len((missed | otherwise.keys()) & excused),
        crossing_off_ms=statistics.median(off_ms) if off_ms else None,
        worst_crossing_off_ms=max(off_ms, key=abs) if off_ms else None,
    )


def _grid_from_belt_px(grid: Grid, schedule: Schedule) -> float:
    """What turns the schedule's way along the belt (0 in the picture's middle) into the grid's (0 upstream)."""
    belt, half = schedule.belt, (grid.cell_px - 1) / 2
    corner = grid.box.x0 + half - belt.middle_px[0], grid.box.y0 + half - belt.middle_px[1]
    return float(grid.along_px[0, 0]) - (corner[0] * belt.along[0] + corner[1] * belt.along[1])
