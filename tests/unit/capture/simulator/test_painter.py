from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.texture import blur_kernel
from sorter.capture.simulator.truth import truth
from sorter.color.difference import ciede2000
from sorter.color.lab import bgr_to_lab, rgb_to_lab
from sorter.settings.site import SimulatorSource

PRODUCTS = (
    {"name": "red", "hex": "#b02a30", "shape": "disc", "length_mm": 40},
    {"name": "green", "hex": "#3c8a3f", "shape": "ellipse", "length_mm": 50, "width_mm": 30},
    {"name": "yellow", "hex": "#d8b42c", "shape": "hexagon", "length_mm": 50, "width_mm": 40},
    {"name": "blue", "hex": "#2a50b0", "shape": "box", "length_mm": 30, "width_mm": 40},
)
BARE = {"texture": 0, "shading": 0, "noise": 0, "glare": 0, "exposure_s": 0}


def belt(**changes: Any) -> SimulatorSource:
    base = {"kind": "simulator", "products": PRODUCTS, "width_px": 480, "height_px": 360, "lanes": 2, "lead_in_s": 0}
    return SimulatorSource.model_validate(base | changes)


def painter(settings: SimulatorSource, direction_deg: float = 0) -> Painter:
    return Painter(settings, truth(settings, direction_deg))


