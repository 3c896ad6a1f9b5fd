"""How files are edited, and how it is judged what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from benchmarks.belt import CONFIG
from benchmarks.edits.campaign import FULL, EditsResult, Outcome, busy_belt
from benchmarks.edits.contents import plan_edits
from benchmarks.edits.verdicts import Kept, Published, gaps, keep_up, out_of_order, strange_hashes
from benchmarks.edits.ways import WAYS, editable
from sorter.capture.simulator.truth import Schedule

DEMO = CONFIG / "recipes" / "demo.yaml"
BELT = busy_belt(10.0)
QUICK = [way for way in WAYS if way.name != "slow writer"]


def decision(seq, recipe, at_s):
    return {"seq": seq, "recipe": {"hash": recipe}, "decided_at": moment(at_s), "captured_at": moment(at_s)}


def moment(at_s):
    return datetime.fromtimestamp(1e9 + at_s, UTC).isoformat()


def published(*recipes):
    return [Published(found, 1e9 + at_s) for found, at_s in recipes]


def test_every_way_leaves_the_content_and_they_follow_each_other_in_any_order():
    with editable("recipe.yaml", b"a: 0\n") as (place, ways):
        assert {way.name for way in ways} >= {way.name for way in WAYS}
        for number, way in enumerate([*QUICK, *reversed(QUICK), *ways[len(WAYS) :]]):
            content = b"# %d\n" % number + b"a: b\n" * (number % 5) + b"c: '%d'\n" % number
            way.write(place, content)
            assert place.path.read_bytes() == content, way.name


def test_a_slow_writer_takes_its_time_and_writes_in_place():
    with editable("recipe.yaml", b"a: 0\n") as (place, ways):
        before = place.path.stat().st_ino
        next(way for way in ways if way.name == "slow writer").write(place, b"b: 1\n" * 9)
        assert place.path.read_bytes() == b"b: 1\n" * 9
        assert place.path.stat().st_ino == before


def test_edits_are_the_same_for_each_seed_a_third_is_wrong_and_each_way_is_right_once():
    edits = plan_edits(1, 40, WAYS, BELT.line, DEMO)
    assert [one.content for one in edits] == [one.content for one in plan_edits(1, 40, WAYS, BELT.line, DEMO)]
    assert Counter(one.kind for one in edits)["valid"] == 40 - 40 // 3
    assert len({one.hash for one in edits if one.is_valid}) == 40 - 40 // 3
    assert {one.way.name for one in edits if one.is_valid} == {way.name for way in WAYS}
    assert {one.kind for one in edits} == {
        "valid", "syntax", "unknown key", "unknown branch", "cut off", "duplicate key"
    }  # fmt: skip
    assert all(bool(one.said) != one.is_valid for one in edits)


def test_a_recipe_that_nobody_wrote_is_named():
    seen = [decision(1, "a", 0.0), decision(2, "half", 1.0)]
    assert strange_hashes(published(("a", 0), ("b", 1)), seen, {"a", "b"}) == ["half"]
    assert strange_hashes(published(("c", 0)), [], {"a"}) == ["c"]


def test_numbers_that_are_missing_or_given_twice_are_named():
    assert gaps([decision(number, "a", 0.0) for number in (1, 2, 3)]) == []
    assert gaps([decision(number, "a", 0.0) for number in (1, 2, 2, 5)]) == [2, 3, 4]
    assert gaps([]) == []


def test_recipes_follow_each_other_as_they_were_published():
    news = published(("a", 0), ("b", 5), ("c", 6), ("d", 10))
    right = [decision(1, "a", 1), decision(2, "a", 5.2), decision(3, "b", 5.3), decision(4, "d", 10.1)]
    assert list(out_of_order(news, right)) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (decision(3, "a", 6.0), "decision 3 was made under a, which was not next"),
        (decision(3, "b", 8.5), "decision 3 was made under b when that was not in force"),
        (decision(3, "c", 5.2), "decision 3 was made under c when that was not in force"),
        (decision(3, "x", 6.5), "decision 3 was made under x, which was not next"),
    ],
)
def test_a_decision_under_a_recipe_of_another_time_is_named(wrong, words):
    news = published(("a", 0), ("b", 5), ("c", 7))
    assert words in list(out_of_order(news, [decision(1, "a", 1), decision(2, "b", 5.5), wrong]))


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_products_without_a_decision_are_counted_from_the_belt_alone(missing):
    schedule = Schedule(BELT.source, BELT.degrees)
    enters_s = [one.enters_s for one in schedule.products_between(0.0, 40.0)]
    seen = [*enters_s[:150], *enters_s[150 + missing :]]
    kept = keep_up([decision(number, "a", 3.2 + at_s) for number, at_s in enumerate(seen, 1)], schedule)
    assert kept.products_per_s == pytest.approx(10, abs=0.5)
    assert kept.missed == pytest.approx(missing, abs=0.3)
    assert kept.all is (missing == 0)


def test_the_table_tells_of_each_way_and_what_may_not_be():
    outcomes = [
        Outcome("cp", "valid", 0.5, ""),
        Outcome("cp", "valid", 0.7, ""),
        Outcome("nano", "syntax", None, ""),
        Outcome("nano", "valid", None, "not live in 2 s"),
    ]
    result = EditsResult(FULL, outcomes, 300, Kept(10.0, 0.0), [])
    ways, products, faults, limits = result.tables()
    assert ways.rows[:2] == [("cp", "2", "2", "0.60", "0.70", "0", "0"), ("nano", "2", "0", "-", "-", "1", "1")]
    assert ("products a second", "10.0") in products.rows
    assert faults.rows == [("nano, valid: not live in 2 s",)]
    assert [row[-1] for row in limits.rows] == ["DOES NOT HOLD", "holds", "holds"]
    assert result.failed
    assert not EditsResult(FULL, outcomes[:3], 300, Kept(10.0, 0.0), []).failed
