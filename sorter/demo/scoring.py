"""Decisions held against the simulator's truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from sorter.capture.simulator.truth import Schedule, TrueProduct, truth
from sorter.line_reports import Heartbeat
from sorter.product.region import Grid, build_grid, direction_deg
from sorter.records import Decision, Verdict
from sorter.settings.site import LineSettings, SimulatorSource

_SAME_RUN_S = 1e-3


@dataclass(frozen=True, slots=True)
class Score:
    """What became of the products on the belt."""

    products: int
    """On the belt and due: those that crossed the decision line, and those decided at the end before they did."""
    decided: int
    """Decisions made."""
    correct: int
    wrong: int
    """Decided, but not routed to the bin it belongs in."""
    missed: int
    """Crossed the decision line undecided, by the last frame that was looked at."""
    extra: int
    """Decisions of what is no product, or of one that was decided before."""

    @property
    def clean(self) -> bool:
        """Whether everything was as it should be."""
        return not (self.wrong or self.missed or self.extra)

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Run:
    """One simulated belt from its first frame on; a line that is started again begins another."""

    start_s: float
    """When its frame 0 was captured, or would have been; monotonic seconds."""
    last_s: float = 0.0
    """The last frame that was looked at, in seconds after frame 0."""
    decisions: list[Decision] = field(default_factory=list)


class _LineScore:
    """One simulated line's decisions and truth."""

    def __init__(self, line: LineSettings, source: SimulatorSource) -> None:
        self._deg = direction_deg(line.belt.direction)
        self._schedule: Schedule = truth(source, self._deg)
        size = (source.width_px, source.height_px)
        self._grid = build_grid(line.region, line.belt.direction, size, line.product.min_length_px)
        self._line_px = line.decision_line * self._grid.length_px
        self._frame_rate_hz = source.frame_rate_hz
        self._runs: list[_Run] = []

    @property
    def started(self) -> bool:
        return bool(self._runs)

    def note_frames(self, number: int, captured_at_s: float, last_at_s: float) -> None:
        # The line may never see frame 0: the first one it takes is the newest there is.
        start_s = captured_at_s - number / self._frame_rate_hz
        if not self._runs or abs(self._runs[-1].start_s - start_s) > _SAME_RUN_S:
            self._runs.append(_Run(start_s))
        self._runs[-1].last_s = last_at_s - start_s

    def note(self, decision: Decision) -> None:
        if not self._runs:  # a decision of a belt that nobody has seen: of no product, then
            self._runs.append(_Run(decision.captured_at_s))
        self._runs[-1].decisions.append(decision)

    def score(self) -> Score:
        return _sum([self._score(run) for run in self._runs])

    def _score(self, run: _Run) -> Score:
        found: set[int] = set()
        correct = extra = 0
        for decision in run.decisions:
            product = self._product_at(decision, decision.captured_at_s - run.start_s)
            if product is None or product.index in found:
                extra += 1
                continue
            found.add(product.index)
            routed_to = decision.match.bin if decision.verdict is Verdict.ROUTED and decision.match else None
            correct += int(routed_to == product.bin)
        missed = sum(product.index not in found for product in self._crossed(run.last_s))
        return Score(len(found) + missed, len(run.decisions), correct, len(found) - correct, missed, extra)

    def _product_at(self, decision: Decision, at_s: float) -> TrueProduct | None:
        box = decision.box
        if box is None:
            return None
        center = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        near = [
            (math.dist(center, self._schedule.center_px(product, at_s)), product)
            for product in self._schedule.products_between(at_s - 1.0, at_s)
        ]
        distance_px, product = min(near, key=lambda pair: pair[0], default=(math.inf, None))
        return product if product is not None and distance_px < max(product.length_px, product.width_px) / 2 else None

    def _crossed(self, at_s: float) -> list[TrueProduct]:
        """Products whose middle had crossed the decision line by the last frame that was looked at."""
        return [
            product
            for product in self._schedule.products_between(0.0, at_s)
            if _along_px(self._grid, self._deg, self._schedule.center_px(product, at_s)) > self._line_px
        ]


def _along_px(grid: Grid, degrees: float, point: tuple[float, float]) -> float:
    """A picture point's position along the belt in the region's own coordinates."""
    angle = math.radians(degrees)
    origin = float(grid.along_px[0, 0])
    half = (grid.cell_px - 1) / 2
    away = (point[0] - grid.box.x0 - half, point[1] - grid.box.y0 - half)
    return origin + away[0] * math.cos(angle) + away[1] * math.sin(angle)


class Scorer:
    """Takes what the service tells, and scores it at the end.

    Args:
        lines: simulated lines.
    """

    def __init__(self, lines: Sequence[LineSettings]) -> None:
        self._lines = {
            line.name: _LineScore(line, line.source) for line in lines if isinstance(line.source, SimulatorSource)
        }

    def note_decision(self, line: str, decision: Decision) -> None:
        """A decision was made."""
        self._lines[line].note(decision)

    def note_heartbeat(self, line: str, beat: Heartbeat) -> None:
        """A line told how it goes."""
        if beat.first_frame is not None and beat.last_frame_at_s is not None:
            self._lines[line].note_frames(*beat.first_frame, beat.last_frame_at_s)

    @property
    def blind(self) -> list[str]:
        """Lines that have not seen a single frame."""
        return [name for name, line in self._lines.items() if not line.started]

    def score(self) -> Score:
        """All lines together."""
        return _sum([line.score() for line in self._lines.values()])


def _sum(scores: Sequence[Score]) -> Score:
    names = Score.__dataclass_fields__
    return Score(**{name: sum(getattr(score, name) for score in scores) for name in names})
