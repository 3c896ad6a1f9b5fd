"""``report``: what a batch, or a span of time, of a line came to: in words, as JSON, or as a page to print and file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError
from tqdm import tqdm

from sorter.batch.report import Report, make_report
from sorter.batch.span import Batch
from sorter.batch.telling import report_as_dict
from sorter.commands.batch_choice import Chosen, History, choose, read_history
from sorter.commands.batch_page import batch_page
from sorter.commands.batch_words import BATCH_HEADING, batch_row, report_lines
from sorter.commands.journal_place import journal_of
from sorter.commands.screen import say, say_json
from sorter.errors import JournalError
from sorter.outputs.journal.event_table import read_events
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.messages import Message, dumps, rfc3339
from sorter.outputs.steps import StepTaken
from sorter.records import RecipeId
from sorter.replay import recipe_of
from sorter.settings.recipe import Recipe

_LONG = 2000
"""Decisions from which on progress is shown."""


def execute(options: argparse.Namespace) -> int:
    """Report, or list what there is to report on."""
    path = journal_of(options)
    with Reader(path) as reader:
        history = read_history(reader, path)
        if options.list:
            return _list(history, options)
        report = _report(reader, choose(history, path, options))
        if options.html is not None:
            _write(options.html, batch_page(report, _pictures(reader, report)))
    if options.json:
        say_json(dumps(report_as_dict(report)))
    else:
        for line in report_lines(report):
            say(line)
        if options.html is not None:
            say(f"the page is {options.html}")
    return 0


def _report(reader: Reader, chosen: Chosen) -> Report:
    events = (one.event for one in read_events(reader, chosen.events))
    return make_report(chosen.subject, events, _decisions(reader, chosen.decisions), lambda one: _recipe(reader, one))


def _decisions(reader: Reader, wanted: Wanted) -> Iterator[tuple[Message, tuple[StepTaken, ...]]]:
    total = reader.count(wanted)
    with tqdm(reader.entries(wanted), total=total, unit=" decisions", disable=total < _LONG) as entries:
        for entry in entries:
            yield entry.message, entry.steps


def _recipe(reader: Reader, identity: RecipeId) -> Recipe | None:
    meaning = reader.recipe_meaning(identity.hash)
    try:
        return None if meaning is None else recipe_of(meaning, identity)
    except ValidationError:  # a version that reads recipes otherwise wrote it: then it cannot be judged by
        return None


def _pictures(reader: Reader, report: Report) -> dict[str, bytes]:
    """The thumbnails of all products that are shown, by decision."""
    shown = [
        message["decision_id"]
        for some in (report.least_certain, report.ambiguous, report.unknown)
        for _, _, message in some.ranked()
    ]
    return {one: reader.pixels(one).thumbnail_jpeg or b"" for one in shown}


def _write(path: Path, page: str) -> None:
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        try:
            unfinished.write_text(page, encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"{path}: it cannot be written ({error.strerror}): name another file") from error


def _list(history: History, options: argparse.Namespace) -> int:
    batches = [one for one in history.batches if options.line in {None, one.line}]
    if not options.json and batches:
        say(BATCH_HEADING)
    for batch in batches:
        until, products, is_running = history.end_of(batch), _products_of(history, batch), history.is_running(batch)
        if options.json:
            told = {"began": rfc3339(batch.began_wall_s), "until": rfc3339(until), "running": is_running}
            facts = {"number": batch.number, "line": batch.line, "reason": batch.reason, "products": products}
            say_json(dumps(facts | told | {"recipe": asdict(batch.recipe)}))
        else:
            say(batch_row(batch, until, products, is_running=is_running))
    if not options.json:
        say(f"{len(batches)} batch{'' if len(batches) == 1 else 'es'}")
    return 0


def _products_of(history: History, batch: Batch) -> int:
    """How many were decided in it, whether or not they are still kept."""
    last = history.last_decisions.get((batch.line, batch.boot_id))
    ended = batch.after_seq if last is None else last.seq
    return max((ended if batch.until_seq is None else batch.until_seq) - batch.after_seq, 0)
