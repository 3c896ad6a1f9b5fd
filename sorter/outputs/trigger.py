"""The photo-eye's messages on the wire, pure; the published schema is ``config/schema/trigger.schema.json``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sorter.outputs.incoming import read_object
from sorter.outputs.messages import Message, rfc3339

TRIGGER_SCHEMA = "sorter.trigger/1"
_MAX_ID_LENGTH = 256
_LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON keeps as it is."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class TriggerMessage:
    """What the eye's side says of one product."""

    product: int
    trigger_id: str
    at_wall_s: float | None = None
    """When its middle was at the eye, seconds since 1970; None where that is not said: then the arrival must do."""
    encoder: int | None = None
    """The encoder's count at that moment."""


def trigger_message(trigger: TriggerMessage) -> Message:
    """What the eye's side sends."""
    at = {} if trigger.at_wall_s is None else {"at": rfc3339(trigger.at_wall_s)}
    encoder = {} if trigger.encoder is None else {"encoder": trigger.encoder}
    return {"schema": TRIGGER_SCHEMA, "product": trigger.product, "trigger_id": trigger.trigger_id, **at, **encoder}


def parse_trigger(payload: bytes) -> TriggerMessage:
    """Read what the eye's side sent; left out, ``trigger_id`` is its product number.

    Raises:
        ValueError: it is not a trigger message; the sentence says why, and begins with "it".
    """
    message = read_object(payload, TRIGGER_SCHEMA)
    product = _whole(message, "product", 0)
    if product is None:
        raise ValueError("its product is missing")
    return TriggerMessage(product, _trigger_id(message, product), _at(message), _whole(message, "encoder", -_LARGEST))


def _whole(message: Message, key: str, least: int) -> int | None:
    value = message.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST:
        raise ValueError(f"its {key} is not a whole number from {least} to {_LARGEST}")
    return value


def _trigger_id(message: Message, product: int) -> str:
    name = message.get("trigger_id")
    if name is None:
        return str(product)
    # Printable: it goes into the log and onto the wire, and half a surrogate pair could not be sent on.
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID_LENGTH or not name.isprintable():
        raise ValueError(f"its trigger_id is not a text of 1 to {_MAX_ID_LENGTH} printable characters")
    return name


def _at(message: Message) -> float | None:
    at = message.get("at")
    if at is None:
        return None
    try:
        if isinstance(at, str) and _RFC3339.fullmatch(at):
            return datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError):  # February 30th, or a year that no clock has
        pass
    raise ValueError("its at is not a time like 2026-01-31T12:00:00.000Z, with milliseconds and zone")
