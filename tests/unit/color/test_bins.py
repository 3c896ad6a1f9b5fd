from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sorter.color.bins import Bins, bin_colors
from sorter.color.difference import ciede2000
from sorter.color.lab import lab_to_hex, rgb_to_lab, srgb_to_lab
from sorter.color.light import light_of
from sorter.records import Lab, Palette, PaletteColor, RunnerUp
from sorter.settings.bins import BinSettings
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe

FALLBACK = {"unknown": "reject", "ambiguous": "reject", "late": "reject", "invalid": "reject"}

EXAMPLES = Path(__file__).parents[3] / "config" / "examples" / "recipes"


def bins_of(*bins: dict[str, Any], **more: object) -> Bins:
    settings = [{"tolerance": 8, "branch": f"to {one['name']}"} | one for one in bins]
    return Bins.of(Recipe.model_validate({"name": "r", "bins": settings, "fallback": FALLBACK} | more))


def plain(lightness: float, a: float, b: float) -> Palette:
    """A product of one color."""
    return (PaletteColor(Lab(lightness, a, b), 1.0),)


def palette_of(*colors: tuple[Lab, float]) -> Palette:
    return tuple(PaletteColor(lab, share) for lab, share in colors)


RED = {"name": "red", "lab": [40, 60, 38]}
ORANGE = {"name": "orange", "lab": [66, 34, 62]}
GREEN = {"name": "green", "lab": [55, -45, 32]}


def test_a_color_is_matched_to_the_nearest_bin_with_its_runner_up() -> None:
    match = bins_of(GREEN, ORANGE, RED).match(plain(41, 58, 37))
    assert (match.bin, match.branch, match.is_in_reach, match.bins_in_reach) == ("red", "to red", True, 1)
    assert match.delta_e == pytest.approx(float(ciede2000(np.array([41, 58, 37]), np.array([40, 60, 38]))))
    apart = float(ciede2000(np.array([41, 58, 37]), np.array([66, 34, 62])))
    assert match.runner_up == RunnerUp("orange", pytest.approx(apart))
    assert match.margin == pytest.approx(apart - match.delta_e)


def test_a_color_out_of_every_reach_still_names_the_nearest_bin() -> None:
    match = bins_of(RED, ORANGE, GREEN).match(plain(5, 0, 0))
    assert match.bins_in_reach == 0
    assert not match.is_in_reach


def test_one_bin_has_no_runner_up_and_no_margin() -> None:
    match = bins_of(RED).match(plain(40, 60, 38))
    assert (match.bin, match.delta_e, match.runner_up, match.margin) == ("red", 0, None, None)


def test_the_reach_includes_the_tolerance_itself() -> None:
    gray = bins_of({"name": "gray", "lab": [55, 0, 0], "tolerance": 10})
    # On the gray axis about a mean L* of 50, CIEDE2000 is the difference of L*.
    at_the_edge = gray.match(plain(45, 0, 0))
    assert at_the_edge.delta_e == pytest.approx(10, abs=1e-12)
    assert gray.match(plain(45.001, 0, 0)).bins_in_reach == 1
    assert gray.match(plain(44.9, 0, 0)).bins_in_reach == 0


def test_a_bin_that_reaches_the_color_goes_before_a_nearer_one_that_does_not() -> None:
    narrow = {"name": "narrow", "lab": [50, 0, 0], "tolerance": 1}
    wide = {"name": "wide", "lab": [40, 0, 0], "tolerance": 20}
    match = bins_of(narrow, wide).match(plain(48, 0, 0))
    assert (match.bin, match.bins_in_reach) == ("wide", 1)
    assert match.runner_up is not None
    assert match.runner_up.bin == "narrow"
    assert match.margin is not None
    assert match.margin < 0


