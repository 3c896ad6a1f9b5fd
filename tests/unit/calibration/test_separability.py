"""What of a recipe's bins can be told apart, and what cannot."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.separability import Pair, Separability, examine, nearest_of, warnings_of
from sorter.color.bins import Bins
from sorter.color.difference import ciede2000
from sorter.color.lab import rgb_to_lab, srgb_to_lab
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe

FALLBACK = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "a")
CONFIG = Path(__file__).parents[3] / "config"
RECIPES = [CONFIG / "recipes" / "demo.yaml", *sorted((CONFIG / "examples" / "recipes").glob("*.yaml"))]


def recipe_of(*bins: dict[str, Any], **more: object) -> Recipe:
    written = [{"name": f"b{index}", "branch": "a", "tolerance": 3} | one for index, one in enumerate(bins)]
    return Recipe.model_validate({"name": "r", "bins": written, "fallback": FALLBACK} | more)


def near_pairs(recipe: Recipe) -> tuple[Pair, ...]:
    return examine(recipe).pairs


def gray(lightness: float, tolerance: object = 3, **more: object) -> dict[str, Any]:
    return {"lab": [lightness, 0, 0], "tolerance": tolerance} | more


def only(*bins: dict[str, Any]) -> Pair:
    (pair,) = near_pairs(recipe_of(*bins))
    return pair


def told(recipe: Recipe) -> list[str]:
    return [sentence for pair in near_pairs(recipe) for sentence in warnings_of(pair, recipe)]


class TestGap:
    def test_two_grays_are_as_far_apart_as_their_tolerances_leave_them(self) -> None:
        # About L* 50 on the gray axis, CIEDE2000 is all but the difference of L*.
        pair = only(gray(48, 1), gray(53, 1.5))
        assert pair.delta_e == pytest.approx(5, abs=0.01)
        assert pair.gap == pytest.approx(2.5, abs=0.04)
        assert pair.disputed is None

    def test_boxes_are_as_far_apart_as_their_faces(self) -> None:
        box = {"delta_l": 3, "delta_a": 4, "delta_b": 4}
        pair = only(gray(40, box), gray(60, box))
        assert pair.gap == pytest.approx(float(ciede2000(np.array([43, 0, 0]), np.array([57, 0, 0]))), abs=0.1)

    def test_cylinders_that_meet_only_at_their_rims_overlap(self) -> None:
        flat = {"delta_l": 5.5, "delta_ab": 6}
        pair = only({"lab": [50, 0, 0], "tolerance": flat}, {"lab": [60, 11, 0], "tolerance": flat})
        assert pair.gap == 0
        assert pair.disputed is not None
        assert (pair.disputed.lightness, pair.disputed.a) == (pytest.approx(55, abs=0.6), pytest.approx(5.5, abs=0.6))

    def test_a_bin_inside_another_is_an_overlap(self) -> None:
        assert only(gray(50, 20), gray(58, 1)).gap == 0

    def test_the_nearest_of_several_colors_counts(self) -> None:
        many = {"any_of": [{"lab": [90, 0, 0]}, {"lab": [53, 0, 0]}], "tolerance": 1}
        assert only(gray(48, 1), many).gap == pytest.approx(3, abs=0.05)

    def test_a_bin_that_forgives_light_reaches_along_it(self) -> None:
        assert only(gray(40, 2), gray(60, 2)).disputed is None
        assert only(gray(40, 2), gray(60, 2, exposure_range=3)).disputed is not None
        red = {"rgb": [200, 30, 40], "exposure_range": 3}
        assert only(red, gray(30, 2)).disputed is None

    def test_colors_that_no_picture_shows_are_no_ones(self) -> None:
        assert examine(recipe_of({"lab": [50, 128, 128], "tolerance": 1}, gray(50))) == Separability((), (), (0,))

    def test_a_color_outside_what_pictures_show_reaches_what_is_inside(self) -> None:
        box = {"lab": [50, 100, 0], "tolerance": {"delta_l": 2, "delta_a": 40, "delta_b": 2}}
        assert examine(recipe_of(box)).invisible == ()
        assert only(box, {"lab": [50, 60, 0]}).gap == 0

    def test_bins_of_several_colors_at_once_are_not_held_against_others(self) -> None:
        both = {"all_of": [{"lab": [50, 0, 0], "min_share": 0.3}, {"lab": [80, 0, 0], "min_share": 0.3}]}
        assert examine(recipe_of(both, gray(50))) == Separability((), (0,), ())

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_no_color_of_a_grid_tells_of_a_smaller_gap(self, data: st.DataObject) -> None:
        size = st.floats(2, 15)
        shape = st.one_of(
            size,
            st.fixed_dictionaries({"delta_l": size, "delta_ab": size}),
            st.fixed_dictionaries({"delta_l": size, "delta_a": size, "delta_b": size}),
        )
        channel = st.integers(0, 255)
        one_bin = st.fixed_dictionaries(
            {
                "rgb": st.tuples(channel, channel, channel),
                "tolerance": shape,
                "exposure_range": st.sampled_from([1, 1.5]),
            }
        )
        written = [data.draw(one_bin), data.draw(one_bin)]
        pair = only(*written)
        reached = [GRID[Bins.of(recipe_of(one)).compare(GRID)[1][:, 0]] for one in written]
        if all(map(len, reached)):
            least = float(ciede2000(reached[0][:, None], reached[1]).min())
            assert pair.gap is not None
            assert pair.gap <= least + 0.35
        if pair.disputed is not None:
            for one in written:
                almost = one | {"tolerance": wider(one["tolerance"])}
                assert Bins.of(recipe_of(almost)).compare(np.array([pair.disputed]))[1].all()


def wider(tolerance: Any) -> Any:
    if isinstance(tolerance, dict):
        return {key: limit + 1 for key, limit in tolerance.items()}
    return tolerance + 0.2


STEPS = np.linspace(0, 1, 18)
GRID = srgb_to_lab(np.stack(np.meshgrid(STEPS, STEPS, STEPS), axis=-1).reshape(-1, 3)).astype(np.float64)
TAUGHT = {"at": "2026-01-31T10:00:00Z", "samples": 9, "source": "samples", "software": "1"}


def taught(lightness: float, spread: float) -> dict[str, Any]:
    return gray(lightness, 1, taught=TAUGHT | {"spread": spread})


class TestWarnings:
    def test_an_overlap_names_both_bins_and_a_color_in_dispute(self) -> None:
        (sentence,) = told(recipe_of(gray(48, 4), gray(52, 4)))
        assert sentence.startswith("bins 'b0' and 'b1' overlap: both reach #7")
        assert "(Lab 5" in sentence or "(Lab 4" in sentence
        assert sentence.endswith(
            "lower a tolerance, or expect such products in the nearer bin, ambiguous where neither is clearly nearer"
        )

    def test_what_becomes_of_an_overlap_is_the_sort_modes_matter(self) -> None:
        overlap = gray(48, 4), gray(52, 4)
        assert told(recipe_of(*overlap, sort_mode="nearest")) == []
        (sentence,) = told(recipe_of(*overlap, sort_mode="unique"))
        assert sentence.endswith("expect such products to be ambiguous")

    @pytest.mark.parametrize("mode", ["nearest_within_tolerance", "nearest", "unique"])
    def test_two_bins_of_one_color_can_never_be_told_apart(self, mode: str) -> None:
        red, same = {"hex": "#c8202c"}, {"any_of": [{"rgb": [1, 2, 3]}, {"lab": list(rgb_to_lab(0xC8, 0x20, 0x2C))}]}
        assert told(recipe_of(red, same, sort_mode=mode)) == [
            "bins 'b0' and 'b1' have the same color: the two can never be told apart; change one, or make them one bin"
        ]

    def test_so_can_two_that_ask_for_the_same_colors_at_once(self) -> None:
        parts = [{"lab": [50, 0, 0], "min_share": 0.3}, {"lab": [80, 0, 0], "min_share": 0.3}]
        (sentence,) = told(recipe_of({"all_of": parts}, {"all_of": parts[::-1]}, {"all_of": [parts[0]] * 2}))
        assert sentence.startswith("bins 'b0' and 'b1' have the same color")

    @pytest.mark.parametrize(("spread", "deviations", "count"), [(0.5, 10, 0), (1, 5, 0), (2, 2.5, 1), (0, None, 0)])
    def test_bins_whose_samples_are_like_each_others_are_hard_to_tell_apart(
        self, spread: float, deviations: float | None, count: int
    ) -> None:
        recipe = recipe_of(taught(45, spread), taught(55, spread))
        (pair,) = near_pairs(recipe)
        assert pair.deviations == (None if deviations is None else pytest.approx(deviations, abs=0.02))
        sentences = told(recipe)
        assert len(sentences) == count
        assert all("hard to tell apart: 2.5 standard deviations" in sentence for sentence in sentences)

    def test_without_samples_nothing_is_said_of_them(self) -> None:
        assert only(taught(45, 1), gray(55, 1)).deviations is None

    @pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
    def test_no_shipped_recipe_has_anything_to_be_told(self, path: Path) -> None:
        assert told(load_recipe(path).value) == []


class TestManyBins:
    def test_pairs_come_with_the_tightest_first_and_each_bin_has_its_nearest(self) -> None:
        pairs = near_pairs(recipe_of(gray(20, 1), gray(90, 1), gray(50, 1), gray(56, 1)))
        gaps = [pair.gap or 0 for pair in pairs]
        assert len(pairs) == 6
        assert gaps == sorted(gaps)
        nearest = nearest_of(pairs)
        assert {own: (pair.first, pair.second) for own, pair in nearest.items()} == {
            0: (0, 2), 1: (1, 3), 2: (2, 3), 3: (2, 3)
        }  # fmt: skip

    def test_one_bin_or_none_that_is_visible_has_no_pairs(self) -> None:
        assert near_pairs(recipe_of(gray(50))) == ()

    def test_the_order_of_the_bins_changes_no_gap(self) -> None:
        bins = [gray(30, 4), {"rgb": [200, 30, 40], "tolerance": 9}, {"rgb": [220, 120, 30], "tolerance": 12}]
        one, other = (near_pairs(recipe_of(*order)) for order in (bins, bins[::-1]))
        assert [pair.gap for pair in one] == pytest.approx([pair.gap for pair in other], abs=0.05)

    def test_as_many_bins_as_a_recipe_may_have_take_some_seconds(self) -> None:
        dice = np.random.default_rng(7)
        recipe = recipe_of(*({"rgb": dice.integers(0, 256, 3).tolist()} for _ in range(256)))
        started = time.monotonic()
        pairs = near_pairs(recipe)
        assert time.monotonic() - started < 30  # 4 s on a core that nobody else wants
        assert set(nearest_of(pairs)) == set(range(256))
