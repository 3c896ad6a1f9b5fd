"""``recipes waiting``, ``confirm``, ``reject``: a changed recipe that waits for a person, and the person's answer."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from sorter.commands.recipes_place import Place
from sorter.commands.screen import printable, say, say_json
from sorter.errors import HistoryError, UsageError
from sorter.history.approvals import Waiting, approve, read_waiting, reject
from sorter.settings.recipe import Change


def show_waiting(place: Place, options: argparse.Namespace) -> int:
    """Show what waits on each line, and why."""
    waiting = read_waiting(place.history)
    if options.json:
        for line, one in waiting.items():
            say_json(json.dumps({"line": line} | asdict(one)).encode())
        return 0
    for line, one in waiting.items():
        recipe = f"{one.recipe.name}, revision {one.recipe.revision}, hash {one.recipe.hash}"
        say(printable(f"{line}: {recipe}, of {one.path}, waits since {one.since}"))
        say_under("because", one.reasons)
        say_under("difference to the recipe in force", one.difference)
        say_under("rehearsal on recent products", lines_of(one.rehearsal))
    if not waiting:
        say("no recipe waits")
    return 0


def answer(place: Place, options: argparse.Namespace) -> int:
    """Confirm or reject what waits on a line; the running service hears it within moments."""
    change = change_of(options)
    lines, waiting = _chosen(place, options.line)
    is_confirmed = options.action == "confirm"
    tell = approve if is_confirmed else reject
    tell(place.history, waiting.text_sha256, change.by, change.why, time.time())
    if options.json:
        facts = {"line": lines[0], "lines": lines, "recipe": asdict(waiting.recipe), "text_sha256": waiting.text_sha256}
        say_json(json.dumps(facts | {"approved": is_confirmed}).encode())
        return 0
    recipe = f"{waiting.recipe.name}, revision {waiting.recipe.revision}"
    becomes = "the running sorter takes it up" if is_confirmed else "the recipe in force stays"
    say(printable(f"{', '.join(lines)}: {recipe}, is {'confirmed' if is_confirmed else 'rejected'}: {becomes}"))
    return 0


def change_of(options: argparse.Namespace) -> Change:
    """Who does it, and why.

    Raises:
        UsageError: that is too long, empty, or holds what cannot be printed.
    """
    for option in ("by", "why"):
        text = getattr(options, option)
        try:
            Change.model_validate({option: text})
        except ValidationError as error:
            raise UsageError(f"--{option} is empty, or too long: write a few words") from error
        if text is not None and not text.isprintable():
            raise UsageError(
                f"--{option} {text!r} holds what cannot be printed: write it in plain letters, on one line"
            )
    return Change(by=options.by, why=options.why)


def lines_of(rehearsal: dict[str, Any] | None) -> list[str]:
    """A rehearsal in words, a line each; one that another version wrote as it stands."""
    if rehearsal is None:
        return []
    try:
        return list(_in_words(rehearsal))
    except (AttributeError, KeyError, TypeError, ValueError):
        return [f"{key}: {json.dumps(value)}" for key, value in rehearsal.items()]


def _in_words(rehearsal: dict[str, Any]) -> Iterator[str]:
    yield (
        f"of {rehearsal['judged']} products {rehearsal['changed']} would be judged otherwise,"
        f" {rehearsal['rerouted']} ({rehearsal['rerouted_share']:.1%}) would go to another branch"
    )
    for move in rehearsal["moves"]:
        yield f"{move['count']:>5}  {_way(move['then'])} -> {_way(move['now'])}"
    for why, count in rehearsal["not_compared"].items():
        if count:
            yield f"{count:>5}  not compared: {why.replace('_', ' ')}"


def _way(way: dict[str, str | None]) -> str:
    return f"{way['bin'] or way['verdict']} to {way['branch']}"


def say_under(heading: str, lines: Iterable[str]) -> None:
    """Lines under a heading; nothing at all where there are none."""
    for index, line in enumerate(lines):
        if not index:
            say(f"  {heading}:")
        say(f"    {printable(line)}")


def _chosen(place: Place, line: str | None) -> tuple[list[str], Waiting]:
    """What is meant, and the lines on which it waits: one answer is for all of them."""
    waiting = read_waiting(place.history)
    if not waiting:
        raise HistoryError("no recipe waits: recipes waiting shows what does")
    names = ", ".join(map(printable, waiting))
    if line is None and len({one.text_sha256 for one in waiting.values()}) > 1:
        raise UsageError(f"recipes wait on several lines ({names}): say which with --line")
    chosen = next(iter(waiting)) if line is None else line
    if chosen not in waiting:
        raise UsageError(f"no recipe waits on a line {chosen!r}, only on {names}")
    meant = waiting[chosen]
    same = [name for name, one in waiting.items() if one.text_sha256 == meant.text_sha256]
    return sorted(same, key=lambda name: name != chosen), meant
