"""``journal``: what the journal holds, listed, shown, exported and checked; while the service runs or after it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sorter.commands.journal_events import list_events
from sorter.commands.journal_export import export
from sorter.commands.journal_place import journal_of, moment
from sorter.commands.screen import printable, say, say_json, swatch
from sorter.errors import JournalError, UsageError
from sorter.outputs.journal.checking import Check, RunCheck, check_journal
from sorter.outputs.journal.files import is_written
from sorter.outputs.journal.reading import Entry, Reader, Wanted
from sorter.outputs.messages import dumps, rfc3339
from sorter.outputs.steps import Step
from sorter.records import Verdict

_Word = TypeVar("_Word", bound=StrEnum)
_LISTED = 50
_UNSOUND_EXIT_CODE = 1


def execute(options: argparse.Namespace) -> int:
    """Do what was asked; 1 where a check found something wrong."""
    path = journal_of(options)
    with Reader(path) as reader:
        match options.action:
            case "list":
                return _list(reader, options)
            case "show":
                return _show(reader, options)
            case "events":
                return list_events(reader, options)
            case "export":
                return export(reader, _wanted(options), options.file)
            case _:
                return _check(reader, path, as_json=options.json)


def _wanted(options: argparse.Namespace, last: int | None = None) -> Wanted:
    return Wanted(
        line=options.line,
        verdict=_one_of(Verdict, options.verdict, "--verdict"),
        bin=options.bin,
        branch=options.branch,
        since_wall_s=moment(options.since, "--since"),
        until_wall_s=moment(options.until, "--until"),
        step=_one_of(Step, options.step, "--step"),
        decision_id=options.id,
        last=options.last or last,
    )


def _one_of(words: type[_Word], text: str | None, option: str) -> _Word | None:
    try:
        return None if text is None else words(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is none of {', '.join(words)}") from error


def _list(reader: Reader, options: argparse.Namespace) -> int:
    entries = reader.entries(_wanted(options, last=_LISTED))
    if options.json:
        for entry in entries:
            say_json(dumps(entry.as_dict))
        return 0
    shown = 0
    for entry in entries:
        if not shown:
            say(f"{'decided at':<24}  {'line':<12}  {'product':>7}  {'verdict':<9}  {'bin':<12}  {'branch':<12}"
                f"  {'color':<7}  {'last step':<12}  decision")  # fmt: skip
        shown += 1
        say(_row(entry))
    say(f"{shown} decision{'' if shown == 1 else 's'} of {reader.count(replace(_wanted(options), last=None))}")
    return 0


def _row(entry: Entry) -> str:
    one = entry.message
    step = "-" if entry.furthest is None else entry.furthest.value
    product = "-" if one["product"] is None else one["product"]
    return (
        f"{one['decided_at']:<24}  {printable(one['line']):<12}  {product:>7}  {one['verdict']:<9}"
        f"  {one['bin'] or '-':<12}  {one['branch']:<12}  {swatch(one['hex'])}{one['hex'] or '-':<7}  {step:<12}"
        f"  {one['decision_id']}"
    )


def _show(reader: Reader, options: argparse.Namespace) -> int:
    found = list(reader.entries(Wanted(decision_id=options.id, last=1)))
    if not found:
        raise JournalError(f"{options.id}: the journal has no such decision: journal list shows what it has")
    entry = found[0]
    pixels = reader.pixels(entry.message["decision_id"])
    kept = {
        "samples_bytes": len(pixels.samples or b""),
        "thumbnail_bytes": len(pixels.thumbnail_jpeg or b""),
        "recipe_kept": reader.recipe_meaning(entry.message["recipe"]["hash"]) is not None,
    }
    if options.picture is not None:
        if not pixels.thumbnail_jpeg:
            raise JournalError(f"{entry.message['decision_id']}: no picture of it was kept, or not for so long")
        options.picture.write_bytes(pixels.thumbnail_jpeg)
    if options.json:
        say_json(dumps(entry.as_dict | {"kept": kept}))
    else:
        for line in _lines(entry, kept):
            say(line)
    return 0


def _lines(entry: Entry, kept: dict[str, Any]) -> Iterator[str]:
    facts = entry.message | {"kept": kept}
    width = max(map(len, facts))
    for key, value in facts.items():
        if key == "palette":
            for color in value:
                yield f"{key:<{width}}  {swatch(color['hex'])}{color['hex']}  {color['share']:.0%}"
        else:
            shown = ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, dict) else value
            yield f"{key:<{width}}  {'-' if shown is None else printable(str(shown))}"
    decided_at_s = datetime.fromisoformat(entry.message["decided_at"]).timestamp()
    for step in entry.steps:
        after = f"{(step.at_wall_s - decided_at_s) * 1000:+9.0f} ms"
        detail = f"  {printable(step.detail)}" if step.detail else ""
        yield f"{rfc3339(step.at_wall_s)}  {after}  {step.step.value}{detail}"


def _check(reader: Reader, path: Path, *, as_json: bool) -> int:
    check = check_journal(reader, is_written=is_written(path))
    if as_json:
        runs = [run.as_dict() for run in check.runs]
        facts = {"sound": check.is_sound, "damage": check.damage, "decisions": check.decisions}
        say_json(dumps(facts | {"with_pixels": check.with_pixels, "steps": check.steps, "runs": runs}))
    else:
        for line in _findings(check):
            say(line)
    return 0 if check.is_sound else _UNSOUND_EXIT_CODE


def _findings(check: Check) -> Iterator[str]:
    yield f"the file is {'damaged' if check.damage else 'whole'}"
    yield from (f"  {one}" for one in check.damage)
    yield f"{check.decisions} decisions, {check.with_pixels} with their pixels, {check.steps} steps"
    for run in check.runs:
        yield f"run {run.boot_id}, line {printable(run.line)}: seq {run.first_seq} to {run.last_seq}"
        yield from (f"  {line}" for line in _findings_of(run))
    yield "all is in order" if check.is_sound else "not all is in order"


def _findings_of(run: RunCheck) -> Iterator[str]:
    if run.missing:
        places = ", ".join(f"{first} to {last}" for first, last in run.gaps)
        yield f"MISSING: {run.missing} decisions (seq {places})"
    yield f"{_mark(run.verdicts_add_up)}: {run.decisions} products = {_sum(run.by_verdict)}"
    rest = f" + {run.undelivered} {'under way' if run.may_be_under_way else 'unaccounted for'}"
    twice = f"; {run.delivered_twice} ended in more than one way" if run.delivered_twice else ""
    delivered = f"{run.decisions} decisions = {_sum(run.by_delivery)}{rest if run.undelivered else ''}{twice}"
    yield f"{_mark(run.deliveries_add_up)}: {delivered}"
    if run.by_end or run.closed_twice:
        acknowledged = run.by_delivery.get(Step.ACKNOWLEDGED.value, 0)
        twice = f"; {run.closed_twice} closed in more than one way" if run.closed_twice else ""
        yield f"{_mark(not run.closed_twice)}: of {acknowledged} acknowledged, {_sum(run.by_end)}{twice}"


def _mark(right: bool) -> str:  # noqa: FBT001 - it is all there is to say
    return "right" if right else "WRONG"


def _sum(counts: dict[str, int]) -> str:
    return " + ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "0"
