"""Decisions and events as a journal tells them, for reports."""

from __future__ import annotations

from typing import Any

from sorter.outputs.events import BatchReason, Event, EventKind, Noted, batch_event
from sorter.outputs.messages import LineIdentity, Message, rfc3339
from sorter.records import RecipeId
from sorter.settings.recipe import Recipe

T0 = 1.7e9
RECIPE = Recipe.model_validate({
    "name": "fruit",
    "revision": 2,
    "bins": [
        {"name": "red", "lab": [40, 60, 40], "tolerance": 10, "branch": "gate-1"},
        {"name": "green", "lab": [60, -50, 40], "tolerance": {"delta_l": 20, "delta_ab": 9}, "branch": "gate-2"},
    ],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
    "min_margin": 2,
    "min_stability": 0.5,
})  # fmt: skip
IDENTITY = {"name": "fruit", "revision": 2, "hash": RECIPE.identity.hash}


def decision(seq: int, at_s: float = 0.0, boot_id: str = "boot-1", **changes: Any) -> Message:
    """A red product that was decided so many seconds after the beginning."""
    return {
        "decision_id": f"{boot_id}/one/{seq}", "boot_id": boot_id, "line": "one", "seq": seq, "product": seq,
        "trigger_id": None, "decided_at": rfc3339(T0 + at_s), "verdict": "routed", "reason": None, "bin": "red",
        "branch": "gate-1", "lab": [40.0, 60.0, 40.0], "hex": "#b60022", "share": 0.9, "delta_e": 1.0,
        "runner_up": {"bin": "green", "delta_e": 60.0}, "margin": 59.0, "stability": 1.0, "recipe": IDENTITY,
        "simulated": False,
    } | changes  # fmt: skip


def state(at_s: float, name: str, cause: str | None = None, boot_id: str = "boot-1", reason: str = "so") -> Event:
    detail = {"state": name, "reason": reason, "cause": cause}
    return Event(EventKind.STATE, "one", boot_id, T0 + at_s, detail)


def alarm(at_s: float, cause: str, boot_id: str = "boot-1", *, raised: bool) -> Event:
    return Event(EventKind.ALARM, "one", boot_id, T0 + at_s, {"raised": raised, "cause": cause, "reason": "why"})


def batch(
    at_s: float, reason: BatchReason = BatchReason.START, after_seq: int = 0, boot_id: str = "boot-1", line: str = "one"
) -> Event:
    recipe = RecipeId(**IDENTITY)
    return batch_event(LineIdentity("plant", line, boot_id, simulated=False), recipe, reason, after_seq, T0 + at_s)


def numbered(*events: Event) -> list[Noted]:
    return [Noted(number, event) for number, event in enumerate(events, start=1)]
