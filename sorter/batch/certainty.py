"""How certain a routed product was, and which were the least. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from sorter.outputs.messages import Message
from sorter.settings.recipe import Recipe, SortMode


class Certainty(NamedTuple):
    """How much of the room that the recipe leaves was left: 1 for the bin's own color, 0 at a limit of the recipe."""

    part: float
    """0..1: the least of what margin, tolerance and stability leave."""
    limit: str
    """Which of them it is."""


def certainty_of(message: Message, recipe: Recipe) -> Certainty | None:
    """How far a routed product was from another verdict.

    - margin: (margin - ``min_margin``) / difference to the runner-up, in CIEDE2000;
    - tolerance: 1 - difference / tolerance, where the bin's tolerance is a CIEDE2000 ball that the recipe asks;
    - stability: (stability - ``min_stability``) / (1 - ``min_stability``).

    What does not apply is left out; the least of the others counts. Each is kept within 0..1.

    Args:
        message: as it went on the wire; routed.
        recipe: that decided it.

    Returns:
        None where nothing applies: a recipe of one bin, say, with a tolerance of another shape.
    """
    parts: list[Certainty] = []
    runner_up = message["runner_up"]
    if runner_up is not None:
        room = message["margin"] - recipe.min_margin
        parts.append(Certainty(room / runner_up["delta_e"] if runner_up["delta_e"] > 0 else 0.0, "margin"))
    tolerance = next((one.tolerance.delta_e for one in recipe.bins if one.name == message["bin"]), None)
    if tolerance is not None and recipe.sort_mode is not SortMode.NEAREST:
        parts.append(Certainty(1 - message["delta_e"] / tolerance, "tolerance"))
    if message["stability"] is not None and recipe.min_stability < 1:
        stable = (message["stability"] - recipe.min_stability) / (1 - recipe.min_stability)
        parts.append(Certainty(stable, "stability"))
    if not parts:
        return None
    least = min(parts)
    return least._replace(part=min(max(least.part, 0.0), 1.0))


@dataclass(slots=True)
class Least:
    """The few products with the least of something; of equals, those that came first."""

    most: int
    _heap: list[tuple[float, int, Message, str]] = field(default_factory=list)
    _taken: int = 0

    def take(self, rank: float, message: Message, limit: str = "") -> None:
        """One more product."""
        self._taken += 1
        entry = (-rank, -self._taken, message, limit)
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    def ranked(self) -> list[tuple[float, str, Message]]:
        """They, the least first, with their rank and what limited it."""
        return [(-rank, limit, message) for rank, _, message, limit in sorted(self._heap, reverse=True)]


def draw(message: Message) -> float:
    """A number that has nothing to do with the product and is always the same for it: the least are a fair sample."""
    return float(crc32(message["decision_id"].encode()))
