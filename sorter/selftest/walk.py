"""Each row of the table: its cause is produced, what follows is held against the row, and it is let go again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sorter.outputs.command import CommandName
from sorter.outputs.fail_safe import branch_of, sorter_lost
from sorter.outputs.messages import Message
from sorter.selftest.camera import CameraFault
from sorter.selftest.line import WRONG_RECIPE
from sorter.selftest.rig import Rig
from sorter.settings.fail_safe import Action, Clearing, Row
from sorter.settings.recipe import SortMode

_SOON_S = 10.0
_INJECTED = "the self-test says so"
_CAMERA = {
    "camera_lost": CameraFault.LOST,
    "picture_stale": CameraFault.SILENT,
    "picture_frozen": CameraFault.FROZEN,
    "picture_corrupt": CameraFault.CORRUPT,
    "picture_dark": CameraFault.DARK,
    "picture_overexposed": CameraFault.OVEREXPOSED,
}
_REAL = "for real"
_CALM_S = 20.0
"""A camera that failed is called degraded for ten seconds more."""
_MOST_UNKNOWNS = 20
_MOST_DRIFT = 6.0


@dataclass(frozen=True, slots=True)
class Walked:
    """What became of one row."""

    line: str
    cause: str
    action: str
    branch: str
    stop_line: bool
    clears: str
    produced: str
    """For real, or at the source: the trouble was only said, where the part that it befalls would say it."""
    failures: tuple[str, ...]
    """What was not as the row says, in words; empty where all was."""


@dataclass(frozen=True, slots=True)
class _Means:
    """How a cause is produced and ended."""

    produced: str
    begin: Callable[[], None]
    end: Callable[[], None]
    sees: bool = True
    """Whether the line still sees products meanwhile."""


class _Failed(Exception):  # noqa: N818 - it ends the walk of one row
    """Something is not as the row says, and what comes after it cannot be seen."""


def walk(rig: Rig, causes: frozenset[str]) -> Iterator[Walked]:
    """Walk the rows of these causes, in the table's order."""
    for cause, row in rig.line.fail_safe.rows():
        if cause in causes:
            yield _walked(rig, cause, row)


def _walked(rig: Rig, cause: str, row: Row) -> Walked:
    branch = branch_of(row, rig.recipe.fallback.invalid)
    one = _RowWalk(rig, cause, row, branch)
    produced = one.run()
    return Walked(
        rig.line.name,
        cause,
        row.action.value,
        branch,
        row.stop_line,
        row.clears.value,
        produced,
        tuple(one.failures),
    )


