"""``journal events``: what befell the lines: batches, states, alarms, recipes."""

from __future__ import annotations

import argparse

from sorter.commands.journal_place import moment
from sorter.commands.screen import printable, say, say_json
from sorter.errors import UsageError
from sorter.outputs.events import Event, EventKind, Noted
from sorter.outputs.journal.event_table import WantedEvents, read_events
from sorter.outputs.journal.reading import Reader
from sorter.outputs.messages import dumps, rfc3339

_LISTED = 50


def list_events(reader: Reader, options: argparse.Namespace) -> int:
    """Say the newest of those that are asked for, oldest first.

    Raises:
        UsageError: a kind or a time is none.
        JournalError: the journal is damaged.
    """
    noted = read_events(reader, _wanted(options))
    if options.json:
        for one in noted:
            say_json(dumps(_facts(one)))
        return 0
    shown = 0
    for one in noted:
        if not shown:
            say(f"{'at':<24}  {'line':<12}  {'kind':<6}  what")
        shown += 1
        event = one.event
        say(f"{rfc3339(event.at_wall_s):<24}  {printable(event.line):<12}  {event.kind:<6}  {printable(_words(one))}")
    say(f"{shown} event{'' if shown == 1 else 's'}")
    return 0


def _wanted(options: argparse.Namespace) -> WantedEvents:
    try:
        kind = None if options.kind is None else EventKind(options.kind)
    except ValueError as error:
        raise UsageError(f"--kind {options.kind!r} is none of {', '.join(EventKind)}") from error
    return WantedEvents(
        line=options.line,
        kind=kind,
        since_wall_s=moment(options.since, "--since"),
        until_wall_s=moment(options.until, "--until"),
        last=options.last or _LISTED,
    )


def _facts(noted: Noted) -> dict[str, object]:
    event = noted.event
    at = {"number": noted.number, "at": rfc3339(event.at_wall_s), "boot_id": event.boot_id}
    return at | {"line": event.line, "kind": event.kind.value} | dict(event.detail)


def _words(noted: Noted) -> str:
    event = noted.event
    detail = event.detail
    match event.kind:
        case EventKind.BATCH:
            return f"batch {noted.number} began: {detail['reason'].replace('_', ' ')}, {_recipe(event)}"
        case EventKind.STATE:
            return f"{detail['state']}: {detail['reason']}"
        case EventKind.ALARM:
            return f"{detail['cause']} {'raised' if detail['raised'] else 'cleared'}: {detail['reason']}"
        case EventKind.RECIPE:
            return f"{_recipe(event)} is in force"


def _recipe(event: Event) -> str:
    recipe = event.detail["recipe"]
    return f"recipe {recipe['name']} revision {recipe['revision']} ({recipe['hash']})"
