"""The wire, pure: what each MQTT message holds. The published schemas are in ``config/schema``.

Every time on the wire is RFC 3339 in UTC with milliseconds and "Z". Readers ignore fields they do not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sorter.color.lab import lab_to_hex
from sorter.records import BinMatch, Decision, Lab, PaletteColor, RecipeId, Verdict
from sorter.settings.bins import BinSettings
from sorter.settings.recipe import Recipe

Message = dict[str, Any]

DECISION_SCHEMA = "sorter.decision/1"
STATE_SCHEMA = "sorter.state/1"
RECIPE_SCHEMA = "sorter.recipe/1"
ALARM_SCHEMA = "sorter.alarm/1"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LineState(StrEnum):
    """What a line tells its readers of itself."""

    STARTING = "starting"
    READY = "ready"
    RUNNING = "running"
    DEGRADED = "degraded"
    HALTED = "halted"
    OFFLINE = "offline"


class Synchronization(StrEnum):
    """What the system says of its own clock, by which all times on the wire are told."""

    SYNCHRONIZED = "synchronized"
    UNSYNCHRONIZED = "unsynchronized"
    UNKNOWN = "unknown"
    """It does not say: no Linux, or a container that is not allowed to ask."""


@dataclass(frozen=True, slots=True)
class LineIdentity:
    """Who speaks: a line of a site, in one run of the service."""

    site: str
    line: str
    boot_id: str
    """Never the same for two runs of the service."""
    simulated: bool


@dataclass(frozen=True, slots=True)
class Naming:
    """What a photo-eye calls a product; all None where it did not announce it."""

    product: int | None = None
    trigger_id: str | None = None


@dataclass(frozen=True, slots=True)
class FailSafeFacts:
    """The row of the fail-safe table that rules, and every cause that is active."""

    cause: str
    action: str
    branch: str
    """Where products go that nobody decides."""
    stop_line: bool
    """Whether any active row wants the line stopped."""
    active: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One row of the fail-safe table that became true, or ceased to be."""

    cause: str
    raised: bool
    """False when it cleared."""
    reason: str
    """In the operator's words."""
    since_wall_s: float


