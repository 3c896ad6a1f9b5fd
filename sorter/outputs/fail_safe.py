"""What rules when something is wrong: pure, from every cause that holds, by the fail-safe table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sorter.outputs.messages import FailSafeFacts
from sorter.settings.fail_safe import Action, Clearing, FailSafeTable, Row

_GRAVITY = {action: rank for rank, action in enumerate(Action)}


@dataclass(frozen=True, slots=True)
class Ruling:
    """The gravest of the active rows, and what all of them together ask of the line."""

    cause: str
    reason: str
    """In the operator's words."""
    action: Action
    branch: str
    stop_line: bool
    """Whether any active row asks for it."""
    degrades: bool
    """Whether any active row makes the line less than running."""
    active: tuple[str, ...]
    """Every active cause, the gravest first."""

    @property
    def facts(self) -> FailSafeFacts:
        """As the state tells it."""
        return FailSafeFacts(self.cause, self.action.value, self.branch, self.stop_line, self.active)


@dataclass(frozen=True, slots=True)
class _Held:
    reason: str
    last_s: float
    """When the cause held last."""
    holds: bool


class FailSafe:
    """Keeps what is active: what holds now, what held a moment ago, and what waits for a command to clear it.

    Args:
        table: the rows.
        branch: where a row without a branch sends products: the recipe's fallback for what is invalid.
    """

    def __init__(self, table: FailSafeTable, branch: str) -> None:
        self._table = table
        self._order = {cause: rank for rank, (cause, _) in enumerate(table.rows())}
        self.branch = branch
        self._held: dict[str, _Held] = {}

    def use(self, table: FailSafeTable) -> None:
        """The rows are others from now on."""
        self._table = table

    def follow(self, troubles: Mapping[str, str], now_s: float) -> None:
        """Take every cause that holds now (monotonic seconds) with its reason in the operator's words."""
        ended = {cause: replace(one, holds=False) for cause, one in self._held.items() if cause not in troubles}
        kept = {cause: one for cause, one in ended.items() if self._stays(cause, one, now_s)}
        holding = {cause: _Held(self._words(cause, reason), now_s, holds=True) for cause, reason in troubles.items()}
        self._held = kept | holding

    def clear(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The command came: let go of every row that waited for it, but for those whose cause still holds.

        Returns:
            The causes that were let go, and those that wait for the command and could not be.
        """
        waiting = [cause for cause in self._held if self._table.row(cause).clears is Clearing.BY_COMMAND]
        kept = tuple(cause for cause in waiting if self._held[cause].holds)
        cleared = tuple(cause for cause in waiting if not self._held[cause].holds)
        for cause in cleared:
            del self._held[cause]
        return cleared, kept

    @property
    def active(self) -> dict[str, str]:
        """Every active cause with its alarm's words, the gravest first."""
        ranked = sorted(self._held, key=self._rank)
        return {cause: self._held[cause].reason for cause in ranked}

    @property
    def ruling(self) -> Ruling | None:
        """What rules; None where nothing is wrong."""
        active = self.active
        if not active:
            return None
        cause, reason = next(iter(active.items()))
        rows = [self._table.row(one) for one in active]
        return Ruling(
            cause,
            reason,
            rows[0].action,
            branch_of(rows[0], self.branch),
            stop_line=any(row.stop_line for row in rows),
            degrades=any(row.degrades for row in rows),
            active=tuple(active),
        )

    def _stays(self, cause: str, held: _Held, now_s: float) -> bool:
        row = self._table.row(cause)
        return row.clears is Clearing.BY_COMMAND or now_s < held.last_s + row.hold_s

    def _words(self, cause: str, reason: str) -> str:
        return self._table.row(cause).alarm or reason

    def _rank(self, cause: str) -> tuple[int, bool, bool, int, str]:
        row = self._table.row(cause)
        order = self._order.get(cause, len(self._order))
        return -_GRAVITY[row.action], not row.stop_line, not row.degrades, order, cause


def branch_of(row: Row, fallback: str) -> str:
    """Where a row sends what nobody decides."""
    return fallback if row.branch is None else row.branch


def sorter_lost(table: FailSafeTable, fallback: str) -> FailSafeFacts:
    """What the last will and the farewell say: nobody decides any more."""
    row = table.sorter_lost
    return FailSafeFacts(
        "sorter_lost", row.action.value, branch_of(row, fallback), row.stop_line, active=("sorter_lost",)
    )
