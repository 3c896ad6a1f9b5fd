"""Plain tables of figures, the same for a terminal and for a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, and rows under named columns."""

    title: str
    columns: Sequence[str]
    """With their units."""
    rows: Sequence[Sequence[str]]

    def lines(self) -> Iterator[str]:
        """The table as it is printed: columns are as wide as they must be, figures stand under figures."""
        cells = [self.columns, *self.rows]
        places = range(len(self.columns))
        widths = [max(len(row[place]) for row in cells) for place in places]
        right = [all(_is_figure(row[place]) for row in self.rows) for place in places]
        yield self.title
        for row in cells:
            padded = [row[at].rjust(widths[at]) if right[at] else row[at].ljust(widths[at]) for at in places]
            yield f"  {'  '.join(padded)}".rstrip()


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in {"+", "-"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A promise, and what was measured."""

    promise: str
    measured: float
    limit: float
    unit: str
    at_least: bool = False
    """The measured figure must reach the limit, instead of staying below it."""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.measured >= self.limit if self.at_least else self.measured < self.limit

    def row(self) -> Sequence[str]:
        """For `limits_table`."""
        relation = "at least" if self.at_least else "under"
        return (
            self.promise,
            f"{self.measured:.2f} {self.unit}".rstrip(),
            f"{relation} {self.limit:g} {self.unit}".rstrip(),
            "holds" if self.holds else "DOES NOT HOLD",
        )


def limits_table(limits: Sequence[Limit]) -> Table:
    """Promises beside what was measured."""
    return Table("limits", ("promise", "measured", "limit", "verdict"), [limit.row() for limit in limits])