def dumps(message: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON.

    Raises:
        ValueError: a number is not finite; JSON has no word for it and readers would choke.
    """
    return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def rfc3339(wall_s: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the nearest millisecond."""
    return _rfc3339_of_ms(round(wall_s * 1000))


def wall_s(text: str) -> float:
    """Seconds since 1970 of a time as it is on the wire."""
    return datetime.fromisoformat(text).timestamp()


def _rfc3339_of_ms(wall_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=wall_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decision_id(identity: LineIdentity, seq: int) -> str:
    """Unique for ever, since a boot id is: a reader acts once per id."""
    return f"{identity.boot_id}/{identity.line}/{seq}"


def decision_message(  # noqa: PLR0913 - a decision, who speaks, and what turns its times into wall time
    decision: Decision,
    identity: LineIdentity,
    seq: int,
    wall_minus_monotonic_s: float,
    naming: Naming | None = None,
    *,
    clock: Synchronization = Synchronization.UNKNOWN,
) -> Message:
    """One product's decision as it goes on the wire.

    ``bin`` names where the color belongs: for ``routed``, and for ``late`` where the nearest bin reaches it
    (so that a reader sees what was missed). It is null for every other verdict, so nobody acts on a guess;
    ``delta_e``, ``margin`` and ``runner_up`` are given wherever a color could be read.
    ``spread`` and ``stability`` say how much of one color the product is and how sure the answer is.
    ``act_after`` and ``act_before`` are null only where nothing waits (deadlines that are not finite).

    Args:
        decision: what the line decided.
        identity: who speaks.
        seq: rises by one per line and boot.
        wall_minus_monotonic_s: what turns the line's monotonic seconds into seconds since 1970.
        naming: where a photo-eye numbers the products, what it calls this one; None keeps the line's own number.
        clock: what the system says of the clock that the times are told by.
    """
    return (
        header(DECISION_SCHEMA, identity, decision_id=decision_id(identity, seq), seq=seq)
        | asdict(naming or Naming(decision.product))
        | _times(decision, wall_minus_monotonic_s)
        | {"verdict": decision.verdict.value, "bin": _bin(decision), "branch": decision.branch}
        | {"reason": _reason(decision)}
        | _color_fields(decision)
        | {"frames_used": decision.frames_used, "recipe": _recipe_id(decision.recipe), "clock": clock.value}
    )


def header(schema: str, identity: LineIdentity, **facts: Any) -> Message:
    """What every message of ours begins with, and some facts after it."""
    return {"schema": schema, **facts, **asdict(identity)}


def _times(decision: Decision, wall_minus_monotonic_s: float) -> Message:
    def wall_ms(monotonic_s: float) -> float:
        return (monotonic_s + wall_minus_monotonic_s) * 1000

    def edge(monotonic_s: float, inward: Callable[[float], int]) -> str | None:
        # Rounded toward the inside of the window: a reader must never be told more time than there is.
        return _rfc3339_of_ms(inward(wall_ms(monotonic_s))) if math.isfinite(monotonic_s) else None

    return {
        "captured_at": _rfc3339_of_ms(round(wall_ms(decision.captured_at_s))),
        "time_base": decision.time_base.value,
        "decided_at": _rfc3339_of_ms(round(wall_ms(decision.decided_at_s))),
        "age_ms": round((decision.decided_at_s - decision.captured_at_s) * 1000),
        "act_after": edge(decision.deadline.act_after_s, math.ceil),
        "act_before": edge(decision.deadline.act_before_s, math.floor),
    }


def _bin(decision: Decision) -> str | None:
    match = decision.match
    if match is None:
        return None
    belongs = decision.verdict is Verdict.LATE and match.is_in_reach
    return match.bin if decision.verdict is Verdict.ROUTED or belongs else None


def _reason(decision: Decision) -> str | None:
    """Why it was not routed, in one word; null when it was."""
    if decision.verdict is Verdict.LATE:
        return "deadline_passed"
    if decision.diverted_by is not None:
        return decision.diverted_by
    if decision.reason is not None:
        return decision.reason.value
    match decision.verdict:
        case Verdict.UNKNOWN:
            return "no_bin_in_reach"
        case Verdict.INVALID:
            return "not_judgeable"
        case _:
            return None


def _color_fields(decision: Decision) -> Message:
    palette = [_color(color) for color in decision.reading.palette] if decision.reading else []
    dominant = palette[0] if palette else {"lab": None, "hex": None, "share": None}
    sureness = {
        "spread": None if decision.reading is None else _hundredths(decision.reading.spread),
        "stability": None if decision.stability is None else round(float(decision.stability), 3),
    }
    return {**dominant, **_match_fields(decision.match), **sureness, "palette": palette}


def _match_fields(match: BinMatch | None) -> Message:
    if match is None:
        return {"delta_e": None, "runner_up": None, "margin": None}
    runner_up = match.runner_up and {
        "bin": match.runner_up.bin,
        "delta_e": _hundredths(match.runner_up.delta_e),
    }
    margin = None if match.margin is None else _hundredths(match.margin)
    return {"delta_e": _hundredths(match.delta_e), "runner_up": runner_up, "margin": margin}


def _color(color: PaletteColor) -> Message:
    return _reference(color.lab) | {"share": round(float(color.share), 4)}


def _lab(lab: Lab) -> list[float]:
    return [_hundredths(value) for value in lab]


def _hundredths(value: float) -> float:
    return round(float(value), 2) + 0.0  # adding zero turns -0.0 into 0.0


def _recipe_id(recipe: RecipeId | None) -> Message | None:
    return None if recipe is None else asdict(recipe)


def state_message(  # noqa: PLR0913, PLR0917 - the wire's state has these facts
    state: LineState,
    reason: str,
    identity: LineIdentity,
    recipe: RecipeId | None,
    cause: str | None,
    at_wall_s: float | None,
    fail_safe: FailSafeFacts | None = None,
    *,
    clock: Synchronization = Synchronization.UNKNOWN,
) -> Message:
    """The line's state.

    Args:
        state: the state.
        reason: why, in the operator's words.
        identity: who speaks.
        recipe: in force; None before one is.
        cause: the row of the fail-safe table that made the state what it is, or None.
        at_wall_s: since when, seconds since 1970; None in a last will, which the broker sends undated.
        fail_safe: what rules, and all that is active; None where nothing is.
        clock: what the system says of the clock that the time is told by.
    """
    at = None if at_wall_s is None else rfc3339(at_wall_s)
    facts = {"state": state.value, "reason": reason, "recipe": _recipe_id(recipe), "cause": cause, "at": at}
    ruling = None if fail_safe is None else asdict(fail_safe)
    active = [] if ruling is None else list(ruling.pop("active"))
    return header(STATE_SCHEMA, identity, **facts, clock=clock.value, fail_safe=ruling, active=active)


def recipe_message(recipe: Recipe, identity: LineIdentity, colors: Mapping[str, Sequence[Lab]]) -> Message:
    """The recipe in force.

    Args:
        recipe: the recipe.
        identity: who speaks.
        colors: each bin's colors in the recipe's order, by the bin's name.
    """
    facts = {
        **asdict(recipe.identity),
        "sort_mode": recipe.sort_mode.value,
        "min_margin": recipe.min_margin,
        "min_stability": recipe.min_stability,
        "bins": [_bin_in_force(one, colors[one.name]) for one in recipe.bins],
        "fallback": recipe.fallback.model_dump(mode="json"),
        "branches": sorted(recipe.branches()),
    }
    return header(RECIPE_SCHEMA, identity, **facts)


def _bin_in_force(one: BinSettings, colors: Sequence[Lab]) -> Message:
    """``lab`` and ``hex`` are the first color's, for readers that know of one only."""
    shares = [{"min_share": part.min_share} for part in one.all_of or ()] or [{}] * len(colors)
    several = [_reference(lab) | share for lab, share in zip(colors, shares, strict=True)]
    return {
        "name": one.name,
        "branch": one.branch,
        **_reference(colors[0]),
        "colors": several,
        "tolerance": one.tolerance.model_dump(mode="json"),
        "exposure_range": one.exposure_range,
    }


def _reference(lab: Lab) -> Message:
    return {"lab": _lab(lab), "hex": lab_to_hex(lab)}


def alarm_message(alarm: Alarm, identity: LineIdentity, at_wall_s: float) -> Message:
    """An alarm that was raised or has cleared at ``at_wall_s`` (seconds since 1970)."""
    facts = {
        "at": rfc3339(at_wall_s),
        "raised": alarm.raised,
        "cause": alarm.cause,
        "reason": alarm.reason,
        "since": rfc3339(alarm.since_wall_s),
    }
    return header(ALARM_SCHEMA, identity, **facts)
