"""``recipes``: every recipe that was ever in force, listed, shown, compared and verified; and the way back to one."""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sorter.commands.recipes_back import roll_back
from sorter.commands.recipes_place import Place
from sorter.commands.recipes_waiting import answer, lines_of, say_under, show_waiting
from sorter.commands.screen import printable, say, say_json
from sorter.errors import ConfigurationError, UsageError
from sorter.history.entries import Entry
from sorter.history.reading import Broken, Verification, read_entries, verify
from sorter.history.words import differences_in_words
from sorter.settings.load import load_recipe

_BROKEN_EXIT_CODE = 1
_SHORT = 40
_SHA_256 = re.compile("[0-9a-f]{64}")


def execute(options: argparse.Namespace) -> int:
    """Do what was asked; 1 where the chain does not hold."""
    return _ACTIONS[options.action](Place.of(options), options)


def _list(place: Place, options: argparse.Namespace) -> int:
    shown = 0
    for one in read_entries(place.history):
        if isinstance(one, Entry) and options.line not in {None, one.live.line}:
            continue
        if options.json:
            say_json(json.dumps(_without_text(one)).encode())
            continue
        if not shown:
            say(f"{'':>5}  {'in force since':<24}  {'line':<12}  {'recipe':<16}  {'revision':>8}  {'hash':<16}"
                f"  {'origin':<9}  {'by':<12}  why")  # fmt: skip
        shown += 1
        say(_row(one))
    if not shown and not options.json:
        say("no recipe was in force" + (f" on the line {printable(options.line)}" if options.line else ""))
    return 0


def _without_text(one: Entry | Broken) -> dict[str, Any]:
    if isinstance(one, Broken):
        return {"broken": _broken(one)}
    facts = one.as_dict
    del facts["live"]["text"]
    return facts


def _row(one: Entry | Broken) -> str:
    if isinstance(one, Broken):
        return f"{'!':>5}  {_told(one)}"
    live, recipe = one.live, one.live.recipe
    return printable(
        f"{one.number:>5}  {one.at:<24}  {live.line:<12}  {recipe.name:<16}  {recipe.revision:>8}  {recipe.hash:<16}"
        f"  {live.origin:<9}  {_short(live.by):<12}  {_short(live.why)}"
    )


def _short(text: str | None) -> str:
    told = printable(text or "-")
    return told if len(told) <= _SHORT else told[: _SHORT - 3] + "..."


def _show(place: Place, options: argparse.Namespace) -> int:
    entry = place.entry(options.number)
    if options.json:
        say_json(json.dumps(entry.as_dict).encode())
        return 0
    live = entry.live
    facts = {
        "number": entry.number, "in force since": entry.at, "line": live.line, "recipe": live.recipe.name,
        "revision": live.recipe.revision, "hash of the meaning": live.recipe.hash, "file": live.path,
        "settings named": live.named, "origin": live.origin, "by": live.by, "why": live.why,
        "hash before": entry.previous, "hash": entry.hash,
    }  # fmt: skip
    width = max(map(len, facts))
    for key, value in facts.items():
        say(f"{key:<{width}}  {'-' if value is None else printable(str(value))}")
    say_under("difference to the recipe before", live.difference)
    say_under("rehearsal on recent products", lines_of(live.rehearsal))
    say_under("text", live.text.splitlines())
    return 0


def _diff(place: Place, options: argparse.Namespace) -> int:
    if options.other is None:
        after = place.entry(options.number)
        before = place.entry_before(after)
    else:
        before, after = place.entry(options.number), place.entry(options.other)
    words, text = _in_words(before, after), list(_unified(before, after))
    if options.json:
        facts = {"before": before.number, "after": after.number, "words": words, "text": text}
        say_json(json.dumps(facts).encode())
        return 0
    say(f"entry {before.number} -> entry {after.number}")
    for line in words or ["they decide the same"]:
        say(f"  {printable(line)}")
    for line in text:
        say(printable(line))
    return 0


def _in_words(before: Entry, after: Entry) -> list[str]:
    try:
        recipes = [load_recipe(Path(f"entry {one.number}"), one.live.text).value for one in (before, after)]
    except ConfigurationError as error:
        # Written by another version, for example; the texts can still be compared.
        return [f"no words for it: {error.mistakes[0]}"]
    return list(differences_in_words(*recipes))


def _unified(before: Entry, after: Entry) -> Iterator[str]:
    names = [f"{one.live.path} (entry {one.number}, revision {one.live.recipe.revision})" for one in (before, after)]
    texts = [one.live.text.splitlines() for one in (before, after)]
    return difflib.unified_diff(texts[0], texts[1], names[0], names[1], lineterm="")


def _verify(place: Place, options: argparse.Namespace) -> int:
    if options.last is not None and not _SHA_256.fullmatch(options.last):
        raise UsageError(f"--last {options.last[:80]!r} is no hash of an entry: give its 64 hexadecimal digits")
    found = verify(place.history, options.last)
    if options.json:
        say_json(json.dumps(_findings(found)).encode())
    else:
        for line in _sentences(found):
            say(line)
    return 0 if found.is_sound else _BROKEN_EXIT_CODE


def _findings(found: Verification) -> dict[str, Any]:
    newest = found.newest and {"number": found.newest.number, "hash": found.newest.hash}
    return {
        "sound": found.is_sound, "entries": found.entries, "newest": newest,
        "broken": found.broken and _broken(found.broken), "torn": found.torn and _broken(found.torn),
        "entries_since": found.since,
    }  # fmt: skip


def _broken(broken: Broken) -> dict[str, Any]:
    return {"line": broken.line, "why": broken.why}


def _sentences(found: Verification) -> Iterator[str]:
    if found.torn:
        yield _told(found.torn)
    if found.broken:
        yield f"BROKEN: {_told(found.broken)}"
        return
    entries = f"{found.entries} entr{'y' if found.entries == 1 else 'ies'}"
    yield f"{entries}: each is as it was written, and follows the one before"
    if found.newest:
        yield f"the newest is entry {found.newest.number}, its hash {found.newest.hash}"
    if found.since is not None:
        yield f"the hash that was noted is there; {found.since} came after it"


def _told(broken: Broken) -> str:
    return f"line {broken.line} of the file: {printable(broken.why)}"


_ACTIONS = {
    "list": _list,
    "show": _show,
    "diff": _diff,
    "verify": _verify,
    "rollback": roll_back,
    "waiting": show_waiting,
    "confirm": answer,
    "reject": answer,
}
