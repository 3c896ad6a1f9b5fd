"""Colors as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from sorter.archive.wanted import Wanted, wanted_color, wanted_of
from sorter.color.lab import rgb_to_lab
from sorter.errors import UsageError
from sorter.palette.analyzer import ColorAnalyzer
from sorter.records import Lab

RED = rgb_to_lab(192, 57, 43)


@pytest.mark.parametrize("text", ["#c0392b", "c0392b", " C0392B ", "rgb(192, 57, 43)", "RGB(192 57 43)"])
def test_a_color_can_be_written_in_many_ways(text):
    assert wanted_color(text) == Wanted(RED)


def test_lab_is_taken_as_it_is_and_names_are_those_of_css():
    assert wanted_color("lab(45.5% 54 -36)").lab == Lab(45.5, 54, -36)
    assert wanted_color("Teal").lab == rgb_to_lab(0, 128, 128)


@pytest.mark.parametrize(("share", "part"), [("0.2", 0.2), ("20%", 0.2), (" .5 ", 0.5), ("1", 1), ("0", 0)])
def test_a_color_may_have_its_own_least_share(share, part):
    assert wanted_color(f"teal:{share}", 4, 0.1) == Wanted(rgb_to_lab(0, 128, 128), 4, part)


@pytest.mark.parametrize("text", [
    "", "c0392", "rde", "rgb(1,2)", "rgb(1,2,256)", "rgb(1,2,2.5)", "rgb(10%,2,2)", "lab(1,2,300)", "lab(101,2,3)",
    "lab(nan 0 0)", "lab(1 2 3", "red:", "red:much", "red:1.5", "red:200%", "red:-1", "red:nan", "red:0.1:0.2",
    "rgb(" + "1" * 100_000, "rgb(1" + " " * 50_000 + "x",
])  # fmt: skip
def test_what_is_no_color_is_refused(text):
    with pytest.raises(UsageError):
        wanted_color(text)


@pytest.mark.parametrize("numbers", [(-1, 0), (30.1, 0), (float("nan"), 0), (8, -0.1), (8, 1.1), (8, float("nan"))])
def test_numbers_outside_their_range_are_refused(numbers):
    with pytest.raises(UsageError):
        wanted_color("red", *numbers)


def test_of_an_example_small_colors_are_left_out_and_black_and_white_are_colors():
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:6] = 255
    picture[9, :3] = (255, 0, 0)
    wanted = wanted_of(ColorAnalyzer(picture).palette)
    assert [round(one.lab.lightness) for one in wanted] == [100, 0]
    with pytest.raises(UsageError, match="the example has no color"):
        wanted_of(ColorAnalyzer(np.zeros((4, 4, 4), np.uint8)).palette)
