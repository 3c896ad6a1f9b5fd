from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorter.detectors import Detectors, LateStreak, LightDrift, MissedLooks, UnknownStreak
from sorter.line_reports import Heartbeat, LineStatus
from sorter.records import Lab, Verdict
from sorter.settings.fail_safe import FailSafeTable

GRAY = Lab(27.0, 0.0, -2.0)


def beat(processed: int = 0, given_up: int = 0, status: LineStatus = LineStatus.RUNNING, belt: Lab | None = None):
    return Heartbeat(status, "as asked", processed, given_up, 0, belt_lab=belt)


def test_three_late_products_in_a_row_are_an_overload_and_one_in_time_ends_it():
    streak = LateStreak(3)
    for verdict in (Verdict.LATE, Verdict.LATE, Verdict.ROUTED, Verdict.LATE, Verdict.LATE):
        streak.note(verdict)
        assert streak.reason is None
    streak.note(Verdict.LATE)
    assert "last 3 products" in streak.reason
    streak.note(Verdict.UNKNOWN)
    assert streak.reason is None


@given(st.lists(st.sampled_from(Verdict)))
def test_too_many_unknowns_hold_while_so_many_came_since_the_last_routed_one(verdicts):
    streak = UnknownStreak(3)
    for verdict in verdicts:
        streak.note(verdict)
    since = verdicts[max((place for place, one in enumerate(verdicts) if one is Verdict.ROUTED), default=-1) + 1 :]
    unknown = sum(one in {Verdict.UNKNOWN, Verdict.AMBIGUOUS} for one in since)
    assert (streak.reason is not None) == (unknown >= 3)


def test_looks_that_are_missed_for_five_seconds_are_an_overload_and_a_start_is_none():
    looks = MissedLooks()
    for number in range(100):  # 25 s: learning gives up whatever it likes
        looks.note(beat(number, 50 * number, LineStatus.LEARNING), number / 4)
    assert looks.reason is None
    processed = given_up = 0
    seen = []
    for number in range(100, 180):
        processed, given_up = processed + 1, given_up + (2 if number < 140 else 0)
        looks.note(beat(processed, given_up), number / 4)
        seen.append(looks.reason is not None)
    assert not any(seen[:20])
    assert seen[21]
    assert not seen[-1]
    assert seen == sorted(seen[:40]) + sorted(seen[40:], reverse=True)


def test_a_belt_of_another_color_than_at_the_start_is_a_drift_until_it_is_clearly_back():
    drift = LightDrift(6.0)
    for lightness, raised in ((27.0, False), (30.0, False), (40.0, True), (33.0, True), (28.0, False)):
        drift.note(GRAY._replace(lightness=lightness))
        assert (drift.reason is not None) is raised, lightness


def test_while_a_cause_lasts_its_first_words_stay():
    detectors = Detectors(FailSafeTable())
    detectors.note_heartbeat(beat(belt=GRAY), 0.0)
    assert detectors.troubles == {}
    detectors.note_heartbeat(beat(belt=GRAY._replace(lightness=45.0)), 1.0)
    words = detectors.troubles
    assert list(words) == ["light_drifted"]
    detectors.note_heartbeat(beat(belt=GRAY._replace(lightness=60.0)), 2.0)
    assert detectors.troubles == words
    detectors.note_heartbeat(beat(belt=GRAY), 3.0)
    assert detectors.troubles == {}
