"""Teaching bins into a recipe of any shape: comments stay, and what is read back is what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.edits.oracle import differences, plain_values
from sorter.errors import SorterError
from sorter.records import Lab
from sorter.settings.bins import Taught
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.save import TaughtBin, open_recipe, revise, save

_TAUGHT = Taught(at=datetime(2026, 1, 2, tzinfo=UTC), samples=12, spread=1.25, source="a.csv", software="0.1.0")
_COLOR = Lab(40.25, 60.0, -0.5)
_NEW = "taught: new"
_WAYS = ("lab", "hex", "rgb", "any_of", "all_of")


def teaching_faults(path: Path, recipe: Recipe) -> tuple[bool, list[str]]:
    """Teach the recipe's last bin again, and a new one.

    Args:
        path: a file that was accepted; it is changed.
        recipe: what it says.

    Returns:
        Whether it was taught, and not refused; and what may not be.
    """
    before = path.read_bytes()
    again = recipe.bins[-1].name
    bins = [TaughtBin(name, _COLOR, 7.5, _TAUGHT, "new-branch") for name in (again, _NEW)]
    try:
        save(revise(open_recipe(path), bins))
    except SorterError as error:
        return False, list(_refusal_faults(path, before, str(error)))
    except Exception as error:  # noqa: BLE001  # any other is what is looked for
        return False, [f"teaching raised {type(error).__name__}: {error!s:.120}"]
    return True, list(_taught_faults(path, before, again))


def _refusal_faults(path: Path, before: bytes, said: str) -> Iterator[str]:
    if not said.isprintable():
        yield f"teaching was refused in more than a sentence: {said!r:.200}"
    if path.read_bytes() != before:
        yield "teaching was refused, and the file is another"


def _taught_faults(path: Path, before: bytes, again: str) -> Iterator[str]:
    after = path.read_bytes()
    lost = missing_in_order(comments(before.decode()), comments(after.decode()))
    if lost is not None:
        yield f"teaching lost the comment {lost!r:.60}"
    was, now = plain_values(before.decode()), plain_values(after.decode())
    expected = _expected(was, again)
    if _without_taught(now) != expected:
        yield "teaching changed more than was taught"
    yield from (f"after teaching: {one}" for one in differences(after, load_recipe(path).value))


def _expected(was: dict[str, Any], again: str) -> dict[str, Any]:
    """The file's values as they must be now, without where they come from."""
    color = {"lab": ["40.25", "60", "-0.5"], "tolerance": "7.5"}
    bins = [dict(one) for one in was["bins"]]
    for one in bins:
        if one["name"] == again:
            for way in (*_WAYS, "taught"):
                one.pop(way, None)
            one.update(color)
    new = {"name": _NEW, **color, "branch": "new-branch"}
    return was | {"revision": str(int(float(was.get("revision", "1"))) + 1), "bins": [*bins, new]}


def _without_taught(now: dict[str, Any]) -> dict[str, Any]:
    """Of the two bins that were taught; what the others say of theirs is compared."""
    *kept, taught_again, new = now["bins"]
    shorn = [{key: value for key, value in one.items() if key != "taught"} for one in (taught_again, new)]
    return now | {"bins": [*kept, *shorn]}


def comments(text: str) -> list[str]:
    """Every comment of a YAML text, in order: what begins with # between its tokens."""
    found, at = [], 0
    for token in yaml.scan(text, Loader=yaml.BaseLoader):
        found += _comments_in(text[at : token.start_mark.index])
        at = max(at, token.end_mark.index)
    return found + _comments_in(text[at:])


def _comments_in(gap: str) -> list[str]:
    return [line[line.index("#") :].rstrip() for line in gap.splitlines() if "#" in line]


def missing_in_order(wanted: Sequence[str], there: Sequence[str]) -> str | None:
    """The first of those wanted that is not there, in their order; None where all are."""
    rest = iter(there)
    return next((one for one in wanted if not any(one == other for other in rest)), None)
