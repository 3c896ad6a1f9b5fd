from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sorter.capture.guards.chain import Fault, Guards
from sorter.capture.guards.frozen import FrozenGuard
from sorter.capture.guards.gap import GapGuard, too_old
from sorter.capture.guards.light import too_bright, too_dark
from sorter.capture.guards.probe import Probe
from sorter.records import Frame
from sorter.settings.guards import GuardSettings

RATE_HZ = 30.0
Image = NDArray[np.uint8]


def belt(number: int, size: tuple[int, int] = (180, 320), level: int = 90, noise: float = 2.0) -> Image:
    """A textured belt that moves, with a sensor's noise."""
    random = np.random.default_rng(number)
    height, width = size
    x, y = np.meshgrid(np.arange(width) - 4 * number, np.arange(height))
    weave = 12 * np.sin(x / 3.0) * np.sin(y / 4.0)
    image = level + weave[..., None] + random.normal(0, noise, (height, width, 3))
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def frame(image: Image, number: int, late_s: float = 0.0) -> Frame:
    at_s = 100 + number / RATE_HZ
    return Frame(image, number, at_s, arrived_at_s=at_s + late_s, pts_s=number / RATE_HZ)


class Watched:
    """Guards, and what they said of each picture."""

    def __init__(self, settings: GuardSettings | None = None) -> None:
        self.guards = Guards(settings or GuardSettings())
        self.guards.begin()
        self.faults: list[Fault | None] = []
        self.reasons: list[str] = []
        self.number = 0

    def show(self, draw: Callable[[int], Image], count: int) -> list[Fault | None]:
        shown = []
        for _ in range(count):
            one = frame(draw(self.number), self.number)
            finding = self.guards.check(one, one.arrived_at_s or 0.0)
            shown.append(None if finding is None else finding.fault)
            self.reasons += [] if finding is None else [finding.reason]
            self.number += 1
        self.faults += shown
        return shown


@pytest.fixture
def watched() -> Watched:
    """Guards that have seen a second of a sound belt."""
    one = Watched()
    one.show(belt, 30)
    return one


def test_a_sound_belt_passes_once_its_stream_is_known_to_be_live(watched: Watched) -> None:
    assert watched.faults[0] is Fault.GAP
    first = watched.faults.index(None)
    assert 3 <= first <= 6
    assert set(watched.faults[first:]) == {None}


def test_a_product_of_one_flat_color_that_fills_most_of_the_picture_is_no_fault(watched: Watched) -> None:
    def with_product(number: int) -> Image:
        image = belt(number)
        end = int(4 * (number - 30))
        image[10:170, max(0, end - 250) : max(0, end)] = (40, 60, 200)
        return image

    assert set(watched.show(with_product, 140)) == {None}


@pytest.mark.parametrize(
    ("spoil", "fault", "words"),
    [
        (lambda image: np.full_like(image, 4), Fault.DARK, "dark"),
        (lambda image: np.full_like(image, 255), Fault.OVEREXPOSED, "overexposed"),
        (lambda image: np.concatenate([image[:90], np.repeat(image[90:91], 90, 0)]), Fault.CORRUPT, "smeared"),
        (
            lambda image: np.concatenate([image[:150], np.full_like(image[150:], 130)]),
            Fault.CORRUPT,
            "filled in by the decoder",
        ),
        (
            lambda image: np.concatenate([image[:120], np.full_like(image[120:], 0) + np.uint8([0, 135, 0])]),
            Fault.CORRUPT,
            "filled in by the decoder",
        ),
        (lambda image: np.full_like(image, 90) + image[:1, :1] % 3, Fault.CORRUPT, "lost its detail"),
        (lambda image: image[::2, ::2], Fault.CORRUPT, "changed from 320 x 180 to 160 x 90 pixels"),
    ],
)
def test_a_spoilt_picture_is_told_and_the_next_sound_one_passes(
    watched: Watched, spoil: Callable[[Image], Image], fault: Fault, words: str
) -> None:
    assert watched.show(lambda number: spoil(belt(number)), 1) == [fault]
    assert words in watched.reasons[-1]
    assert watched.show(belt, 3) == [None] * 3


def test_a_picture_that_stays_spoilt_never_becomes_the_norm(watched: Watched) -> None:
    smeared = watched.show(lambda number: np.repeat(belt(number)[:1], 180, 0), 20 * 30)
    assert set(smeared) == {Fault.CORRUPT}


