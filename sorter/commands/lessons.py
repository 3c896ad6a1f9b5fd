"""How what was learned is shown: JSON for programs, a table for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from calibration.teach import Lesson
from sorter.color.lab import lab_to_hex
from sorter.commands.screen import printable, say, say_json, swatch
from sorter.outputs.messages import dumps
from sorter.settings.save import Revision

_NAMED = 10


class LessonReport:
    """What ``teach`` learned.

    Args:
        revision: the recipe with it.
        lessons: one for each bin.
        warnings: on the recipe as a whole.
    """

    def __init__(self, revision: Revision, lessons: Sequence[Lesson], warnings: Iterable[str]) -> None:
        self._revision = revision
        self._lessons = lessons
        self._warnings = list(warnings)
        self._branches = {one.name: one.branch for one in revision.meant.bins}

    def show(self, *, as_json: bool, is_written: bool) -> None:
        """Print it; with the changes of the file where they were not written."""
        if as_json:
            say_json(dumps(self._facts(is_written=is_written)))
            return
        for line in self._table():
            say(line)
        for warning in self._warnings:
            say(f"warning: {warning}")
        if not is_written:
            for line in self._diff():
                say(line)
        say(self._last_line(is_written=is_written))

    def _facts(self, *, is_written: bool) -> dict[str, Any]:
        recipe = self._revision.meant
        return {
            "file": str(self._revision.file.path),
            "recipe": {"name": recipe.name, "revision": recipe.revision, "hash": recipe.identity.hash},
            "written": is_written,
            "bins": [self._bin_facts(lesson) for lesson in self._lessons],
            "warnings": self._warnings,
            "diff": None if is_written else list(self._diff()),
        }

    def _bin_facts(self, lesson: Lesson) -> dict[str, Any]:
        return {
            "bin": lesson.bin,
            "branch": self._branches[lesson.bin],
            "lab": list(lesson.color),
            "hex": lab_to_hex(lesson.color),
            "tolerance": lesson.tolerance,
            "spread": round(lesson.spread, 2),
            "samples": lesson.used,
            "outliers": list(lesson.outliers),
            "warnings": list(lesson.warnings),
        }

    def _table(self) -> Iterator[str]:
        width = max(len("bin"), *(len(lesson.bin) for lesson in self._lessons))
        room = swatch(None)
        yield f"{'bin':<{width}}  {room}{'color':<7}  {'lab':<21}  tolerance  spread  samples  branch"
        for lesson in self._lessons:
            color = lab_to_hex(lesson.color)
            lab = " ".join(f"{part:>6.2f}" for part in lesson.color)
            yield (
                f"{lesson.bin:<{width}}  {swatch(color)}{color}  {lab:<21}  {lesson.tolerance:>9.1f}"
                f"  {lesson.spread:>6.1f}  {lesson.used:>7}  {self._branches[lesson.bin]}"
            )
            if lesson.outliers:
                more = ", ..." if len(lesson.outliers) > _NAMED else ""
                named = ", ".join(map(printable, lesson.outliers[:_NAMED]))
                yield f"  {len(lesson.outliers)} left out, unlike the others: {named}{more}"
            yield from (f"  warning: {printable(warning)}" for warning in lesson.warnings)

    def _diff(self) -> Iterator[str]:
        file = self._revision.file
        name = printable(str(file.path))
        before = (file.text or "").splitlines()
        return difflib.unified_diff(before, self._revision.text.splitlines(), name, name, lineterm="")

    def _last_line(self, *, is_written: bool) -> str:
        done = "written" if is_written else "would be written (--dry-run: nothing was)"
        count = len(self._lessons)
        taught = f"{count} bin{'' if count == 1 else 's'} taught"
        return f"{printable(str(self._revision.file.path))}: revision {self._revision.meant.revision} {done}, {taught}"
