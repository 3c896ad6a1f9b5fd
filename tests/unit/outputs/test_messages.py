from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.outputs.messages import (
    LineIdentity,
    LineState,
    Naming,
    decision_message,
    dumps,
    rfc3339,
    state_message,
)
from sorter.outputs.topics import Topics
from sorter.records import (
    BinMatch,
    ColorReading,
    Deadline,
    Decision,
    Doubt,
    InvalidReason,
    Lab,
    PaletteColor,
    RecipeId,
    RunnerUp,
    Verdict,
)

IDENTITY = LineIdentity("plant", "line 1", "7f3a", simulated=False)
RECIPE = RecipeId("apples", 3, "0123456789abcdef")
ROUTED = Decision(
    product=41,
    verdict=Verdict.ROUTED,
    branch="left",
    captured_at_s=100.0,
    decided_at_s=100.0424,
    deadline=Deadline(100.5004, 100.6007),
    frames_used=5,
    recipe=RECIPE,
    match=BinMatch("red", "left", 1.234, is_in_reach=True, runner_up=RunnerUp("orange", 11.5), bins_in_reach=1),
    reading=ColorReading(
        (PaletteColor(Lab(50.004, 60.0, -0.001), 0.75), PaletteColor(Lab(90.0, 0.0, 5.0), 0.25)), 2.345
    ),
    stability=0.98765,
)
WALL_MINUS_MONOTONIC_S = 1_700_000_000.0 - 100.0


def message(decision: Decision = ROUTED):
    return decision_message(decision, IDENTITY, 12, WALL_MINUS_MONOTONIC_S)


def test_a_routed_decision_as_it_goes_on_the_wire():
    assert message() == {
        "schema": "sorter.decision/1",
        "decision_id": "7f3a/line 1/12",
        "boot_id": "7f3a",
        "seq": 12,
        "site": "plant",
        "line": "line 1",
        "product": 41,
        "trigger_id": None,
        "captured_at": "2023-11-14T22:13:20.000Z",
        "time_base": "arrival",
        "decided_at": "2023-11-14T22:13:20.042Z",
        "age_ms": 42,
        "verdict": "routed",
        "bin": "red",
        "branch": "left",
        "reason": None,
        "lab": [50.0, 60.0, 0.0],
        "hex": message()["palette"][0]["hex"],
        "share": 0.75,
        "delta_e": 1.23,
        "runner_up": {"bin": "orange", "delta_e": 11.5},
        "margin": 10.27,
        "spread": 2.35,
        "stability": 0.988,
        "palette": [
            {"lab": [50.0, 60.0, 0.0], "hex": message()["palette"][0]["hex"], "share": 0.75},
            {"lab": [90.0, 0.0, 5.0], "hex": message()["palette"][1]["hex"], "share": 0.25},
        ],
        "frames_used": 5,
        "act_after": "2023-11-14T22:13:20.501Z",
        "act_before": "2023-11-14T22:13:20.600Z",
        "recipe": {"name": "apples", "revision": 3, "hash": "0123456789abcdef"},
        "simulated": False,
        "clock": "unknown",
    }


def test_a_product_that_an_eye_announced_is_called_what_the_eye_calls_it():
    sent = decision_message(ROUTED, IDENTITY, 12, WALL_MINUS_MONOTONIC_S, Naming(5041, "eye-5041"))
    assert sent == message() | {"product": 5041, "trigger_id": "eye-5041"}


def test_a_product_that_an_eye_should_have_announced_has_no_number_and_is_routed_all_the_same():
    sent = decision_message(ROUTED, IDENTITY, 12, WALL_MINUS_MONOTONIC_S, Naming())
    assert sent == message() | {"product": None, "trigger_id": None}


