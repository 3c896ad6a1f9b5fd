"""What is written into a recipe while the sorter runs: right ones that are told apart by their hash, and wrong ones."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.edits.ways import Way
from sorter.errors import ConfigurationError, SorterError
from sorter.settings.load import load_recipe
from sorter.settings.site import LineSettings

_PINK = """\
  - name: pink
    hex: "#e58fa6"
    tolerance: {delta_l: 15, delta_ab: 6}
    branch: gate-3

"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One content, and how it is written."""

    number: int
    way: Way
    kind: str
    """What is wrong with it; ``valid``: nothing."""
    content: bytes
    hash: str | None
    """Of the recipe; None where there is none."""
    said: str
    """How the alarm must begin after the file's name, ``:line:column: sentence``; empty where nothing is wrong."""

    @property
    def is_valid(self) -> bool:
        """Whether it must go live."""
        return self.hash is not None


def plan_edits(seed: int, number: int, ways: Sequence[Way], line: LineSettings, recipe: Path) -> list[Edit]:
    """So many, about a third of them wrong, in random order; the ways take turns.

    Args:
        seed: of what is random.
        number: how many.
        ways: in which they are written.
        line: has the branches.
        recipe: a shipped recipe; the edits change it.

    Raises:
        SorterError: a content is not as it was meant: the shipped recipe has changed.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret
    wrong = number // 3
    kinds = ["valid"] * (number - wrong) + [list(_WRONG)[at % len(_WRONG)] for at in range(wrong)]
    pairs = [(kind, ways[at % len(ways)]) for at, kind in enumerate(kinds)]
    chance.shuffle(pairs)
    base = recipe.read_text("utf-8")
    return [_edit(at, way, kind, _content(chance, at, kind, base), line) for at, (kind, way) in enumerate(pairs)]


def _edit(number: int, way: Way, kind: str, text: str, line: LineSettings) -> Edit:
    content = text.encode()
    try:
        found, said = load_recipe(Path("recipe.yaml"), content, line).value.identity.hash, ""
    except ConfigurationError as error:
        found, said = None, str(error.mistakes[0]).removeprefix("recipe.yaml")
    if (found is not None) != (kind == "valid"):
        raise SorterError(f"edit {number} should be {kind}, and the recipe's reader says otherwise: {said or 'fine'}")
    return Edit(number, way, kind, content, found, said)


def _content(chance: random.Random, number: int, kind: str, base: str) -> str:
    """Of every edit another, by min_margin; the rest of what is changed is an operator's day."""
    text = re.sub(r"^min_margin: .*$", f"min_margin: {0.5 + number / 10_000:.4f}", base, count=1, flags=re.MULTILINE)
    text = re.sub(r"^revision: 1\b", f"revision: {number + 2}", text, count=1, flags=re.MULTILINE)
    text = _nth(chance, text, "tolerance: 11", f"tolerance: {chance.uniform(9, 13):.2f}")
    if chance.random() < 0.3:
        text = _nth(chance, text, "branch: gate-1", "branch: gate-3")
    if chance.random() < 0.3:
        text = text.replace("bins:\n", f"bins:\n{_PINK}", 1)
    if chance.random() < 0.2:
        text = text.rstrip("\n")  # as some editors leave it, and as a writer does that is not done
    return text if kind == "valid" else _WRONG[kind](chance, text)


def _nth(chance: random.Random, text: str, old: str, new: str) -> str:
    """One of the places that hold the old words gets the new ones."""
    places = [found.start() for found in re.finditer(re.escape(old) + "\n", text)]
    at = chance.choice(places)
    return text[:at] + new + text[at + len(old) :]


def _cut_off(chance: random.Random, text: str) -> str:
    return text[: chance.randint(200, text.index("  invalid: "))]


_WRONG: Mapping[str, Callable[[random.Random, str], str]] = {
    "syntax": lambda chance, text: _nth(chance, text, "branch: gate-2", 'branch: "gate-2'),
    "unknown key": lambda chance, text: _nth(chance, text, "branch: gate-2", "branche: gate-2"),
    "unknown branch": lambda chance, text: _nth(chance, text, "branch: gate-2", "branch: gate-9"),
    "cut off": _cut_off,
    "duplicate key": lambda chance, text: _nth(chance, text, "branch: gate-2", "branch: gate-2\n    branch: gate-3"),
}
