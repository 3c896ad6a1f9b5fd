"""The diverter's answers on the wire, pure; the published schema is ``config/schema/confirm.schema.json``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sorter.outputs.incoming import read_object
from sorter.outputs.messages import Message, rfc3339

CONFIRM_SCHEMA = "sorter.confirm/1"
_MAX_ID_LENGTH = 256


class ConfirmOutcome(StrEnum):
    """What became of a decision at the diverter."""

    ACTUATED = "actuated"
    BLOCKED = "blocked"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Confirm:
    """What a diverter says of one decision."""

    decision_id: str
    outcome: ConfirmOutcome


def confirm_message(confirm: Confirm, at_wall_s: float) -> Message:
    """What a diverter answers at ``at_wall_s`` (seconds since 1970)."""
    return {
        "schema": CONFIRM_SCHEMA,
        "decision_id": confirm.decision_id,
        "outcome": confirm.outcome.value,
        "at": rfc3339(at_wall_s),
    }


def parse_confirm(payload: bytes) -> Confirm:
    """Read what a diverter answered.

    Raises:
        ValueError: it is not a confirm message; the sentence says why.
    """
    message = read_object(payload, CONFIRM_SCHEMA)
    name = message.get("decision_id")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID_LENGTH:
        raise ValueError(f"its decision_id is not a text of 1 to {_MAX_ID_LENGTH} characters")
    outcome = message.get("outcome")
    if not isinstance(outcome, str) or outcome not in set(ConfirmOutcome):
        raise ValueError(f"its outcome is not one of {', '.join(ConfirmOutcome)}")
    return Confirm(name, ConfirmOutcome(outcome))
