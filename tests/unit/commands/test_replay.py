from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sorter.settings.recipe import Recipe
from tests.unit.commands.conftest import BINS, FALLBACK, Files, Outcome
from tests.unit.commands.journaled import BOOT, PINK, RED, cut_off, decided, diverted, late, write_journal

Run = Callable[..., Outcome]
RECIPE = Recipe.model_validate(
    {"name": "two colors", "bins": [one | {"tolerance": 5} for one in BINS], "fallback": FALLBACK}
)
PATH = Path("journal") / "journal.sqlite"


def change(sql: str) -> None:
    with closing(sqlite3.connect(PATH)) as base, base:
        base.execute(sql)


@pytest.fixture
def journal(files: Files) -> Path:
    files.write_recipe(revision=2)
    decisions = [decided(1, RED, RECIPE), decided(2, PINK, RECIPE), late(decided(3, PINK, RECIPE), RECIPE)]
    decisions += [diverted(decided(4, RED, RECIPE), RECIPE), cut_off(5, RECIPE)]
    return write_journal(PATH, decisions, RECIPE)


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("seq", "remark"),
    [
        (1, None),
        (2, None),
        (3, "it was late: its verdict and branch are not compared"),
        (4, "paused of the fail-safe table spoke for it: its verdict and branch are not compared"),
        (5, "it was invalid: its verdict and branch are not compared"),
    ],
)
def test_a_decision_is_made_again_and_equal(run: Run, seq: int, remark: str | None) -> None:
    outcome = run("replay", f"one/{seq}", "--config", "sorter.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    heading, verdict, *remarks = outcome.out.splitlines()
    assert heading.startswith(f"{BOOT}/one/{seq}, decided under two colors, revision 1 (")
    assert verdict.startswith("equal: lab, hex, share, delta_e")
    assert ("branch" in verdict) == (remark is None)
    assert remarks == ([] if remark is None else [f"  {remark}"])


@pytest.mark.usefixtures("journal")
def test_json_tells_the_same(run: Run) -> None:
    outcome = run("replay", f"{BOOT}/one/1", "--journal", PATH, "--json")
    (facts,) = outcome.rows
    assert outcome.code == 0
    assert (facts["equal"], facts["replayable"], facts["decided_from"]) == (True, True, "pixels")
    assert (facts["differences"], facts["remarks"]) == ([], [])
    assert facts["recipe"] == {"name": "two colors", "revision": 1, "hash": RECIPE.identity.hash}


@pytest.mark.usefixtures("journal")
def test_what_differs_is_told_with_both_values(run: Run) -> None:
    change("UPDATE decisions SET message = json_set(message, '$.branch', 'gate-2', '$.margin', 1.5) WHERE id = 1")
    outcome = run("replay", "one/1", "--journal", PATH)
    assert outcome.code == 1
    _, verdict, margin, branch = outcome.out.splitlines()
    assert (verdict, branch) == ("different", "  branch was 'gate-2' and is 'gate-1'")
    assert margin.startswith("  margin was 1.5 and is ")
    (facts,) = run("replay", "one/1", "--journal", PATH, "--json").rows
    assert facts["differences"][1] == {"field": "branch", "then": "gate-2", "now": "gate-1"}


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DELETE FROM recipes", f"its recipe {RECIPE.identity.hash} is not kept in the journal"),
        (
            'UPDATE recipes SET meaning = \'{"of": "another time"}\'',
            f"its recipe {RECIPE.identity.hash} is kept, but this version of the sorter does not understand it",
        ),
    ],
)
def test_without_its_recipe_it_cannot_be_made_again(run: Run, sql: str, why: str) -> None:
    change(sql)
    outcome = run("replay", "one/1", "--journal", PATH)
    assert (outcome.code, outcome.out.splitlines()[1:]) == (1, ["it cannot be decided again", f"  {why}"])


