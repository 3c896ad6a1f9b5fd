"""``check``: validate settings and recipes, and tell which bins can hardly be told apart."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.separability import Pair, Separability, examine, nearest_of, warnings_of
from sorter.color.bins import bin_colors
from sorter.color.lab import lab_to_hex, lab_to_srgb
from sorter.commands.screen import say, say_json
from sorter.demo.fit import refuse_misfits
from sorter.errors import ConfigurationError, Mistake
from sorter.outputs.messages import dumps
from sorter.settings.bins import BinSettings
from sorter.settings.document import read_document
from sorter.settings.load import Loaded, load_project, load_recipe
from sorter.settings.recipe import Recipe


@dataclass(frozen=True, slots=True)
class _Report:
    """A recipe and how its bins lie to each other."""

    recipe: Loaded[Recipe]
    found: Separability

    @property
    def warnings(self) -> list[str]:
        """Each with the place of the bin, or of the first of two."""
        bins = self.recipe.value.bins
        told = [
            (index, f"no picture can show a color that bin {bins[index].name!r} reaches: mend its color")
            for index in self.found.invisible
        ]
        told += [
            (index, f"bin {one.name!r} has a color outside sRGB; the nearest that a picture can show is {shown}")
            for index, one in enumerate(bins)
            if index not in self.found.invisible
            for shown in _clipped(one)
        ]
        told += [
            (pair.first, sentence) for pair in self.found.pairs for sentence in warnings_of(pair, self.recipe.value)
        ]
        return [f"{self.recipe.place('bins', index, 'name')}: {sentence}" for index, sentence in told]

    def names(self, pair: Pair) -> tuple[str, str]:
        """Of its two bins."""
        return self.recipe.value.bins[pair.first].name, self.recipe.value.bins[pair.second].name


def _clipped(settings: BinSettings) -> list[str]:
    """What is shown in the place of a bin's colors that sRGB does not hold."""
    colors = bin_colors(settings)
    _, clipped = lab_to_srgb(np.array(colors))
    return [lab_to_hex(color) for color, is_clipped in zip(colors, clipped.tolist(), strict=True) if is_clipped]


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
    reports = [_Report(recipe, examine(recipe.value)) for recipe in recipes.values()]
    if options.json:
        say_json(dumps(_facts(files, list(mistakes), reports)))
    else:
        _show(files, list(mistakes), reports)
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


def _facts(files: list[Path], mistakes: list[str], reports: Sequence[_Report]) -> dict[str, object]:
    return {
        "files": [str(path) for path in files],
        "mistakes": mistakes,
        "warnings": [sentence for report in reports for sentence in report.warnings],
        "separability": [
            {
                "file": str(report.recipe.path),
                "recipe": report.recipe.value.name,
                "sort_mode": report.recipe.value.sort_mode.value,
                "several_colors": [report.recipe.value.bins[index].name for index in report.found.several],
                "pairs": [_pair_facts(report, pair) for pair in report.found.pairs],
            }
            for report in reports
        ],
    }


def _pair_facts(report: _Report, pair: Pair) -> dict[str, object]:
    lab = pair.disputed
    disputed = lab and {"lab": [round(value, 2) for value in lab], "hex": lab_to_hex(lab)}
    return {
        "bins": list(report.names(pair)),
        "delta_e": round(pair.delta_e, 2),
        "gap": None if pair.gap is None else round(pair.gap, 2),
        "disputed": disputed,
        "deviations": None if pair.deviations is None else round(pair.deviations, 2),
        "same_color": pair.is_same_color,
        "warnings": list(warnings_of(pair, report.recipe.value)),
    }


def _show(files: list[Path], mistakes: list[str], reports: Sequence[_Report]) -> None:
    for sentence in mistakes:
        sys.stderr.write(f"{sentence}\n")
    for report in reports:
        for sentence in report.warnings:
            say(f"warning: {sentence}")
    if mistakes:
        return
    for report in reports:
        _show_nearest(report)
    say(f"{len(files)} file{'s' if len(files) > 1 else ''} fine: {', '.join(map(str, files))}")


def _show_nearest(report: _Report) -> None:
    """Each bin with the one that is tightest against it, the tightest first: what to look at when products go wrong."""
    nearest = nearest_of(report.found.pairs)
    if not nearest:
        return
    bins = report.recipe.value.bins
    rows = [
        (bins[own].name, bins[pair.second if own == pair.first else pair.first].name, *_figures(pair))
        for own, pair in sorted(nearest.items(), key=lambda one: one[1].tightness)
    ]
    say(f"{report.recipe.path}: each bin and its nearest other, in CIEDE2000")
    for row in _aligned([("bin", "nearest", "gap", "colors", "deviations"), *rows]):
        say(row)
    if report.found.several:
        names = ", ".join(bins[index].name for index in report.found.several)
        say(f"  not compared, of several colors at once: {names}")


def _figures(pair: Pair) -> tuple[str, str, str]:
    gap = "-" if pair.gap is None else "overlap" if pair.disputed else f"{pair.gap:.1f}"
    return gap, f"{pair.delta_e:.1f}", "-" if pair.deviations is None else f"{pair.deviations:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Rows as columns: the two names to the left, the figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        cells += [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        yield "  " + "  ".join(cells)
