"""A candidate recipe beside the one in force: where the two disagree, counted, with examples, and told."""

from __future__ import annotations

import logging
from collections import Counter

from sorter.outputs.messages import LineIdentity, Message
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.shadow import (
    MOST_EXAMPLES,
    Comparison,
    Example,
    Kind,
    ShadowReport,
    kind_of,
    shadow_message,
)
from sorter.outputs.shadow_metrics import ShadowMetrics
from sorter.outputs.wall_clock import AnchoredClock
from sorter.records import Decision, RecipeId
from sorter.settings.recipe import Recipe

_log = logging.getLogger(__name__)

_MOST_KINDS = 500
"""Counted apart; 256 bins could disagree in far more ways."""
_KEPT_OF_A_KIND = 2
"""Examples that newer ones of other kinds do not push out."""


class ShadowTally:
    """Compares each decision with the shadow recipe's opinion of the same product.

    Args:
        recipe: in force.
        shadow: the candidate.
        since_wall_s: now, seconds since 1970.
    """

    def __init__(self, recipe: RecipeId, shadow: RecipeId, since_wall_s: float) -> None:
        self._recipe = recipe
        self._shadow = shadow
        self._since_wall_s = since_wall_s
        self._counts: Counter[Comparison] = Counter()
        self._kinds: Counter[Kind] = Counter()
        self._examples: list[Example] = []

    def note(self, decision: Decision, message: Message) -> Comparison:
        """Count one decision.

        Args:
            decision: with the opinion of the shadow recipe, if it has one.
            message: the same as it went on the wire.
        """
        opinion, comparison = decision.shadow, Comparison.NOT_COMPARED
        # One that was on its way while a recipe changed is of another pair.
        if opinion is not None and (decision.recipe, opinion.recipe) == (self._recipe, self._shadow):
            kind = kind_of(decision, opinion)
            comparison = comparison if kind is None else kind.comparison
            if kind is not None and comparison is not Comparison.AGREES:
                self._note_disagreement(kind, Example.of(kind, message, opinion))
        self._counts[comparison] += 1
        return comparison

    def _note_disagreement(self, kind: Kind, example: Example) -> None:
        if kind in self._kinds or len(self._kinds) < _MOST_KINDS:
            self._kinds[kind] += 1
        self._keep(example)

    def _keep(self, example: Example) -> None:
        """The newest, but a kind that is rare keeps its last few."""
        self._examples.append(example)
        if len(self._examples) > MOST_EXAMPLES:
            kept = Counter(one.kind for one in self._examples)
            oldest = (place for place, one in enumerate(self._examples) if kept[one.kind] > _KEPT_OF_A_KIND)
            del self._examples[next(oldest, 0)]

    @property
    def report(self) -> ShadowReport:
        """What was counted so far."""
        counts, kinds = dict(self._counts), dict(self._kinds)
        return ShadowReport(self._recipe, self._shadow, self._since_wall_s, counts, kinds, tuple(self._examples))


class ShadowDesk:
    """A line's shadow recipe at the service's desk.

    Args:
        identity: who speaks.
        publisher: the line's connection.
        metrics: the service's.
        clock: time.
    """

    def __init__(
        self, identity: LineIdentity, publisher: LinePublisher, metrics: ShadowMetrics, clock: AnchoredClock
    ) -> None:
        self._identity = identity
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._pair: tuple[RecipeId, RecipeId | None] | None = None
        self._tally: ShadowTally | None = None
        self._news = False
        self.recipe: Recipe | None = None
        """The shadow recipe; None where there is none."""

    def use(self, recipe: Recipe, shadow: Recipe | None) -> None:
        """Compare these two from now on, from zero unless they are those of before, and tell so.

        Args:
            recipe: in force.
            shadow: the candidate; None stops comparing.
        """
        pair = (recipe.identity, None if shadow is None else shadow.identity)
        if pair == self._pair:
            return
        self._pair, self.recipe, self._tally = pair, shadow, None
        if shadow is not None:
            self._tally = ShadowTally(recipe.identity, shadow.identity, self._clock.wall_s())
            self._metrics.expect_line(self._identity.line)
            words = "line %s: the shadow recipe %s, revision %d, decides beside %s; nobody acts on it"
            _log.info(words, self._identity.line, shadow.name, shadow.revision, recipe.name)
        self._news = True
        self.publish()

    def note(self, decision: Decision, message: Message) -> None:
        """A product was decided.

        Args:
            decision: as it was published.
            message: the same on the wire.
        """
        if self._tally is not None:
            self._metrics.count(self._identity.line, self._tally.note(decision, message))
            self._news = True

    def publish(self) -> None:
        """Publish the counts if they are new; to be called every few seconds."""
        if self._news and self._pair is not None:
            report = ShadowReport(self._pair[0]) if self._tally is None else self._tally.report
            self._publisher.publish_shadow(shadow_message(report, self._identity, self._clock.wall_s()))
            self._news = False
