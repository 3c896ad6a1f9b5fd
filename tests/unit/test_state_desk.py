"""What a line's desk has written down of its state and its alarms."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sorter.outputs.events import Event, EventKind
from sorter.outputs.fail_safe_metrics import FailSafeMetrics
from sorter.outputs.messages import LineIdentity, Message, Synchronization
from sorter.outputs.metrics import Metrics
from sorter.outputs.steps import NoRecorder
from sorter.outputs.wall_clock import AnchoredClock
from sorter.settings.fail_safe import FailSafeTable
from sorter.state_desk import StateDesk
from tests.unit.batch.told import RECIPE


class Hand:
    """A clock that is set by hand."""

    now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return 1.7e9 + self.now_s

    def wait_s(self, seconds: float) -> None:
        self.now_s += seconds


class Written(NoRecorder):
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def note_event(self, event: Event) -> None:
        self.events.append(event)


class Voice:
    """Where a publisher would stand; nothing listens."""

    def publish_state(self, message: Message) -> None:
        """Nobody hears it."""

    def publish_alarm(self, message: Message) -> None:
        """Nobody hears it."""


@pytest.fixture
def desk() -> tuple[StateDesk, Hand, Written]:
    hand, written, registry = Hand(), Written(), CollectorRegistry()
    clock = AnchoredClock(hand, lambda: Synchronization.UNKNOWN, require_synchronized=False)
    voice: Any = Voice()
    metrics = Metrics(registry), FailSafeMetrics(registry)
    identity = LineIdentity("plant", "one", "boot", simulated=True)
    return StateDesk(identity, RECIPE, FailSafeTable(), voice, *metrics, clock, written), hand, written


def test_states_and_alarms_are_written_down_but_no_reason_that_changes_by_the_second(desk) -> None:
    state, hand, written = desk
    state.begin("starting the line")
    state.lose_process("it was killed")
    state.begin("starting the line again")
    for second in range(130):
        hand.now_s += 1
        state.follow({"disk_full": f"for {second} s now"})
    state.follow({})
    state.farewell()
    told = [
        (one.kind, one.detail["reason"] if one.kind is EventKind.STATE else one.detail["raised"])
        for one in written.events
    ]
    assert [one for one in told if one[0] is EventKind.ALARM] == [
        ("alarm", True), ("alarm", False), ("alarm", True), ("alarm", False)
    ]  # fmt: skip
    states = [(one.detail["state"], one.detail["cause"]) for one in written.events if one.kind is EventKind.STATE]
    assert states == [("starting", None), ("halted", "line_process_lost"), ("starting", None), ("offline", None)]


def test_another_reason_of_the_same_fault_is_written_down_once_a_minute(desk) -> None:
    state, hand, written = desk
    for second in range(130):
        hand.now_s += 1
        state.lose_process(f"gone for {second} s")
    reasons = [one.detail["reason"] for one in written.events if one.kind is EventKind.STATE]
    assert reasons == ["gone for 0 s", "gone for 60 s", "gone for 120 s"]


def test_another_recipe_is_told_and_the_same_state_not_logged_again(desk, caplog) -> None:
    state, _, _ = desk
    caplog.set_level("DEBUG")
    state.follow({"camera_lost": "no picture"})
    assert "is halted: no picture" in caplog.text
    caplog.clear()
    state.use(RECIPE)
    assert not caplog.records
