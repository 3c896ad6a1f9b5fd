"""The two sums that must hold for a line: every product has a verdict, every decision an outcome. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """What became of a line's decisions since boot.

    ``made = acknowledged + expired + dropped + refused + unknown + waiting`` holds at every moment.
    """

    made: int = 0
    sent: int = 0
    """Handed to the connection; a decision sent again after the connection was lost counts again."""
    acknowledged: int = 0
    """The broker has it."""
    expired: int = 0
    """Its deadline passed before it was ever sent."""
    dropped: int = 0
    """Given up unsent: the queue was full, or the service stopped."""
    refused: int = 0
    """The broker has it, and did not pass it on."""
    unknown: int = 0
    """It was sent, the connection was lost, and it was not sent again: it may have arrived or not."""
    waiting: int = 0
    """Queued or on their way."""
    unread: int = 0
    """How many of the acknowledged nobody reads, where the broker says so."""
    confirmed: int = 0
    """The diverter has answered in time; several answers to one decision count once."""
    unconfirmed: int = 0
    """The diverter did not answer in its time."""
    repeated: int = 0
    """Answers to decisions that had been answered, or whose time was over."""
    stray: int = 0
    """Answers to decisions that were never made or sent, or are long forgotten."""


class SeenProducts:
    """How many products a line has seen, told by its process and not by what arrived of it.

    Its product numbers rise by one, and its heartbeats tell how many it has decided; the higher of the two counts. A
    decision that was lost on the way leaves a gap in the one, or is behind the other. The first number is 1.
    """

    def __init__(self) -> None:
        self._before = 0
        """Of earlier processes of this line."""
        self._told = 0
        self._last_before = self._last = 0

    @property
    def count(self) -> int:
        """Since boot."""
        return self._before + max(self._last - self._last_before, self._told)

    def decided(self, product: int) -> None:
        """A decision came, of the product with this number."""
        self._last = max(self._last, product)

    def told(self, count: int) -> None:
        """The process has decided so many products, and the decisions of all of them were sent before this."""
        self._told = count

    def begin_again(self) -> None:
        """The process is gone; the next one counts from zero, and goes on with the numbers."""
        self._before = self.count
        self._told, self._last_before = 0, self._last


@dataclass(frozen=True, slots=True)
class Sums:
    """A line's counts of one moment."""

    products: int = 0
    """Seen."""
    verdicts: Mapping[str, int] = field(default_factory=dict)
    """Decided, by verdict."""
    delivery: DeliveryCounts = field(default_factory=DeliveryCounts)
    closed: Mapping[str, int] = field(default_factory=dict)
    """Decisions by how the diverter closed them."""
    malformed_confirms: int = 0
    """Messages that were no answers of a diverter."""

    @property
    def unaccounted_products(self) -> int:
        """Products seen that have no verdict; negative where some have two."""
        return self.products - sum(self.verdicts.values())

    @property
    def unaccounted_decisions(self) -> int:
        """Decisions made that have no outcome; negative where some have two."""
        told = self.delivery
        ended = told.acknowledged + told.expired + told.dropped + told.refused + told.unknown
        return told.made - ended - told.waiting
