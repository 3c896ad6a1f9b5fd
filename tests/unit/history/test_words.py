"""What two recipes decide differently, in words: nothing that decides is left out, nothing else is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.history.words import differences_in_words, removed_bins
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe
from tests.unit.history.written import text_of

FRUIT = load_recipe(Path("recipe.yaml"), text_of().encode()).value
TAUGHT = {"at": "2026-01-02T00:00:00Z", "samples": 9, "spread": 1.0, "source": "a.csv", "software": "0.1.0"}


def changed(bins: dict[str, dict[str, Any] | None] | None = None, **keys: Any) -> Recipe:
    """The recipe with keys of its own or of its bins changed; None takes a bin away."""
    raw = FRUIT.model_dump(exclude_defaults=True) | keys
    there = {one["name"]: one for one in raw["bins"]}
    for name, change in (bins or {}).items():
        if change is None:
            del there[name]
        else:
            there[name] = {key: one for key, one in (there.get(name, {}) | change).items() if one is not None}
    return Recipe.model_validate(raw | {"bins": list(there.values())})


@pytest.mark.parametrize(("bins", "keys", "words"), [
    ({"red": {"tolerance": 11}}, {}, ["bin red: tolerance 8 -> 11 (CIEDE2000)"]),
    ({"red": {"tolerance": {"delta_l": 9, "delta_ab": 4}}}, {},
     ["bin red: tolerance 8 (CIEDE2000) -> delta_l 9, delta_ab 4"]),
    ({"red": {"branch": "gate-2", "exposure_range": 1.5}}, {},
     ["bin red: exposure_range 1 -> 1.5", "red goes to gate-2 instead of gate-1"]),
    ({"red": {"lab": [44, 60, 38]}}, {}, ["color of red moved by 3.6 dE00: lab 40 60 38 -> lab 44 60 38"]),
    ({"green": {"hex": None, "rgb": [46, 158, 79]}}, {},
     ["color of green is hardly moved, or written in another way: #2e9e4f -> rgb 46 158 79"]),
    ({"green": None, "pink": {"name": "pink", "hex": "#ff80aa", "tolerance": 5, "branch": "gate-3"}}, {},
     ["bin green is gone", "bin pink is new, to gate-3"]),
    ({"red": {"lab": None, "any_of": [{"lab": [40, 60, 38]}, {"hex": "#aa2233"}]}}, {},
     ["bin red: any of several colors instead of one color", "bin red: #aa2233 is new"]),
    ({"red": {"lab": None, "all_of": [{"hex": "#aa2233", "min_share": 0.4}, {"hex": "#eeeeee", "min_share": 0.1}]}}, {},
     ["bin red: all of several colors instead of one color", "bin red: lab 40 60 38 is gone",
      "bin red: #aa2233 on 0.4 of it is new", "bin red: #eeeeee on 0.1 of it is new"]),
    ({}, {"min_margin": 2, "sort_mode": "unique", "min_stability": 0.7},
     ["min_margin 1 -> 2", "min_stability 0.5 -> 0.7", "sort_mode nearest_within_tolerance -> unique"]),
    ({}, {"fallback": dict.fromkeys(("unknown", "ambiguous", "late"), "reject") | {"invalid": "scrap"}},
     ["invalid products go to scrap instead of reject"]),
    ({}, {"name": "berries"}, ["the recipe berries instead of fruit"]),
    ({"red": {"taught": TAUGHT}}, {"revision": 9, "change": {"by": "Ana"}}, []),
])  # fmt: skip
def test_differences_are_told_in_words(bins: dict[str, Any], keys: dict[str, Any], words: list[str]) -> None:
    assert list(differences_in_words(FRUIT, changed(bins, **keys))) == words


def test_bins_that_are_gone_are_named() -> None:
    assert removed_bins(FRUIT, changed({"red": None})) == ("red",)
    assert removed_bins(changed({"red": None}), FRUIT) == ()


lab = st.tuples(st.sampled_from([40.0, 40.00001, 50.0]), st.sampled_from([0.0, -0.0]), st.just(1))
color = st.sampled_from([{"hex": "#aa2233"}, {"rgb": (170, 34, 51)}]) | lab.map(lambda one: {"lab": one})
part = st.tuples(color, st.sampled_from([0.1, 0.2])).map(lambda one: one[0] | {"min_share": one[1]})
colors = (
    color
    | st.lists(color, min_size=1, max_size=2).map(lambda some: {"any_of": some})
    | st.lists(part, min_size=2, max_size=2).map(lambda some: {"all_of": some})
)
tolerance = st.sampled_from([8, 8.0, {"delta_e": 8}, 8.000001, {"delta_l": 8, "delta_ab": 4}])
one_bin = st.tuples(
    colors, st.sampled_from("ab"), tolerance, st.sampled_from([1, 1.5]), st.sampled_from([None, TAUGHT])
).map(lambda one: one[0] | {"branch": one[1], "tolerance": one[2], "exposure_range": one[3], "taught": one[4]})
bins = st.dictionaries(st.sampled_from(["red", "green"]), one_bin, min_size=1).map(
    lambda some: [{"name": name} | one for name, one in some.items()]
)
recipes = st.fixed_dictionaries(
    {
        "name": st.sampled_from("xy"),
        "bins": bins,
        "fallback": st.sampled_from("ab").map(
            lambda to: dict.fromkeys(("unknown", "late", "invalid"), "a") | {"ambiguous": to}
        ),
    },
    optional={
        "min_margin": st.sampled_from([0, 1, 1.0]),
        "revision": st.integers(1, 2),
        "change": st.just({"by": "A"}),
    },
).map(Recipe.model_validate)


@given(recipes, recipes)
def test_there_are_words_exactly_where_the_name_or_the_hash_of_the_meaning_differs(
    before: Recipe, after: Recipe
) -> None:
    same = (before.name, before.identity.hash) == (after.name, after.identity.hash)
    assert (differences_in_words(before, after) == ()) == same
    assert differences_in_words(before, before) == ()
