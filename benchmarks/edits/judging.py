"""What the sorter makes of one spoiled recipe file, and whether it may."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.edits.oracle import differences
from benchmarks.edits.teaching import teaching_faults
from sorter.errors import ConfigurationError, Mistake
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe

_LONGEST_SENTENCE = 600
_LEFTOVERS = re.compile("Traceback|Input should|Value error|validation error|https?://|pydantic")


@dataclass(frozen=True, slots=True)
class Judged:
    """One file."""

    recipe: Recipe | None
    """None where it was refused."""
    mistakes: tuple[Mistake, ...]
    took_s: float
    """Of loading, processor time."""
    faults: tuple[str, ...]
    """What may not be; empty where all is well."""
    taught: bool = False
    """A bin was taught into it; False where that was refused, or not tried."""

    @property
    def meaning(self) -> str | None:
        """The recipe's hash; None where there is none."""
        return self.recipe.identity.hash if self.recipe else None


def judge(path: Path, data: bytes, *, longest_s: float, teach: bool = False) -> Judged:
    """Write the file and load it.

    Args:
        path: where; it is overwritten.
        data: the file's bytes.
        longest_s: of processor time that loading may take.
        teach: whether a bin is taught into what is accepted, too.
    """
    path.write_bytes(data)
    began_s = time.process_time()
    try:
        recipe, mistakes, faults = load_recipe(path).value, (), []
    except ConfigurationError as error:
        recipe, mistakes = None, error.mistakes
        faults = list(_untold(error, path, data))
    except Exception as error:  # noqa: BLE001  # any other is what is looked for
        recipe, mistakes, faults = None, (), [f"raised {type(error).__name__}: {error!s:.120}"]
    took_s = time.process_time() - began_s
    if took_s > longest_s:
        faults.append(f"took {took_s:.2f} s")
    taught = False
    if recipe is not None:
        faults += differences(data, recipe)
        if teach:
            taught, more = teaching_faults(path, recipe)
            faults += more
    return Judged(recipe, mistakes, took_s, tuple(faults), taught)


def _untold(error: ConfigurationError, path: Path, data: bytes) -> Iterator[str]:
    """In what the mistakes are not told as an operator needs them."""
    if not error.mistakes:
        yield "refused without a mistake"
    lines = len(re.findall(b"\r\n|\n|\r|\xc2\x85|\xe2\x80[\xa8\xa9]", data)) + 1
    for mistake in error.mistakes:
        found = re.fullmatch(re.escape(str(path)) + r"(?::(\d+):(\d+))?", mistake.place)
        if not found or (found[1] and not (1 <= int(found[1]) <= lines and int(found[2]) >= 1)):
            yield f"the place {mistake.place!r} is none"
        said = mistake.sentence
        if not said or not said.isprintable() or len(said) > _LONGEST_SENTENCE or _LEFTOVERS.search(said):
            yield f"this is no plain sentence: {said!r:.200}"
