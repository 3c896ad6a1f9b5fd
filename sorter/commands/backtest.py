"""``backtest``: what a recipe would have said of the products that the journal keeps."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sorter.backtest.recorded import Way
from sorter.backtest.rehearsal import Rehearsal
from sorter.commands.backtest_page import WORDS, write_page
from sorter.commands.choose import choose_line
from sorter.commands.journal_place import journal_of_site, moment
from sorter.commands.rehearsing import Part, Task, rehearse_all
from sorter.commands.screen import printable, say, say_json
from sorter.errors import JournalError, UsageError
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.recorded import Stretch, count_without_readings, lines_of, span_of, stretches_of
from sorter.outputs.messages import dumps, rfc3339
from sorter.records import RecipeId, Verdict
from sorter.settings.load import Loaded, load_recipe, load_site
from sorter.settings.recipe import Recipe

_AT_ONCE = 1000
"""Products that a process takes at a time."""
_AT_ONCE_OF_PIXELS = 50
"""Where their pixels must be read: that takes a hundred times as long, and Ctrl-C waits for it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of a rehearsal."""

    recipe: RecipeId
    line: str
    first_at: str
    """When the first product was decided."""
    last_at: str
    part: Part

    @property
    def rehearsal(self) -> Rehearsal:
        """What would change."""
        return self.part.rehearsal

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = {"recipe": asdict(self.recipe), "line": self.line, "first_at": self.first_at, "last_at": self.last_at}
        pixels = {"read_from_pixels": self.part.from_pixels, "not_to_the_bit": self.part.rounded}
        return facts | self.rehearsal.as_dict() | pixels


def execute(options: argparse.Namespace) -> int:
    """Judge the products anew and tell what would change; that something does is no failure."""
    recipe = load_recipe(options.recipe)
    journal, line = _place(options, recipe)
    if options.html is not None and not options.html.absolute().parent.is_dir():
        raise UsageError(f"{options.html}: there is no such folder to write the page into: make it first")
    asked = Wanted(
        line=line,
        since_wall_s=moment(options.since, "--since"),
        until_wall_s=moment(options.until, "--until"),
        last=options.last,
    )
    with Reader(journal) as reader:
        report = _rehearse(reader, Task(journal, asked, recipe.value), options.jobs)
        if options.html is not None:
            write_page(options.html, reader, report.as_dict(), report.rehearsal, recipe.value)
    if options.json:
        say_json(dumps(report.as_dict()))
    else:
        for text in _lines(report):
            say(text)
    return 0


def _place(options: argparse.Namespace, recipe: Loaded[Recipe]) -> tuple[Path, str | None]:
    """The journal, and the line; the recipe must have the line's branches."""
    if options.journal is not None:
        return options.journal, options.line
    site = load_site(options.config)
    _, line = choose_line(site, options.line)
    load_recipe(recipe.path, recipe.document.text, line)
    return journal_of_site(site), line.name


def _rehearse(reader: Reader, task: Task, jobs: int | None) -> Report:
    line = _line(reader, task)
    stretches = stretches_of(reader, task.wanted, _AT_ONCE)
    first_s, last_s = span_of(reader, task.wanted, stretches)
    bare = count_without_readings(reader, task.wanted, stretches)
    if bare:
        what = f"{bare} product{'' if bare == 1 else 's'}"
        sys.stderr.write(f"{what} of which only the pixels are kept: reading these takes some 20 ms each\n")
        stretches = stretches_of(reader, task.wanted, _AT_ONCE_OF_PIXELS)
    part = rehearse_all(task, stretches, _jobs(jobs, stretches))
    return Report(task.recipe.identity, line, rfc3339(first_s), rfc3339(last_s), part)


def _line(reader: Reader, task: Task) -> str:
    """The one line whose products are asked for."""
    lines = lines_of(reader, task.wanted)
    if not lines:
        raise JournalError(f"{task.journal}: no decision of those asked for: journal list shows what there is")
    if len(lines) > 1:
        names = ", ".join(map(repr, lines))
        raise UsageError(f"{task.journal} has products of several lines ({names}): say which with --line")
    return lines[0]


def _jobs(asked: int | None, stretches: Sequence[Stretch]) -> int:
    """As many processes as may run at once, unless told otherwise; starting some for one stretch is not worth it."""
    return min(asked or len(os.sched_getaffinity(0)), len(stretches))


def _lines(report: Report) -> Iterator[str]:
    found, recipe = report.rehearsal, report.recipe
    yield (
        f"{printable(recipe.name)}, revision {recipe.revision} ({recipe.hash}), on {found.products} products of the"
        f" line {printable(report.line)}, decided {report.first_at} to {report.last_at}"
    )
    yield f"{'judged':<17}  {found.judged:>9}"
    for what, count in (("changed", found.changed), ("to another branch", found.rerouted)):
        yield f"{what:<17}  {count:>9}  {count / max(found.judged, 1):7.2%}"
    for verdict in (Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS):
        yield f"{'newly ' + verdict.value:<17}  {found.newly(verdict):>9}"
    yield from _moves(found)
    for why, count in sorted(found.excluded.items()):
        yield f"not compared: {count} {WORDS[why]}"
    if report.part.rounded:
        yield (
            f"{report.part.rounded} judged by pixels that are not to the bit what voted: this machine rounds otherwise"
        )


def _moves(found: Rehearsal) -> Iterator[str]:
    if not found.moves:
        yield "nothing changes"
        return
    rows = [("products", *_HEADING, "", *_HEADING)]
    rows += [(str(move.count), *_cells(move.then), "->", *_cells(move.now)) for move in found.moves]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for count, *cells in rows:
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield f"{count:>{widths[0]}}  {'  '.join(padded)}".rstrip()


_HEADING = ("verdict", "bin", "branch")


def _cells(way: Way) -> tuple[str, str, str]:
    return way.verdict, printable(way.bin or "-"), printable(way.branch)
