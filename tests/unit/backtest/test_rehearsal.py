from __future__ import annotations

import subprocess
import sys
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.backtest.recorded import Exclusion, Recorded, Way
from sorter.backtest.rehearsal import Rehearsal, rehearse
from sorter.color.bins import Bins
from sorter.deciding import branch_of
from sorter.decision import decide_readings
from sorter.readings import pack_readings, unpack_readings
from sorter.records import ColorReading, Decision, Lab, PaletteColor, Verdict
from sorter.settings.recipe import Recipe
from tests.unit.test_pipeline import KINDS
from tests.unit.test_pipeline import RECIPE as BELT_RECIPE
from tests.unit.test_replay import belt_decisions

ROOT = Path(__file__).parents[3]
FALLBACK = {"unknown": "u", "ambiguous": "m", "late": "l", "invalid": "i"}
RECIPE = Recipe.model_validate(
    {
        "name": "fruit",
        "bins": [
            {"name": "red", "lab": [50, 60, 40], "tolerance": 8, "branch": "a"},
            {"name": "green", "lab": [60, -40, 40], "tolerance": 8, "branch": "b"},
        ],
        "fallback": FALLBACK,
    }
)
RED, GREEN, PALE = Lab(50, 60, 40), Lab(60, -40, 40), Lab(60, 50, 30)
"""Pale is too far from red for a tolerance of 8, and in reach of 16."""


def reading(lab: Lab, *parts: Lab) -> ColorReading:
    return ColorReading((PaletteColor(lab, 1.0),), 0.5, tuple((PaletteColor(part, 1.0),) for part in parts))


def said_of(readings: tuple[ColorReading, ...], recipe: Recipe) -> Way:
    outcome = decide_readings(readings, Bins.of(recipe), recipe)
    routed = outcome.verdict is Verdict.ROUTED
    return Way(outcome.verdict.value, outcome.ballot.match.bin if routed else None, branch_of(outcome, recipe))


def recorded(number: int, readings: tuple[ColorReading, ...], recipe: Recipe = RECIPE) -> Recorded:
    way = said_of(readings, recipe)
    return Recorded(f"boot/belt/{number}", "belt", *way, None, 0.0, pack_readings(readings))


def changed(recipe: Recipe, **bins: dict[str, object]) -> Recipe:
    """A recipe with some keys of its bins changed, by their names."""
    document = recipe.model_dump(mode="json", exclude_none=True)
    document["bins"] = [one | bins.get(one["name"], {}) for one in document["bins"]]
    return Recipe.model_validate(document)


WIDER = changed(RECIPE, red={"tolerance": 16})
PRODUCTS = [recorded(number, (reading(lab),) * 3) for number, lab in enumerate([RED, PALE, GREEN, PALE], start=1)]


def test_a_wider_tolerance_routes_what_was_unknown_and_nothing_else() -> None:
    found = rehearse(PRODUCTS, WIDER)
    assert found.as_dict() == {
        "products": 4,
        "judged": 4,
        "changed": 2,
        "rerouted": 2,
        "rerouted_share": 0.5,
        "newly_routed": 2,
        "newly_unknown": 0,
        "newly_ambiguous": 0,
        "not_compared": {"late": 0, "diverted": 0, "invalid": 0, "nothing_kept": 0, "unreadable": 0},
        "ways": [
            {"verdict": "routed", "bin": "green", "branch": "b", "then": 1, "now": 1},
            {"verdict": "routed", "bin": "red", "branch": "a", "then": 1, "now": 3},
            {"verdict": "unknown", "bin": None, "branch": "u", "then": 2, "now": 0},
        ],
        "moves": [
            {
                "then": {"verdict": "unknown", "bin": None, "branch": "u"},
                "now": {"verdict": "routed", "bin": "red", "branch": "a"},
                "count": 2,
                "examples": ["boot/belt/2", "boot/belt/4"],
            }
        ],
    }


def test_the_same_recipe_changes_nothing() -> None:
    found = rehearse(PRODUCTS, RECIPE)
    assert (found.judged, found.changed, found.moves, found.rerouted_share) == (4, 0, (), 0.0)


def test_a_bin_that_goes_to_another_branch_reroutes_what_keeps_its_verdict() -> None:
    found = rehearse(PRODUCTS, changed(RECIPE, green={"branch": "c"}))
    (move,) = found.moves
    assert (move.then, move.now, move.count) == (("routed", "green", "b"), ("routed", "green", "c"), 1)
    assert (found.rerouted, found.newly(Verdict.ROUTED)) == (1, 0)