def test_a_plain_scene_that_stays_is_taken_for_a_new_one(watched: Watched) -> None:
    plain = watched.show(lambda number: belt(number, noise=0.6)[:1, :1] + np.zeros_like(belt(0)), 15 * 30)
    assert plain[0] is Fault.CORRUPT
    assert plain[-1] is None


def test_a_belt_that_is_striped_and_flat_by_itself_is_no_fault() -> None:
    def stripes(number: int) -> Image:
        image = np.repeat(belt(number, noise=0)[:1], 180, 0)
        image[60:120] = 130
        image[:, number % 320] = (0, 0, 255)
        return image

    watched = Watched()
    watched.show(stripes, 60)
    assert set(watched.faults[6:]) == {None}


def test_the_same_picture_is_frozen_once_it_has_lasted_and_moves_again() -> None:
    guard, image = FrozenGuard(1.0), belt(0)
    told = [guard.check(Probe(one), one) for one in (frame(image, number) for number in range(60))]
    assert told.index(next(word for word in told if word)) == 30
    assert guard.repeats
    assert guard.still_since_s == 100.0
    moved = frame(belt(60), 60)
    assert guard.check(Probe(moved), moved) is None
    assert not guard.repeats
    assert guard.still_since_s == moved.captured_at_s


def test_a_burst_after_a_gap_is_not_believed_until_it_is_over() -> None:
    guard = GapGuard(1.0)
    guard.begin()
    for number in range(60):
        one = frame(belt(0), number)
        guard.check(one, one.arrived_at_s or 0.0)
    resumed_s = 100 + 150 / RATE_HZ
    # Pictures 60 to 149 were held up for three seconds and arrive at once; from 150 on they come as they are taken.
    burst = [guard.check(frame(belt(0), number), resumed_s + 0.001 * (number - 60)) for number in range(60, 150)]
    assert all(burst)
    live = [guard.check(frame(belt(0), n), 100 + n / RATE_HZ + 0.1) for n in range(150, 170)]
    assert live[0]
    assert live[-1] is None


def test_a_slow_camera_is_live_too() -> None:
    guard = GapGuard(1.0)
    guard.begin()
    told = [guard.check(Frame(belt(0), n, 100 + n / 5, pts_s=n / 5), 100 + n / 5) for n in range(6)]
    assert told[-1] is None


def test_a_source_without_time_stamps_is_judged_by_its_usual_pace() -> None:
    guard = GapGuard(1.0)
    guard.begin()
    times_s = [n / RATE_HZ for n in range(30)]
    assert [guard.check(Frame(belt(0), 0, t), t) for t in times_s][-1] is None
    burst = [guard.check(Frame(belt(0), 0, 5 + n * 1e-3), 5 + n * 1e-3) for n in range(8)]
    assert all(burst)
    assert [guard.check(Frame(belt(0), 0, 6 + t), 5.1 + t) for t in times_s][-1] is None


def test_dark_and_bright_belts_are_no_faults() -> None:
    assert too_dark(Probe(frame(belt(0, level=20), 0)), 20) is None
    assert too_bright(Probe(frame(belt(0, level=232), 0)), 0.5) is None
    assert too_dark(Probe(frame(belt(0) * 0, 0)), 0) is None
    assert too_bright(Probe(frame(belt(0) * 0 + 255, 0)), 1.0) is None


def test_a_camera_that_switches_to_its_night_mode_is_told(watched: Watched) -> None:
    watched.show(belt, 150)
    assert watched.show(lambda number: np.repeat(belt(number)[..., 1:2], 3, axis=2), 300) == [Fault.CORRUPT] * 300
    assert "lost its color" in watched.reasons[-1]
    assert watched.show(belt, 1) == [None]


def test_a_gray_belt_whose_products_alone_have_color_is_no_fault() -> None:
    def gray(number: int) -> Image:
        image = np.repeat(belt(number)[..., 1:2], 3, axis=2)
        if number % 60 > 30:
            image[40:100, 100:160] = (40, 60, 200)
        return image

    watched = Watched()
    watched.show(gray, 200)
    assert set(watched.faults[6:]) == {None}


def test_age_has_a_limit() -> None:
    assert too_old(0.9, 1.0) is None
    assert "1.5 s old" in (too_old(1.5, 1.0) or "")


@pytest.mark.parametrize("size", [(8, 8), (9, 17), (16, 400), (1080, 1920), (500, 12)])
def test_pictures_of_any_size_can_be_looked_at(size: tuple[int, int]) -> None:
    watched = Watched()
    watched.show(lambda number: belt(number, size), 12)
    assert watched.faults[-1] is None
