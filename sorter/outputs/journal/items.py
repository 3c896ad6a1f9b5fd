"""What the journal's file takes: decisions ready to be written, steps, and events."""

from __future__ import annotations

from dataclasses import dataclass

from sorter.outputs.events import Event
from sorter.outputs.steps import StepTaken


@dataclass(frozen=True, slots=True)
class Row:
    """A decision, ready to be written."""

    decision_id: str
    boot_id: str
    line: str
    seq: int
    product: int | None
    trigger_id: str | None
    verdict: str
    bin: str | None
    branch: str
    captured_at_wall_s: float
    decided_at_wall_s: float
    recipe: str
    message: str
    samples: bytes | None
    thumbnail: bytes | None
    readings: bytes | None

    @property
    def evidence_bytes(self) -> int:
        """Of samples, thumbnail and readings."""
        return sum(len(one or b"") for one in (self.samples, self.thumbnail, self.readings))


Item = Row | StepTaken | Event


def bytes_of(item: Item) -> int:
    """About how much of the file it will take."""
    match item:
        case Row():
            return 500 + len(item.message) + item.evidence_bytes
        case StepTaken():
            return 200
        case Event():
            return 400