def colorful(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    lab = bgr_to_lab(image)
    return np.asarray((np.hypot(lab[..., 1], lab[..., 2]) > 15) * 255, np.uint8)


@pytest.mark.parametrize("direction_deg", [0, 90, 180, 270, 30, -135])
@pytest.mark.parametrize("changes", [BARE, {}], ids=["bare", "as drawn"])
def test_products_are_drawn_where_truth_says(direction_deg: float, changes: dict[str, Any]) -> None:
    settings = belt(**changes, lanes=1 if direction_deg % 90 else 2)
    schedule, drawn = truth(settings, direction_deg), painter(settings, direction_deg)
    seen = 0
    for number in range(20, 200, 7):
        at_s = number / settings.frame_rate_hz
        whole = [p for p in schedule.products_between(at_s, at_s) if _within(schedule.whole_s(p), at_s)]
        _, _, stats, centers = cv2.connectedComponentsWithStats(colorful(drawn.paint(number)))
        blobs = centers[1:][stats[1:, cv2.CC_STAT_AREA] > 200]
        for product in whole:
            distances = np.hypot(*(blobs - schedule.center_px(product, at_s)).T)
            assert distances.min() < (0.5 if changes is BARE else 3.0), (number, product)
            seen += 1
    assert seen >= 10


def _within(span: Any, at_s: float) -> bool:
    return span is not None and span.first_s + 0.05 < at_s < span.last_s - 0.05


def test_the_extents_of_truth_are_those_drawn() -> None:
    settings = belt(**BARE)
    schedule, drawn = truth(settings, 0), painter(settings)
    for product in schedule.products_between(0, 6):
        whole = schedule.whole_s(product)
        assert whole is not None
        number = round((whole.first_s + whole.last_s) / 2 * settings.frame_rate_hz)
        center = schedule.center_px(product, number / settings.frame_rate_hz)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(colorful(drawn.paint(number)))
        label = labels[round(center[1]), round(center[0])]
        assert label > 0
        assert stats[label, cv2.CC_STAT_WIDTH] == pytest.approx(product.length_px, abs=3)
        assert stats[label, cv2.CC_STAT_HEIGHT] == pytest.approx(product.width_px, abs=3)


@pytest.mark.parametrize("direction_deg", [0, 90, 45])
def test_a_frame_is_the_same_bytes_whatever_was_drawn_before(direction_deg: float) -> None:
    settings = belt(lanes=1)
    one, other = painter(settings, direction_deg), painter(settings, direction_deg)
    for number in (3, 77, 12):
        other.paint(number)
    assert np.array_equal(one.paint(40), other.paint(40))
    assert not np.array_equal(one.paint(40), one.paint(41))
    assert not np.array_equal(one.paint(40), painter(belt(lanes=1, seed=2), direction_deg).paint(40))


@pytest.mark.parametrize("direction_deg", [0, 90, 45])
def test_a_frame_has_the_size_of_the_settings(direction_deg: float) -> None:
    image = painter(belt(lanes=1, width_px=321, height_px=243), direction_deg).paint(0)
    assert image.shape == (243, 321, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


def test_the_middle_color_of_a_product_is_that_of_the_settings() -> None:
    settings = belt(shading=0, lanes=1)
    schedule, drawn = truth(settings, 0), painter(settings)
    differences = []
    for product in schedule.products_between(0, 12):
        whole = schedule.whole_s(product)
        assert whole is not None
        number = round((whole.first_s + whole.last_s) / 2 * settings.frame_rate_hz)
        x, y = schedule.center_px(product, number / settings.frame_rate_hz)
        patch = drawn.paint(number)[round(y) - 4 : round(y) + 9, round(x) - 4 : round(x) + 9]
        lab = np.median(bgr_to_lab(patch).reshape(-1, 3), axis=0)
        value = int(settings.products[product.kind].hex[1:], 16)
        asked = rgb_to_lab(value >> 16, value >> 8 & 255, value & 255)
        differences.append(float(ciede2000(lab[None], np.array([asked]))[0]))
    assert len(differences) > 10
    assert max(differences) < 4
    assert np.mean(differences) < 2.5


def test_pieces_of_one_kind_differ_a_little() -> None:
    settings = belt(**BARE, products=PRODUCTS[:1], lanes=1)
    schedule, drawn = truth(settings, 0), painter(settings)
    colors = []
    for product in schedule.products_between(0, 12):
        at_s = product.enters_s + 0.5
        number = round(at_s * settings.frame_rate_hz)
        x, y = schedule.center_px(product, number / settings.frame_rate_hz)
        colors.append(bgr_to_lab(drawn.paint(number)[round(y), round(x)]))
    spread = ciede2000(np.array(colors), np.mean(colors, axis=0)[None])
    assert 0 < spread.max() < 2.5


def test_the_light_drifts_by_what_is_asked() -> None:
    settings = belt(**BARE, light_drift_per_min=-0.5, lead_in_s=60)
    drawn = painter(settings)
    begin, end = drawn.paint(0).mean(), drawn.paint(30 * 59).mean()
    assert end / begin == pytest.approx((1 - 0.5 * 59 / 60) ** (1 / 2.2), rel=0.02)


def test_the_settings_of_the_look_do_what_they_say() -> None:
    empty = {"lead_in_s": 60}
    plain = painter(belt(**BARE, **empty)).paint(5)
    assert np.ptp(plain.reshape(-1, 3).astype(int), axis=0).max() <= 40  # but for the seams, one color
    noisy = painter(belt(**(BARE | empty | {"noise": 1}))).paint(5).astype(int) - plain
    assert noisy.std() == pytest.approx(8, rel=0.1)
    dark = painter(belt(**(BARE | empty | {"shading": 1}))).paint(5)
    assert dark[:8, :8].mean() < 0.5 * dark[176:184, 236:244].mean()
    textured = painter(belt(**(BARE | empty | {"texture": 1}))).paint(5)
    assert textured.std() > 1.5 * plain.std()


def test_the_belt_moves_with_its_products() -> None:
    settings = belt(**(BARE | {"texture": 1}), lead_in_s=60, belt_speed_mm_per_s=150)  # 10 px a frame
    drawn = painter(settings)
    before, after = drawn.paint(10), drawn.paint(11)
    assert np.abs(before[:, :-10].astype(int) - after[:, 10:]).max() <= 1


@pytest.mark.parametrize(("length_px", "shift_px"), [(0.0, 0.0), (0.0, 0.3), (6.5, -0.4), (20.0, 0.5)])
def test_the_blur_keeps_light_and_moves_it_by_its_shift(length_px: float, shift_px: float) -> None:
    line = np.zeros((1, 101), np.float32)
    line[0, 50] = 1
    smeared = cv2.filter2D(line, -1, blur_kernel(length_px, shift_px))[0]
    places = np.arange(101)
    assert smeared.sum() == pytest.approx(1, abs=1e-5)
    assert (smeared * places).sum() == pytest.approx(50 + shift_px, abs=1e-3)
    assert np.count_nonzero(smeared > 1e-6) <= length_px + 3