def test_the_window_on_the_wire_lies_inside_the_real_one():
    assert message()["act_after"] > rfc3339(ROUTED.deadline.act_after_s + WALL_MINUS_MONOTONIC_S)
    assert message()["act_before"] < rfc3339(ROUTED.deadline.act_before_s + WALL_MINUS_MONOTONIC_S)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(Verdict.UNKNOWN, None), (Verdict.AMBIGUOUS, Doubt.SEVERAL_BINS), (Verdict.INVALID, InvalidReason.GLARE)],
)
def test_no_bin_is_named_where_none_was_decided_but_the_numbers_are_given(verdict, reason):
    sent = message(replace(ROUTED, verdict=verdict, branch="reject", reason=reason))
    assert sent["bin"] is None
    assert (sent["delta_e"], sent["runner_up"]["bin"], sent["branch"]) == (1.23, "orange", "reject")
    assert sent["reason"] == (reason.value if reason else "no_bin_in_reach")


def test_a_late_decision_still_tells_what_it_was_where_a_bin_reaches_the_color():
    late = replace(ROUTED, verdict=Verdict.LATE, branch="reject")
    assert message(late)["bin"] == "red"
    far = replace(late, match=replace(ROUTED.match, delta_e=9.0, is_in_reach=False, bins_in_reach=0))
    assert message(far)["bin"] is None


def test_a_product_without_a_color_says_so_everywhere():
    blind = replace(
        ROUTED,
        verdict=Verdict.INVALID,
        reason=InvalidReason.CUT_OFF,
        match=None,
        reading=None,
        stability=None,
        frames_used=0,
    )
    sent = message(blind)
    nothing = ("lab", "hex", "share", "delta_e", "runner_up", "margin", "spread", "stability", "bin")
    assert [sent[key] for key in nothing] == [None] * len(nothing)
    assert (sent["palette"], sent["reason"]) == ([], "cut_off")


@pytest.mark.parametrize("doubt", Doubt)
def test_an_ambiguous_product_says_why_and_a_late_one_that_it_is_late(doubt):
    doubted = replace(ROUTED, verdict=Verdict.AMBIGUOUS, reason=doubt)
    assert message(doubted)["reason"] == doubt.value
    assert message(replace(doubted, verdict=Verdict.LATE))["reason"] == "deadline_passed"


def test_a_recipe_of_one_bin_has_no_runner_up():
    sent = message(replace(ROUTED, match=replace(ROUTED.match, runner_up=None)))
    assert (sent["runner_up"], sent["margin"]) == (None, None)


def test_where_nothing_waits_there_is_no_deadline():
    sent = message(replace(ROUTED, deadline=Deadline(-float("inf"), float("inf"))))
    assert (sent["act_after"], sent["act_before"]) == (None, None)


def test_topics_are_made_of_base_site_and_line():
    topics = Topics("works/sorter", "plant", "line 1")
    assert topics.decision == "works/sorter/plant/line 1/decision"
    assert topics.command == "works/sorter/plant/line 1/command/+"
    names = ("state", "recipe", "alarm", "stats", "trigger", "confirm")
    assert [getattr(topics, name) for name in names] == [f"works/sorter/plant/line 1/{name}" for name in names]


def test_a_last_will_is_undated():
    will = state_message(LineState.OFFLINE, "lost", IDENTITY, None, None, None)
    assert (will["state"], will["at"], will["recipe"]) == ("offline", None, None)


def test_a_number_that_is_not_finite_never_reaches_the_wire():
    with pytest.raises(ValueError, match="JSON"):
        dumps({"delta_e": float("nan")})


def test_the_wire_is_compact_utf8():
    assert dumps({"bin": "grün", "x": 1}) == '{"bin":"grün","x":1}'.encode()


@given(st.floats(0, 4e9))
def test_times_are_utc_with_milliseconds(wall_s):
    assert len(rfc3339(wall_s)) == len("2023-11-14T22:13:20.000Z")
    assert rfc3339(wall_s).endswith("Z")


@given(st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_any_printable_name_survives_the_wire(name):
    identity = replace(IDENTITY, line=name)
    sent = json.loads(dumps(decision_message(ROUTED, identity, 1, 0.0)))
    assert sent["line"] == name
