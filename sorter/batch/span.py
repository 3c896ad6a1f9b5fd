"""Which part of a line's life a report is of. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sorter.outputs.events import Event, EventKind, Noted
from sorter.outputs.messages import LineState
from sorter.records import RecipeId

_MOST_SLOTS = 60
_NICE_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of a line, as its events tell; it lies within one run of the service."""

    number: int
    """Of the event that began it: no two of one journal have the same."""
    line: str
    boot_id: str
    began_wall_s: float
    """Seconds since 1970."""
    reason: str
    recipe: RecipeId
    """In force when it began; a change of recipe begins another."""
    after_seq: int
    """It is the decisions of its run whose ``seq`` is greater than this,"""
    until_seq: int | None = None
    """and not greater than this; None where no other batch began in the same run."""
    ended_wall_s: float | None = None
    """None: it runs, or its service died and was not started since."""


def is_farewell(event: Event) -> bool:
    """Whether it is a service's last word before an orderly end."""
    return event.kind is EventKind.STATE and event.detail["state"] == LineState.OFFLINE.value


def batches_of(noted: Iterable[Noted]) -> list[Batch]:
    """Every batch, in the order in which they began.

    A batch ends where the line's next one begins, or with the service's farewell. Where the service died without one,
    it ends with the first event of the next run.

    Args:
        noted: in the order in which they were written; of one line or of several.
    """
    done: list[Batch] = []
    running: dict[str, Batch] = {}
    for one in noted:
        event = one.event
        batch = running.get(event.line)
        begins = event.kind is EventKind.BATCH
        if batch is not None and (begins or is_farewell(event) or event.boot_id != batch.boot_id):
            is_same_run = begins and event.boot_id == batch.boot_id
            until_seq = int(event.detail["after_seq"]) if is_same_run else None
            done.append(replace(batch, ended_wall_s=event.at_wall_s, until_seq=until_seq))
            del running[event.line]
        if begins:
            running[event.line] = _begun(one)
    return sorted([*done, *running.values()], key=lambda batch: batch.number)


def _begun(noted: Noted) -> Batch:
    event, detail = noted.event, noted.event.detail
    recipe, after_seq = RecipeId(**detail["recipe"]), int(detail["after_seq"])
    return Batch(noted.number, event.line, event.boot_id, event.at_wall_s, str(detail["reason"]), recipe, after_seq)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a report is, cut into slots of a length that people can read."""

    since_wall_s: float
    until_wall_s: float

    @property
    def duration_s(self) -> float:
        """Never below 0, whatever the clock did."""
        return max(self.until_wall_s - self.since_wall_s, 0.0)

    @property
    def slot_s(self) -> int:
        """The shortest of some usual lengths, 5 s and up, that makes no more than sixty."""
        least = self.duration_s / _MOST_SLOTS
        return next((nice for nice in _NICE_S if nice >= least), max(math.ceil(least / _DAY_S), 1) * _DAY_S)

    @property
    def slots(self) -> int:
        """How many; at least one. The last is longer by what is left: a rate over a moment says nothing."""
        return max(int(self.duration_s // self.slot_s), 1)

    def slot_of(self, wall_s: float) -> int:
        """In which a moment lies; what a clock that jumped puts outside is put into the first or last."""
        return min(max(int((wall_s - self.since_wall_s) // self.slot_s), 0), self.slots - 1)

    def slot_durations_s(self) -> Iterator[float]:
        """How long each is."""
        last = self.slots - 1
        yield from [float(self.slot_s)] * last
        yield max(self.duration_s - last * self.slot_s, 1e-3)
