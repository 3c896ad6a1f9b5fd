"""Writes taught bins, or an earlier recipe, into a recipe file: nothing else changes, and it is never half written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sorter.errors import ConfigurationError, Mistake, SorterError
from sorter.records import Lab
from sorter.settings.bins import BinSettings, Taught
from sorter.settings.color import COLOR_KEYS
from sorter.settings.compose import Unreadable, read_text
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Change, Recipe
from sorter.settings.skeleton import SAFE_BRANCH, skeleton
from sorter.settings.splice import Edit, Node, Pen, Plain, apply, parse
from sorter.settings.strict import Name

_NEW_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe file as it was found; the text must still be the same when it is saved."""

    path: Path
    """As the user named it."""
    text: str | None
    """None where there is no such file yet."""
    recipe: Recipe | None

    @property
    def fallback_branch(self) -> str | None:
        """Where unknown products go; None in a file that is not there yet."""
        return self.recipe.fallback.unknown if self.recipe else None


@dataclass(frozen=True, slots=True)
class TaughtBin:
    """What a bin learned."""

    name: str
    color: Lab
    tolerance: float
    """CIEDE2000."""
    taught: Taught
    branch: str
    """Of a new bin; one that is there keeps its own."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A recipe file's next text, and what it must mean."""

    file: RecipeFile
    text: str
    meant: Recipe


def open_recipe(path: Path) -> RecipeFile:
    """Read a recipe that is to be changed; one that is not there yet is fine.

    Raises:
        ConfigurationError: with every mistake of the file.
    """
    if not os.path.lexists(path):
        return RecipeFile(path, None, None)
    recipe = load_recipe(path).value
    return RecipeFile(path, _read(path), recipe)


def revise(file: RecipeFile, bins: Sequence[TaughtBin]) -> Revision:
    """Put taught bins into a recipe: colors, tolerances and provenance, and the revision rises by one.

    Bins that are there keep their branch and everything else; new ones come last.

    Raises:
        ConfigurationError: the recipe would not be a good one, or is written in a way that cannot be changed here.
    """
    if file.recipe is None or file.text is None:
        return _new(file, bins)
    meant = _validated(file, _revised(file.recipe, {one.name: one for one in bins}))
    top = parse(file.text)
    return Revision(file, apply(file.text, list(_edits(file, top, Pen(file.text), bins))), meant)


def find_recipe_file(path: Path) -> RecipeFile:
    """A recipe file that another text is to take the place of, whether or not it is right.

    Raises:
        ConfigurationError: it cannot be read at all.
    """
    return RecipeFile(path, _read(path) if os.path.lexists(path) else None, None)


def restore(file: RecipeFile, text: str, revision: int, change: Change) -> Revision:
    """Put an earlier recipe's whole text in the place of what a file holds now.

    Args:
        file: whatever it holds now.
        text: of the earlier recipe; its comments and order stay.
        revision: that it has from now on.
        change: who put it there, and why.

    Raises:
        ConfigurationError: the text is no recipe, or is written in a way that cannot be changed here.
    """
    meant = load_recipe(file.path, text).value.model_copy(update={"revision": revision, "change": change})
    top, pen = parse(text), Pen(text)
    written = pen.set(top, "change", change.model_dump(exclude_none=True))
    return Revision(file, apply(text, [_revision_edit(revision, top, pen), written]), meant)


def save(revision: Revision) -> None:
    """Write the file whole, beside the old one, and put it in its place.

    What was written is read back by the ordinary loader before it takes the old file's place. The file keeps its
    mode; where it is a link, what it leads to is replaced.

    Raises:
        ConfigurationError: the file was changed since it was read, or what was written does not mean what it should.
        SorterError: it cannot be written; the old file is whole.
    """
    path = Path(os.path.realpath(revision.file.path))
    try:
        with _beside(path) as temporary:
            _write(temporary, revision.text, path)
            _refuse_unless_meant(revision, temporary)
            _refuse_if_changed(revision.file)
            temporary.replace(path)
            _settle(path.parent)
    except OSError as error:
        sentence = (
            f"{revision.file.path}: cannot be written ({error.strerror}): mend the folder's rights, or make room; "
            "the recipe is as it was"
        )
        raise SorterError(sentence) from error


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except Unreadable as error:
        raise ConfigurationError([Mistake(str(path), error.sentence)]) from error


def _new(file: RecipeFile, bins: Sequence[TaughtBin]) -> Revision:
    fallback = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), SAFE_BRANCH)
    name = file.path.stem
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        sentence = "a new recipe is named after its file: name it with letters, digits, spaces and . _ : - (at most 64)"
        raise ConfigurationError([Mistake(str(file.path), sentence)]) from error
    meant = _validated(file, {"name": name, "bins": [_settings(one) for one in bins], "fallback": fallback})
    schema = Path("..", "schema", "recipe.schema.json")
    has_schema = (file.path.parent / schema).is_file()
    text = skeleton(name, [_written(one) for one in bins], schema.as_posix() if has_schema else None)
    return Revision(file, text, meant)


