from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorter.outputs.alarms import Alarms


def told(alarms: Alarms, *troubles: str, at_s: float = 0.0) -> list[tuple[str, bool, float]]:
    changes = alarms.follow({cause: f"because of {cause}" for cause in troubles}, at_s)
    assert all(one.reason == f"because of {one.cause}" for one in changes)
    return [(one.cause, one.raised, one.since_wall_s) for one in changes]


def test_an_alarm_is_raised_once_and_cleared_once_with_the_time_it_was_raised():
    alarms = Alarms()
    assert told(alarms, "camera_lost", at_s=1.0) == [("camera_lost", True, 1.0)]
    assert told(alarms, "camera_lost", at_s=2.0) == []
    assert told(alarms, at_s=3.0) == [("camera_lost", False, 1.0)]
    assert told(alarms, at_s=4.0) == []


def test_a_cause_that_gives_way_to_another_is_cleared_first():
    alarms = Alarms()
    told(alarms, "camera_lost", "latency_drift", at_s=1.0)
    assert told(alarms, "latency_drift", "film_ended", at_s=2.0) == [
        ("camera_lost", False, 1.0),
        ("film_ended", True, 2.0),
    ]


def test_an_edit_that_takes_the_place_of_another_is_an_alarm_of_its_own():
    alarms = Alarms()
    alarms.follow({"recipe_waits": "revision 2", "overloaded": "a"}, 1.0)
    changes = alarms.follow({"recipe_waits": "revision 3", "overloaded": "b"}, 2.0)
    assert [(one.cause, one.raised, one.reason) for one in changes] == [
        ("recipe_waits", False, "revision 2"),
        ("recipe_waits", True, "revision 3"),
    ]


@given(st.lists(st.sets(st.sampled_from("abc"))))
def test_whoever_reads_every_change_knows_what_is_raised(steps):
    alarms, known = Alarms(), set()
    for number, troubles in enumerate(steps):
        for cause, raised, _ in told(alarms, *sorted(troubles), at_s=float(number)):
            assert raised == (cause not in known), "told twice"
            (known.add if raised else known.remove)(cause)
        assert known == troubles
