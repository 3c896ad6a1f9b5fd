"""Processor time of single actions, and what many of them say together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray


def cpu_s(action: Callable[[], object]) -> float:
    """Processor seconds that an action takes: time spent waiting for other processes does not count."""
    began_s = time.process_time()
    action()
    return time.process_time() - began_s


@dataclass(frozen=True, slots=True)
class Spread:
    """How long one thing took, over many times."""

    count: int
    mean_ms: float
    median_ms: float
    p99_ms: float

    @classmethod
    def of(cls, times_s: Sequence[float] | NDArray[np.float64]) -> Self:
        """Sum up times given in seconds; at least one."""
        times_ms = np.asarray(times_s, np.float64) * 1e3
        return cls(
            count=len(times_ms),
            mean_ms=float(times_ms.mean()),
            median_ms=float(np.median(times_ms)),
            p99_ms=float(np.percentile(times_ms, 99)),
        )

    def cells(self) -> tuple[str, str, str]:
        """Mean, median and p99 for a table."""
        return f"{self.mean_ms:.2f}", f"{self.median_ms:.2f}", f"{self.p99_ms:.2f}"


class Turns:
    """Times actions in turn (A B C, C B A, ...), over several passes of the same work.

    Whatever else the machine does meets all of them alike, and none always follows the same neighbor. What one
    piece of work takes is the median of its passes, so a disturbance of one pass leaves no trace, while a piece
    that is always slow stays slow.
    """

    def __init__(self) -> None:
        self._passes: list[dict[str, list[float]]] = []
        self._turn = 0

    def begin_pass(self) -> None:
        """The same work starts over."""
        self._passes.append({})

    def take(self, actions: dict[str, Callable[[], object]]) -> None:
        """Run and time each action once."""
        self.take_timed({name: partial(cpu_s, action) for name, action in actions.items()})

    def take_timed(self, actions: Mapping[str, Callable[[], float]]) -> None:
        """Run each action once; each says how many seconds it took, as one in another process must."""
        names = list(actions)
        self._turn += 1
        for name in names if self._turn % 2 else reversed(names):
            self._passes[-1].setdefault(name, []).append(actions[name]())

    def times_s(self, name: str) -> NDArray[np.float64]:
        """What each piece of work took: the median over the passes, shape (pieces,)."""
        return np.asarray(np.median([one[name] for one in self._passes], axis=0))

    def worst_s(self, name: str) -> float:
        """The longest of all, disturbances included."""
        return max(max(one[name]) for one in self._passes)
