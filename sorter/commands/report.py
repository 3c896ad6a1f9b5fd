"""How decisions are shown: JSON for programs, a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sorter.commands.screen import printable, say, say_json, swatch
from sorter.outputs.messages import Message, dumps
from sorter.settings.recipe import Recipe

_VERDICT_WIDTH = 9
_SWATCH_WIDTH = 3


class DecisionReport:
    """Prints decisions as they come.

    Args:
        recipes: whose names of bins and branches the table must have room for.
        as_json: one JSON object a line instead of a table.
        with_age: show how long each decision took; a film's frames have no age.
    """

    def __init__(self, recipes: Iterable[Recipe], *, as_json: bool, with_age: bool = False) -> None:
        named = list(recipes)
        self._as_json = as_json
        self._with_age = with_age
        self._bin_width = max(len("bin"), *(len(one.name) for recipe in named for one in recipe.bins))
        self._branch_width = max(len("branch"), *(len(branch) for recipe in named for branch in recipe.branches()))
        self._verdicts: Counter[str] = Counter()

    def show(self, message: Message, name: str = "") -> None:
        """One decision; ``name`` says of what, where that is not its number."""
        if self._as_json:
            say_json(dumps(message))
        else:
            if not self._verdicts:
                self._say_heading()
            say(self._row(message, name))
        self._verdicts[message["verdict"]] += 1

    def close(self, *more: str) -> None:
        """The totals, and whatever else there is to say."""
        if self._as_json:
            return
        total = self._verdicts.total()
        parts = ", ".join(f"{count} {verdict}" for verdict, count in self._verdicts.most_common())
        counted = f"{total} product{'' if total == 1 else 's'} decided{': ' + parts if parts else ''}"
        say("; ".join([counted, *more]))

    def _say_heading(self) -> None:
        room = " " * (_SWATCH_WIDTH if swatch(None) else 0)
        age = "  age ms" if self._with_age else ""
        say(
            f"{'#':>5}  {'verdict':<{_VERDICT_WIDTH}}  {'bin':<{self._bin_width}}  {'branch':<{self._branch_width}}"
            f"  {room}{'color':<7}  share   dE00  margin  stable{age}  remark"
        )

    def _row(self, message: Message, name: str) -> str:
        age = f"  {message['age_ms']:>6}" if self._with_age else ""
        remarks = [(message["reason"] or "").replace("_", " "), printable(name)]
        return (
            f"{_number(message['product'], '5.0f')}  {message['verdict']:<{_VERDICT_WIDTH}}"
            f"  {message['bin'] or '-':<{self._bin_width}}  {message['branch']:<{self._branch_width}}"
            f"  {swatch(message['hex'])}{message['hex'] or '-':<7}  {_number(message['share'], '5.0%')}"
            f"  {_number(message['delta_e'], '5.1f')}  {_number(message['margin'], '6.1f')}"
            f"  {_number(message['stability'], '6.0%')}{age}"
            f"  {', '.join(filter(None, remarks))}"
        ).rstrip()


def _number(value: Any, form: str) -> str:
    width = int(form.split(".", 1)[0])
    return f"{'-':>{width}}" if value is None else f"{value:{form}}"
