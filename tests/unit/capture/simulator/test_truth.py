from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sorter.capture.simulator.truth import Schedule, truth
from sorter.errors import SourceError
from sorter.settings.site import SimulatorSource

PRODUCTS = (
    {"name": "red", "hex": "#b02a30", "shape": "disc", "length_mm": 40},
    {"name": "green", "hex": "#3c8a3f", "shape": "ellipse", "length_mm": 50, "width_mm": 30},
    {"name": "yellow", "hex": "#d8b42c", "shape": "hexagon", "length_mm": 50, "width_mm": 40},
    {"name": "white", "hex": "#e0ddd4", "shape": "box", "length_mm": 30, "width_mm": 40},
)


def belt(**changes: Any) -> SimulatorSource:
    return SimulatorSource.model_validate({"kind": "simulator", "products": PRODUCTS, "lanes": 2} | changes)


def test_the_first_product_enters_after_the_lead_in() -> None:
    schedule = truth(belt(lanes=1, lead_in_s=1.5), 0)
    first = schedule.products_between(0, 10)[0]
    assert (first.index, first.enters_s) == (0, 1.5)
    x, _ = schedule.center_px(first, 1.5)
    assert x + first.length_px / 2 == pytest.approx(-0.5)  # its leading edge on the edge of the picture
    assert schedule.products_between(0, 1.49) == ()


def test_a_product_moves_at_the_belt_speed() -> None:
    schedule = truth(belt(belt_speed_mm_per_s=100, mm_per_px=0.25), 90)
    product = schedule.products_between(0, 5)[0]
    x0, y0 = schedule.center_px(product, 3.0)
    x1, y1 = schedule.center_px(product, 3.5)
    assert x1 == pytest.approx(x0)
    assert y1 - y0 == pytest.approx(200)


def test_equal_settings_give_the_same_products_whatever_was_asked_before() -> None:
    there, here = truth(belt(), 30), truth(belt(), 30)
    there.products_between(500, 510)
    assert there.products_between(20, 40) == here.products_between(20, 40)
    assert here.products_between(20, 40) != truth(belt(seed=2), 30).products_between(20, 40)


def lanes(schedule: Schedule, from_s: float, to_s: float) -> list[list[Any]]:
    products = schedule.products_between(from_s, to_s)
    return [[p for p in products if p.lane == lane] for lane in sorted({p.lane for p in products})]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(-(2**70), 2**70),
    lane_count=st.integers(1, 4),
    gap_mm=st.floats(0, 300),
    direction_deg=st.sampled_from([0.0, 90.0, 180.0, 270.0, -90.0]),
)
def test_gaps_lie_between_one_and_two_and_lanes_do_not_touch(
    seed: int, lane_count: int, gap_mm: float, direction_deg: float
) -> None:
    chosen = belt(seed=seed, lanes=lane_count, gap_mm=gap_mm)
    schedule = truth(chosen, direction_deg)
    speed, gap_px = schedule.belt.speed_px_per_s, gap_mm / chosen.mm_per_px
    found = lanes(schedule, 0, 15)
    assert len(found) == lane_count
    for number, lane in enumerate(found):
        assert [p.index for p in lane] == [number + lane_count * place for place in range(len(lane))]
        for ahead, behind in pairwise(lane):
            gap = (behind.enters_s - ahead.enters_s) * speed - ahead.length_px
            assert gap_px - 1e-6 <= gap <= 2 * gap_px + 1e-6
    for one, other in pairwise(found):
        assert max(p.across_px + p.width_px / 2 for p in one) < min(p.across_px - p.width_px / 2 for p in other)


@settings(max_examples=60, deadline=None)
@given(st.floats(-360, 360), st.floats(0, 60))
@example(-314.0, 55.75)  # in a corner the upright rectangle would be seen before the product enters
def test_products_between_agrees_with_when_each_is_visible(direction_deg: float, at_s: float) -> None:
    schedule = truth(belt(lanes=1), direction_deg)
    wide = [
        p for p in schedule.products_between(0, 80) if (span := schedule.visible_s(p)) and span[0] <= at_s <= span[1]
    ]
    assert list(schedule.products_between(at_s, at_s)) == wide
    for product in wide:
        x, y = schedule.center_px(product, at_s)
        reach = (product.length_px + product.width_px) / 2
        assert -reach - 1 <= x <= 960 + reach
        assert -reach - 1 <= y <= 540 + reach


def test_a_product_is_whole_while_its_rectangle_is_in_the_picture() -> None:
    schedule = truth(belt(), 0)
    product = schedule.products_between(0, 10)[0]
    whole, visible = schedule.whole_s(product), schedule.visible_s(product)
    assert whole is not None
    assert visible is not None
    assert visible.first_s < whole.first_s < whole.last_s < visible.last_s
    x, _ = schedule.center_px(product, whole.first_s)
    assert x - product.length_px / 2 == pytest.approx(-0.5)
    x, _ = schedule.center_px(product, whole.last_s)
    assert x + product.length_px / 2 == pytest.approx(959.5)


def test_lanes_too_narrow_for_the_products_are_refused() -> None:
    with pytest.raises(SourceError, match="too narrow for 8 lanes of products up to"):
        truth(belt(lanes=8), 0)


def test_a_day_of_products_is_found_without_counting_from_the_first() -> None:
    schedule = truth(belt(gap_mm=2000), 0)
    late = schedule.products_between(20_000, 20_010)
    assert late
    assert all(math.isfinite(p.enters_s) for p in late)
