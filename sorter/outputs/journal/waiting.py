"""What waits to be written down, bounded and counted; safe between threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from sorter.outputs.events import Event
from sorter.outputs.journal.counts import JournalCounts
from sorter.outputs.messages import Message
from sorter.outputs.steps import StepTaken
from sorter.records import Evidence

_MOST_WAITING = 8192
_MOST_EVIDENCE_BYTES = 32_000_000
"""Of samples that wait: decisions beyond it are written without theirs."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A decision that waits."""

    message: Message
    evidence: Evidence | None
    when_written: Callable[[], None]

    @property
    def evidence_bytes(self) -> int:
        """Of its samples."""
        return 0 if self.evidence is None else sum(one.nbytes for one in self.evidence.samples)


Waiter = Made | StepTaken | Event


class Waiting:
    """A queue that never makes anyone wait: beyond its bound the oldest is given up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Waiter] = deque()
        self._evidence_bytes = 0
        self._taken = self._settled = 0
        """Items accepted so far, and those of them whose fate is known."""
        self._counts = JournalCounts()

    @property
    def counts(self) -> JournalCounts:
        """What became of all of it so far."""
        with self._changed:
            return replace(self._counts, waiting=self._taken - self._settled)

    def offer(self, item: Waiter) -> None:
        """Queue one."""
        oldest: Waiter | None = None
        with self._changed:
            self._taken += 1
            if isinstance(item, Made):
                if self._evidence_bytes + item.evidence_bytes > _MOST_EVIDENCE_BYTES:
                    self._thin()
                    item = replace(item, evidence=None)
                self._evidence_bytes += item.evidence_bytes
            self._queue.append(item)
            if len(self._queue) > _MOST_WAITING:
                oldest = self._take()
                self._settle(dropped=1)
        if isinstance(oldest, Made):
            oldest.when_written()

    def take(self) -> Waiter | None:
        """The oldest; None where nothing waits."""
        with self._changed:
            return self._take() if self._queue else None

    def settle(self, *, decisions: int = 0, steps: int = 0, events: int = 0, dropped: int = 0, failed: int = 0) -> None:
        """The fate of some that were taken is known now."""
        with self._changed:
            self._settle(decisions=decisions, steps=steps, events=events, dropped=dropped, failed=failed)

    def thin(self) -> None:
        """One that was taken goes without its pixels."""
        with self._changed:
            self._thin()

    def note_file(self, size_bytes: int, oldest_wall_s: float | None) -> None:
        """How the file is."""
        with self._changed:
            self._counts = replace(self._counts, size_bytes=size_bytes, oldest_wall_s=oldest_wall_s)

    def wait(self, timeout_s: float) -> bool:
        """Until the fate of all that was offered before is known; whether it is, and nothing was lost meanwhile."""
        with self._changed:
            wanted, lost = self._taken, self._lost
            done = self._changed.wait_for(lambda: self._settled >= wanted, timeout_s)
            return done and self._lost == lost

    @property
    def _lost(self) -> int:
        return self._counts.dropped + self._counts.failed

    def _thin(self) -> None:
        self._counts = replace(self._counts, thinned=self._counts.thinned + 1)

    def _take(self) -> Waiter:
        item = self._queue.popleft()
        if isinstance(item, Made):
            self._evidence_bytes -= item.evidence_bytes
        return item

    def _settle(
        self, *, decisions: int = 0, steps: int = 0, events: int = 0, dropped: int = 0, failed: int = 0
    ) -> None:
        was = self._counts
        self._counts = replace(
            was,
            decisions=was.decisions + decisions,
            steps=was.steps + steps,
            events=was.events + events,
            dropped=was.dropped + dropped,
            failed=was.failed + failed,
        )
        self._settled += decisions + steps + events + dropped + failed
        self._changed.notify_all()
