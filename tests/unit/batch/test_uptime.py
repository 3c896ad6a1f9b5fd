from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.batch.span import Span
from sorter.batch.uptime import FAULTY, NOT_KNOWN, Spell, Uptime
from sorter.outputs.events import Event
from tests.unit.batch.told import T0, alarm, state


def uptime(events: list[Event], signs: dict[str, float], until_s: float, since_s: float = 0.0) -> Uptime:
    made = Uptime(Span(T0 + since_s, T0 + until_s), {boot: T0 + at for boot, at in signs.items()})
    for event in events:
        made.take(event)
    made.end()
    return made


def seconds(spells: dict[str, Spell]) -> dict[str, tuple[float, int]]:
    return {name: (round(one.seconds, 6), one.times) for name, one in spells.items()}


def test_each_state_holds_until_the_next_and_a_cause_until_the_line_decides_again() -> None:
    found = uptime(
        [
            state(0, "starting"),
            state(10, "running"),
            state(40, "halted", "camera_lost"),
            alarm(40, "camera_lost", raised=True),
            state(45, "halted", "camera_lost", reason="it is tried again"),
            state(70, "starting", reason="learning the empty belt"),
            alarm(70, "camera_lost", raised=False),
            state(73, "running"),
            state(80, "degraded", "disk_full"),
            alarm(80, "disk_full", raised=True),
        ],
        {"boot-1": 1000},
        until_s=100,
    )
    assert seconds(found.by_state) == {
        "starting": (10, 1), "running": (37, 2), "halted": (30, 1), "starting_again": (3, 1), "degraded": (20, 1),
    }  # fmt: skip
    assert seconds(found.by_cause) == {"camera_lost": (33, 1), "disk_full": (20, 1)}
    assert found.by_cause["camera_lost"].reason == "it is tried again"
    assert seconds(found.alarms) == {"camera_lost": (30, 1), "disk_full": (20, 1)}, "one is raised still"
    assert [(one.seconds, one.since_wall_s - T0, one.state) for one in found.longest] == [
        (30, 40, "halted"), (20, 80, "degraded"), (3, 70, "starting_again")
    ]  # fmt: skip


def test_after_a_death_without_a_farewell_nothing_is_known_until_the_next_run() -> None:
    events = [
        state(0, "running"),
        alarm(5, "disk_full", raised=True),
        state(50, "running", boot_id="boot-2"),
        state(60, "offline", boot_id="boot-2"),
        state(80, "running", boot_id="boot-3"),
    ]
    found = uptime(events, {"boot-1": 20, "boot-2": 60, "boot-3": 90}, until_s=100)
    assert seconds(found.by_state) == {"running": (40, 3), NOT_KNOWN: (40, 2), "offline": (20, 1)}
    assert seconds(found.alarms) == {"disk_full": (15, 1)}


def test_a_span_that_begins_later_knows_the_state_it_begins_in() -> None:
    events = [state(0, "running"), state(10, "halted", "camera_lost"), alarm(10, "camera_lost", raised=True)]
    found = uptime(events, {"boot-1": 100}, since_s=50, until_s=100)
    assert seconds(found.by_state) == {"halted": (50, 1)}
    assert seconds(found.alarms) == {"camera_lost": (50, 1)}
    assert seconds(uptime([], {}, until_s=60).by_state) == {NOT_KNOWN: (60, 1)}


STATES = ["starting", "ready", "running", "degraded", "halted", "offline"]


@given(
    st.lists(st.tuples(st.floats(-50, 150), st.sampled_from(STATES), st.integers(1, 3), st.booleans()), max_size=20),
    st.dictionaries(st.sampled_from(["boot-1", "boot-2", "boot-3"]), st.floats(-50, 150)),
)
def test_the_states_add_up_to_the_span_however_the_service_died(
    told: list[tuple[float, str, int, bool]], signs: dict[str, float]
) -> None:
    told.sort(key=lambda one: (one[2], one[0]))  # runs follow one another, and so do their events
    at = -50.0
    events = []
    for after, name, boot, alarmed in told:
        at = max(at, after)
        events.append(state(at, name, "a cause" if name == "halted" else None, f"boot-{boot}"))
        events.append(alarm(at, "a cause", f"boot-{boot}", raised=alarmed))
    found = uptime([one for one in events if one.at_wall_s < T0 + 100], signs, until_s=100)
    assert sum(one.seconds for one in found.by_state.values()) == pytest.approx(100, abs=1e-4)
    for one in (*found.by_cause.values(), *found.alarms.values()):
        assert one.seconds <= 100 + 1e-4
    assert all(one.state in FAULTY for one in found.longest)