def test_a_second_bin_that_hardly_reaches_does_not_hide_a_nearer_one_that_does_not() -> None:
    narrow = {"name": "narrow", "lab": [50, 0, 0], "tolerance": 1}
    wide = {"name": "wide", "lab": [40, 0, 0], "tolerance": 20}
    far = {"name": "far", "lab": [30, 0, 0], "tolerance": 40}
    match = bins_of(narrow, wide, far).match(plain(48, 0, 0))
    assert (match.bin, match.bins_in_reach) == ("wide", 2)
    assert match.runner_up is not None
    assert match.runner_up.bin == "narrow"
    assert match.margin is not None
    assert match.margin < 0


@pytest.mark.parametrize("written", [{"hex": "#2E9e4f"}, {"rgb": [46, 158, 79]}])
def test_hex_and_rgb_and_lab_mean_the_same_color(written: dict[str, Any]) -> None:
    as_lab = rgb_to_lab(46, 158, 79)
    settings = BinSettings.model_validate({"name": "g", "tolerance": 5, "branch": "b"} | written)
    assert bin_colors(settings) == [as_lab]
    match = bins_of({"name": "g", "lab": list(as_lab)}, {"name": "h"} | written).match(plain(*as_lab))
    assert match.margin == 0


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_a_bin_written_in_any_way_matches_its_own_color_exactly(rgb: tuple[int, int, int]) -> None:
    color = rgb_to_lab(*rgb)
    for written in ({"rgb": rgb}, {"hex": lab_to_hex(color)}, {"lab": color}):
        assert bins_of({"name": "one"} | written).match(plain(*color)).delta_e == 0


MODES = ["nearest_within_tolerance", "nearest", "unique"]
limits = st.floats(0.5, 60)
rgbs = st.tuples(*[st.integers(0, 255)] * 3)
tolerances = st.one_of(
    limits,
    st.fixed_dictionaries({"delta_l": limits, "delta_ab": limits}),
    st.fixed_dictionaries({"delta_l": limits, "delta_a": limits, "delta_b": limits}),
)
one_color = st.fixed_dictionaries({"rgb": rgbs})
any_color = st.fixed_dictionaries({"any_of": st.lists(one_color, min_size=1, max_size=3)})
part_colors = st.fixed_dictionaries({"rgb": rgbs, "min_share": st.floats(0.05, 0.3)})
all_colors = st.fixed_dictionaries({"all_of": st.lists(part_colors, min_size=2, max_size=3)})
colored = st.one_of(one_color, any_color, all_colors)
ranges = st.just(1.0) | st.floats(1, 4)


@st.composite
def recipes(draw: st.DrawFn, colors: st.SearchStrategy[dict[str, Any]] = colored) -> list[dict[str, Any]]:
    some = draw(st.lists(st.tuples(colors, tolerances, ranges), min_size=1, max_size=6))
    return [
        {"name": f"bin {number}", "tolerance": tolerance, "exposure_range": exposure} | color
        for number, (color, tolerance, exposure) in enumerate(some)
    ]


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    colors = draw(st.lists(st.tuples(rgbs, st.integers(1, 20)), min_size=1, max_size=5))
    total = sum(weight for _, weight in colors)
    ranked = sorted(colors, key=lambda one: -one[1])
    return palette_of(*((rgb_to_lab(*rgb), weight / total) for rgb, weight in ranked))


@given(recipes(), st.sampled_from(MODES), st.randoms(), palettes())
def test_the_order_in_the_file_decides_nothing(
    bins: list[dict[str, Any]], mode: str, random: Any, palette: Palette
) -> None:
    shuffled = [
        one | {key: random.sample(one[key], len(one[key])) for key in one.keys() & {"any_of", "all_of"}}
        for one in random.sample(bins, len(bins))
    ]
    expected = bins_of(*bins, sort_mode=mode).match(palette)
    assert bins_of(*shuffled, sort_mode=mode).match(palette) == expected


