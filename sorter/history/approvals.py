"""Changes that wait for a person, and what the person said, as small files beside the history.

The running service writes what waits and looks for the answer; ``run_sorter.py recipes`` on the same machine shows the
one and writes the other. Neither waits for the other.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from sorter.errors import HistoryError
from sorter.history.entries import rfc3339
from sorter.records import RecipeId

_SHA_256 = re.compile("[0-9a-f]{64}")
_LARGEST_BYTES = 8 << 20
_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person said of a change."""

    approved: bool
    by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change of a line's recipe that waits for a person."""

    path: str
    """The recipe's file: relative to the settings file's folder where it lies below it."""
    recipe: RecipeId
    text_sha256: str
    """Of the file's content; what is confirmed is this text and no other."""
    reasons: tuple[str, ...]
    """Why it waits, in words."""
    difference: tuple[str, ...]
    """In words, against the recipe in force."""
    rehearsal: dict[str, Any] | None
    """Summary of the backtest, of what JSON can hold."""
    since: str
    """RFC 3339."""


_WAITING = TypeAdapter(dict[str, Waiting])


class _Said(BaseModel):
    approved: bool
    by: str | None
    why: str | None


def approve(history_path: Path, text_sha256: str, by: str | None, why: str | None, at_wall_s: float) -> None:
    """Let a change come into force.

    Args:
        history_path: the history beside which the answer is put.
        text_sha256: of the recipe file's content, 64 hexadecimal digits.
        by: the person.
        why: in the person's words.
        at_wall_s: when, in seconds since 1970.

    Raises:
        HistoryError: it cannot be written.
    """
    _answer(history_path, text_sha256, Approval(approved=True, by=by, why=why), at_wall_s)


def reject(history_path: Path, text_sha256: str, by: str | None, why: str | None, at_wall_s: float) -> None:
    """Refuse a change, as ``approve`` lets it pass."""
    _answer(history_path, text_sha256, Approval(approved=False, by=by, why=why), at_wall_s)


def read_approval(history_path: Path, text_sha256: str) -> Approval | None:
    """What a person said of this text; None where nobody did, or it cannot be read: nothing then changes."""
    try:
        said = _Said.model_validate_json(_bytes_of(_approval_path(history_path, text_sha256)), strict=True)
    except (OSError, ValidationError):
        return None
    return Approval(said.approved, said.by, said.why)


def forget_approval(history_path: Path, text_sha256: str) -> str | None:
    """Remove what was said, once it was heard; never raises.

    Returns:
        None where it is gone; else why it stays, in a sentence.
    """
    path = _approval_path(history_path, text_sha256)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        return f"{path}: what was said cannot be removed ({error.strerror}): mend the folder's rights"
    return None


def write_waiting(history_path: Path, line: str, waiting: Waiting) -> str | None:
    """Tell what waits on a line; never raises.

    Returns:
        None where it is written; else why not, in a sentence.
    """
    return _change_waiting(history_path, line, waiting)


def clear_waiting(history_path: Path, line: str) -> str | None:
    """Nothing waits on a line any more; otherwise as ``write_waiting``."""
    return _change_waiting(history_path, line, None)


def read_waiting(history_path: Path) -> dict[str, Waiting]:
    """What waits, by the line's name.

    Raises:
        HistoryError: it cannot be read.
    """
    path = _waiting_path(history_path)
    try:
        return _WAITING.validate_json(_bytes_of(path), strict=True)
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise HistoryError(f"{path}: this does not tell what waits: remove it, and restart the service") from error
    except OSError as error:
        raise HistoryError(f"{path}: it cannot be read ({error.strerror}): mend its rights") from error


def _change_waiting(history_path: Path, line: str, waiting: Waiting | None) -> str | None:
    path = _waiting_path(history_path)
    try:
        before = read_waiting(history_path)
    except HistoryError:  # a new one takes its place
        before = {}
    after = {name: one for name, one in before.items() if name != line} | ({line: waiting} if waiting else {})
    try:
        if after:
            # Made by the service, so that it may remove in it what another user's command writes.
            _approvals(history_path).mkdir(parents=True, exist_ok=True)
            write_whole(path, _WAITING.dump_json(after, indent=1))
        else:
            path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"{path}: what waits cannot be written down ({reason}): make room, or mend the folder's rights"
    return None


def _answer(history_path: Path, text_sha256: str, approval: Approval, at_wall_s: float) -> None:
    path = _approval_path(history_path, text_sha256)
    said: Mapping[str, Any] = {
        "approved": approval.approved,
        "by": approval.by,
        "why": approval.why,
        "at": rfc3339(at_wall_s),
    }
    try:
        write_whole(path, json.dumps(said, indent=1).encode())
    except OSError as error:
        remedy = "run this as the user that the service runs as, or mend the folder's rights"
        raise HistoryError(f"{path}: the answer cannot be written ({error.strerror}): {remedy}") from error


def _approval_path(history_path: Path, text_sha256: str) -> Path:
    if not _SHA_256.fullmatch(text_sha256):
        raise HistoryError(f"{text_sha256[:80]!r} is no SHA-256: give 64 hexadecimal digits")
    return _approvals(history_path) / f"{text_sha256}.json"


def _approvals(history_path: Path) -> Path:
    return history_path.parent / "approvals"


def _waiting_path(history_path: Path) -> Path:
    return history_path.with_name(history_path.name + ".waiting")


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_BYTES)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place first, so that nobody reads half of it; everybody may read it.

    Raises:
        OSError: it cannot be written; what was there is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:16]}-", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_MODE)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
