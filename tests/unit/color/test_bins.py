from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.color.bins import Bins, bin_color
from sorter.color.difference import ciede2000
from sorter.color.lab import lab_to_hex, rgb_to_lab
from sorter.records import Lab, RunnerUp
from sorter.settings.bins import BinSettings
from sorter.settings.recipe import Recipe

FALLBACK = {"unknown": "reject", "ambiguous": "reject", "late": "reject", "invalid": "reject"}


def bins_of(*bins: dict[str, Any]) -> Bins:
    settings = [{"tolerance": 8, "branch": f"to {one['name']}"} | one for one in bins]
    return Bins.of(Recipe.model_validate({"name": "r", "bins": settings, "fallback": FALLBACK}))


RED = {"name": "red", "lab": [40, 60, 38]}
ORANGE = {"name": "orange", "lab": [66, 34, 62]}
GREEN = {"name": "green", "lab": [55, -45, 32]}


def test_a_color_is_matched_to_the_nearest_bin_with_its_runner_up() -> None:
    match = bins_of(GREEN, ORANGE, RED).match(Lab(41, 58, 37))
    assert (match.bin, match.branch, match.tolerance, match.bins_in_reach) == ("red", "to red", 8, 1)
    assert match.delta_e == pytest.approx(float(ciede2000(np.array([41, 58, 37]), np.array([40, 60, 38]))))
    apart = float(ciede2000(np.array([41, 58, 37]), np.array([66, 34, 62])))
    assert match.runner_up == RunnerUp("orange", pytest.approx(apart))
    assert match.margin == pytest.approx(apart - match.delta_e)


def test_a_color_out_of_every_reach_still_names_the_nearest_bin() -> None:
    match = bins_of(RED, ORANGE, GREEN).match(Lab(5, 0, 0))
    assert match.bins_in_reach == 0
    assert match.delta_e > match.tolerance


def test_one_bin_has_no_runner_up_and_no_margin() -> None:
    match = bins_of(RED).match(Lab(40, 60, 38))
    assert (match.bin, match.delta_e, match.runner_up, match.margin) == ("red", 0, None, None)


def test_the_reach_includes_the_tolerance_itself() -> None:
    gray = bins_of({"name": "gray", "lab": [55, 0, 0], "tolerance": 10})
    # On the gray axis about a mean L* of 50, CIEDE2000 is the difference of L*.
    at_the_edge = gray.match(Lab(45, 0, 0))
    assert at_the_edge.delta_e == pytest.approx(10, abs=1e-12)
    assert gray.match(Lab(45.001, 0, 0)).bins_in_reach == 1
    assert gray.match(Lab(44.9, 0, 0)).bins_in_reach == 0


def test_a_bin_that_reaches_the_color_goes_before_a_nearer_one_that_does_not() -> None:
    narrow = {"name": "narrow", "lab": [50, 0, 0], "tolerance": 1}
    wide = {"name": "wide", "lab": [40, 0, 0], "tolerance": 20}
    match = bins_of(narrow, wide).match(Lab(48, 0, 0))
    assert (match.bin, match.bins_in_reach) == ("wide", 1)
    assert match.runner_up is not None
    assert match.runner_up.bin == "narrow"
    assert match.margin is not None
    assert match.margin < 0


@pytest.mark.parametrize("written", [{"hex": "#2E9e4f"}, {"rgb": [46, 158, 79]}])
def test_hex_and_rgb_and_lab_mean_the_same_color(written: dict[str, Any]) -> None:
    as_lab = rgb_to_lab(46, 158, 79)
    settings = BinSettings.model_validate({"name": "g", "tolerance": 5, "branch": "b"} | written)
    assert bin_color(settings) == as_lab
    match = bins_of({"name": "g", "lab": list(as_lab)}, {"name": "h"} | written).match(as_lab)
    assert match.margin == 0


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_a_bin_written_in_any_way_matches_its_own_color_exactly(rgb: tuple[int, int, int]) -> None:
    color = rgb_to_lab(*rgb)
    for written in ({"rgb": rgb}, {"hex": lab_to_hex(color)}, {"lab": color}):
        assert bins_of({"name": "one"} | written).match(color).delta_e == 0


@st.composite
def recipes(draw: st.DrawFn) -> list[dict[str, Any]]:
    channel = st.integers(0, 255)
    colors = draw(st.lists(st.tuples(channel, channel, channel), min_size=1, max_size=6))
    return [
        {"name": f"bin {number}", "rgb": rgb, "tolerance": draw(st.floats(0.5, 60))}
        for number, rgb in enumerate(colors)
    ]


@given(recipes(), st.randoms(), st.tuples(*[st.integers(0, 255)] * 3))
def test_the_order_in_the_file_decides_nothing(bins: list[dict[str, Any]], random: Any, rgb: tuple[int, ...]) -> None:
    shuffled = list(bins)
    random.shuffle(shuffled)
    color = rgb_to_lab(*rgb)
    assert bins_of(*shuffled).match(color) == bins_of(*bins).match(color)


def test_equal_bins_go_by_name_whatever_their_order() -> None:
    one, other = {"name": "a", "lab": [40, 60, 38]}, {"name": "b", "lab": [40, 60, 38]}
    for bins in ((one, other), (other, one)):
        match = bins_of(*bins).match(Lab(42, 55, 30))
        assert (match.bin, match.bins_in_reach, match.margin) == ("a", 2, 0)


@given(recipes(), st.tuples(*[st.integers(0, 255)] * 3))
def test_the_match_agrees_with_every_bin_measured_by_itself(
    bins: list[dict[str, Any]], rgb: tuple[int, int, int]
) -> None:
    color = rgb_to_lab(*rgb)
    match = bins_of(*bins).match(color)
    apart = {one["name"]: bins_of(one).match(color).delta_e for one in bins}
    reach = {one["name"] for one in bins if apart[one["name"]] <= one["tolerance"]}
    assert match.bins_in_reach == len(reach)
    assert match.delta_e == min(apart[name] for name in reach or apart)
    assert match.delta_e == apart[match.bin]
    if match.runner_up is not None:
        assert match.runner_up.delta_e == apart[match.runner_up.bin]
        assert match.runner_up.bin != match.bin
