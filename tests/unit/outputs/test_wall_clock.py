from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.capture.clock import SystemClock
from sorter.outputs.messages import Synchronization
from sorter.outputs.wall_clock import AnchoredClock, WallAnchor, read_synchronization

HOUR_S = 3600.0
SYNCHRONIZED, UNSYNCHRONIZED, UNKNOWN = Synchronization


class SetClock:
    """A wall clock that can be set, beside a monotonic one that cannot."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.ahead_s = 1.7e9

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return self.now_s + self.ahead_s

    def wait_s(self, duration_s: float) -> None:
        self.now_s += duration_s


class Watched:
    """An anchored clock that is looked at four times a second."""

    def __init__(self, says: Synchronization, *, required: bool = False) -> None:
        self.machine, self.says = SetClock(), says
        self.clock = AnchoredClock(self.machine, lambda: self.says, require_synchronized=required)

    def wait(self, duration_s: float) -> None:
        for _ in range(round(duration_s * 4)):
            self.machine.now_s += 0.25
            self.clock.look()


@pytest.mark.parametrize("says", Synchronization)
def test_a_clock_that_is_slewed_is_followed_at_once(says):
    watched = Watched(says)
    for _ in range(100):
        watched.machine.ahead_s -= 0.01
        watched.wait(0.25)
        assert watched.clock.wall_s() == pytest.approx(watched.machine.wall_s())
        assert watched.clock.troubles == {}


@pytest.mark.parametrize(("by_s", "words"), [(-HOUR_S, "back by 3600.0 s"), (7.5, "forward by 7.5 s")])
def test_a_clock_set_by_hand_is_told_and_not_followed(by_s, words):
    watched = Watched(UNSYNCHRONIZED)
    before_s = watched.clock.shift_s
    watched.machine.ahead_s += by_s
    watched.wait(600.0)
    assert watched.clock.shift_s == pytest.approx(before_s)
    assert watched.clock.troubles["clock_jumped"] == (
        f"this machine's clock was set {words}: deadlines go on by the time before; it says that it is not "
        "synchronized; let NTP set it, or restart the service to take the new time"
    )


def test_a_jump_is_followed_once_the_clock_says_that_it_is_synchronized():
    watched = Watched(UNSYNCHRONIZED)
    watched.machine.ahead_s += HOUR_S
    watched.wait(5.0)
    watched.says = SYNCHRONIZED
    watched.wait(0.5)
    assert "it is followed in a moment" in watched.clock.troubles["clock_jumped"]
    watched.wait(1.0)
    assert watched.clock.troubles == {}
    assert watched.clock.wall_s() == pytest.approx(watched.machine.wall_s())


def test_a_jump_of_a_clock_that_says_nothing_is_followed_when_it_has_stood_for_a_minute():
    watched = Watched(UNKNOWN)
    watched.machine.ahead_s += HOUR_S
    watched.wait(59.0)
    assert "clock_jumped" in watched.clock.troubles
    watched.machine.ahead_s += HOUR_S
    watched.wait(59.0)
    assert "7200.0 s" in watched.clock.troubles["clock_jumped"]
    watched.wait(2.0)
    assert watched.clock.troubles == {}


@pytest.mark.parametrize("says", Synchronization)
def test_a_clock_that_jumps_back_to_where_it_was_is_no_trouble_any_more(says):
    watched = Watched(says)
    watched.machine.ahead_s += HOUR_S
    watched.wait(0.5)
    assert "clock_jumped" in watched.clock.troubles
    watched.machine.ahead_s -= HOUR_S
    watched.wait(0.25)
    assert watched.clock.troubles == {}


@pytest.mark.parametrize(("required", "raised"), [(True, True), (False, False)])
def test_a_clock_that_is_not_synchronized_is_a_trouble_only_where_it_is_asked_for(required, raised):
    watched = Watched(UNSYNCHRONIZED, required=required)
    assert ("clock_unsynchronized" in watched.clock.troubles) is raised
    watched.says = SYNCHRONIZED
    watched.wait(0.25)
    assert watched.clock.troubles == {}


@given(
    st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(-1e5, 1e5), st.sampled_from([UNSYNCHRONIZED])), max_size=40),
)
def test_no_history_of_settings_by_hand_moves_a_deadline_by_more_than_slewing_does(history):
    anchor = WallAnchor(0.0, 1.7e9)
    now_s = 0.0
    for passed_s, ahead_s, says in history:
        now_s += passed_s
        before_s = anchor.shift_s
        anchor.look(now_s, 1.7e9 + now_s + ahead_s, says)
        assert abs(anchor.shift_s - before_s) <= 0.5 + 1e-6


def test_the_systems_own_clock_says_one_of_the_three_and_is_read_to_a_millisecond():
    assert read_synchronization() in Synchronization
    clock, machine = AnchoredClock(SystemClock()), SystemClock()
    clock.look()
    assert abs(clock.wall_s() - machine.wall_s()) < 0.5
    assert clock.synchronization is read_synchronization()
