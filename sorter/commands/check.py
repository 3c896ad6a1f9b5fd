"""``check``: validate settings and recipes, and tell which bins overlap."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from calibration.separability import Overlap, overlapping_bins
from sorter.commands.screen import say, say_json
from sorter.demo.fit import refuse_misfits
from sorter.errors import ConfigurationError, Mistake
from sorter.outputs.messages import dumps
from sorter.settings.document import read_document
from sorter.settings.load import Loaded, load_project, load_recipe
from sorter.settings.recipe import Recipe


def execute(options: argparse.Namespace) -> int:
    """Print what is wrong and what is doubtful; 78 where anything is wrong."""
    files = _files(options.path)
    mistakes: dict[str, None] = {}
    recipes: dict[Path, Loaded[Recipe]] = {}
    for path in files:
        try:
            for recipe in _load(path):
                recipes[recipe.path.resolve()] = recipe
        except ConfigurationError as error:
            # A recipe is read by itself and for each line that uses it: its mistakes are told once.
            mistakes.update(dict.fromkeys(map(str, error.mistakes)))
    overlaps = [overlap for recipe in recipes.values() for overlap in overlapping_bins(recipe)]
    _show(options, files, list(mistakes), overlaps)
    return ConfigurationError.exit_code if mistakes else 0


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        next(path.iterdir(), None)
    except OSError as error:
        sentence = f"the folder cannot be read ({error.strerror}): mend its rights"
        raise ConfigurationError([Mistake(str(path), sentence)]) from error
    found = sorted(one for one in path.rglob("*") if one.suffix in {".yaml", ".yml"} and one.is_file())
    if not found:
        raise ConfigurationError([Mistake(str(path), "the folder holds no YAML file: name one that does")])
    return found


def _load(path: Path) -> Iterable[Loaded[Recipe]]:
    """The recipes of a settings file, or the recipe itself; which it is, its keys tell."""
    keys = read_document(path).value
    if isinstance(keys, dict) and "bins" in keys and "lines" not in keys:
        return [load_recipe(path)]
    project = load_project(path)
    refuse_misfits(project.site)
    return project.recipes.values()


def _show(options: argparse.Namespace, files: list[Path], mistakes: list[str], overlaps: list[Overlap]) -> None:
    warnings = [f"{overlap.places[0] if overlap.places else options.path}: {overlap}" for overlap in overlaps]
    if options.json:
        facts = {"files": [str(path) for path in files], "mistakes": mistakes, "warnings": warnings}
        say_json(dumps(facts))
        return
    for sentence in mistakes:
        sys.stderr.write(f"{sentence}\n")
    for sentence in warnings:
        say(f"warning: {sentence}")
    if not mistakes:
        say(f"{len(files)} file{'s' if len(files) > 1 else ''} fine: {', '.join(map(str, files))}")
