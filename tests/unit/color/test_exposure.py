from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.color.exposure import brightened_to, in_light_of
from sorter.color.lab import srgb_to_lab

LINEAR = st.tuples(*[st.floats(0.001, 1)] * 3)


def lab_of_linear(linear: np.ndarray) -> np.ndarray:
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return srgb_to_lab(encoded).astype(np.float64)


@given(LINEAR, st.floats(0.2, 1))
def test_a_color_in_less_light_is_found_again_in_the_light_it_had(linear: tuple[float, ...], light: float) -> None:
    lit, dim = lab_of_linear(np.array(linear)), lab_of_linear(np.array(linear) * light)
    np.testing.assert_allclose(in_light_of(dim, lit, 5.0), lit, atol=2e-3)
    np.testing.assert_allclose(in_light_of(lit, dim, 5.0), dim, atol=2e-3)
    np.testing.assert_allclose(brightened_to(dim.tolist(), float(lit[0]), 5.0), lit, atol=2e-3)


@given(LINEAR)
def test_light_changes_no_more_than_it_may(linear: tuple[float, ...]) -> None:
    lit = lab_of_linear(np.array(linear) / 8)
    np.testing.assert_allclose(
        in_light_of(lit, np.array([100.0, 0, 0]), 2.0), lab_of_linear(np.array(linear) / 4), atol=2e-3
    )


def test_what_is_brighter_already_is_not_brightened() -> None:
    assert brightened_to((60.0, 20.0, -10.0), 40.0, 4.0) == pytest.approx((60.0, 20.0, -10.0))


def test_black_stays_black() -> None:
    assert brightened_to((0.0, 0.0, 0.0), 50.0, 8.0) == pytest.approx((0.0, 0.0, 0.0))
    assert in_light_of(np.zeros((2, 3)), np.full((2, 3), 50.0), 8.0) == pytest.approx(0)


def test_many_are_shown_in_the_light_of_many() -> None:
    labs = np.random.default_rng(1).uniform((5, -50, -50), (95, 50, 50), (4, 3))
    table = in_light_of(labs[:, None], labs[None], 3.0)
    assert table.shape == (4, 4, 3)
    np.testing.assert_allclose(table[2, 1], in_light_of(labs[2], labs[1], 3.0))
    np.testing.assert_allclose(table[np.arange(4), np.arange(4)], labs, atol=1e-9)
