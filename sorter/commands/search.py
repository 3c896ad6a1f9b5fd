"""``search``: the pictures of an archive that have certain colors: as a table, as JSON, and as a contact sheet."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from sorter.archive.search import Answer, Found, Match, PaletteIndex
from sorter.archive.telling import answer_facts
from sorter.archive.thumbnails import thumbnail
from sorter.archive.wanted import Wanted, wanted_color, wanted_of
from sorter.color.lab import lab_to_hex
from sorter.commands.screen import printable, say, say_json, swatch
from sorter.commands.search_page import search_page
from sorter.errors import SorterError, UsageError
from sorter.outputs.messages import dumps
from sorter.palette.analyzer import ColorAnalyzer

_LONG = 100
"""Thumbnails from which on progress is shown."""
_MOST_THUMBNAILS = 1000
"""Pictures of a contact sheet that are embedded: 20 MB or so."""


def execute(options: argparse.Namespace) -> int:
    """Search, and show what was found; that nothing was found is no failure."""
    wanted = _wanted(options)
    if options.html is not None and not options.html.absolute().parent.is_dir():
        raise UsageError(f"{options.html}: there is no such folder to write into: make it first")
    index = PaletteIndex.load(options.table)
    answer = index.query(wanted, options.limit)
    if options.html is not None:
        _write(options.html, search_page(answer, wanted, len(index), _thumbnails(answer.found)))
    if options.json:
        say_json(dumps(answer_facts(answer, wanted)))
        return 0
    for line in _table(answer, wanted, len(index)):
        say(line)
    if options.html is not None:
        say(f"the contact sheet is {printable(str(options.html))}")
    return 0


def _wanted(options: argparse.Namespace) -> tuple[Wanted, ...]:
    wanted = tuple(wanted_color(one, options.tolerance, options.min_share) for one in options.colors)
    if options.like is not None:
        wanted += wanted_of(ColorAnalyzer(options.like).palette, options.tolerance, options.min_share)
    if not wanted:
        raise UsageError("nothing is searched for: name a color, or a picture by --like")
    return wanted


def _thumbnails(found: Sequence[Found]) -> dict[str, bytes]:
    some = found[:_MOST_THUMBNAILS]
    return {one.uri: thumbnail(one.uri) for one in tqdm(some, unit=" pictures", disable=len(some) < _LONG)}


def _table(answer: Answer, wanted: Sequence[Wanted], searched: int) -> Iterator[str]:
    if answer.found:
        room = " " * len(swatch(None))
        columns = "".join(f"  {room}{lab_to_hex(one.lab):<7}  {'share':>7}  {'differs':>7}" for one in wanted)
        yield f"{'score':>6}{columns}  picture"
    for one in answer.found:
        yield f"{one.score:6.3f}{''.join(map(_cells, one.matches))}  {printable(one.uri)}"
    shown = f", of which {len(answer.found)} are shown" if len(answer.found) < answer.total else ""
    yield f"{answer.total} of {searched} pictures have {'it' if len(wanted) == 1 else 'them all'}{shown}"


def _cells(matches: Sequence[Match]) -> str:
    """The nearest color, the share of all that match, and how far away the nearest is."""
    nearest, share = matches[0], sum(one.color.share for one in matches)
    return f"  {swatch(nearest.color.hex)}{nearest.color.hex}  {share:>7.2%}  {nearest.delta_e:>7.2f}"


def _write(path: Path, page: str) -> None:
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        try:
            unfinished.write_text(page, encoding="utf-8", errors="backslashreplace")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise SorterError(f"{path}: it cannot be written ({error.strerror}): name another file") from error
