"""What a shadow recipe would have decided beside the recipe in force, compared, and as it goes on the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

from sorter.outputs.messages import LineIdentity, Message, dumps, header, rfc3339
from sorter.records import Decision, Opinion, RecipeId, Verdict

SHADOW_SCHEMA = "sorter.shadow/1"
MOST_EXAMPLES = 20
MOST_BYTES = 16_384
"""Of a message: names may be long, and then fewer kinds and examples are told."""
_TOLD = (MOST_EXAMPLES, 10, 5)
_OF_THE_COLOR = frozenset({Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS})


class Comparison(StrEnum):
    """What became of one product, exactly one of these."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    """Another verdict or bin, and the same branch."""
    REROUTED = "rerouted"
    """Another branch."""
    NOT_COMPARED = "not_compared"
    """Late, invalid, or a cause outside the picture spoke for it; or one of the two recipes was not yet in use."""


class Said(NamedTuple):
    """What a recipe makes of a product."""

    verdict: Verdict
    bin: str | None
    """None unless it is routed."""
    branch: str

    @classmethod
    def of(cls, verdict: Verdict, nearest: str | None, branch: str) -> Self:
        """The nearest bin counts only where the product is routed to it."""
        return cls(verdict, nearest if verdict is Verdict.ROUTED else None, branch)

    def facts(self) -> Message:
        """As it goes on the wire."""
        return {"verdict": self.verdict.value, "bin": self.bin, "branch": self.branch}


class Kind(NamedTuple):
    """How the two answers to a product stand to each other."""

    decision: Said
    shadow: Said

    @property
    def comparison(self) -> Comparison:
        """In a word."""
        if self.decision == self.shadow:
            return Comparison.AGREES
        return Comparison.DISAGREES if self.decision.branch == self.shadow.branch else Comparison.REROUTED


@dataclass(frozen=True, slots=True)
class Example:
    """One product on which the two disagree."""

    kind: Kind
    facts: Message
    """As they go on the wire."""

    @classmethod
    def of(cls, kind: Kind, message: Message, opinion: Opinion) -> Self:
        """From the decision's own message, which has the numbers of the color."""
        same = ("decision_id", "captured_at", "decided_at", "lab", "hex")
        decision = kind.decision.facts() | {key: message[key] for key in ("delta_e", "margin")}
        numbers = {"delta_e": _hundredths(opinion.delta_e), "margin": _hundredths(opinion.margin)}
        shadow = kind.shadow.facts() | numbers
        return cls(kind, {key: message[key] for key in same} | {"decision": decision, "shadow": shadow})


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """How a shadow recipe has done beside the recipe in force."""

    recipe: RecipeId
    """In force."""
    shadow: RecipeId | None = None
    since_wall_s: float = 0.0
    """Seconds since 1970: when these two began to be compared."""
    counts: Mapping[Comparison, int] = field(default_factory=dict)
    kinds: Mapping[Kind, int] = field(default_factory=dict)
    """Disagreements by their kind; there may have been more of other kinds."""
    examples: Sequence[Example] = ()
    """The oldest first."""


def kind_of(decision: Decision, opinion: Opinion) -> Kind | None:
    """How they stand to each other; None where the decision is not one of the color alone, as an opinion is."""
    if decision.verdict not in _OF_THE_COLOR or decision.diverted_by is not None:
        return None
    nearest = None if decision.match is None else decision.match.bin
    return Kind(
        Said.of(decision.verdict, nearest, decision.branch), Said.of(opinion.verdict, opinion.bin, opinion.branch)
    )


def shadow_message(report: ShadowReport, identity: LineIdentity, at_wall_s: float) -> Message:
    """A shadow recipe's report as of ``at_wall_s`` (seconds since 1970), in at most `MOST_BYTES`.

    The kinds that came most often are told, and the newest examples.
    """
    messages = (_message(report, identity, at_wall_s, most) for most in _TOLD)
    return next((one for one in messages if len(dumps(one)) <= MOST_BYTES), _message(report, identity, at_wall_s, 0))


def _message(report: ShadowReport, identity: LineIdentity, at_wall_s: float, most: int) -> Message:
    counts = {comparison: report.counts.get(comparison, 0) for comparison in Comparison}
    not_compared, agreeing = counts[Comparison.NOT_COMPARED], counts[Comparison.AGREES]
    disagreeing = counts[Comparison.DISAGREES] + counts[Comparison.REROUTED]
    told = sorted(report.kinds.items(), key=lambda item: (-item[1], str(item[0])))[:most]
    facts = {
        "at": rfc3339(at_wall_s),
        "shadow": None if report.shadow is None else asdict(report.shadow),
        "recipe": asdict(report.recipe),
        "since": None if report.shadow is None else rfc3339(report.since_wall_s),
        "products": sum(counts.values()),
        "compared": agreeing + disagreeing,
        "not_compared": not_compared,
        "agreeing": agreeing,
        "disagreeing": disagreeing,
        "rerouted": counts[Comparison.REROUTED],
        "disagreements": [
            {"count": count, "decision": kind.decision.facts(), "shadow": kind.shadow.facts()} for kind, count in told
        ],
        "other_disagreements": disagreeing - sum(count for _, count in told),
        "examples": [one.facts for one in reversed(report.examples)][:most],
    }
    return header(SHADOW_SCHEMA, identity, **facts)


def _hundredths(number: float | None) -> float | None:
    return None if number is None else round(float(number), 2)
