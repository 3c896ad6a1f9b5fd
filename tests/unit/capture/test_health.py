from __future__ import annotations

from collections.abc import Callable

import pytest

from sorter.capture.guards.chain import Fault, Finding
from sorter.capture.health import Grade, Health
from sorter.capture.link import Link, Patience
from sorter.errors import SourceError, SourceRefusedError


@pytest.fixture
def link() -> Link:
    one = Link("rtsp://cam/a", Patience(1.0, 3.0, 7.0), 0.0)
    one.picture(0.0)
    return one


def seen(seconds: float = 12.0, spoil: Callable[[int], bool] = lambda _number: False) -> Health:
    """What became of pictures at 30 a second, each 40 ms old."""
    health = Health(max_gap_s=1.0, max_age_s=1.0, now_s=0.0)
    for number in range(round(seconds * 30)):
        if spoil(number):
            health.unfit(Finding(Fault.CORRUPT, "smeared"), number / 30)
        else:
            health.sound(0.04, number / 30)
    return health


def test_sound_pictures_are_excellent(link: Link) -> None:
    health = seen()
    assert health.grade(link, 12.0) == (Grade.EXCELLENT, "pictures come sound and in time")
    assert health.blindness(link, 12.0) is None
    assert health.unfit_share(12.0) == 0.0


@pytest.mark.parametrize(("every", "grade"), [(100, Grade.FAIR), (10, Grade.POOR)])
def test_unfit_pictures_lower_the_grade_and_it_says_why(link: Link, every: int, grade: Grade) -> None:
    found, reason = seen(spoil=lambda number: number % every == 0).grade(link, 12.0)
    assert found is grade
    assert "pictures in 10 s were unfit" in reason
    assert "corrupt" in reason


def test_what_is_long_over_no_longer_counts(link: Link) -> None:
    health = seen(4.0, lambda number: number % 2 == 0)
    for number in range(120, 600):
        health.sound(0.04, number / 30)
    assert health.grade(link, 20.0)[0] is Grade.EXCELLENT


@pytest.mark.parametrize(
    ("worsen", "words"),
    [
        (lambda health: health.sound(0.5, 12.0), "late"),
        (lambda health: health.sound(0.04, 12.5), "gaps"),
        (lambda health: health.given_up(60, 12.0), "too busy"),
    ],
)
def test_pictures_late_with_gaps_or_given_up_are_fair(link: Link, worsen: Callable[[Health], None], words: str) -> None:
    health = seen()
    worsen(health)
    grade, reason = health.grade(link, 12.5)
    assert grade is Grade.FAIR
    assert words in reason


def test_a_fault_blinds_once_it_has_lasted_and_its_first_words_stay(link: Link) -> None:
    health = seen()
    health.unfit(Finding(Fault.DARK, "dark"), 12.3)
    assert health.blindness(link, 12.3) is None
    health.unfit(Finding(Fault.DARK, "still dark"), 13.1)
    health.unfit(Finding(Fault.DARK, "darker"), 13.2)
    blind = health.blindness(link, 13.2)
    assert blind is not None
    assert (blind.cause, blind.reason) == ("picture_dark", "darker")
    health.unfit(Finding(Fault.DARK, "as dark as ever"), 13.3)
    assert health.blindness(link, 13.3) == blind
    health.sound(0.04, 13.4)
    assert health.blindness(link, 13.4) is None


def test_a_frozen_picture_blinds_at_once(link: Link) -> None:
    health = seen()
    health.unfit(Finding(Fault.FROZEN, "frozen"), 12.0)
    blind = health.blindness(link, 12.0)
    assert blind is not None
    assert blind.cause == "picture_frozen"


def test_the_cause_stays_while_a_stream_that_came_back_is_watched(link: Link) -> None:
    health = seen()
    link.failed(SourceError("the stream ended"), 12.0)
    lost = health.blindness(link, 12.5)
    link.may_open(12.5)
    link.picture(14.0)
    health.unfit(Finding(Fault.GAP, "watched"), 14.0)
    assert health.blindness(link, 14.0) == lost
    assert health.behind


def test_a_stream_that_has_just_begun_is_given_its_time() -> None:
    health, late = Health(1.0, 1.0, 0.0), Link("rtsp://cam/a", Patience(1.0, 3.0, 7.0), 0.0)
    late.picture(5.0)
    health.unfit(Finding(Fault.GAP, "watched"), 5.0)
    assert health.blindness(late, 5.9) is None
    health.unfit(Finding(Fault.GAP, "watched"), 6.1)
    assert health.blindness(late, 6.1) is not None


def test_a_refusal_has_a_cause_of_its_own(link: Link) -> None:
    health = seen()
    link.failed(SourceRefusedError("wrong password"), 12.0)
    blind = health.blindness(link, 12.0)
    assert blind is not None
    assert (blind.cause, blind.reason) == ("camera_refused", "wrong password")
    assert health.grade(link, 12.0) == (Grade.UNUSABLE, "wrong password")


def test_silence_is_stale(link: Link) -> None:
    health = seen()
    link.picture(12.0)
    link.watch(13.1)
    blind = health.blindness(link, 13.1)
    assert blind is not None
    assert blind.cause == "picture_stale"


def test_a_picture_that_repeats_for_a_while_is_no_blindness(link: Link) -> None:
    health = seen()
    for number in range(45):
        health.repeated(12 + number / 30)
    assert health.blindness(link, 13.5) is None
    assert health.blind_s(13.5) < 0.1