def test_equal_bins_go_by_name_whatever_their_order() -> None:
    one, other = {"name": "a", "lab": [40, 60, 38]}, {"name": "b", "lab": [40, 60, 38]}
    for bins in ((one, other), (other, one)):
        match = bins_of(*bins).match(plain(42, 55, 30))
        assert (match.bin, match.bins_in_reach, match.margin) == ("a", 2, 0)


@given(recipes(), st.sampled_from(MODES), st.lists(palettes(), min_size=1, max_size=9))
def test_palettes_together_match_as_each_by_itself(
    bins: list[dict[str, Any]], mode: str, several: list[Palette]
) -> None:
    ready = bins_of(*bins, sort_mode=mode)
    for match, palette in zip(ready.match_all(several), several, strict=True):
        alone = ready.match(palette)
        assert (match.bin, match.is_in_reach, match.bins_in_reach) == (
            alone.bin,
            alone.is_in_reach,
            alone.bins_in_reach,
        )
        assert match.delta_e == pytest.approx(alone.delta_e, abs=1e-9)
        assert match.margin == (None if alone.margin is None else pytest.approx(alone.margin, abs=1e-9))


@given(recipes(one_color | any_color), palettes())
def test_the_match_agrees_with_every_bin_measured_by_itself(bins: list[dict[str, Any]], palette: Palette) -> None:
    match = bins_of(*bins).match(palette)
    alone = {one["name"]: bins_of(one).match(palette) for one in bins}
    reach = {name for name, one in alone.items() if one.is_in_reach}
    assert match.bins_in_reach == len(reach)
    assert match.is_in_reach == (match.bin in reach)
    assert match.delta_e == min(alone[name].delta_e for name in reach or alone)
    assert match.delta_e == alone[match.bin].delta_e
    others = {name: one.delta_e for name, one in alone.items() if name != match.bin}
    if match.runner_up is None:
        assert not others
    else:
        assert match.runner_up.delta_e == others[match.runner_up.bin] == min(others.values())


@given(recipes(one_color | any_color), palettes())
def test_without_tolerances_the_nearest_bin_is_the_nearest(bins: list[dict[str, Any]], palette: Palette) -> None:
    match = bins_of(*bins, sort_mode="nearest").match(palette)
    assert match.delta_e == min(bins_of(one).match(palette).delta_e for one in bins)
    assert match.margin is None or match.margin >= 0


class TestShapes:
    @given(one_color, tolerances, rgbs)
    def test_a_color_is_reached_exactly_when_it_is_within_each_limit(
        self, color: dict[str, Any], tolerance: Any, rgb: tuple[int, int, int]
    ) -> None:
        own, seen = np.array(rgb_to_lab(*color["rgb"])), np.array(rgb_to_lab(*rgb))
        lightness, a, b = np.abs(seen - own)
        limits = tolerance if isinstance(tolerance, dict) else {"delta_e": tolerance}
        in_plane = {"delta_ab": np.hypot(a, b), "delta_a": a, "delta_b": b}
        away = {"delta_e": ciede2000(seen, own), "delta_l": lightness} | in_plane
        match = bins_of({"name": "one", "tolerance": tolerance} | color).match(plain(*seen))
        assert match.is_in_reach == all(away[key] <= limit for key, limit in limits.items())
        assert match.delta_e == pytest.approx(float(away["delta_e"]), abs=1e-9)

    @pytest.mark.parametrize(
        ("tolerance", "lab", "reaches"),
        [
            ({"delta_l": 10, "delta_ab": 5}, (60, 3, 4), True),
            ({"delta_l": 10, "delta_ab": 5}, (60, 4, 4), False),
            ({"delta_l": 10, "delta_ab": 5}, (60.1, 0, 0), False),
            ({"delta_l": 10, "delta_a": 4, "delta_b": 4}, (60, 4, 4), True),
            ({"delta_l": 10, "delta_a": 4, "delta_b": 3}, (60, 4, 4), False),
            ({"delta_l": 10, "delta_a": 4, "delta_b": 3}, (39, 0, 0), False),
        ],
    )
    def test_a_shape_ends_where_it_says(self, tolerance: object, lab: tuple[float, ...], reaches: bool) -> None:  # noqa: FBT001 - a table's column
        gray = bins_of({"name": "gray", "lab": [50, 0, 0], "tolerance": tolerance})
        assert gray.match(plain(*lab)).is_in_reach is reaches

    def test_the_nearest_of_several_colors_counts_for_a_bin(self) -> None:
        either = {"name": "either", "any_of": [{"lab": [40, 60, 38]}, {"lab": [55, -45, 32]}]}
        match = bins_of(either, ORANGE).match(plain(55, -45, 32))
        assert (match.bin, match.delta_e, match.bins_in_reach) == ("either", 0, 1)


