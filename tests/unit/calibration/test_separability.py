"""Bins that reach into each other are reported."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.separability import overlapping_bins
from sorter.color.bins import bin_color
from sorter.color.difference import ciede2000
from sorter.settings.bins import BinSettings
from sorter.settings.load import load_recipe
from sorter.settings.recipe import FallbackBranches, Recipe

FALLBACK = FallbackBranches(unknown="a", ambiguous="a", late="a", invalid="a")
DEMO = Path(__file__).parents[3] / "config" / "recipes" / "demo.yaml"


def _recipe(*colors: tuple[tuple[float, float, float], float]) -> Recipe:
    bins = tuple(
        BinSettings(name=f"b{index}", lab=lab, tolerance=tolerance, branch="a")
        for index, (lab, tolerance) in enumerate(colors)
    )
    return Recipe(name="r", bins=bins, fallback=FALLBACK)


def test_two_grays_whose_tolerances_meet_are_reported_with_the_figures() -> None:
    # L* 50 against 52 on the gray axis: delta L' is 2, and the weight of lightness is all but 1 there.
    (overlap,) = overlapping_bins(_recipe(((50, 0, 0), 1.5), ((52, 0, 0), 1.0), ((90, 0, 0), 5)))
    assert (overlap.first, overlap.second) == ("b0", "b1")
    assert overlap.delta_e == pytest.approx(2, abs=0.01)
    assert overlap.reach == 2.5
    assert overlap.places is None
    assert str(overlap).startswith("bins 'b0' and 'b1' overlap: their colors differ by 2.0, their tolerances reach 2.5")


def test_bins_that_keep_apart_are_not_reported() -> None:
    assert overlapping_bins(_recipe(((50, 0, 0), 0.9), ((52, 0, 0), 1.0))) == []
    assert overlapping_bins(_recipe(((50, 0, 0), 100))) == []


def test_the_shipped_recipe_has_no_overlap() -> None:
    assert overlapping_bins(load_recipe(DEMO)) == []


def test_the_places_of_both_bins_are_told_where_the_recipe_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "wide.yaml"
    path.write_text(DEMO.read_text(encoding="utf-8").replace("tolerance: 11", "tolerance: 14"), encoding="utf-8")
    (overlap,) = overlapping_bins(load_recipe(path))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert (overlap.first, overlap.second) == ("orange", "yellow")
    assert overlap.places == tuple(f"{path}:{lines.index(f'  - name: {name}') + 1}:11" for name in ("orange", "yellow"))


component = st.floats(-100, 100)
colors = st.tuples(st.tuples(st.floats(0, 100), component, component), st.floats(0.1, 60))


@given(st.lists(colors, min_size=1, max_size=6))
def test_a_pair_is_reported_exactly_when_it_is_nearer_than_the_tolerances_reach(
    chosen: list[tuple[tuple[float, float, float], float]],
) -> None:
    recipe = _recipe(*chosen)
    expected = [
        (one.name, other.name)
        for index, one in enumerate(recipe.bins)
        for other in recipe.bins[index + 1 :]
        if ciede2000(np.array(bin_color(one)), np.array(bin_color(other))) < one.tolerance + other.tolerance
    ]
    assert [(overlap.first, overlap.second) for overlap in overlapping_bins(recipe)] == expected
