"""One sorting line as a PLC follows it: what may be acted on, once and in time, and what to do without a decision.

Pure: the time is handed in (seconds since 1970), and what happened is handed back; ``plc_client.py`` connects it.
Nothing of the sorter is needed, so it can be written again in any language. docs/plc.md explains the rules.
"""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

REMEMBERED_IDS = 4096
MOST_WAITING = 1000
MOST_BOOTS = 16
CLOCKS_APART_S = 1.0
"""A decision made so far in our future was dated by another clock: its deadline cannot be checked."""
CONFIRMED = ("actuated", "blocked", "missed")


@dataclass(frozen=True)
class Decision:
    """Of a decision, what a PLC needs; unknown fields are ignored."""

    decision_id: str
    boot_id: str
    seq: int
    branch: str
    decided_at_s: float
    act_after_s: float
    act_before_s: float


@dataclass(frozen=True)
class Mode:
    """What becomes of products that have no decision, and whether decisions are to be expected."""

    follows: bool
    reason: str
    branch: str
    stop_line: bool = False


class Event(NamedTuple):
    """Something that happened: its name and its facts."""

    what: str
    facts: dict[str, Any]


class Line:
    """One line as a PLC follows it. Every method takes the time and tells what happened.

    Args:
        move: moves the gate of a branch; False where the gate cannot.
        safe_branch: where products without a decision go while the line names no other branch.
        act_at_once: moves when a decision arrives, not when its product is there: for simulations.
    """

    def __init__(self, move: Callable[[str], bool], safe_branch: str, *, act_at_once: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self.mode = Mode(follows=False, reason="not connected to the broker", branch=safe_branch)
        self._move = move
        self._safe_branch = safe_branch
        self._act_at_once = act_at_once
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._last_seq: OrderedDict[str, int | None] = OrderedDict()
        self._waiting: list[Decision] = []

    @property
    def next_due_s(self) -> float:
        """When `act` has something to do; infinity where nothing waits."""
        return min((one.act_after_s for one in self._waiting), default=math.inf)

    def connect(self) -> Iterator[Event]:
        """We listen; until the broker hands over the line's retained state nothing is known of the line."""
        yield from self._set_mode(replace(self.mode, follows=False, reason="the line has told no state"))

    def disconnect(self) -> Iterator[Event]:
        """Our own connection is gone; what waits is still true, and nothing else will come."""
        yield from self._set_mode(replace(self.mode, follows=False, reason="not connected to the broker"))

    def take_state(self, payload: bytes) -> Iterator[Event]:
        """The line's state, or the last will that the broker publishes for it."""
        try:
            message = _read(payload, "sorter.state/")
            mode = self._mode_of(message)
            boot_id = _text(message, "boot_id")
        except ValueError as error:
            yield self._count("unreadable", reason=str(error))
            return
        yield from self._note_boot(boot_id)
        yield from self._set_mode(mode)

    def take_decision(self, payload: bytes, now_s: float) -> Iterator[Event]:
        """One decision: acted on once, not before and not after its time."""
        try:
            decision = read_decision(payload)
        except ValueError as error:
            yield self._count("unreadable", reason=str(error))
            return
        if decision.decision_id in self._seen:  # MQTT may deliver twice, and the sorter may send twice
            yield self._count("duplicate", decision_id=decision.decision_id)
            return
        self._seen[decision.decision_id] = None
        if len(self._seen) > REMEMBERED_IDS:
            self._seen.popitem(last=False)
        yield from self._note_number(decision)
        self.counts["received"] += 1
        if now_s >= decision.act_before_s:
            yield self._settle("missed", decision, f"came {now_s - decision.act_before_s:.3f} s too late")
        elif decision.decided_at_s - now_s > CLOCKS_APART_S:
            yield self._settle("blocked", decision, "made in our future: the sorter's clock and ours differ")
        elif self.mode.stop_line or len(self._waiting) >= MOST_WAITING:
            yield self._settle("blocked", decision, "the belt is stopped" if self.mode.stop_line else "too many wait")
        else:
            self._waiting.append(decision)
            yield from self.act(now_s)

    def act(self, now_s: float) -> Iterator[Event]:
        """Move the gates of the products that are there now."""
        due = [one for one in self._waiting if self._act_at_once or one.act_after_s <= now_s]
        self._waiting = [one for one in self._waiting if one not in due]
        for decision in sorted(due, key=lambda one: one.act_after_s):
            if now_s >= decision.act_before_s:
                yield self._settle("missed", decision, "we were too slow")
            else:
                moved = self._move(decision.branch)
                yield self._settle("actuated" if moved else "blocked", decision, None if moved else "the gate is stuck")

    def _mode_of(self, message: dict[str, Any]) -> Mode:
        state = _text(message, "state")
        fail_safe = message.get("fail_safe")  # newer sorters tell it; null where all is well
        told = fail_safe if isinstance(fail_safe, dict) else {}
        branch = told.get("branch")
        return Mode(
            follows=state in {"running", "degraded"},
            reason=f"{state}: {message.get('reason')}",
            branch=branch if isinstance(branch, str) and branch else self._safe_branch,
            stop_line=told.get("stop_line") is True,
        )

    def _set_mode(self, mode: Mode) -> Iterator[Event]:
        if mode == self.mode:
            return
        self.counts["fallback"] += self.mode.follows and not mode.follows
        self.mode = mode
        yield Event("follows" if mode.follows else "falls back", vars(mode))
        if mode.stop_line:  # products stand still: none will be where it was foretold
            stranded, self._waiting = self._waiting, []
            yield from (self._settle("blocked", one, "the belt is stopped") for one in stranded)

    def _note_boot(self, boot_id: str) -> Iterator[Event]:
        if boot_id not in self._last_seq:
            # Of the first run that we see we do not know the beginning; any later one begins at 1.
            self._last_seq[boot_id] = 0 if self._last_seq else None
            if len(self._last_seq) > MOST_BOOTS:
                self._last_seq.popitem(last=False)
            yield self._count("new boot", boot_id=boot_id)

    def _note_number(self, decision: Decision) -> Iterator[Event]:
        yield from self._note_boot(decision.boot_id)
        last, seq = self._last_seq[decision.boot_id], decision.seq
        if last is not None and seq > last + 1:
            self.counts["skipped"] += seq - last - 1
            yield Event("gap", {"boot_id": decision.boot_id, "first": last + 1, "last": seq - 1})
        self._last_seq[decision.boot_id] = seq if last is None else max(last, seq)

    def _settle(self, outcome: str, decision: Decision, reason: str | None) -> Event:
        facts = {"decision_id": decision.decision_id, "branch": decision.branch}
        return self._count(outcome, **facts, **({} if reason is None else {"reason": reason}))

    def _count(self, what: str, **facts: Any) -> Event:
        self.counts[what] += 1
        return Event(what, facts)


def read_decision(payload: bytes) -> Decision:
    """Raises ValueError where it is none, or of a version that we do not know."""
    message = _read(payload, "sorter.decision/")
    seq = message.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 2**53:
        raise ValueError("its seq is no number")
    return Decision(
        decision_id=_text(message, "decision_id"),
        boot_id=_text(message, "boot_id"),
        seq=seq,
        branch=_text(message, "branch"),
        decided_at_s=_time(message, "decided_at", -math.inf),
        act_after_s=_time(message, "act_after", -math.inf),
        act_before_s=_time(message, "act_before", math.inf),
    )


def _read(payload: bytes, schema: str) -> dict[str, Any]:
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(message, dict) or message.get("schema") != f"{schema}1":
        raise ValueError(f"its schema is not {schema}1")
    return message


def _text(message: dict[str, Any], key: str) -> str:
    text = message.get(key)
    if not isinstance(text, str) or not 0 < len(text) <= 256:
        raise ValueError(f"its {key} is no text")
    return text


def _time(message: dict[str, Any], key: str, without: float) -> float:
    """Null means that there is no such limit; a missing field means that it is no such message."""
    if key in message and message[key] is None:
        return without
    try:
        moment = datetime.fromisoformat(_text(message, key))
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"its {key} is no time")
