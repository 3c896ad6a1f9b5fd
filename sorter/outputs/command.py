"""Commands on the wire and their answers, pure; the published schemas are in ``config/schema``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sorter.outputs.incoming import read_object
from sorter.outputs.messages import LineIdentity, Message, header, rfc3339
from sorter.outputs.topics import Topics

COMMAND_SCHEMA = "sorter.command/1"
ANSWER_SCHEMA = "sorter.command_answer/1"
_MOST_CHARACTERS = 256
_LONGEST_RESPONSE_BYTES = 1024


class CommandName(StrEnum):
    """What a line can be told."""

    PAUSE = "pause"
    RESUME = "resume"
    RECIPE = "recipe"
    RESET_BATCH = "reset_batch"
    CONFIRM_RECIPE = "confirm_recipe"
    REJECT_RECIPE = "reject_recipe"
    SHADOW = "shadow"
    PROMOTE = "promote"


class Code(StrEnum):
    """What became of a command."""

    DONE = "done"
    ALREADY = "already"
    """It was so before; nothing was done."""
    MALFORMED = "malformed"
    UNKNOWN_COMMAND = "unknown_command"
    REFUSED = "refused"
    """It cannot be done as asked; the reason says why."""
    RETAINED = "retained"
    """It was left at the broker for whoever comes: such a one is never obeyed."""
    NOT_READY = "not_ready"
    """The line has ended, and nothing can be asked of it."""
    BUSY = "busy"
    """The last such command is not carried out yet, or too many came at once: try again."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, read."""

    name: CommandName
    command_id: str | None = None
    by: str | None = None
    reason: str | None = None
    recipe: str | None = None
    """The name of the recipe that is wanted."""
    hash: str | None = None
    """Of the recipe that is confirmed: that one, and no other that may have come since."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command, and why in the operator's words."""

    code: Code
    reason: str

    @property
    def ok(self) -> bool:
        """Whether things are as they were asked to be."""
        return self.code in {Code.DONE, Code.ALREADY}


def parse_command(name: CommandName, payload: bytes) -> Command:
    """Read a command; an empty payload is one without particulars.

    Raises:
        ValueError: it is not such a command; the sentence says why.
    """
    message = read_object(payload, COMMAND_SCHEMA) if payload else {}
    recipe = _text(message, "name")
    if name is CommandName.RECIPE and recipe is None:
        raise ValueError("it names no recipe: give its name")
    facts = {key: _text(message, key) for key in ("command_id", "by", "reason", "hash")}
    return Command(name, recipe=recipe, **facts)


def _text(message: Message, key: str) -> str | None:
    value = message.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_CHARACTERS or not value.isprintable():
        raise ValueError(f"its {key} is not a text of 1 to {_MOST_CHARACTERS} printable characters")
    return value


def command_message(command: Command) -> Message:
    """A command as it is sent."""
    facts = {
        "command_id": command.command_id,
        "by": command.by,
        "reason": command.reason,
        "name": command.recipe,
        "hash": command.hash,
    }
    return {"schema": COMMAND_SCHEMA} | {key: value for key, value in facts.items() if value is not None}


def answer_message(
    name: str, command_id: str | None, outcome: Outcome, identity: LineIdentity, at_wall_s: float
) -> Message:
    """What became of a command, as of ``at_wall_s`` (seconds since 1970).

    Args:
        name: the last part of the topic, known or not.
        command_id: the sender's, if it gave one.
        outcome: what became of it.
        identity: who answers.
        at_wall_s: when.
    """
    facts = {
        "command": name[:_MOST_CHARACTERS],
        "command_id": command_id,
        "ok": outcome.ok,
        "code": outcome.code.value,
        "reason": outcome.reason,
        "at": rfc3339(at_wall_s),
    }
    return header(ANSWER_SCHEMA, identity, **facts)


def may_answer_on(topic: str, ours: Topics) -> bool:
    """Whether an answer may go to a topic that a stranger named: never to where anything of ours is said or heard."""
    if not topic or len(topic.encode("utf-8", "replace")) > _LONGEST_RESPONSE_BYTES:
        return False
    if topic.startswith("$") or any(letter in topic for letter in "+#\0"):
        return False
    if topic == ours.command_answer or topic.startswith(ours.command_answer + "/"):
        return True
    return not topic.startswith(f"{ours.base}/")
