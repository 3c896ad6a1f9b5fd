"""A product as it was decided, and whether its color alone decided it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self

from sorter.records import InvalidReason, Verdict

_FAULTS = frozenset({*(reason.value for reason in InvalidReason), "not_judgeable"})


class Way(NamedTuple):
    """What was, or would be, said of a product."""

    verdict: str
    bin: str | None
    """None where it was not routed."""
    branch: str


class Exclusion(StrEnum):
    """Why nothing can be said of a product under another recipe."""

    LATE = "late"
    """Decided after its deadline: where it went is no matter of its color."""
    DIVERTED = "diverted"
    """A row of the fail-safe table sent it to a safe branch, whatever its color."""
    INVALID = "invalid"
    """Not judgeable: there is no color to judge."""
    NOTHING_KEPT = "nothing_kept"
    """Neither what was read of it nor its pixels are there, or not any more."""
    UNREADABLE = "unreadable"
    """What was kept of it is damaged, or a newer version of the sorter wrote it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decided product."""

    decision_id: str
    line: str
    verdict: str
    bin: str | None
    branch: str
    reason: str | None
    """As on the wire; only that of an invalid product is asked for."""
    decided_at_s: float
    """On any clock: it is only handed through."""
    readings: bytes | None
    """As `sorter.readings` packs them; None or empty where nothing was kept."""

    @classmethod
    def of_message(cls, message: Mapping[str, Any], decided_at_s: float, readings: bytes | None) -> Self:
        """A product by its decision as it went on the wire."""
        said = (message["verdict"], message["bin"], message["branch"], message["reason"])
        return cls(message["decision_id"], message["line"], *said, decided_at_s, readings)

    @property
    def way(self) -> Way:
        """What was said of it."""
        return Way(self.verdict, self.bin, self.branch)

    @property
    def excluded(self) -> Exclusion | None:
        """Why its decision cannot be compared with what another recipe says of its color; None where it can."""
        if self.verdict == Verdict.LATE:
            return Exclusion.LATE
        if is_diverted(self.verdict, self.reason):
            return Exclusion.DIVERTED
        if self.verdict == Verdict.INVALID:
            return Exclusion.INVALID
        return None if self.readings else Exclusion.NOTHING_KEPT


def is_diverted(verdict: str, reason: str | None) -> bool:
    """Whether a row of the fail-safe table spoke for a product: its reason is then no fault of the picture.

    Args:
        verdict: as on the wire.
        reason: likewise.
    """
    return verdict == Verdict.INVALID and reason not in _FAULTS
