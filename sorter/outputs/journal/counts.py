"""What the journal tells of itself, and what it is asked to keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JournalCounts:
    """What became of all that was to be written down."""

    decisions: int = 0
    """Written."""
    steps: int = 0
    """Written."""
    events: int = 0
    """Written."""
    dropped: int = 0
    """Decisions, steps and events given up: too many waited."""
    failed: int = 0
    """Decisions, steps and events that could not be written, or steps of a decision that is not there."""
    thinned: int = 0
    """Decisions written without their pixels: too many waited."""
    waiting: int = 0
    """Decisions, steps and events."""
    size_bytes: int = 0
    """Of all the journal's files."""
    oldest_wall_s: float | None = None
    """When the oldest decision that is kept was made."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What of a decision is kept beside its message."""

    samples: bool = True
    thumbnails: bool = True
    readings: bool = True

    @property
    def anything(self) -> bool:
        """Whether a decision is to carry what it was made from."""
        return self.samples or self.thumbnails or self.readings
