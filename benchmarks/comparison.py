"""All ways of reading a dominant color on the same real regions, each held to the same rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.families import FamiliesResult
from benchmarks.fruit import FruitResult
from benchmarks.pictures import LineResult, PlatesResult
from benchmarks.table import Table

_COLUMNS = (
    "way",
    "candy_plates: routed right", "nearest right",
    "fruit: ground won", "not of the fruit",
    "families: routed right", "nearest right",
    "candy_line: within one bin",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WayAccuracy:
    """One way on every set; None where a set is not at hand."""

    way: str
    candy_plates: PlatesResult | None
    fruit: FruitResult | None
    families: FamiliesResult | None
    candy_line: LineResult | None

    def row(self) -> Sequence[str]:
        """For the comparison."""
        plates, fruit, families, line = self.candy_plates, self.fruit, self.families, self.candy_line
        return (
            self.way,
            *_shares(plates),
            *(("-", "-") if fruit is None else (f"{fruit.ground_won}", f"{fruit.not_of_the_fruit}")),
            *_shares(families),
            "-" if line is None else f"{line.within} of {line.tried}",
        )


def _shares(halves: PlatesResult | FamiliesResult | None) -> tuple[str, str]:
    if halves is None:
        return "-", "-"
    shares = halves.least_share, halves.least_nearest_share
    routed, nearest = ("-" if share is None else f"{share:.2%}" for share in shares)
    return routed, nearest


def comparison_table(ways: Sequence[WayAccuracy]) -> Table:
    """Ways as rows; shares are of the worse half, decided with bins that the same way taught on the other."""
    return Table("all ways on the same real regions (shares: the worse half)", _COLUMNS, [way.row() for way in ways])
