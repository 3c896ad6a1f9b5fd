"""A spoiled recipe is refused in plain words, or means what stands in it: never a silent change of meaning."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.edits.judging import judge
from benchmarks.edits.mutants import MutationsPlan, measure_mutations, shipped_recipes
from benchmarks.edits.mutations import MUTATIONS, chosen, mutated
from benchmarks.edits.oracle import differences
from benchmarks.edits.teaching import comments
from benchmarks.edits.untouched import WatchedLine
from sorter.settings.load import load_project, load_recipe

Write = Callable[[str, str | bytes], Path]
Told = Callable[[Callable[[Path], object], str], list[str]]

DEMO = shipped_recipes()[0]
LONGEST_S = 5.0
"""So much longer than the campaign's: tests run on machines that do other things."""


def test_three_hundred_spoiled_recipes_are_told_of_or_mean_what_stands_in_them():
    found = measure_mutations(MutationsPlan(300, seed=1, watch_every=20))
    assert found.faults == []
    assert 20 < found.accepted < 200
    assert found.taught >= found.accepted / 2
    assert found.grown_mb < 200
    rows = [row for table in found.tables() for row in table.rows]
    assert ("accepted, and say what stands in them", str(found.accepted)) in rows


def test_a_running_line_keeps_its_recipe_while_its_file_is_spoiled_and_mended(tmp_path):
    with WatchedLine(tmp_path, DEMO) as line:
        assert line.faults(b"") == []
        assert line.faults(DEMO[:2000]) == []
        assert line.faults(DEMO.replace(b"tolerance: 11", b"tolerance: 9")) == []
        assert line.faults(DEMO.replace(b"name: red", b"name: crimson")) == []
        assert line.faults(DEMO.replace(b"branch: gate-1", b"branch: gate-9")) == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chance=st.randoms(use_true_random=False),
    steps=st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=4),
    data=st.sampled_from(sorted(shipped_recipes(), key=len)[:3]),
)
def test_any_mutations_at_once_leave_a_recipe_that_is_told_of_or_means_what_stands_in_it(tmp_path, chance, steps, data):
    judged = judge(tmp_path / "recipe.yaml", mutated(chance, data, steps), longest_s=LONGEST_S, teach=True)
    assert judged.faults == ()


@pytest.mark.parametrize("mutation", sorted(set(MUTATIONS), key=lambda one: one.__name__))
def test_each_mutation_is_the_same_for_the_same_chance_and_changes_something(mutation):
    spoiled = [mutation(seeded(seed), DEMO) for seed in range(8)]
    assert spoiled == [mutation(seeded(seed), DEMO) for seed in range(8)]
    assert any(one != DEMO for one in spoiled)
    assert mutated(seeded(1), b"\n", [mutation])


def test_one_mutation_or_up_to_four_are_chosen():
    assert {len(chosen(seeded(seed))) for seed in range(40)} == {1, 2, 3, 4}


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # no secret


@pytest.mark.parametrize("number", ["010", "077", "1_1", '" 8 "', "00.5", "-08"])
def test_a_number_that_another_program_reads_differently_is_refused(write: Write, told: Told, recipe_text, number):
    write("recipe.yaml", recipe_text.replace("[40, 60, 38]", f"[40, {number}, 38]"))
    (sentence,) = told(load_recipe, "recipe.yaml")
    assert sentence.startswith("recipe.yaml:4:15: bins.0.lab.1: must be a number without zeros before it, spaces and _")


@pytest.mark.parametrize("number", ["10", "8.", ".8", "+8", "8e0", "0.5", "1e1"])
def test_a_number_as_people_write_it_is_taken(write: Write, recipe_text, number):
    path = write("recipe.yaml", recipe_text.replace("tolerance: 8", f"tolerance: {number}", 1))
    assert load_recipe(path).value.bins[0].tolerance.delta_e == float(number)


def test_a_tolerance_that_is_a_bare_number_is_held_to_the_same(write: Write, told: Told, recipe_text):
    write("recipe.yaml", recipe_text.replace("tolerance: 8", "tolerance: 08", 1))
    (sentence,) = told(load_recipe, "recipe.yaml")
    assert sentence == (
        "recipe.yaml:5:16: bins.0.tolerance: must be a number without zeros before it, spaces and _, got 08"
    )


def test_a_time_of_digits_is_not_taken_for_seconds(write: Write, told: Told, recipe_text):
    provenance = "taught: {at: 20260131, samples: 9, spread: 1, source: a, software: b}"
    write("recipe.yaml", recipe_text.replace("branch: left", f"branch: left\n    {provenance}"))
    (sentence,) = told(load_recipe, "recipe.yaml")
    assert sentence.endswith("bins.0.taught.at: must be a time, such as 2026-01-31T10:00:00Z, got 20260131")


@pytest.mark.parametrize("hidden", ["\r", "\x85", "\u2028", "\u2029"])
def test_a_setting_cannot_hide_in_a_comment(write: Write, told: Told, recipe_text, hidden):
    write("recipe.yaml", recipe_text + f"# see below{hidden}min_margin: 5\n")
    (sentence,) = told(load_recipe, "recipe.yaml")
    assert sentence == (
        f"recipe.yaml:12:12: the character {hidden!r} breaks the line, and most editors do not show that: remove it"
    )


def test_a_revision_that_no_database_takes_is_refused(write: Write, told: Told, recipe_text):
    write("recipe.yaml", f"revision: 1{'0' * 4000}\n" + recipe_text)
    (sentence,) = told(load_recipe, "recipe.yaml")
    assert sentence.startswith("recipe.yaml:1:11: revision: must be at most 1000000000, got 1000")


def test_the_oracle_sees_what_is_dropped_added_or_changed(write: Write, recipe_text):
    recipe = load_recipe(write("recipe.yaml", recipe_text)).value
    assert differences(recipe_text.encode(), recipe) == []
    lies = {
        "dropped": recipe_text + "min_margins: 3\n",
        "does not stand in the file": recipe_text.replace("name: fruit\n", ""),
        "the file says '3'": recipe_text + "min_margin: 3\n",
        "the file says": recipe_text.replace("tolerance: 8", "tolerance: 9", 1),
        "given twice: name": "name: fruit\n" + recipe_text,
        "do not show": "# a\u2028" + recipe_text,
    }
    for words, lie in lies.items():
        (said,) = differences(lie.encode(), recipe)
        assert words in said


def test_comments_are_found_wherever_they_stand():
    text = 'a: "#no"   # one\n# two\nb: [1, # three\n  2]\nc: x#y\n'
    assert comments(text) == ["# one", "# two", "# three"]


def test_a_path_of_thousands_of_characters_does_not_fill_the_alarm(write: Write, told: Told, site_text):
    write("sorter.yaml", site_text.replace("recipe: recipe.yaml", f"recipe: {'9' * 5000}"))
    (sentence,) = told(load_project, ".")
    assert sentence.startswith("sorter.yaml:7:13: lines.0.recipe: there is no recipe file '999")
    assert len(sentence) < 500
