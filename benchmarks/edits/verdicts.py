"""What may not be while recipes change: judged from what the wire and the journal tell, without the service."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

from sorter.capture.simulator.truth import Schedule

_TIME_APART_S = 1.0
"""Between a recipe's publication and the first decision under it, or the last under the one before."""
_LEARNED_S = 5.0
"""Products that come while the belt is learned are decided all at once when it is."""
_MOST_APART = 3
_SHARE_APART = 0.01
"""Products that decisions may be apart from the belt's: at both ends some are in view."""


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
class Counted:
    """Decisions, and the products that the simulator drew in as long a time."""

    decisions: int
    products: int
    duration_s: float

    @property
    def agree(self) -> bool:
        """Whether no product can have gone by without a decision."""
        return abs(self.decisions - self.products) <= _MOST_APART + _SHARE_APART * self.products


def count_products(decided: Sequence[Mapping[str, Any]], schedule: Schedule) -> Counted:
    """Count what was decided once the belt was learned, and what is drawn in as long a time from there on.

    Where the picture of a decision lies on the simulated belt's own time is not told to anybody, so the two times begin
    within a second of each other, not at the same product.

    Args:
        decided: messages of decisions, at least one.
        schedule: of the belt.
    """
    captured_s = sorted(wall_s(one["captured_at"]) for one in decided)
    began_s = captured_s[0] + _LEARNED_S
    duration_s = captured_s[-1] - began_s
    enters_s = [one.enters_s for one in schedule.products_between(0.0, captured_s[-1] - captured_s[0] + _LEARNED_S)]
    drawn = sum(_LEARNED_S <= at_s <= _LEARNED_S + duration_s for at_s in enters_s)
    return Counted(sum(at_s >= began_s for at_s in captured_s), drawn, duration_s)


def hash_of(decision: Mapping[str, Any]) -> str:
    """Of the recipe that a decision was made under."""
    return str(decision["recipe"]["hash"])


def wall_s(moment: str) -> float:
    """Seconds since 1970 of a time as messages tell it."""
    return datetime.fromisoformat(moment).timestamp()
