"""When misses are an alarm."""

from __future__ import annotations

import pytest

from sorter.triggers.streak import Streak, Unbroken


@pytest.mark.parametrize(
    ("notes", "raised"),
    [
        ("", False),
        ("..", False),
        ("xx", False),
        ("xxx", True),
        ("xx.xx.xx", False),
        ("xxx..", True),
        ("xxx...", False),
        ("xxx..x..x..", True),
        ("...xxx", True),
        ("xxx...xx", False),
    ],
)
def test_three_misses_in_a_row_raise_and_three_matches_in_a_row_clear(notes, raised):
    streak = Streak()
    for one in notes:
        streak.note(matched=one == ".")
    assert streak.raised is raised


def test_only_what_came_after_the_last_break_is_covered():
    since = Unbroken()
    assert not since.covers(1e9)
    since.note(holds=True, now_s=10.0)
    since.note(holds=True, now_s=11.0)
    assert [since.covers(at_s) for at_s in (9.9, 10.0, 12.0)] == [False, True, True]
    since.note(holds=False, now_s=12.0)
    since.note(holds=True, now_s=13.0)
    assert [since.covers(at_s) for at_s in (12.0, 13.0)] == [False, True]
