"""Which product a trigger belongs to: each is taken once, and their order is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

_MOST_PENDING = 256
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Trigger:
    """A product at the eye."""

    product: int
    """The number the eye's side gave it."""
    trigger_id: str
    seen_at_s: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A trigger that no product will take any more, and why."""

    trigger: Trigger
    reason: str


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """``triggers = matched + without_product + pending`` holds at every moment."""

    triggers: int = 0
    matched: int = 0
    without_product: int = 0
    products_without_trigger: int = 0
    pending: int = 0


class Matcher:
    """Holds the triggers that wait for their product.

    Args:
        due_s: when the pictures will tell that what the eye saw at a time (monotonic seconds) crosses the decision
            line; it may give another answer whenever more is known of the belt.
        window_s: how far a crossing may be from where a trigger foretells it.
        patience_s: how long after that crossing the product may still be decided.
        most_pending: beyond so many the oldest is given up.
    """

    def __init__(
        self,
        due_s: Callable[[float], float],
        window_s: float,
        patience_s: float,
        most_pending: int = _MOST_PENDING,
    ) -> None:
        self._due_s = due_s
        self._window_s = window_s
        self._patience_s = patience_s
        self._most_pending = most_pending
        self._pending: list[Trigger] = []
        self._counts = MatchCounts()
        self._matched: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        """When the eye saw it and when it crossed, of the last matches."""
        self._passed: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        """When it crossed and when that was known, of the last products that had no trigger."""

    @property
    def counts(self) -> MatchCounts:
        """A snapshot."""
        return replace(self._counts, pending=len(self._pending))

    def add(self, trigger: Trigger, now_s: float) -> list[GivenUp]:
        """Take a new trigger; the ones given up because of it, perhaps itself."""
        self._count(triggers=1)
        decided_at_s = self._passed_before(trigger, now_s)
        if decided_at_s is not None:
            late_s = now_s - decided_at_s
            return self._give_up([trigger], f"it came {late_s:.2f} s after its product was decided")
        self._pending.append(trigger)
        if len(self._pending) <= self._most_pending:
            return []
        oldest = min(self._pending, key=lambda one: one.seen_at_s)
        self._pending.remove(oldest)
        return self._give_up([oldest], f"more than {self._most_pending} wait for their products")

    def take(self, crossed_at_s: float, now_s: float) -> Trigger | None:
        """The trigger of a product that was decided now; None where the eye did not announce it."""
        off_s = {
            index: abs(crossed_at_s - self._due_s(one.seen_at_s))
            for index, one in enumerate(self._pending)
            if self._keeps_order(one, crossed_at_s)
        }
        nearest = min(off_s, key=lambda index: off_s[index], default=None)
        if nearest is None or off_s[nearest] > self._window_s:
            self._count(products_without_trigger=1)
            self._passed.append((crossed_at_s, now_s))
            return None
        trigger = self._pending.pop(nearest)
        self._matched.append((trigger.seen_at_s, crossed_at_s))
        self._count(matched=1)
        return trigger

    def off_s(self, crossed_at_s: float) -> float | None:
        """How much later than the nearest pending trigger foretells a product crossed; None where none waits."""
        off_s = (crossed_at_s - self._due_s(one.seen_at_s) for one in self._pending)
        return min(off_s, key=abs, default=None)

    def give_up(self, now_s: float) -> list[GivenUp]:
        """Those whose product would have been decided by now."""
        oldest_s = now_s - self._window_s - self._patience_s
        overdue = [one for one in self._pending if self._due_s(one.seen_at_s) < oldest_s]
        self._pending = [one for one in self._pending if one not in overdue]
        return self._give_up(overdue, "no product was seen where it was due")

    def _keeps_order(self, trigger: Trigger, crossed_at_s: float) -> bool:
        """Whether no match before has the one earlier and the other later: a swap would send two products wrong."""
        return all(
            (trigger.seen_at_s - seen_at_s) * (crossed_at_s - crossed_s) >= 0 for seen_at_s, crossed_s in self._matched
        )

    def _passed_before(self, trigger: Trigger, now_s: float) -> float | None:
        """When its product was decided without it; None where it may still come.

        Left to wait, a trigger that came too late would be taken by the product behind its own.
        """
        due_s = self._due_s(trigger.seen_at_s)
        if now_s <= due_s:
            return None
        for passed in self._passed:
            if abs(passed[0] - due_s) <= self._window_s:
                self._passed.remove(passed)
                return passed[1]
        return None

    def _give_up(self, triggers: Iterable[Trigger], reason: str) -> list[GivenUp]:
        given_up = [GivenUp(one, reason) for one in triggers]
        self._count(without_product=len(given_up))
        return given_up

    def _count(self, **more: int) -> None:
        self._counts = replace(
            self._counts, **{name: getattr(self._counts, name) + number for name, number in more.items()}
        )
