"""Which history is meant, and what of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sorter.errors import HistoryError
from sorter.history.entries import Entry
from sorter.history.reading import read_entries
from sorter.history.site import history_path
from sorter.settings.load import Loaded, load_site
from sorter.settings.site import SiteSettings


@dataclass(frozen=True, slots=True)
class Place:
    """A history, and the settings that it was found by."""

    history: Path
    site: Loaded[SiteSettings] | None
    """None where the history was named itself."""

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """As the command's options say.

        Raises:
            ConfigurationError: the settings are mistaken.
        """
        if options.history is not None:
            return cls(options.history, None)
        site = load_site(options.config)
        return cls(history_path(site.value.recipes, site.path.parent, os.environ), site)

    def entry(self, number: int) -> Entry:
        """An entry by its number.

        Raises:
            HistoryError: there is none, several bear it, or the history cannot be read.
        """
        found = {one.hash: one for one in self._entries() if one.number == number}
        if not found:
            raise HistoryError(f"{self.history}: there is no entry {number}: recipes list shows what there is")
        if len(found) > 1:
            raise HistoryError(f"{self.history}: several entries bear the number {number}: recipes verify tells where")
        return next(iter(found.values()))

    def entry_before(self, entry: Entry) -> Entry:
        """What was in force on the same line before.

        Raises:
            HistoryError: nothing was, or the history cannot be read.
        """
        before = None
        for one in self._entries():
            if one.live.line == entry.live.line and one.number < entry.number:
                before = one if before is None or one.number > before.number else before
        if before is None:
            sentence = f"entry {entry.number} is the first of its line: name another entry to compare it with"
            raise HistoryError(f"{self.history}: {sentence}")
        return before

    def highest_revision(self, name: str) -> int:
        """Of a recipe's name, on whatever line; 0 where it was never in force."""
        revisions = (one.live.recipe.revision for one in self._entries() if one.live.recipe.name == name)
        return max(revisions, default=0)

    def _entries(self) -> Iterator[Entry]:
        return (one for one in read_entries(self.history) if isinstance(one, Entry))
