"""How decisions are shown: JSON for programs, a table for people."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from sorter.outputs.messages import Message, dumps

_HEADING = f"{'':>5}  {'verdict':<10} {'bin':<16} {'branch':<16} {'color':<8} {'share':>5} {'dE00':>6} {'margin':>6}"


class DecisionReport:
    """Prints decisions as they come.

    Args:
        as_json: one JSON object a line instead of a table.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._verdicts: Counter[str] = Counter()

    def show(self, message: Message, name: str = "") -> None:
        """One decision; ``name`` says of what, where that is not its number."""
        if self._as_json:
            sys.stdout.write(dumps(message).decode() + "\n")
        else:
            if not self._verdicts:
                sys.stdout.write(_HEADING + "\n")
            sys.stdout.write(_row(message) + (f"  {name}" if name else "") + "\n")
        sys.stdout.flush()
        self._verdicts[message["verdict"]] += 1

    def close(self) -> None:
        """The totals."""
        if not self._as_json:
            total = self._verdicts.total()
            parts = ", ".join(f"{count} {verdict}" for verdict, count in self._verdicts.most_common())
            sys.stdout.write(f"{total} product{'' if total == 1 else 's'} decided{': ' + parts if parts else ''}\n")


def _row(message: Message) -> str:
    verdict = message["verdict"]
    reason = f"  {message['reason']}" if message["reason"] else ""
    return (
        f"{message['product']:>5}  {verdict:<10} {message['bin'] or '-':<16} {message['branch']:<16} "
        f"{message['hex'] or '-':<8} {_number(message['share'], '5.0%')} {_number(message['delta_e'], '6.1f')} "
        f"{_number(message['margin'], '6.1f')}{reason}"
    )


def _number(value: Any, form: str) -> str:
    width = int(form.split(".", 1)[0])
    return f"{'-':>{width}}" if value is None else f"{value:{form}}"
