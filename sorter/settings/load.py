"""Loads what an operator edits; every mistake of every file is told at once, with file, line and column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from sorter.errors import ConfigurationError, Mistake
from sorter.settings.document import Document, Finding, Location, read_document
from sorter.settings.numbers import unclear_numbers
from sorter.settings.recipe import FallbackBranches, Recipe
from sorter.settings.sentences import did_you_mean, findings_of, prefixed, shown
from sorter.settings.site import MOST_BRANCHES, LineSettings, SiteSettings
from sorter.settings.strict import repeated_names

_LONGEST_PATH = 300
SITE_FILE = "sorter.yaml"
"""What the settings file is called in a configuration folder."""

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """Settings, and where in their file each of them stands."""

    path: Path
    value: T
    document: Document = field(repr=False, compare=False)

    def place(self, *loc: str | int) -> str:
        """``file:line:column`` of a value; of its nearest ancestor where it was left out.

        Args:
            loc: keys and list positions from 0, such as ``"bins", 1, "lab"``.
        """
        return self.document.place(self.document.mark(*loc))

    def mistake(self, sentence: str, *loc: str | int) -> Mistake:
        """A mistake at a value's place; the sentence begins with the value's dotted location."""
        return Mistake(self.place(*loc), prefixed(loc, sentence))


@dataclass(frozen=True)
class Project:
    """The settings file and, for each line by its name, the recipes it names."""

    site: Loaded[SiteSettings]
    recipes: Mapping[str, Loaded[Recipe]]
    shadows: Mapping[str, Loaded[Recipe]]
    """Of the lines that have one."""

    @property
    def base(self) -> Path:
        """The folder that the settings file's relative paths start from."""
        return self.site.path.parent


_NOTHING: Mapping[str, Loaded[Recipe]] = {}


def load_site(path: Path) -> Loaded[SiteSettings]:
    """Load a settings file, or the ``sorter.yaml`` of a folder; what it points to is not looked at.

    Raises:
        ConfigurationError: with every mistake of the file.
    """
    return _accepted(_examine(_site_file(path), SiteSettings))


def load_recipe(path: Path, content: bytes | str | None = None, line: LineSettings | None = None) -> Loaded[Recipe]:
    """Load a recipe file.

    Args:
        path: the file.
        content: what stands in it, where that is known already.
        line: must have the recipe's branches; None: whether a line has them is ``load_project``'s to check.

    Raises:
        ConfigurationError: with every mistake of the file.
    """
    examined = _examine(path, Recipe, content)
    if line is not None:
        examined.findings.extend(_undeclared(line.name, frozenset(line.branches), examined.document))
    return _accepted(examined)


def load_project(
    path: Path, instead: Mapping[str, Loaded[Recipe]] = _NOTHING, without_shadow: Collection[str] = ()
) -> Project:
    """Load a settings file (or a folder's ``sorter.yaml``) and its lines' recipes, and hold them together.

    Args:
        path: the file or folder.
        instead: recipes in place of those that lines name, by the line; they were held against the line already.
        without_shadow: lines whose shadow recipe is left out.

    Raises:
        ConfigurationError: with every mistake of every file, the settings file's first.
    """
    site = _examine(_site_file(path), SiteSettings)
    lines = tuple(_lines(site.document, instead, without_shadow))
    named = {path: None for line in lines for path in line.recipes.values()}
    recipes = {path: _examine(path, Recipe) for path in named if _is_file(path)}
    site.findings.extend(_missing_recipes(site.document, lines, recipes.keys()))
    site.findings.extend(_missing_files(site.document, lines))
    for line in lines:
        for recipe in line.recipes.values():
            if recipe in recipes:
                recipes[recipe].findings.extend(_undeclared(line.name, line.branches, recipes[recipe].document))
    mistakes = site.mistakes() + [mistake for one in recipes.values() for mistake in one.mistakes()]
    if mistakes:
        raise ConfigurationError(mistakes)
    accepted = _accepted(site)
    by_name = list(zip([one.name for one in accepted.value.lines], lines, strict=True))
    return Project(
        accepted,
        {name: instead[name] if line.recipe is None else _accepted(recipes[line.recipe]) for name, line in by_name},
        {name: _accepted(recipes[line.shadow]) for name, line in by_name if line.shadow is not None},
    )


@dataclass
class _Examined(Generic[T]):
    """A file, what is wrong with it, and its value unless something is."""

    document: Document
    value: T | None
    findings: list[Finding]

    def mistakes(self) -> list[Mistake]:
        return self.document.mistakes(self.findings)


@dataclass(frozen=True)
class _Line:
    """What of a line's settings concerns other files, whether or not the rest is right."""

    index: int
    name: str
    recipe: Path | None
    """None where another one takes its place."""
    shadow: Path | None
    branches: frozenset[str]
    """Empty where they are mistaken themselves: nothing can be held against them."""

    @property
    def recipes(self) -> dict[str, Path]:
        """The files that it names, by the key."""
        named = {"recipe": self.recipe, "shadow": self.shadow}
        return {key: path for key, path in named.items() if path is not None}