def in_light(rgb: tuple[int, ...], times: float) -> Lab | None:
    """The color where the light is so many times as strong; None where the picture could not show it."""
    encoded = np.array(rgb) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4) * times
    if linear.max() > 1:
        return None
    shown = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Lab(*srgb_to_lab(shown).tolist())


class TestLight:
    @given(rgbs, st.floats(1, 16), st.floats(-1, 1))
    def test_a_bins_own_color_is_its_own_in_any_light_within_the_range(
        self, rgb: tuple[int, int, int], exposure: float, power: float
    ) -> None:
        seen = in_light(rgb, exposure ** (power * 0.999))
        assume(seen is not None and max(rgb) > 0)
        match = bins_of({"name": "one", "rgb": rgb, "exposure_range": exposure}).match(plain(*seen or ()))
        assert match.delta_e == pytest.approx(0, abs=0.02)

    @given(recipes(one_color), rgbs, st.floats(0.25, 4))
    def test_light_within_every_range_changes_no_bin(
        self, bins: list[dict[str, Any]], rgb: tuple[int, int, int], times: float
    ) -> None:
        lit = in_light(rgb, times)
        assume(lit is not None and max(rgb) > 0)
        forgiving = bins_of(*(one | {"exposure_range": 16} for one in bins))
        light = [light_of(np.array(rgb_to_lab(*one["rgb"])[0])) for one in bins]
        own = light_of(np.array([rgb_to_lab(*rgb)[0], (lit or (0,))[0]]))
        # Black has no light to scale; and the range must do for both lights.
        assume(all(0.07 < of_bin / one < 15 for of_bin in light for one in own))
        before, after = (forgiving.compare(np.array([lab]))[0] for lab in (rgb_to_lab(*rgb), lit))
        assert after == pytest.approx(before, abs=0.02)

    def test_more_light_than_the_range_allows_is_a_difference(self) -> None:
        gray = bins_of({"name": "gray", "rgb": [100, 100, 100], "exposure_range": 2, "tolerance": 3})
        for times, reaches in ((1.9, True), (0.52, True), (2.6, False), (0.38, False)):
            lit = in_light((100, 100, 100), times)
            assert lit is not None
            assert gray.match(plain(*lit)).is_in_reach is reaches

    def test_light_does_not_change_what_color_a_thing_is(self) -> None:
        red = bins_of({"name": "red", "rgb": [150, 30, 40], "exposure_range": 4, "tolerance": 5})
        assert not red.match(plain(*rgb_to_lab(40, 150, 60))).is_in_reach


YELLOW, WHITE, BLUE = Lab(72, 0, 40), Lab(78, 0, -2), Lab(36, 12, -42)
HALVES = {
    "name": "half yellow",
    "all_of": [{"lab": list(YELLOW), "min_share": 0.3}, {"lab": list(WHITE), "min_share": 0.3}],
}
ALONE = {"name": "yellow", "lab": list(YELLOW)}


