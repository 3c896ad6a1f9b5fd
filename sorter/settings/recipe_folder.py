"""Recipes by their names: the files beside the one that a line's settings name."""

from __future__ import annotations

from pathlib import Path

from sorter.errors import ConfigurationError, Mistake
from sorter.settings.document import read_document
from sorter.settings.load import Loaded, load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings

_MOST_FILES = 200
_LARGEST_BYTES = 1 << 20


def find_recipe(folder: Path, name: str, line: LineSettings) -> Loaded[Recipe]:
    """The recipe of that name, checked as at the start of the service.

    Args:
        folder: its files are looked through.
        name: what the recipe calls itself.
        line: must have the recipe's branches.

    Raises:
        ConfigurationError: there is none, there are several, or it is mistaken.
    """
    found = [path for path in _candidates(folder, name) if read_document(path).get("name") == name]
    if not found:
        raise ConfigurationError([Mistake(str(folder), f"there is no recipe {name!r} in this folder")])
    if len(found) > 1:
        files = ", ".join(path.name for path in found)
        raise ConfigurationError([Mistake(str(folder), f"several files call themselves {name!r}: {files}; rename one")])
    return load_recipe(found[0], line=line)


def _candidates(folder: Path, name: str) -> list[Path]:
    """Files that hold the name: reading each in full would keep the service from its lines."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})[:_MOST_FILES]
        return [path for path in files if _holds(path, name)]
    except OSError as error:
        raise ConfigurationError([Mistake(str(folder), f"it cannot be read ({error.strerror})")]) from error


def _holds(path: Path, name: str) -> bool:
    return path.is_file() and path.stat().st_size <= _LARGEST_BYTES and name.encode() in path.read_bytes()