def _site_file(path: Path) -> Path:
    try:
        return path / SITE_FILE if path.is_dir() else path
    except OSError:  # a name too long, or a folder that may not be entered: reading it says so
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # likewise
        return False


def _examine(path: Path, model: type[T], content: bytes | str | None = None) -> _Examined[T]:
    document = read_document(path, content)
    findings = list(document.findings)
    value: T | None = None
    if document.readable:
        findings += _repeated(document)
        try:
            value = model.model_validate(document.value)
        except ValidationError as error:
            findings += findings_of(error, model, document)
        else:
            findings += unclear_numbers(document, value)
    return _Examined(document, value, findings)


def _accepted(examined: _Examined[T]) -> Loaded[T]:
    mistakes = examined.mistakes()
    if mistakes or examined.value is None:
        raise ConfigurationError(mistakes)
    return Loaded(examined.document.path, examined.value, examined.document)


def _entries(document: Document, *loc: str | int) -> Sequence[object]:
    entries = document.get(*loc)
    return entries if isinstance(entries, list) else ()


def _repeated(document: Document) -> Iterator[Finding]:
    """Names given twice: the models refuse them too, but only where nothing else is wrong."""
    for key, what in (("lines", "line"), ("bins", "bin")):
        names = [document.get(key, index, "name") for index in range(len(_entries(document, key)))]
        for index, sentence in repeated_names(what, names):
            loc = (key, index, "name")
            yield document.at(document.mark(*loc), prefixed(loc, sentence))


def _lines(document: Document, instead: Collection[str] = (), without_shadow: Collection[str] = ()) -> Iterator[_Line]:
    for index in range(len(_entries(document, "lines"))):
        keys = ("name", "recipe", "shadow", "branches")
        name, recipe, shadow, branches = (document.get("lines", index, key) for key in keys)
        declared = frozenset(branches) if isinstance(branches, dict) and len(branches) <= MOST_BRANCHES else frozenset()
        base = document.path.parent
        path = None if str(name) in instead else base / (recipe if isinstance(recipe, str) else "")
        has_shadow = isinstance(shadow, str) and shadow and str(name) not in without_shadow
        yield _Line(index, str(name), path, base / str(shadow) if has_shadow else None, declared)


def _missing_recipes(document: Document, lines: Sequence[_Line], found: Collection[Path]) -> Iterator[Finding]:
    for line in lines:
        for key, path in line.recipes.items():
            loc = ("lines", line.index, key)
            if path not in found and document.get(*loc):
                yield _no_file(document, loc, "recipe file", path)


def _missing_files(document: Document, lines: Sequence[_Line]) -> Iterator[Finding]:
    """Passwords, certificates and producers that the settings point to and that are not there."""
    wanted: list[tuple[Location, str]] = [
        (("mqtt", "password_file"), "password file"),
        (("mqtt", "username_file"), "user name file"),
        (("mqtt", "tls_ca_file"), "certificate file"),
        (("mqtt", "tls_certificate_file"), "certificate file"),
        (("mqtt", "tls_key_file"), "key file"),
        *((("lines", line.index, "source", "password_file"), "password file") for line in lines),
        *((("lines", line.index, "source", "producer"), "GenTL producer") for line in lines),
    ]
    for loc, what in wanted:
        name = document.get(*loc)
        if isinstance(name, str) and name and not _is_file(path := document.path.parent / name):
            yield _no_file(document, loc, what, path)


def _no_file(document: Document, loc: Location, what: str, path: Path) -> Finding:
    name = str(path)
    # No system has names as long as that: something else was pasted here, and an alarm must stay one to read.
    name = name if len(name) <= _LONGEST_PATH else f"{name[: _LONGEST_PATH // 2]}...{name[-_LONGEST_PATH // 2 :]}"
    sentence = f"there is no {what} {name!r}: create it, or name the right one"
    return document.at(document.mark(*loc), prefixed(loc, sentence))


def _undeclared(line: str, has: frozenset[str], recipe: Document) -> Iterator[Finding]:
    """Branches of a recipe that its line does not have."""
    bins = range(len(_entries(recipe, "bins")))
    uses: list[Location] = [("bins", index, "branch") for index in bins]
    uses += [("fallback", verdict) for verdict in FallbackBranches.model_fields]
    for loc in uses:
        branch = recipe.get(*loc)
        if has and isinstance(branch, str) and branch not in has:
            remedy = did_you_mean(branch, has) or ": add it there, or use one of its own;"
            declared = ", ".join(sorted(has))
            sentence = f"the line {line[:64]!r} has no branch {shown(branch)}{remedy} it declares {declared}"
            yield recipe.at(recipe.mark(*loc), prefixed(loc, sentence))
