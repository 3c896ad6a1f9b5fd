"""One file that is looked at again and again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sorter.live.settling import Settling
from sorter.settings.compose import Unreadable, read_bytes
from sorter.settings.load import Loaded


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a file now, after it was changed and has settled."""

    path: Path
    content: bytes | None
    """None where it cannot be read; the file's loader says why."""


class Watched:
    """A file, looked at by its content: no rename, link or time stamp hides a change, and none feigns one.

    Args:
        path: the file.
        text: what is known to stand in it; empty where nothing is.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._text = text
        self._settling = Settling(text.encode())

    @classmethod
    def of(cls, loaded: Loaded[Any]) -> Self:
        """The file of settings or a recipe that were loaded."""
        return cls(loaded.path, loaded.document.text)

    def look(self, now_s: float) -> Found | None:
        """What stands in it now, if that is news (monotonic seconds)."""
        content = _content(self.path)
        return _found(self.path, content) if self._settling.look(content, now_s) else None

    def now(self) -> Found | None:
        """What stands in it at this moment, if that is not what was known."""
        content = _content(self.path)
        return None if content == self._text.encode() else _found(self.path, content)

    def look_again(self) -> None:
        """What stands in it may be right now, though it was refused: it is news again."""
        self._settling.look_again()


def _found(path: Path, content: bytes | str) -> Found:
    return Found(path, content if isinstance(content, bytes) else None)


def _content(path: Path) -> bytes | str:
    """Why it cannot be read where it cannot: another reason is news, too."""
    try:
        return read_bytes(path)
    except Unreadable as error:
        return error.sentence
