"""A service that something happens to: what it says on the wire, and whether it sorts on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contract.journals import entries_of
from benchmarks.contract.rows import Row
from benchmarks.contract.service import LINE, RunningService
from benchmarks.wire import Wire
from sorter.records import Verdict

_DECIDES_ON = 3
"""So many more decisions show that it sorts on."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A running service of one line, and all that its broker passes on."""

    service: RunningService
    wire: Wire
    port: int
    """Of the broker."""

    def decides(self) -> None:
        """Wait until it sorts.

        Raises:
            SorterError: it does not; likewise below.
        """
        self.service.wait_for("it decides", lambda: self._routed() >= 1)

    def decides_on(self) -> int:
        """Wait until some more products are sorted by their color and told; how many were."""
        before = self._routed()
        self.service.wait_for("it decides on", lambda: self._routed() >= before + _DECIDES_ON)
        return self._routed() - before

    def raised(self, cause: str) -> str:
        """Wait for the alarm of a cause; its words."""
        self.service.wait_for(f"an alarm says {cause}", lambda: self._alarm(cause).get("raised"))
        return str(self._alarm(cause)["reason"])

    def cleared(self, cause: str) -> None:
        """Wait until the alarm is over."""
        self.service.wait_for(f"the alarm {cause} is over", lambda: self._alarm(cause).get("raised") is False)

    def state_of(self, cause: str) -> Mapping[str, Any]:
        """Wait for a state that counts a cause among its active ones."""
        self.service.wait_for(f"the state says {cause}", lambda: self._state_with(cause))
        return self._state_with(cause)

    def suffers(self, what: str, cause: str, undo: Callable[[], object]) -> Row:
        """Something has been done to it: it says so, sorts on as its table says, and says when it is over."""
        words, state = self.raised(cause), self.state_of(cause)
        sorted_on = self.decides_on()
        undo()
        self.cleared(cause)
        figures: dict[str, float | str] = {
            "state": state["state"],
            "the table says": action_of(state),
            "sorted by color meanwhile": sorted_on,
        }
        return Row(what, 1, action_of(state) == "continue", figures, words)

    def missing(self) -> Sequence[int]:
        """``seq`` of what the wire has seen by now and the journal has not, once it has the newest of it."""
        seen = [int(one.content["seq"]) for one in self.wire.on(LINE, "decision")]
        self.service.wait_for("the journal has the newest decision", lambda: seen[-1] in self._in_journal())
        return sorted(set(seen) - self._in_journal())

    def _in_journal(self) -> set[int]:
        return {int(one.message["seq"]) for one in entries_of(self.service.journal)}

    def _routed(self) -> int:
        return sum(one.content["verdict"] == Verdict.ROUTED for one in self.wire.on(LINE, "decision"))

    def _alarm(self, cause: str) -> Mapping[str, Any]:
        """The last one of this cause, or nothing."""
        told = [one.content for one in self.wire.on(LINE, "alarm") if one.content["cause"] == cause]
        return told[-1] if told else {}

    def _state_with(self, cause: str) -> Mapping[str, Any]:
        told = [one.content for one in self.wire.on(LINE, "state") if cause in one.content["active"]]
        return told[-1] if told else {}


def action_of(state: Mapping[str, Any]) -> str:
    """What the fail-safe table does now, as a state tells it."""
    ruling = state["fail_safe"]
    return "continue" if ruling is None else str(ruling["action"])