class TestSeveralColors:
    @pytest.mark.parametrize(
        ("palette", "name", "in_reach"),
        [
            (palette_of((YELLOW, 0.5), (WHITE, 0.5)), "half yellow", 1),
            (palette_of((WHITE, 0.6), (YELLOW, 0.3), (BLUE, 0.1)), "half yellow", 1),
            (palette_of((YELLOW, 0.8), (WHITE, 0.2)), "yellow", 1),
            (palette_of((YELLOW, 1.0)), "yellow", 1),
            (palette_of((BLUE, 0.5), (YELLOW, 0.5)), "half yellow", 0),
        ],
    )
    def test_each_color_must_have_its_share(self, palette: Palette, name: str, in_reach: int) -> None:
        match = bins_of(ALONE, HALVES).match(palette)
        assert (match.bins_in_reach, match.is_in_reach) == (in_reach, in_reach > 0)
        if in_reach:
            assert match.bin == name

    @pytest.mark.parametrize("mode", MODES)
    def test_a_bin_whose_colors_are_all_there_has_no_rival_in_one_that_asks_for_less(self, mode: str) -> None:
        match = bins_of(ALONE, HALVES, sort_mode=mode).match(palette_of((YELLOW, 0.5), (WHITE, 0.5)))
        assert (match.bin, match.runner_up, match.bins_in_reach) == ("half yellow", None, 1)

    def test_one_color_is_not_counted_for_two_parts(self) -> None:
        near = {
            "name": "near",
            "all_of": [{"lab": [72, 0, 40], "min_share": 0.3}, {"lab": [74, 0, 36], "min_share": 0.3}],
        }
        assert not bins_of(near).match(plain(72, 0, 40)).is_in_reach
        both = palette_of((Lab(72, 0, 40), 0.6), (Lab(74, 0, 36), 0.4))
        assert bins_of(near).match(both).is_in_reach

    def test_shades_of_a_part_are_counted_together(self) -> None:
        shades = palette_of((WHITE, 0.5), (Lab(71, 1, 41), 0.2), (Lab(74, -1, 38), 0.2), (BLUE, 0.1))
        match = bins_of(HALVES).match(shades)
        assert match.is_in_reach
        assert 0 < match.delta_e < 4

    @given(recipes(all_colors), palettes())
    def test_a_color_or_a_share_that_is_missing_is_not_in_reach(
        self, bins: list[dict[str, Any]], palette: Palette
    ) -> None:
        for one in bins:
            ready = bins_of(one)
            _, reached = ready.compare(np.array([color.lab for color in palette]))
            shares = np.array([color.share for color in palette])
            wanted = dict(
                zip(
                    map(tuple, ready.references.lab.tolist()),
                    [part["min_share"] for part in one["all_of"]],
                    strict=False,
                )
            )
            enough = all(
                shares[reached[:, column]].sum() >= wanted[tuple(lab)] - 1e-9
                for column, lab in enumerate(ready.references.lab.tolist())
            )
            match = ready.match(palette)
            assert enough or not match.is_in_reach
            if match.is_in_reach and not isinstance(one["tolerance"], dict):
                assert match.delta_e <= one["tolerance"]


@pytest.mark.parametrize(
    ("colors", "name"),
    [
        ([("#2f7d4a", 0.8), ("#eeeeea", 0.2)], "green with white cap"),
        ([("#2f7d4a", 0.95), ("#eeeeea", 0.05)], "green without cap"),
        ([("#73491f", 1.0)], "brown"),
        ([("#203f74", 1.0)], "blue"),
        ([("#c0c2be", 1.0)], "clear"),
        ([("#ead5ae", 1.0)], "cream"),
    ],
)
def test_the_example_with_every_kind_of_bin_does_as_it_says(colors: list[tuple[str, float]], name: str) -> None:
    ready = Bins.of(load_recipe(EXAMPLES / "bottles.yaml").value)
    match = ready.match(palette_of(*((rgb_to_lab(*bytes.fromhex(text[1:])), share) for text, share in colors)))
    assert (match.bin, match.bins_in_reach) == (name, 1)