def test_a_bin_of_another_name_on_the_same_branch_changes_products_and_reroutes_none() -> None:
    found = rehearse(PRODUCTS, changed(RECIPE, red={"name": "crimson"}))
    assert (found.changed, found.rerouted) == (1, 0)


def test_a_narrower_tolerance_makes_products_unknown_and_a_larger_margin_ambiguous() -> None:
    products = [recorded(1, (reading(PALE),), WIDER)]
    assert rehearse(products, RECIPE).newly(Verdict.UNKNOWN) == 1
    assert rehearse(products, WIDER.model_copy(update={"min_margin": 90.0})).newly(Verdict.AMBIGUOUS) == 1


@pytest.mark.parametrize(
    ("verdict", "reason", "readings", "why"),
    [
        ("late", "deadline_passed", b"kept", Exclusion.LATE),
        ("invalid", "paused", b"kept", Exclusion.DIVERTED),
        ("invalid", "camera_lost", None, Exclusion.DIVERTED),
        ("invalid", "cut_off", None, Exclusion.INVALID),
        ("invalid", "not_judgeable", None, Exclusion.INVALID),
        ("routed", None, None, Exclusion.NOTHING_KEPT),
        ("unknown", "no_bin_in_reach", b"", Exclusion.NOTHING_KEPT),
        ("routed", None, b"\x01\x01 nonsense", Exclusion.UNREADABLE),
        ("routed", None, b"\x09\x01", Exclusion.UNREADABLE),
        ("routed", None, pack_readings([]), Exclusion.UNREADABLE),
    ],
)
def test_what_color_alone_did_not_decide_or_cannot_be_judged_is_counted_apart(
    verdict: str, reason: str | None, readings: bytes | None, why: Exclusion
) -> None:
    odd = Recorded("boot/belt/9", "belt", verdict, None, "x", reason, 0.0, readings)
    found = rehearse([odd, *PRODUCTS, odd], WIDER)
    assert (found.products, found.judged, found.excluded) == (6, 4, {why: 2})
    assert rehearse([odd], WIDER) == Rehearsal(excluded={why: 1})


def test_against_another_recipe_every_product_with_readings_counts_and_the_recorded_decision_does_not() -> None:
    packed = pack_readings((reading(PALE),))
    late = Recorded("boot/belt/1", "belt", "late", None, "l", "deadline_passed", 0.0, packed)
    paused = Recorded("boot/belt/2", "belt", "invalid", None, "i", "paused", 0.0, packed)
    bare = Recorded("boot/belt/3", "belt", "routed", "red", "a", None, 0.0, None)
    found = rehearse([late, paused, bare], WIDER, before=RECIPE)
    (move,) = found.moves
    assert (move.then, move.now, move.count) == (("unknown", None, "u"), ("routed", "red", "a"), 2)
    assert found.excluded == {Exclusion.NOTHING_KEPT: 1}
    assert rehearse(PRODUCTS, WIDER, before=WIDER).changed == 0


def test_the_last_twelve_of_a_move_are_its_examples() -> None:
    products = [recorded(number, (reading(PALE),)) for number in range(600)]
    (move,) = rehearse(products, WIDER).moves
    assert move.count == 600
    assert move.examples == tuple(f"boot/belt/{number}" for number in range(588, 600))


@given(st.lists(st.sampled_from([RED, PALE, GREEN, Lab(55, 55, 35)]), max_size=40), st.data())
def test_parts_add_up_to_the_whole_however_they_are_parted(labs: list[Lab], data: st.DataObject) -> None:
    products = [recorded(number, (reading(lab),)) for number, lab in enumerate(labs)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(products)), max_size=4)))
    parts = [rehearse(products[first:last], WIDER) for first, last in pairwise([0, *cuts, len(products)])]
    left = Rehearsal()
    for part in parts:
        left = left + part
    right = Rehearsal()
    for part in reversed(parts):
        right = part + right
    assert left == right == rehearse(products, WIDER)


