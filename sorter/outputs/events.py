"""What befell a line, to be written down beside its decisions: batches, states, alarms, recipes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sorter.outputs.messages import LineIdentity, Message, wall_s
from sorter.records import RecipeId


class EventKind(StrEnum):
    """What kind of thing befell a line."""

    BATCH = "batch"
    """A batch began."""
    STATE = "state"
    """The line's state is another, or its reason."""
    ALARM = "alarm"
    """A cause of the fail-safe table became true, or ceased to be."""
    RECIPE = "recipe"
    """A recipe is in force from now on."""


class BatchReason(StrEnum):
    """Why a batch began."""

    START = "start"
    """The service was started."""
    COMMAND = "command"
    """Somebody asked for it."""
    RECIPE_CHANGE = "recipe_change"
    """What follows is decided under another recipe."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that befell a line."""

    kind: EventKind
    line: str
    boot_id: str
    """In which run of the service."""
    at_wall_s: float
    """Seconds since 1970."""
    detail: Mapping[str, Any]
    """What there is to say of it; each kind has its own keys, see the functions below."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An event as the journal has it."""

    number: int
    """Rises in the order in which they were written; never given twice in one journal."""
    event: Event


def batch_event(
    identity: LineIdentity, recipe: RecipeId, reason: BatchReason, after_seq: int, at_wall_s: float
) -> Event:
    """A batch began: ``reason``, ``recipe`` and ``after_seq``.

    Args:
        identity: whose.
        recipe: in force when it began.
        reason: why it began.
        after_seq: of the last decision before it; the batch is what follows, whatever the clock says.
        at_wall_s: seconds since 1970.
    """
    detail = {"reason": reason.value, "recipe": asdict(recipe), "after_seq": after_seq}
    return Event(EventKind.BATCH, identity.line, identity.boot_id, at_wall_s, detail)


def recipe_event(identity: LineIdentity, recipe: RecipeId, at_wall_s: float) -> Event:
    """A recipe is in force from now on: ``recipe``."""
    return Event(EventKind.RECIPE, identity.line, identity.boot_id, at_wall_s, {"recipe": asdict(recipe)})


def state_event(message: Message) -> Event:
    """What a state's message says: ``state``, ``reason`` and ``cause``; it must be dated, which a last will is not."""
    return _of_message(EventKind.STATE, message, ("state", "reason", "cause"))


def alarm_event(message: Message) -> Event:
    """What an alarm's message says: ``raised``, ``cause`` and ``reason``."""
    return _of_message(EventKind.ALARM, message, ("raised", "cause", "reason"))


def _of_message(kind: EventKind, message: Message, keys: tuple[str, ...]) -> Event:
    detail = {key: message[key] for key in keys}
    return Event(kind, message["line"], message["boot_id"], wall_s(message["at"]), detail)
