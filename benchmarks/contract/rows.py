"""What the campaign's table is made of: one row for each thing that must be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from benchmarks.table import Table
from sorter.errors import SorterError

_WIDTH = 90
_VERDICTS = {True: "pass", False: "FAIL", None: "not run"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that must be seen, and whether it was."""

    what: str
    times: int
    passed: bool | None
    """None where it could not be tried; the words say why."""
    figures: Mapping[str, float | str] = field(default_factory=dict)
    words: str = ""
    """What was said in plain words, or why it was not as it must be."""

    def lines(self) -> Iterator[Sequence[str]]:
        """For the table; what is long goes on below."""
        figures = ", ".join(f"{name} {_short(figure)}" for name, figure in self.figures.items())
        told = [*wrap(figures, _WIDTH), *wrap(self.words, _WIDTH)] or [""]
        yield self.what, str(self.times), _VERDICTS[self.passed], told[0]
        yield from (("", "", "", line) for line in told[1:])

    @property
    def text(self) -> str:
        """In one line, for whoever watches."""
        told = [f"{name} {_short(figure)}" for name, figure in self.figures.items()]
        return f"{_VERDICTS[self.passed]}  {self.what}: {'; '.join(filter(None, [', '.join(told), self.words]))}"


def _short(figure: float | str) -> str:
    return f"{figure:.3g}" if isinstance(figure, float) else str(figure)


@dataclass(frozen=True, slots=True)
class ContractResult:
    """All rows."""

    seed: int
    rows: Sequence[Row]

    @property
    def failed(self) -> bool:
        """Whether something was not as it must be."""
        return any(row.passed is False for row in self.rows)

    def tables(self) -> Iterator[Table]:
        """For people."""
        columns = ("what must be seen", "times", "verdict", "figures; what was said")
        lines = [line for row in self.rows for line in row.lines()]
        yield Table(f"the routing contract (seed {self.seed})", columns, lines)


@dataclass(frozen=True, slots=True)
class Task:
    """What fills one or more rows."""

    what: str
    fill: Callable[[], Iterable[Row]]

    def rows(self) -> list[Row]:
        """They; where it could not be brought to its end, one that has failed and says why."""
        try:
            return list(self.fill())
        except SorterError as error:
            return [Row(self.what, 1, passed=False, words=str(error))]
