"""A decision made again from what it was made from, and held against what was told of it then. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sorter.backtest.recorded import is_diverted
from sorter.color.bins import Bins
from sorter.deciding import branch_of
from sorter.decision import Outcome, decide_readings, read_samples
from sorter.outputs.messages import LineIdentity, Message, decision_message
from sorter.records import ColorReading, Deadline, Decision, LabPixels, RecipeId, Verdict
from sorter.settings.recipe import Recipe

_COLOR_FIELDS = (
    "lab",
    "hex",
    "share",
    "delta_e",
    "runner_up",
    "margin",
    "palette",
    "spread",
    "stability",
    "frames_used",
)
"""What the samples and the recipe alone decide."""
_WAY_FIELDS = ("verdict", "branch", "reason")
"""So do these, but of products that were late or invalid, or that a cause outside the picture spoke for."""
_NOT_OF_THE_COLOR = frozenset({Verdict.LATE.value, Verdict.INVALID.value})
_TIMELESS = Deadline(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is told otherwise now."""

    field: str
    then: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.field} was {self.then!r} and is {self.now!r}"


def recipe_of(meaning: dict[str, Any], identity: RecipeId) -> Recipe:
    """A recipe from its meaning as the journal keeps it, with the name and revision that it decided under.

    Raises:
        ValueError: it is no recipe.
    """
    return Recipe.model_validate(meaning | {"name": identity.name, "revision": identity.revision})


def decide_again(samples: Sequence[LabPixels], recipe: Recipe) -> Outcome | None:
    """What the samples say under a recipe, which need not be the one of then; None where there are none."""
    return _decide(read_samples(samples), recipe)


def differences(message: Message, samples: Sequence[LabPixels], recipe: Recipe) -> list[Difference]:
    """Decide again and compare each field of the color, and the verdict with its branch where these follow from it.

    Args:
        message: the decision as it went on the wire.
        samples: that voted then, in their order.
        recipe: that decided then; with another one the answer tells what it would change.
    """
    return differences_of_readings(message, read_samples(samples), recipe)


def differences_of_readings(message: Message, readings: Sequence[ColorReading], recipe: Recipe) -> list[Difference]:
    """The same, from what was read of the samples."""
    again = decided_again(message, readings, recipe)
    compared = (Difference(field, message.get(field), again[field]) for field in compared_fields(message))
    return [one for one in compared if one.then != one.now]


def decided_again(message: Message, readings: Sequence[ColorReading], recipe: Recipe) -> Message:
    """The decision as a recipe makes it of the readings; only the `compared_fields` of it say anything."""
    decision = _decision(_decide(readings, recipe), message, len(readings), recipe)
    return decision_message(decision, _identity(message), message["seq"], 0.0)


def compared_fields(message: Message) -> tuple[str, ...]:
    """What of a decision its samples and its recipe alone decide.

    The verdict is not of it where the product was late or invalid, and nothing but the color where a cause outside the
    picture spoke: a row of the fail-safe table. A late product's bin is compared: it is told on the wire.
    """
    if is_diverted(message["verdict"], message["reason"]):
        return _COLOR_FIELDS
    if message["verdict"] in _NOT_OF_THE_COLOR:
        return (*_COLOR_FIELDS, "bin")
    return (*_COLOR_FIELDS, "bin", *_WAY_FIELDS)


def _decide(readings: Sequence[ColorReading], recipe: Recipe) -> Outcome | None:
    return decide_readings(readings, Bins.of(recipe), recipe) if readings else None


def _decision(outcome: Outcome | None, message: Message, frames: int, recipe: Recipe) -> Decision:
    """The decision of these samples; of a late product, with its verdict, by which its bin is told."""
    late = message["verdict"] == Verdict.LATE.value
    judged = Verdict.INVALID if outcome is None else outcome.verdict
    return Decision(
        product=0,
        verdict=Verdict.LATE if late else judged,
        branch=branch_of(outcome, recipe),
        captured_at_s=0.0,
        decided_at_s=0.0,
        deadline=_TIMELESS,
        frames_used=frames,
        recipe=recipe.identity,
        reason=None if outcome is None else outcome.doubt,
        match=None if outcome is None else outcome.ballot.match,
        reading=None if outcome is None else outcome.ballot.reading,
        stability=None if outcome is None else outcome.stability,
    )


def _identity(message: Message) -> LineIdentity:
    return LineIdentity(message["site"], message["line"], message["boot_id"], message["simulated"])