class _RowWalk:
    """One row from its cause to its clearing."""

    def __init__(self, rig: Rig, cause: str, row: Row, branch: str) -> None:
        self._rig = rig
        self._cause = cause
        self._row = row
        self._branch = branch
        self._mark = len(rig.messages)
        self.failures: list[str] = []

    def run(self) -> str:
        """Walk it; how its cause was produced."""
        if self._cause == "sorter_lost":
            self._see_the_will()
            return _REAL
        if not self._rig.wait(self._is_quiet, _CALM_S):
            self.failures.append(f"the line is not running beforehand: {self._rig.state['reason']}")
            return "-"
        self._mark = len(self._rig.messages)
        if self._cause == "broker_lost":
            self._try(self._lose_broker)
            return _REAL
        means = self._means()
        try:
            self._try(lambda: self._see(means))
        finally:
            if self.failures:
                means.end()
        return means.produced

    def _try(self, see: Callable[[], None]) -> None:
        try:
            see()
        except _Failed as failure:
            self.failures.append(str(failure))

    def _means(self) -> _Means:
        rig, cause = self._rig, self._cause
        real = self._real()
        if real is not None:
            return real

        def begin() -> None:
            rig.injected[cause] = _INJECTED

        return _Means("at the source", begin, lambda: self._end_injected(cause))

    def _real(self) -> _Means | None:
        """How the cause itself is brought about; None where that cannot be done here."""
        rig, table = self._rig, self._rig.line.fail_safe
        match self._cause:
            case cause if cause in _CAMERA:
                return self._by_camera(_CAMERA[cause], sees=False)
            case "line_process_lost":
                return _Means(_REAL, rig.kill_process, lambda: None, sees=False)
            case "paused":
                return self._by_command((CommandName.PAUSE, None), (CommandName.RESUME, None))
            case "too_many_unknowns" if rig.recipe.sort_mode is not SortMode.NEAREST:
                if table.too_many_unknowns.after <= _MOST_UNKNOWNS:
                    recipe = CommandName.RECIPE
                    return self._by_command((recipe, WRONG_RECIPE), (recipe, rig.recipe.name))
            case "light_drifted" if table.light_drifted.max_delta_e <= _MOST_DRIFT:
                return self._by_camera(CameraFault.DIMMED, sees=True)
        return None

    def _by_command(self, begin: tuple[CommandName, str | None], end: tuple[CommandName, str | None]) -> _Means:
        rig = self._rig
        return _Means(_REAL, lambda: rig.command(*begin), lambda: rig.command(*end))

    def _by_camera(self, fault: CameraFault, *, sees: bool) -> _Means:
        rig = self._rig
        return _Means("for real", lambda: rig.fail_camera(fault), lambda: rig.fail_camera(CameraFault.NONE), sees=sees)

    def _end_injected(self, cause: str) -> None:
        self._rig.injected.pop(cause, None)

    def _see(self, means: _Means) -> None:
        means.begin()
        state = self._wait_for_state()
        self._hold_state(state)
        self._hold_alarm()
        self._hold_decisions(means)
        means.end()
        self._see_it_clear()

    def _wait_for_state(self) -> Message:
        found: list[Message] = []

        def told() -> bool:
            found.extend(one for one in self._rig.since(self._mark, "state") if self._rules(one))
            return bool(found)

        if not self._rig.wait(told, _SOON_S):
            raise _Failed(f"the state does not tell it: {self._rig.state['state']}, {self._rig.state['active']}")
        return found[0]

    def _rules(self, state: Message) -> bool:
        return state["fail_safe"] is not None and state["fail_safe"]["cause"] == self._cause

    def _hold_state(self, state: Message) -> None:
        told = state["fail_safe"]
        for key, wanted in (
            ("action", self._row.action.value),
            ("branch", self._branch),
            ("stop_line", self._row.stop_line),
        ):
            if told[key] != wanted:
                self.failures.append(f"{key} is told as {told[key]}, and the row says {wanted}")
        if state["state"] != self._state_wanted():
            self.failures.append(f"the state is {state['state']}, and {self._state_wanted()} is wanted")

    def _state_wanted(self) -> str:
        if self._row.action is Action.HALT:
            return "halted"
        if self._row.action is Action.DIVERT:
            return "ready" if self._cause == "paused" else "degraded"
        return "degraded" if self._row.degrades else "running"

    def _alarms(self, *, raised: bool) -> list[Message]:
        told = self._rig.since(self._mark, "alarm")
        return [one for one in told if one["cause"] == self._cause and one["raised"] is raised]

    def _hold_alarm(self) -> None:
        if not self._rig.wait(lambda: self._alarms(raised=True), _SOON_S):
            raise _Failed("no alarm is raised")
        words = self._alarms(raised=True)[0]["reason"]
        if not words or (self._row.alarm is not None and words != self._row.alarm):
            self.failures.append(f"the alarm says {words!r}, and the row {self._row.alarm!r}")

    def _hold_decisions(self, means: _Means) -> None:
        """What is decided while the row rules."""
        before = len(self._rig.decisions)
        if not means.sees:
            if self._cause in _CAMERA and self._rig.wait(lambda: len(self._rig.decisions) > before, 0.3):
                self.failures.append("a product was decided by a picture that failed a guard")
            return
        if not self._rig.wait(lambda: len(self._rig.decisions) > before, _SOON_S):
            raise _Failed("no product was decided")
        decision = self._rig.decisions[before]
        diverted = (decision["verdict"], decision["reason"]) == ("invalid", self._cause)
        if self._row.action is Action.CONTINUE:
            if diverted:
                self.failures.append("a product was diverted, and the row lets decisions go on")
        elif decision["verdict"] != "late" and (not diverted or decision["branch"] != self._branch):
            told = f"{decision['verdict']} ({decision['reason']}) -> {decision['branch']}"
            self.failures.append(f"a product was decided as {told}")

    def _see_it_clear(self) -> None:
        if self._row.clears is Clearing.BY_COMMAND and self._cause != "paused":
            if self._rig.wait(lambda: self._alarms(raised=False), 1.0):
                self.failures.append("it cleared by itself, and the row waits for a command")
            self._rig.command(CommandName.RESUME)
            # Where the cause takes a moment to end, the command came too early: an operator would send it again.
            if not self._rig.wait(lambda: self._alarms(raised=False), 3.0):
                self._rig.command(CommandName.RESUME)
        if not self._rig.wait(lambda: self._alarms(raised=False), _SOON_S):
            raise _Failed("it does not clear")

    def _is_quiet(self) -> bool:
        """Nothing is active but what this row outweighs: what the rows before it have left of the camera's grade."""
        state, left = self._rig.state, self._rig.line.fail_safe.camera_degraded
        outweighed = left.action is Action.CONTINUE and self._row.action is not Action.CONTINUE and not left.stop_line
        return state["state"] in {"running", "degraded"} and set(state["active"]) <= (
            {"camera_degraded"} if outweighed else set()
        )

    def _lose_broker(self) -> None:
        """While no broker is there the service's metrics must tell it; the wire does when it is back."""
        rig = self._rig
        rig.broker.stop()
        try:
            if not rig.wait(lambda: rig.active_by_metrics(self._cause), _SOON_S):
                self.failures.append("the metrics do not tell it")
            words = rig.service.line_states[rig.line.name]
            if not words.startswith(self._state_wanted()):
                self.failures.append(f"the line is {words}, and {self._state_wanted()} is wanted")
            self._hold_decisions(_Means("", lambda: None, lambda: None))
        finally:
            rig.broker.start()
        if self._row.clears is Clearing.BY_COMMAND:
            rig.wait(lambda: not rig.injected, 3.0)
            rig.command(CommandName.RESUME)
        if not rig.wait(lambda: not rig.active_by_metrics(self._cause), _SOON_S):
            raise _Failed("it does not clear")

    def _see_the_will(self) -> None:
        will = self._rig.last_will(sorter_lost(self._rig.line.fail_safe, self._rig.recipe.fallback.invalid))
        if will is None:
            self.failures.append("the broker publishes no last will")
            return
        self._hold_state(will | {"state": "halted" if will["state"] == "offline" else will["state"]})
        if will["state"] != "offline":
            self.failures.append(f"the will says {will['state']}, and offline is wanted")
