"""The words of the ledger: what can become of a decision once it is made, and who writes it down. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sorter.outputs.events import Event
from sorter.outputs.messages import Message
from sorter.records import Decision


class Step(StrEnum):
    """What has become of a decision; its delivery ends in one of five, its life in one of the last four."""

    SENT = "sent"
    """Handed to the connection; again after the connection was lost."""
    ACKNOWLEDGED = "acknowledged"
    """The broker has it."""
    EXPIRED = "expired"
    """Its deadline passed before it was ever sent."""
    DROPPED = "dropped"
    """Given up unsent: the queue was full, or the service stopped."""
    REFUSED = "refused"
    """The broker has it, and did not pass it on; the detail is its reason."""
    UNKNOWN = "unknown"
    """It was sent, the connection was lost, and its deadline passed: it may have arrived or not."""
    ACTUATED = "actuated"
    """The diverter has acted on it."""
    BLOCKED = "blocked"
    """The diverter could not act."""
    MISSED = "missed"
    """The diverter had it too late."""
    UNCONFIRMED = "unconfirmed"
    """The diverter has not answered in its time."""


DELIVERED = frozenset({Step.ACKNOWLEDGED, Step.EXPIRED, Step.DROPPED, Step.REFUSED, Step.UNKNOWN})
"""Every decision's delivery ends in exactly one of them."""
CLOSED = frozenset({Step.ACTUATED, Step.BLOCKED, Step.MISSED, Step.UNCONFIRMED})
"""Where diverters confirm, every acknowledged decision's life ends in exactly one of them."""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step of one decision."""

    decision_id: str
    step: Step
    at_wall_s: float
    """Seconds since 1970."""
    detail: str | None = None
    """Why, where the step does not say it all."""


class Recorder(Protocol):
    """Whoever writes decisions down: called from several threads, never waits, never raises."""

    def add(self, decision: Decision, message: Message, when_written: Callable[[], None]) -> None:
        """A decision was made, and this is what goes on the wire.

        ``when_written`` is called once, perhaps before this returns and perhaps in another thread: when the decision
        outlives a kill, or as soon as it is known that it cannot be written now. It never waits.
        """
        ...

    def note(self, step: StepTaken) -> None:
        """Something has become of it."""
        ...

    def note_event(self, event: Event) -> None:
        """Something befell the line."""
        ...


class NoRecorder:
    """Writes nothing down."""

    def add(self, decision: Decision, message: Message, when_written: Callable[[], None]) -> None:  # noqa: ARG002
        """Forget it."""
        when_written()

    def note(self, step: StepTaken) -> None:
        """Forget it."""

    def note_event(self, event: Event) -> None:
        """Forget it."""