# From few numbers, so that ties, equal bins and colors just within reach come up.
labs = st.builds(Lab, st.sampled_from([30.0, 50.0, 52.0, 70.0]), *[st.sampled_from([-40.0, 0.0, 3.0, 40.0])] * 2)
colors = st.builds(PaletteColor, labs, st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.6, 1.0]))
palettes = st.lists(colors, min_size=1, max_size=4).map(tuple)
seen = st.lists(
    st.builds(ColorReading, palettes, st.just(1.0), st.lists(palettes, max_size=4).map(tuple)), min_size=1, max_size=6
).map(tuple)
tolerances = st.sampled_from(
    [2.0, 5.0, 20.0, 100.0, {"delta_l": 5.0, "delta_ab": 10.0}, {"delta_l": 40.0, "delta_a": 5.0, "delta_b": 50.0}]
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    bins = []
    for number in range(draw(st.integers(1, 4))):
        shape = draw(st.sampled_from(["lab", "any_of", "all_of"]))
        some = [list(lab) for lab in draw(st.lists(labs, min_size=2, max_size=3))]
        shares = draw(st.lists(st.sampled_from([0.1, 0.25, 0.3]), min_size=3, max_size=3))
        color = {
            "lab": some[0],
            "any_of": [{"lab": lab} for lab in some],
            "all_of": [{"lab": lab, "min_share": share} for lab, share in zip(some, shares, strict=False)],
        }[shape]
        way = {"tolerance": draw(tolerances), "exposure_range": draw(st.sampled_from([1.0, 1.0, 2.0]))}
        bins.append({"name": f"bin {number}", shape: color, "branch": draw(st.sampled_from("abc")), **way})
    return Recipe.model_validate(
        {
            "name": "drawn",
            "bins": bins,
            "fallback": FALLBACK,
            "min_margin": draw(st.sampled_from([0.0, 1.0, 5.0])),
            "min_stability": draw(st.sampled_from([0.0, 0.5, 0.75, 1.0])),
            "sort_mode": draw(st.sampled_from(["nearest_within_tolerance", "nearest", "unique"])),
        }
    )


@given(st.lists(seen, min_size=1, max_size=6), recipes(), recipes())
def test_it_says_of_every_product_what_deciding_it_anew_says(
    products: list[tuple[ColorReading, ...]], before: Recipe, recipe: Recipe
) -> None:
    rows = [recorded(number, readings, before) for number, readings in enumerate(products)]
    for one, readings in zip(rows, products, strict=True):
        for found in (rehearse([one], recipe), rehearse([one], recipe, before)):
            assert list(found.counts) == [(said_of(readings, before), said_of(readings, recipe))]
    together = rehearse(rows, recipe)
    assert together == rehearse(rows, recipe, before)
    assert together.changed == sum(said_of(one, before) != said_of(one, recipe) for one in products)


@cache
def belt() -> list[Decision]:
    return belt_decisions({"noise": 1, "glare": 1, "texture": 1, "gap_mm": 25})


def rows_of(decisions: list[Decision], recipe: Recipe) -> list[Recorded]:
    kept = [one.evidence.readings for one in decisions if one.evidence is not None and one.evidence.readings]
    return [recorded(number, unpack_readings(packed), recipe) for number, packed in enumerate(kept)]


@pytest.mark.parametrize("tolerance", [1.5, 3, 6, 30])
@pytest.mark.parametrize("mode", ["nearest_within_tolerance", "unique", "nearest"])
def test_on_a_simulated_belt_it_says_what_deciding_anew_says(tolerance: float, mode: str) -> None:
    rows = rows_of(belt(), BELT_RECIPE)
    assert len(rows) > 10
    other = changed(BELT_RECIPE, **{str(kind["name"]): {"tolerance": tolerance} for kind in KINDS})
    other = other.model_copy(update={"sort_mode": other.sort_mode.__class__(mode), "min_stability": 0.9})
    ways = [said_of(unpack_readings(one.readings or b""), other) for one in rows]
    moved = [one.decision_id for one, way in zip(rows, ways, strict=True) if way != one.way]
    found = rehearse(rows, other)
    assert sorted(example for move in found.moves for example in move.examples) == sorted(moved)
    assert sum(found.counts.values()) == len(rows)


def test_a_reload_rehearses_two_hundred_products_in_a_moment() -> None:
    rows = rows_of(belt(), BELT_RECIPE)
    recent = (rows * 200)[:200]
    taken_s = []
    for _ in range(3):
        began_s = time.process_time()
        rehearse(recent, BELT_RECIPE, before=BELT_RECIPE)
        taken_s.append(time.process_time() - began_s)
    assert min(taken_s) < 0.1


def test_it_needs_no_clustering_library() -> None:
    code = "import sys; import sorter.backtest.rehearsal; print('sklearn' in sys.modules or 'scipy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
