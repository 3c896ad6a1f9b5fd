"""One batch, or one span of time, of one line: all that a report tells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sorter.batch.certainty import Least, certainty_of, draw
from sorter.batch.counting import Counts, Gaps
from sorter.batch.distribution import Distribution
from sorter.batch.drift import Drift, Mean, drift_of
from sorter.batch.span import Batch, Span
from sorter.batch.uptime import FAULTY, Uptime
from sorter.outputs.events import Event, EventKind
from sorter.outputs.messages import LineState, Message, wall_s
from sorter.outputs.steps import StepTaken
from sorter.records import RecipeId, Verdict
from sorter.settings.recipe import Recipe

_LEAST_CERTAIN = 10
_SAMPLED = 6
"""Of ambiguous and of unknown products: some of all, evenly."""
_DECIDES = (LineState.RUNNING.value, LineState.DEGRADED.value)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is of."""

    line: str
    span: Span
    signs_wall_s: Mapping[str, float]
    """See `Uptime`."""
    batch: Batch | None = None
    """None where it is a span of time."""
    is_running: bool = False
    """The service works on it still."""


@dataclass(slots=True)
class BinReport:
    """The routed products of one bin."""

    slots: list[Mean]
    products: int = 0
    differences: Distribution = field(default_factory=Distribution)
    """CIEDE2000 to the bin."""
    margins: Distribution = field(default_factory=Distribution)
    """How much farther the runner-up was, in CIEDE2000; nothing where there was none."""
    tolerance: float | None = None
    """CIEDE2000 of the recipe that decided last; None where it is of another shape, or not kept."""

    @property
    def drift(self) -> Drift | None:
        """How its color moved."""
        return drift_of(self.slots)


@dataclass(slots=True)
class Report:
    """What the batch came to.

    It is told every event and every decision once, in their order, and holds no more than sums, a few dozen decisions,
    and counts by slot, bin and recipe.
    """

    subject: Subject
    recipe_of: Callable[[RecipeId], Recipe | None]
    """A recipe by its identity; None where it is not kept."""
    counts: Counts = field(default_factory=Counts)
    gaps: Gaps = field(default_factory=Gaps)
    by_slot: list[int] = field(init=False)
    """Products in each slot of the span."""
    bins: dict[str, BinReport] = field(default_factory=dict)
    uptime: Uptime = field(init=False)
    least_certain: Least = field(default_factory=lambda: Least(_LEAST_CERTAIN))
    ambiguous: Least = field(default_factory=lambda: Least(_SAMPLED))
    unknown: Least = field(default_factory=lambda: Least(_SAMPLED))
    is_simulated: bool = False
    _recipes: dict[str, Recipe | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        subject = self.subject
        self.by_slot = [0] * subject.span.slots
        self.uptime = Uptime(subject.span, subject.signs_wall_s)
        if subject.batch is not None:
            self.gaps.before[subject.batch.boot_id] = subject.batch.after_seq

    @property
    def deciding_s(self) -> float:
        """How long the line was running, or degraded and deciding all the same."""
        return sum(spell.seconds for state, spell in self.uptime.by_state.items() if state in _DECIDES)

    @property
    def fault_s(self) -> float:
        """How long it was halted, degraded or starting again, or nobody knows what it did."""
        return sum(spell.seconds for state, spell in self.uptime.by_state.items() if state in FAULTY)

    @property
    def per_min(self) -> float | None:
        """Products a minute while the line decided; None where it never did, as far as is known."""
        return self.counts.products / self.deciding_s * 60 if self.deciding_s else None

    @property
    def slots_per_min(self) -> list[float]:
        """Products a minute in each slot."""
        durations = self.subject.span.slot_durations_s()
        return [count / duration * 60 for count, duration in zip(self.by_slot, durations, strict=True)]

    def take_event(self, event: Event) -> None:
        """The next event of the line."""
        self.uptime.take(event)
        since = self.subject.span.since_wall_s
        # The recipe's event comes a moment before that of the batch which it begins, and belongs to it.
        if event.kind is EventKind.BATCH and event.at_wall_s >= since:
            self.counts.note_recipe(RecipeId(**event.detail["recipe"]), event.at_wall_s)

    def take_decision(self, message: Message, steps: tuple[StepTaken, ...]) -> None:
        """The next decision of the line, with what became of it."""
        at_wall_s = wall_s(message["decided_at"])
        self.counts.take(message, steps, at_wall_s)
        self.gaps.take(message["boot_id"], message["seq"])
        slot = self.subject.span.slot_of(at_wall_s)
        self.by_slot[slot] += 1
        self.is_simulated |= message["simulated"]
        match message["verdict"]:
            case Verdict.ROUTED:
                self._take_routed(message, slot)
            case Verdict.AMBIGUOUS:
                self.ambiguous.take(draw(message), message)
            case Verdict.UNKNOWN:
                self.unknown.take(draw(message), message)

    def _take_routed(self, message: Message, slot: int) -> None:
        name = message["bin"]
        if name not in self.bins:
            self.bins[name] = BinReport([Mean() for _ in self.by_slot])
        one = self.bins[name]
        one.products += 1
        one.slots[slot].take(message["lab"])
        one.differences.take(message["delta_e"])
        if message["margin"] is not None:
            one.margins.take(message["margin"])
        recipe = self._recipe(RecipeId(**message["recipe"]))
        if recipe is not None:
            one.tolerance = next((other.tolerance.delta_e for other in recipe.bins if other.name == name), None)
            certainty = certainty_of(message, recipe)
            if certainty is not None:
                self.least_certain.take(certainty.part, message, certainty.limit)

    def _recipe(self, identity: RecipeId) -> Recipe | None:
        if identity.hash not in self._recipes:
            self._recipes[identity.hash] = self.recipe_of(identity)
        return self._recipes[identity.hash]

    def end(self) -> None:
        """That was all."""
        self.uptime.end()
        batch = self.subject.batch
        if batch is not None and batch.until_seq is not None:
            self.gaps.end(batch.boot_id, batch.until_seq)


def make_report(
    subject: Subject,
    events: Iterable[Event],
    decisions: Iterable[tuple[Message, tuple[StepTaken, ...]]],
    recipe_of: Callable[[RecipeId], Recipe | None],
) -> Report:
    """Read all of it once.

    Args:
        subject: what it is of.
        events: of the line, from the beginning of the run in which the span begins, to the end of the span.
        decisions: those of the batch or of the span, in the order in which they were made.
        recipe_of: a recipe by its identity; None where it is not kept.
    """
    report = Report(subject, recipe_of)
    for event in events:
        report.take_event(event)
    for message, steps in decisions:
        report.take_decision(message, steps)
    report.end()
    return report
