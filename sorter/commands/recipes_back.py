"""``recipes rollback``: an earlier recipe becomes a new revision of its file."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from sorter.commands.recipes_place import Place
from sorter.commands.recipes_waiting import change_of
from sorter.commands.screen import printable, say, say_json
from sorter.errors import ConfigurationError, HistoryError, Mistake, UsageError
from sorter.history.entries import Entry
from sorter.settings.document import read_document
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Change
from sorter.settings.save import find_recipe_file, restore, save
from sorter.settings.site import LineSettings


def roll_back(place: Place, options: argparse.Namespace) -> int:
    """Write an entry's text as a new revision into the file that it came from, or into the one that is named."""
    given = change_of(options)
    entry = place.entry(options.number)
    path = options.file or _file_of(place, entry)
    file = find_recipe_file(path)
    _refuse_other_files(path)
    earlier = entry.live.recipe
    revision = 1 + max(place.highest_revision(earlier.name), _revision_in(path, earlier.name))
    why = given.why or f"back to revision {earlier.revision} of {entry.at[:24]}"
    written = restore(file, entry.live.text, revision, Change(by=given.by, why=why))
    _refuse_undeclared_branches(place, entry, path, written.text)
    save(written)
    if options.json:
        facts = {"file": str(path), "entry": entry.number, "name": earlier.name, "revision": revision}
        say_json(json.dumps(facts | {"hash": written.meant.identity.hash, "by": given.by, "why": why}).encode())
    else:
        say(printable(f"{path}: revision {revision} is again what revision {earlier.revision} was"))
        say(_what_follows(place, path))
    return 0


def _file_of(place: Place, entry: Entry) -> Path:
    """The file that an entry came from, as long as it lies where recipes are."""
    if place.site is None:
        raise UsageError("--history alone does not tell where the recipe belongs: add --file, or give --config instead")
    base = place.site.path.parent
    path = base / entry.live.path
    folders = {_absolute(base / line.recipe).parent for line in place.site.value.lines}
    if _absolute(path).parent not in folders:  # else whoever writes the history says which file is written
        sentence = f"entry {entry.number} came from {str(path)!r}, beside which no line has a recipe: name a --file"
        raise HistoryError(f"{place.history}: {sentence}")
    return path


def _absolute(path: Path) -> Path:
    """Without following links: a folder of links is a folder of recipes."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow them


def _refuse_other_files(path: Path) -> None:
    """A recipe that is mistaken may be replaced, another kind of file may not."""
    document = read_document(path)
    if document.readable and document.get("bins") is None:
        raise ConfigurationError([Mistake(str(path), "this is no recipe: name a recipe file with --file")])


def _revision_in(path: Path, name: str) -> int:
    """The revision in a file, right or mistaken, of that recipe; 0 where it cannot be told."""
    document = read_document(path)
    revision = document.get("revision")
    tells = document.get("name") == name and isinstance(revision, str) and revision.isdecimal() and len(revision) < 10
    return int(str(revision)) if tells else 0


def _refuse_undeclared_branches(place: Place, entry: Entry, path: Path, text: str) -> None:
    for line in _lines_of(place, path, entry.live.line):
        try:
            load_recipe(path, text, line)
        except ConfigurationError as error:
            sentence = f"nothing was written: entry {entry.number} does not fit any more"
            raise ConfigurationError([Mistake(str(place.history), sentence), *error.mistakes]) from error


def _lines_of(place: Place, path: Path, name: str | None = None) -> Iterator[LineSettings]:
    """The lines that a recipe file is for, and the one of that name."""
    if place.site is not None:
        for line in place.site.value.lines:
            if line.name == name or _absolute(place.site.path.parent / line.recipe) == _absolute(path):
                yield line


def _what_follows(place: Place, path: Path) -> str:
    if place.site is not None and not place.site.value.recipes.reload:
        return "the sorter takes it up at its next start (recipes.reload is false)"
    names = ", ".join(line.name for line in _lines_of(place, path))
    if place.site is not None and not names:
        return "no line of the settings names this file: it is taken up where it was chosen by a command"
    return "a running sorter takes it up by itself; where it has to be confirmed, recipes waiting tells"