def _revised(recipe: Recipe, taught: Mapping[str, TaughtBin]) -> dict[str, Any]:
    there = {one.name for one in recipe.bins}
    kept = [_retaught(one, taught[one.name]) if one.name in taught else one.model_dump() for one in recipe.bins]
    new = [_settings(one) for name, one in taught.items() if name not in there]
    return recipe.model_dump() | {"revision": recipe.revision + 1, "bins": [*kept, *new]}


def _retaught(settings: BinSettings, taught: TaughtBin) -> dict[str, Any]:
    without_color = dict.fromkeys((*COLOR_KEYS, "any_of", "all_of"))
    return settings.model_dump() | without_color | _settings(taught) | {"branch": settings.branch}


def _settings(one: TaughtBin) -> dict[str, Any]:
    return {
        "name": one.name,
        "lab": tuple(one.color),
        "tolerance": one.tolerance,
        "branch": one.branch,
        "taught": one.taught.model_dump(),
    }


def _written(one: TaughtBin) -> dict[str, Plain]:
    return {
        "name": one.name,
        "lab": list(one.color),
        "tolerance": one.tolerance,
        "branch": one.branch,
        "taught": _written_taught(one),
    }


def _written_taught(one: TaughtBin) -> dict[str, Plain]:
    return one.taught.model_dump(mode="json", exclude_none=True)


def _validated(file: RecipeFile, recipe: Mapping[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate(recipe)
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Value error, ")
        sentence = f"with what was taught this would not be a recipe ({first}): nothing was written"
        raise ConfigurationError([Mistake(str(file.path), sentence)]) from error


def _edits(file: RecipeFile, top: Node, pen: Pen, bins: Sequence[TaughtBin]) -> Iterator[Edit]:
    """Only these characters of the file change."""
    yield _revision_edit(file.recipe.revision + 1 if file.recipe else 1, top, pen)
    written = top.value("bins")
    places = {} if written is None else {_name(node): node for node in written.items}
    if written is None or None in places:
        sentence = "the bins are written by aliases (*): write them out, or teach into another file"
        raise ConfigurationError([Mistake(str(file.path), sentence)])
    for one in bins:
        if one.name in places:
            yield from _bin_edits(places[one.name], pen, one)
    new = [_written(one) for one in bins if one.name not in places]
    if new:
        yield pen.append(written, new)


def _name(node: Node) -> str | None:
    name = node.value("name")
    return name.text if name else None


def _bin_edits(node: Node, pen: Pen, one: TaughtBin) -> Iterator[Edit]:
    old_color = next(key for key in (*COLOR_KEYS, "any_of", "all_of") if node.entry(key))
    yield pen.set(node, "lab", list(one.color), instead_of=old_color)
    yield pen.set(node, "tolerance", one.tolerance)
    yield pen.set(node, "taught", _written_taught(one))


def _revision_edit(revision: int, top: Node, pen: Pen) -> Edit:
    name = top.value("name")
    if name is None or top.entry("revision"):
        return pen.set(top, "revision", revision)
    return pen.add_behind(top, name, "revision", revision)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder: it is gone afterwards, whatever happens."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:32]}-", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _write(temporary: Path, text: str, like: Path) -> None:
    """To the disk, with the mode and, where we may, the owner of the file that it replaces."""
    with temporary.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    if not like.exists():
        temporary.chmod(_NEW_FILE_MODE)
        return
    old = like.stat()
    # Else the service could no longer read what an administrator, or another member of its group, has taught.
    if os.geteuid() == 0:
        os.chown(temporary, old.st_uid, old.st_gid)
    elif old.st_gid in os.getgroups():
        os.chown(temporary, -1, old.st_gid)
    temporary.chmod(stat.S_IMODE(old.st_mode))


def _refuse_unless_meant(revision: Revision, temporary: Path) -> None:
    try:
        written = load_recipe(temporary).value
    except ConfigurationError as error:
        reason = error.mistakes[0].sentence
    else:
        if written == revision.meant:
            return
        reason = "it would mean something else"
    sentence = (
        f"the recipe is written in a way that cannot be changed here ({reason}): nothing was written; write out its "
        "anchors (&) and aliases (*), or name another file"
    )
    raise ConfigurationError([Mistake(str(revision.file.path), sentence)])


def _refuse_if_changed(file: RecipeFile) -> None:
    now = _read(file.path) if os.path.lexists(file.path) else None
    if now != file.text:
        sentence = "the file was changed by someone else since it was read: nothing was written; do it again"
        raise ConfigurationError([Mistake(str(file.path), sentence)])


def _settle(folder: Path) -> None:
    """The new name is on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
