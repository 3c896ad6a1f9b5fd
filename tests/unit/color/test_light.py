from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.color.lab import rgb_to_lab
from sorter.color.light import in_light_of, light_of

channels = st.tuples(*[st.integers(0, 255)] * 3)


def lit(lab: tuple[float, ...], wanted: float, most: float) -> list[float]:
    return in_light_of(np.array([lab]), np.array([wanted]), np.array([most]))[0].tolist()


@pytest.mark.parametrize(("lightness", "light"), [(0, 0), (8, 0.008856), (50, 0.184187), (100, 1)])
def test_lightness_is_light(lightness: float, light: float) -> None:
    assert light_of(np.array([lightness]))[0] == pytest.approx(light, abs=1e-6)


@given(channels)
def test_a_color_in_its_own_light_is_itself(rgb: tuple[int, int, int]) -> None:
    lab = rgb_to_lab(*rgb)
    assert lit(lab, float(light_of(np.array(lab[:1]))[0]), 16) == pytest.approx(lab, abs=1e-9)
    assert lit(lab, 0.5, 1) == pytest.approx(lab, abs=1e-9)


@given(channels.filter(any), st.floats(0, 1))
def test_light_changes_no_more_than_it_may(rgb: tuple[int, int, int], wanted: float) -> None:
    lab = rgb_to_lab(*rgb)
    before = light_of(np.array(lab[:1]))[0]
    after = light_of(np.array(lit(lab, wanted, 2)[:1]))[0]
    assert after == pytest.approx(np.clip(wanted, before / 2, before * 2), abs=1e-9)


def test_more_light_makes_a_color_lighter_and_more_vivid_and_keeps_its_hue() -> None:
    lightness, a, b = lit((40, 30, 20), 1.0, 2)
    assert lightness > 40
    assert a / 30 == pytest.approx(b / 20) == pytest.approx((lightness + 16) / 56)


def test_black_stays_black() -> None:
    assert lit((0, 0, 0), 1, 16) == pytest.approx([0, 0, 0], abs=1e-9)
