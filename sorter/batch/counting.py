"""How many products there were, of which kind, and whether any are missing. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sorter.outputs.messages import Message
from sorter.outputs.steps import CLOSED, DELIVERED, Step, StepTaken
from sorter.records import RecipeId, Verdict

UNDER_WAY = "under_way"
"""Decisions whose delivery has not ended, as far as the journal knows."""
UNANSWERED = "no_answer"
"""Acknowledged decisions of which the journal knows no confirmation."""
_MOST_GAPS = 10


@dataclass(slots=True)
class Gaps:
    """What is missing in ``seq``, by run of the service.

    Args of `take` and `end` come in the order in which the decisions were made.
    """

    before: dict[str, int] = field(default_factory=dict)
    """By run: the last ``seq`` seen, or that of the last decision before the span."""
    missing: int = 0
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    """Run, first and last ``seq`` of what is missing; the first ten."""

    def take(self, boot_id: str, seq: int) -> None:
        """A decision is there."""
        before = self.before.get(boot_id)
        self.before[boot_id] = seq
        if before is not None and seq > before + 1:
            self._miss(boot_id, before + 1, seq - 1)

    def end(self, boot_id: str, last_seq: int) -> None:
        """The span's last decision in this run was this one."""
        before = self.before.get(boot_id, last_seq)
        if before < last_seq:
            self._miss(boot_id, before + 1, last_seq)

    def _miss(self, boot_id: str, first: int, last: int) -> None:
        self.missing += last - first + 1
        if len(self.ranges) < _MOST_GAPS:
            self.ranges.append((boot_id, first, last))


@dataclass(slots=True)
class RecipeUse:
    """One recipe and what it decided."""

    recipe: RecipeId
    products: int
    first_wall_s: float
    """When it decided its first product, or came into force; seconds since 1970."""
    last_wall_s: float


@dataclass(slots=True)
class Counts:
    """The sums."""

    products: int = 0
    by_verdict: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Verdict and reason, of what was not routed."""
    by_branch: Counter[str] = field(default_factory=Counter)
    by_bin: Counter[str] = field(default_factory=Counter)
    """Of routed products."""
    by_delivery: Counter[str] = field(default_factory=Counter)
    by_confirmation: Counter[str] = field(default_factory=Counter)
    """Of acknowledged decisions; empty where no diverter answered any, nor was waited for."""
    recipes: dict[tuple[str, int, str], RecipeUse] = field(default_factory=dict)
    """By name, revision and hash."""

    def take(self, message: Message, steps: tuple[StepTaken, ...], at_wall_s: float) -> None:
        """One decision with what became of it."""
        self.products += 1
        verdict = message["verdict"]
        self.by_verdict[verdict] += 1
        self.by_branch[message["branch"]] += 1
        if verdict == Verdict.ROUTED:
            self.by_bin[message["bin"]] += 1
        else:
            self.by_reason[verdict, message["reason"]] += 1
        self._take_steps({one.step for one in steps})
        self.note_recipe(RecipeId(**message["recipe"]), at_wall_s).products += 1

    def note_recipe(self, recipe: RecipeId, at_wall_s: float) -> RecipeUse:
        """It decides at this time."""
        key = (recipe.name, recipe.revision, recipe.hash)
        use = self.recipes.setdefault(key, RecipeUse(recipe, 0, at_wall_s, at_wall_s))
        use.last_wall_s = at_wall_s
        return use

    def _take_steps(self, steps: set[Step]) -> None:
        delivery, end = min(steps & DELIVERED, default=None), min(steps & CLOSED, default=None)
        self.by_delivery[UNDER_WAY if delivery is None else delivery.value] += 1
        if end is not None:
            self.by_confirmation[end.value] += 1
        elif delivery is Step.ACKNOWLEDGED:
            self.by_confirmation[UNANSWERED] += 1

    @property
    def confirmations(self) -> dict[str, int]:
        """By answer; empty where nobody was ever waited for: such a line's diverters do not answer."""
        return {} if set(self.by_confirmation) <= {UNANSWERED} else dict(self.by_confirmation)
