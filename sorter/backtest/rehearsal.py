"""A recipe rehearsed on recorded products: what would change. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple, TypeVar

from sorter.backtest.recorded import Exclusion, Recorded, Way
from sorter.backtest.verdicts import Judge
from sorter.readings import Stacked, stack_readings
from sorter.records import Verdict
from sorter.settings.recipe import Recipe

_Key = TypeVar("_Key")
_MOST_EXAMPLES = 12
_AT_ONCE = 256
"""Products that are judged together: some megabytes."""


class Passage(NamedTuple):
    """From what was said to what would be."""

    then: Way
    now: Way

    @property
    def is_change(self) -> bool:
        """Whether anything would be otherwise."""
        return self.then != self.now

    @property
    def is_rerouted(self) -> bool:
        """Whether the product would go to another branch."""
        return self.then.branch != self.now.branch


@dataclass(frozen=True, slots=True)
class Move:
    """Products that make the same passage."""

    then: Way
    now: Way
    count: int
    examples: tuple[str, ...]
    """Decision ids of the last of them, at most twelve, in their order."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "then": self.then._asdict(),
            "now": self.now._asdict(),
            "count": self.count,
            "examples": list(self.examples),
        }


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a recipe would change. Those of consecutive products add up to that of all, however they were parted."""

    counts: Mapping[Passage, int] = field(default_factory=dict)
    """Of every product that was judged, whether or not anything changes for it."""
    examples: Mapping[Passage, tuple[str, ...]] = field(default_factory=dict)
    """Of the passages that are changes."""
    excluded: Mapping[Exclusion, int] = field(default_factory=dict)
    """Products that could not be judged, by the reason."""

    def __add__(self, later: Rehearsal) -> Rehearsal:
        """With the products that came after these."""
        examples = {
            passage: (self.examples.get(passage, ()) + later.examples.get(passage, ()))[-_MOST_EXAMPLES:]
            for passage in {**self.examples, **later.examples}
        }
        return Rehearsal(_sum(self.counts, later.counts), examples, _sum(self.excluded, later.excluded))

    @property
    def products(self) -> int:
        """All that it was tried on."""
        return self.judged + sum(self.excluded.values())

    @property
    def judged(self) -> int:
        """Those of which the recipe says something that can be compared."""
        return sum(self.counts.values())

    @property
    def moves(self) -> tuple[Move, ...]:
        """What changes, the most frequent first."""
        changes = [
            Move(*passage, count, self.examples.get(passage, ()))
            for passage, count in self.counts.items()
            if passage.is_change
        ]
        return tuple(sorted(changes, key=lambda move: (-move.count, *map(_sortable, (move.then, move.now)))))

    @property
    def ways(self) -> dict[Way, tuple[int, int]]:
        """How many products go each way, then and now; by verdict, bin and branch."""
        then: Counter[Way] = Counter()
        now: Counter[Way] = Counter()
        for passage, count in self.counts.items():
            then[passage.then] += count
            now[passage.now] += count
        return {way: (then[way], now[way]) for way in sorted(then | now, key=_sortable)}

    @property
    def changed(self) -> int:
        """Products of which something else would be said: another verdict, bin or branch."""
        return sum(count for passage, count in self.counts.items() if passage.is_change)

    @property
    def rerouted(self) -> int:
        """Products that would go to another branch."""
        return sum(count for passage, count in self.counts.items() if passage.is_rerouted)

    @property
    def rerouted_share(self) -> float:
        """Part of the judged products that would go to another branch, 0..1; 0 where none could be judged."""
        return self.rerouted / self.judged if self.judged else 0.0

    def newly(self, verdict: Verdict) -> int:
        """Products with this verdict that had another one."""
        return sum(
            count for passage, count in self.counts.items() if passage.now.verdict == verdict != passage.then.verdict
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        judged = (Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS)
        return {
            "products": self.products,
            "judged": self.judged,
            "changed": self.changed,
            "rerouted": self.rerouted,
            "rerouted_share": self.rerouted_share,
            **{f"newly_{verdict.value}": self.newly(verdict) for verdict in judged},
            "not_compared": {why.value: self.excluded.get(why, 0) for why in Exclusion},
            "ways": [way._asdict() | {"then": then, "now": now} for way, (then, now) in self.ways.items()],
            "moves": [move.as_dict() for move in self.moves],
        }


def rehearse(products: Sequence[Recorded], recipe: Recipe, before: Recipe | None = None) -> Rehearsal:
    """Hold a recipe against what was said of products, or against what another recipe says of them.

    It judges exactly as `sorter.decision.decide_readings` does, of a product in some 0.05 ms.

    Args:
        products: in the order in which they were decided.
        recipe: that might come.
        before: what it is held against. Both then judge the same readings, so that every product that has any
            counts, also one that was late or diverted. Left out: what was recorded, where color alone decided it.
    """
    judge, other = Judge(recipe), None if before is None else Judge(before)
    parts = (products[first : first + _AT_ONCE] for first in range(0, len(products), _AT_ONCE))
    return reduce(add, (_rehearse(part, judge, other) for part in parts), Rehearsal())


def _rehearse(products: Sequence[Recorded], judge: Judge, before: Judge | None) -> Rehearsal:
    reasons = [_excluded(one, recorded_counts=before is None) for one in products]
    kept = [one for one, reason in zip(products, reasons, strict=True) if reason is None]
    sound, stacked = _stacked(kept)
    excluded = Counter(reason for reason in reasons if reason is not None)
    if len(kept) > len(sound):
        excluded[Exclusion.UNREADABLE] += len(kept) - len(sound)
    if stacked is None:
        return Rehearsal(excluded=excluded)
    then = [one.way for one in sound] if before is None else before.ways(stacked)
    passages = list(map(Passage, then, judge.ways(stacked)))
    examples: dict[Passage, list[str]] = {}
    for one, passage in zip(sound, passages, strict=True):
        if passage.is_change:
            examples.setdefault(passage, []).append(one.decision_id)
    last = {passage: tuple(ids[-_MOST_EXAMPLES:]) for passage, ids in examples.items()}
    return Rehearsal(Counter(passages), last, excluded)


def _excluded(product: Recorded, *, recorded_counts: bool) -> Exclusion | None:
    if recorded_counts:
        return product.excluded
    return None if product.readings else Exclusion.NOTHING_KEPT


def _stacked(products: Sequence[Recorded]) -> tuple[Sequence[Recorded], Stacked | None]:
    """Those whose readings can be read, and these; None where there are none."""
    try:
        return products, _stack(products)
    except ValueError:
        sound = [one for one in products if _is_sound(one)]
        return sound, _stack(sound)


def _is_sound(product: Recorded) -> bool:
    try:
        return _stack([product]) is not None
    except ValueError:
        return False


def _stack(products: Sequence[Recorded]) -> Stacked | None:
    """Raises ValueError where one of them has no readings, or damaged ones."""
    if not products:
        return None
    stacked = stack_readings([one.readings or b"" for one in products])
    if not stacked.readings.all():
        raise ValueError("nothing was read of one of these products")
    return stacked


def _sum(these: Mapping[_Key, int], those: Mapping[_Key, int]) -> dict[_Key, int]:
    return {key: these.get(key, 0) + those.get(key, 0) for key in {**these, **those}}


def _sortable(way: Way) -> tuple[str, str, str]:
    return way.verdict, way.bin or "", way.branch
