"""One entry of the history, and its line in the file: canonical JSON that carries the hash of the entry before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sorter.records import RecipeId

NO_HASH = "0" * 64
"""What the first entry carries for the hash of the one before."""
LONGEST_TEXT_BYTES = 1 << 20
"""Of a recipe's text: no settings file may be longer."""
LONGEST_LINE_BYTES = 8 << 20
"""Of an entry's line: JSON in ASCII may need three bytes for one of the text's."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Origin(StrEnum):
    """How a recipe came into force."""

    START = "start"
    """The service started with it."""
    FILE = "file"
    """Its file was changed."""
    COMMAND = "command"
    """It was chosen by a command."""
    CONFIRMED = "confirmed"
    """It waited, and a person confirmed it."""
    PROMOTED = "promoted"
    """It was a shadow recipe before."""


@dataclass(frozen=True, slots=True)
class WentLive:
    """A recipe that came into force on a line."""

    line: str
    recipe: RecipeId
    text: str
    """The file's content, at most 1 MiB."""
    path: str
    """The recipe's file: relative to the settings file's folder where it lies below it."""
    named: str
    """The recipe file that the line's settings named then; a later start compares."""
    origin: Origin
    by: str | None
    why: str | None
    difference: tuple[str, ...]
    """In words, against the line's recipe before; empty for its first."""
    rehearsal: dict[str, Any] | None
    """Summary of the backtest, of what JSON can hold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the history says of a recipe that came into force."""

    number: int
    """From 1."""
    at: str
    """RFC 3339, UTC, with milliseconds."""
    live: WentLive
    previous: str
    """SHA-256 of the entry before; 64 zeros in the first."""
    hash: str
    """SHA-256 of the canonical JSON of all else."""

    @property
    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


_ENTRY = TypeAdapter(Entry)


class Unsound(Exception):  # noqa: N818 - it never leaves this package: the reader makes a break of it
    """A line is no entry, or not the one that was written; the message says why."""


def rfc3339(wall_s: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the nearest millisecond."""
    moment = _EPOCH + timedelta(milliseconds=round(wall_s * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one way in which this is written as JSON: keys sorted, no spaces, ASCII.

    Raises:
        ValueError: a number is not finite.
        TypeError: JSON has no word for a value.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def make_line(number: int, at_wall_s: float, live: WentLive, previous: str) -> tuple[Entry, bytes]:
    """An entry and its line, without the line's end.

    Raises:
        Unsound: it would not be read as it is meant: the text is too long, or a value is none that JSON can hold.
    """
    try:
        is_long = len(live.text.encode()) > LONGEST_TEXT_BYTES
        body = {"number": number, "at": rfc3339(at_wall_s), "live": asdict(live), "previous": previous}
        line = canonical(body | {"hash": hashlib.sha256(canonical(body)).hexdigest()})
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unsound(f"JSON cannot hold it ({error})") from error
    if is_long or len(line) >= LONGEST_LINE_BYTES:
        raise Unsound(f"its text is longer than {LONGEST_TEXT_BYTES >> 20} MiB, or what is told of it is")
    return read_line(line), line


def read_line(line: bytes) -> Entry:
    """The entry of a line, without the line's end.

    Raises:
        Unsound: a byte of it is not as it was written.
    """
    try:
        document = json.loads(line)
        entry = _ENTRY.validate_json(line, strict=True)
        # Any other way to write the same JSON is a change, too.
        same = canonical(document) == line
    except ValidationError as error:
        raise Unsound(f"it is no entry of a history ({error.errors()[0]['msg']})") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise Unsound("it is no JSON") from error
    body = {key: value for key, value in document.items() if key != "hash"}
    if not same or hashlib.sha256(canonical(body)).hexdigest() != entry.hash:
        raise Unsound("it does not have the hash that it carries: it was changed")
    return entry
