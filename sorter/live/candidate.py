"""A recipe on its way into force."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sorter.history.entries import Origin
from sorter.settings.load import Loaded
from sorter.settings.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe that passed every check, and where it comes from."""

    loaded: Loaded[Recipe]
    origin: Origin
    by: str | None = None
    """Who wants it, where that is known."""
    why: str | None = None
    difference: tuple[str, ...] = ()
    """What it changes, in words."""
    rehearsal: dict[str, Any] | None = None
    """What it would have changed of recent products; None where it was not rehearsed."""

    @property
    def recipe(self) -> Recipe:
        """The recipe."""
        return self.loaded.value

    @property
    def path(self) -> Path:
        """Its file."""
        return self.loaded.path

    @property
    def text(self) -> str:
        """All of its file."""
        return self.loaded.document.text

    @property
    def text_sha256(self) -> str:
        """By which a person confirms exactly this content."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def origin_in_words(self) -> str:
        """How it came into force, and by whom where that is known."""
        return str(self.origin) if self.by is None else f"{self.origin} by {self.by}"
