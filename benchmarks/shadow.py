"""What a shadow recipe costs: in the line at each decision, on the way to the service, and there."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from unittest.mock import patch

import numpy as np
from tqdm import tqdm

from benchmarks.belt import BenchBelt
from benchmarks.table import Table
from benchmarks.timing import Spread, Turns, cpu_s
from sorter.deciding import Decider, Followed
from sorter.outputs.messages import LineIdentity, decision_message, dumps
from sorter.outputs.shadow import shadow_message
from sorter.pipeline import open_pipeline
from sorter.product.track import Track
from sorter.records import Decision, Frame
from sorter.settings.bins import BinSettings
from sorter.settings.recipe import Recipe
from sorter.shadow_desk import ShadowTally
from sorter.timing import Timing

_IDENTITY = LineIdentity("bench", "line", "0123456789abcdef0123456789abcdef", simulated=True)
_EVERY = 3  # a live line looks ten times a second
_WALL_S = 1.7e9
WITHOUT, WITH = "without", "with"


@dataclass(frozen=True, slots=True)
class ShadowPlan:
    """How much to measure."""

    seconds: float
    """Of the simulated belt."""
    passes: int
    bins: Sequence[int]
    """Of both recipes."""


FULL = ShadowPlan(seconds=30, passes=5, bins=(5, 50))
SHORT = ShadowPlan(seconds=4, passes=1, bins=(5,))


@dataclass(frozen=True, slots=True)
class DecisionCost:
    """The same products' decisions with and without a shadow recipe, in turn."""

    bins: int
    without: Spread
    with_shadow: Spread
    tally: Spread
    """The service compares and counts one."""
    pipe_bytes: float
    """More through the pipe, of each decision."""
    message_ms: float
    """Making the message, once in five seconds, and likewise its bytes."""
    message_bytes: int

    @property
    def times(self) -> float:
        """Mean with beside mean without."""
        return self.with_shadow.mean_ms / self.without.mean_ms

    def row(self) -> Sequence[str]:
        """For the table."""
        more_ms = self.with_shadow.mean_ms - self.without.mean_ms
        in_line = (f"{self.without.count}", f"{self.without.mean_ms:.2f}", f"{self.with_shadow.mean_ms:.2f}")
        service = (f"{self.tally.mean_ms:.3f}", f"{self.message_ms:.2f}", f"{self.message_bytes}")
        return (f"{self.bins}", *in_line, f"{more_ms:.2f}", f"{self.times:.2f}", f"{self.pipe_bytes:.0f}", *service)


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """Everything."""

    costs: Sequence[DecisionCost]

    def tables(self) -> Iterator[Table]:
        """For people."""
        columns = (
            "bins", "products", "without ms", "with ms", "more ms", "times", "pipe bytes", "service ms",
            "message ms", "message bytes",
        )  # fmt: skip
        yield Table("shadow: processor time of a product's decision", columns, [one.row() for one in self.costs])


def measure_shadow(plan: ShadowPlan) -> ShadowResult:
    """Run the shipped belt, and decide each of its products with and without a shadow recipe."""
    belt = BenchBelt.of_config()
    frames = list(islice(belt.frames(plan.seconds), 0, None, _EVERY))
    return ShadowResult([_measure(belt, frames, bins, plan.passes) for bins in plan.bins])


def _measure(belt: BenchBelt, frames: Sequence[Frame], bins: int, passes: int) -> DecisionCost:
    recipe = _with_bins(belt.recipe, bins)
    shadow = _candidate(recipe)
    turns, decisions = Turns(), list[Decision]()
    for number in range(passes):
        turns.begin_pass()
        title = f"shadow, {bins} bins, pass {number + 1} of {passes}"
        with tqdm(frames, desc=title, unit=" frames", leave=False, disable=None) as shown:
            decisions = _decide(belt, recipe, shadow, turns, shown)
    tally = ShadowTally(recipe.identity, shadow.identity, _WALL_S)
    told = [(one, decision_message(one, _IDENTITY, one.product, _WALL_S)) for one in decisions]
    tallied = Spread.of([cpu_s(partial(tally.note, *one)) for one in told])
    message = shadow_message(tally.report, _IDENTITY, _WALL_S)
    making_s = [cpu_s(lambda: dumps(shadow_message(tally.report, _IDENTITY, _WALL_S))) for _ in range(20)]
    return DecisionCost(
        bins=bins,
        without=Spread.of(turns.times_s(WITHOUT)),
        with_shadow=Spread.of(turns.times_s(WITH)),
        tally=tallied,
        pipe_bytes=float(np.mean([_pickled(one) - _pickled(replace(one, shadow=None)) for one in decisions])),
        message_ms=float(np.median(making_s)) * 1e3,
        message_bytes=len(dumps(message)),
    )


def _decide(belt: BenchBelt, recipe: Recipe, shadow: Recipe, turns: Turns, frames: Iterable[Frame]) -> list[Decision]:
    """The belt's decisions; each is made with and without the shadow recipe, and both are timed."""
    decide, timing = Decider.decide, Timing.of(belt.line)

    def both(decider: Decider, track: Track, frame: Frame, followed: Followed, speed: float | None) -> Decision:
        made: dict[str, Decision] = {}

        def once(name: str) -> float:
            decider.use(recipe, timing, shadow if name == WITH else None)
            return cpu_s(lambda: made.update({name: decide(decider, track, frame, followed, speed)}))

        timed: dict[str, Callable[[], float]] = {name: partial(once, name) for name in (WITHOUT, WITH)}
        turns.take_timed(timed)
        return made[WITH]

    with patch.object(Decider, "decide", both):
        rest = iter(frames)
        first = next(rest)
        pipeline = open_pipeline(belt.line, recipe, first, lambda frame: frame.captured_at_s, keep_evidence=True)
        return [decision for frame in chain((first,), rest) for decision in pipeline.process(frame)] + pipeline.finish()


def _with_bins(recipe: Recipe, count: int) -> Recipe:
    """The recipe with more bins, to ``count``: small ones, spread over all colors."""
    more = [
        BinSettings(name=f"more {number}", hex=f"#{number * 340_573 % 2**24:06x}", tolerance=3, branch="gate-3")
        for number in range(1, count + 1 - len(recipe.bins))
    ]
    return recipe.model_copy(update={"bins": (*recipe.bins, *more)})


def _candidate(recipe: Recipe) -> Recipe:
    """One bin is wider, and another goes elsewhere."""
    first, second, *others = recipe.bins
    wider = BinSettings.model_validate(first.model_dump(exclude_none=True) | {"tolerance": 14})
    elsewhere = second.model_copy(update={"branch": recipe.bins[-1].branch})
    return recipe.model_copy(update={"revision": recipe.revision + 1, "bins": (wider, elsewhere, *others)})


def _pickled(decision: Decision) -> int:
    return len(pickle.dumps(decision))