@pytest.mark.usefixtures("journal")
def test_without_pixels_it_is_made_again_from_what_was_read_of_them(run: Run) -> None:
    change("DELETE FROM pixels")
    outcome = run("replay", "one/1", "--journal", PATH)
    assert outcome.code == 0
    told = "  its pixels are not kept: it was decided again from what was read of them then"
    assert outcome.out.splitlines()[2:] == [told]


@pytest.mark.usefixtures("journal")
def test_with_nothing_kept_it_cannot_be_made_again(run: Run) -> None:
    change("DELETE FROM pixels")
    change("DELETE FROM readings")
    outcome = run("replay", "one/1", "--journal", PATH)
    why = "  neither its pixels nor what was read of them is kept, or not any more"
    assert (outcome.code, outcome.out.splitlines()[1:]) == (1, ["it cannot be decided again", why])
    assert run("replay", "one/5", "--journal", PATH).code == 0  # of which there never was anything


@pytest.mark.usefixtures("journal")
def test_damaged_pixels_are_told_and_the_readings_taken(run: Run) -> None:
    change("UPDATE pixels SET samples = x'0102'")
    outcome = run("replay", "one/1", "--journal", PATH)
    assert outcome.code == 0
    assert outcome.out.splitlines()[2:] == ["  its pixels are damaged, or of a newer version of the sorter"]
    change("UPDATE readings SET readings = x'0102'")
    assert run("replay", "one/1", "--journal", PATH).code == 1


@pytest.mark.usefixtures("journal")
def test_readings_that_are_not_those_of_the_pixels_are_told(run: Run) -> None:
    change("UPDATE readings SET readings = (SELECT readings FROM readings WHERE decision = 2) WHERE decision = 1")
    outcome = run("replay", "one/1", "--journal", PATH)
    told = "  what is read of its pixels now is not what was read of them then"
    assert (outcome.code, outcome.out.splitlines()[1:]) == (1, ["different", told])


@pytest.mark.usefixtures("journal")
def test_pixels_that_this_machine_rounds_otherwise_are_told(run: Run) -> None:
    with closing(sqlite3.connect(PATH)) as base, base:
        (packed,) = base.execute("SELECT samples FROM pixels WHERE decision = 1").fetchone()
        other = packed[:5] + bytes([packed[5] ^ 1]) + packed[6:]  # the sum of what voted, on another machine
        base.execute("UPDATE pixels SET samples = ? WHERE decision = 1", [other])
    outcome = run("replay", "one/1", "--journal", PATH)
    told = "  its pixels are not to the bit what voted: this machine rounds otherwise than that of then"
    assert outcome.out.splitlines()[2:] == [told]


@pytest.mark.usefixtures("journal")
def test_another_recipe_tells_what_it_would_say_instead(run: Run) -> None:
    outcome = run("replay", "one/2", "--journal", PATH, "--recipe", "recipe.yaml")
    assert outcome.code == 0
    *_, would, verdict_bin, verdict, branch, reason = outcome.out.splitlines()
    assert would.startswith("two colors, revision 2 (")
    assert " would say: verdict routed, bin red, branch gate-1, reason -, delta_e " in would
    assert (verdict_bin, verdict) == ("  bin was None and is 'red'", "  verdict was 'unknown' and is 'routed'")
    assert (branch, reason) == ("  branch was 'reject' and is 'gate-1'", "  reason was 'no_bin_in_reach' and is None")
    (facts,) = run("replay", "one/2", "--journal", PATH, "--recipe", "recipe.yaml", "--json").rows
    assert facts["other"]["says"]["bin"] == "red"
    assert facts["other"]["recipe"]["revision"] == 2
    same = run("replay", "one/1", "--journal", PATH, "--recipe", "recipe.yaml")
    assert same.out.splitlines()[-1] == "  nothing would be otherwise"


@pytest.mark.usefixtures("journal")
def test_no_such_decision_is_one_sentence(run: Run) -> None:
    outcome = run("replay", "one/77", "--journal", PATH)
    outcome.refuses(1, "one/77: the journal has no such decision: journal list shows what it has")
