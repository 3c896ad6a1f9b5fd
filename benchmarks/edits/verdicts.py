"""What may not be while recipes change: judged from what the wire and the journal tell, without the service."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

from sorter.capture.simulator.truth import Schedule

_TIME_APART_S = 1.0
"""Between a recipe's publication and the first decision under it, or the last under the one before."""
_IN_VIEW_S = 2.5
"""What is in view when the service ends is decided at once."""
_MORE_S = 60.0
_LEARNED_S = 4.0
"""What comes while the belt is learned is decided when it is, or not at all where the machine is busy."""
_LESS_THAN_ONE = 0.75


@dataclass(frozen=True, slots=True)
class Published:
    """A recipe that the service said is in force."""

    hash: str
    at_wall_s: float
    """When it came, seconds since 1970."""


def strange_hashes(
    published: Sequence[Published], decided: Sequence[Mapping[str, Any]], known: Collection[str]
) -> list[str]:
    """Recipes on the wire that nobody has written whole.

    Args:
        published: in their order.
        decided: messages of decisions.
        known: hashes of all whole contents, the first one's included.
    """
    seen = [one.hash for one in published] + [hash_of(one) for one in decided]
    return sorted(set(seen) - set(known))


def gaps(decided: Sequence[Mapping[str, Any]]) -> list[int]:
    """Numbers that no decision has, and those that two have."""
    numbers = [int(one["seq"]) for one in decided]
    twice = {one for one, other in pairwise(sorted(numbers)) if one == other}
    return sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers) | twice)


def out_of_order(published: Sequence[Published], decided: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Decisions whose recipe was not in force at their time.

    Along ``seq`` the recipes must follow each other as they were published, and none comes back.

    Args:
        published: in their order.
        decided: messages of decisions, by ``seq``.
    """
    order = [found for found, _ in groupby(one.hash for one in published)]
    rest = iter(order)
    for found, group in groupby(decided, hash_of):
        first = next(group)
        if found not in rest:
            yield f"decision {first['seq']} was made under {found}, which was not next"
    starts = {one.hash: one.at_wall_s for one in reversed(published)}
    ends = {one.hash: other.at_wall_s for one, other in pairwise(published) if one.hash != other.hash}
    for one in decided:
        at_s, found = wall_s(one["decided_at"]), hash_of(one)
        is_early = at_s < starts.get(found, at_s) - _TIME_APART_S
        is_late = at_s > ends.get(found, at_s) + _TIME_APART_S
        if is_early or is_late:
            yield f"decision {one['seq']} was made under {found} when that was not in force"


@dataclass(frozen=True, slots=True)
class Kept:
    """How decisions keep up with the products that the simulator draws."""

    products_per_s: float
    missed: float
    """Products that have gone by without a decision; negative: decisions without a product."""

    @property
    def all(self) -> bool:
        """Whether each product has its decision."""
        return abs(self.missed) < _LESS_THAN_ONE


def keep_up(decided: Sequence[Mapping[str, Any]], schedule: Schedule) -> Kept:
    """Hold the decisions against the belt: the n-th comes a certain time after the n-th product enters the picture.

    When the belt began is told to nobody, so only the change of that time counts: each product without a decision makes
    it longer by one product's time.

    Args:
        decided: messages of decisions, of ten seconds at least.
        schedule: of the belt.
    """
    captured_s = sorted(wall_s(one["captured_at"]) for one in decided)
    until_s = captured_s[-1] - _IN_VIEW_S
    captured_s = [at_s for at_s in captured_s if at_s < until_s]
    enters_s = sorted(one.enters_s for one in schedule.products_between(0.0, until_s - captured_s[0] + _MORE_S))
    learned_s = captured_s[0] + _LEARNED_S
    pairs = zip(captured_s, enters_s, strict=False)
    after_s = [one_s - other_s for one_s, other_s in pairs if one_s > learned_s]
    part = len(after_s) // 4
    change_s = statistics.median(after_s[-part:]) - statistics.median(after_s[:part])
    per_s = len(captured_s) / (captured_s[-1] - captured_s[0])
    return Kept(per_s, change_s * per_s)


def hash_of(decision: Mapping[str, Any]) -> str:
    """Of the recipe that a decision was made under."""
    return str(decision["recipe"]["hash"])


def wall_s(moment: str) -> float:
    """Seconds since 1970 of a time as messages tell it."""
    return datetime.fromisoformat(moment).timestamp()
