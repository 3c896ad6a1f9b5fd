from __future__ import annotations

import ast
import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.plc_line import CONFIRMED, MOST_WAITING, REMEMBERED_IDS, Event, Line, Mode, read_decision

FOLDER = Path(__file__).parents[3] / "examples"
NOON_S = 1_700_000_000.0
"""2023-11-14T22:13:20Z, when the product of these tests is at its gate."""


def at(shift_s: float) -> str:
    moment = datetime.fromtimestamp(NOON_S + shift_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decision(seq: int = 1, **changes: object) -> bytes:
    message = {
        "schema": "sorter.decision/1",
        "decision_id": f"boot/one/{seq}",
        "boot_id": "boot",
        "seq": seq,
        "branch": "left",
        "decided_at": at(-3),
        "act_after": at(0),
        "act_before": at(0.2),
    }
    return json.dumps(message | changes).encode()


def state(value: str = "running", **changes: object) -> bytes:
    return json.dumps(
        {"schema": "sorter.state/1", "boot_id": "boot", "state": value, "reason": "why"} | changes
    ).encode()


def line(*, stuck: tuple[str, ...] = (), act_at_once: bool = False) -> Line:
    return Line(lambda branch: branch not in stuck, "reject", act_at_once=act_at_once)


def names(events: Any) -> list[str]:
    return [event.what for event in events]


def told(events: Any, what: str) -> list[dict[str, Any]]:
    return [event.facts for event in events if event.what == what]


def following() -> Line:
    one = line()
    list(one.connect())
    list(one.take_state(state()))
    return one


def test_a_decision_is_acted_on_once_when_its_product_is_there():
    plc = following()
    assert names(plc.take_decision(decision(), NOON_S - 2)) == []
    assert plc.next_due_s == NOON_S
    assert list(plc.act(NOON_S - 0.001)) == []
    assert list(plc.act(NOON_S)) == [Event("actuated", {"decision_id": "boot/one/1", "branch": "left"})]
    assert names(plc.take_decision(decision(), NOON_S)) == ["duplicate"]
    assert list(plc.act(NOON_S + 1)) == []
    assert plc.next_due_s == math.inf


@pytest.mark.parametrize("late_s", [0.2, 0.3, 3600])
def test_a_decision_at_its_deadline_or_after_it_moves_nothing(late_s):
    plc = following()
    (event,) = plc.take_decision(decision(), NOON_S + late_s)
    assert event.what == "missed"
    assert plc.counts["received"] == plc.counts["missed"] == 1


def test_one_that_came_in_time_and_is_looked_at_too_late_is_missed():
    plc = following()
    list(plc.take_decision(decision(), NOON_S - 2))
    assert names(plc.act(NOON_S + 0.2)) == ["missed"]


def test_a_gate_that_does_not_move_is_told():
    plc = line(stuck=("left",))
    list(plc.take_decision(decision(1), NOON_S))
    list(plc.take_decision(decision(2, branch="right"), NOON_S))
    assert (plc.counts["blocked"], plc.counts["actuated"]) == (1, 1)


def test_a_decision_from_our_future_is_not_believed():
    (event,) = following().take_decision(decision(), NOON_S - 3600)
    assert event.what == "blocked"
    assert "clock" in event.facts["reason"]


def test_a_decision_without_limits_may_be_acted_on_at_any_time():
    assert names(following().take_decision(decision(act_after=None, act_before=None), NOON_S + 9e6)) == ["actuated"]


def test_gaps_are_noticed_within_a_run_and_at_the_beginning_of_every_run_but_the_first():
    plc = following()
    events = [
        event
        for boot, seq in (("boot", 4), ("boot", 5), ("boot", 8), ("boot", 7), ("next", 3), ("next", 4), ("boot", 9))
        for event in plc.take_decision(decision(seq, boot_id=boot, decision_id=f"{boot}{seq}"), NOON_S)
    ]
    assert told(events, "gap") == [
        {"boot_id": "boot", "first": 6, "last": 7},
        {"boot_id": "next", "first": 1, "last": 2},
    ]
    assert told(events, "new boot") == [{"boot_id": "next"}]
    assert plc.counts["skipped"] == 4


def test_a_state_tells_of_a_new_run_before_its_first_decision():
    plc = following()
    assert told(plc.take_state(state(boot_id="next")), "new boot") == [{"boot_id": "next"}]
    assert told(list(plc.take_decision(decision(2, boot_id="next"), NOON_S)), "gap")


def test_a_line_is_followed_only_while_it_says_that_it_runs_and_we_hear_it():
    plc = line()
    assert not plc.mode.follows
    assert names(plc.connect()) == ["falls back"]
    assert plc.mode.reason == "the line has told no state"
    assert names(plc.take_state(state())) == ["new boot", "follows"]
    assert names(plc.take_state(state("degraded"))) == ["follows"]
    for value in ("starting", "ready", "halted", "offline", "something new"):
        list(plc.take_state(state(value)))
        assert not plc.mode.follows
    list(plc.take_state(state()))
    assert names(plc.disconnect()) == ["falls back"]
    assert plc.mode == Mode(follows=False, reason="not connected to the broker", branch="reject")
    list(plc.connect())
    assert not plc.mode.follows


def test_products_without_a_decision_go_where_the_line_says_and_else_to_our_own_safe_branch():
    plc = following()
    fail_safe = {"cause": "camera_lost", "action": "safe_branch", "branch": "back", "stop_line": False, "new": 1}
    list(plc.take_state(state("halted", fail_safe=fail_safe)))
    assert plc.mode == Mode(follows=False, reason="halted: why", branch="back")
    list(plc.disconnect())
    assert plc.mode.branch == "back"
    for none in (None, "", [], {"branch": 7}, {"branch": ""}):
        list(plc.take_state(state("running", fail_safe=none)))
        assert plc.mode == Mode(follows=True, reason="running: why", branch="reject")


def test_a_decision_in_time_counts_whatever_the_state_is_since_it_was_made_from_good_pictures():
    plc = following()
    list(plc.take_decision(decision(), NOON_S - 2))
    list(plc.take_state(state("offline")))
    assert names(plc.act(NOON_S)) == ["actuated"]


def test_on_a_belt_that_is_told_to_stop_no_product_is_where_it_was_foretold():
    plc = following()
    list(plc.take_decision(decision(1), NOON_S - 2))
    events = list(plc.take_state(state("halted", fail_safe={"branch": "reject", "stop_line": True})))
    assert names(events) == ["falls back", "blocked"]
    assert names(plc.take_decision(decision(2), NOON_S)) == ["blocked"]
    list(plc.disconnect())
    assert plc.mode.stop_line, "that we hear nothing does not mean that it may run"


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"[]",
        b"{}",
        b"7",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"seq":' + b"9" * 5000 + b"}",
        decision(schema="sorter.decision/2"),
        decision(seq=True),
        decision(seq=-1),
        decision(seq=1e300),
        decision(seq="1"),
        decision(decision_id=""),
        decision(decision_id="x" * 257),
        decision(branch=None),
        decision(act_before="soon"),
        decision(act_before=5),
        decision(act_before="2023-11-14T22:13:20"),
        decision().replace(b'"act_before"', b'"act_never"'),
    ],
)
def test_nonsense_moves_nothing_and_is_counted(nonsense):
    plc = following()
    assert names(plc.take_decision(nonsense, NOON_S)) == ["unreadable"]
    assert names(plc.take_state(nonsense)) == ["unreadable"]
    assert plc.counts["unreadable"] == 2
    assert plc.mode.follows


@given(
    st.binary(max_size=60) | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps).map(str.encode)
)
def test_whatever_comes_is_survived(payload):
    plc = following()
    assert names(plc.take_decision(payload, NOON_S)) == names(plc.take_state(payload)) == ["unreadable"]


def test_unknown_fields_are_ignored():
    assert read_decision(decision(new={"deep": [1]})) == read_decision(decision())


arrivals = st.lists(
    st.tuples(st.integers(1, 30), st.floats(-3, 3), st.sampled_from(["", "disconnect", "stop", "runs"])), max_size=60
)


@given(arrivals, st.booleans())
def test_each_decision_is_settled_at_most_once_never_early_and_never_late(arrivals, act_at_once):
    moved: list[str] = []
    plc = Line(lambda branch: bool(moved.append(branch)) or True, "reject", act_at_once=act_at_once)
    settled: list[str] = []
    seen = set()
    for seq, shift_s, what in sorted(arrivals, key=lambda one: one[1]):
        now_s = NOON_S + shift_s
        before = len(moved)
        events = [*plc.take_decision(decision(seq), now_s)]
        if what == "disconnect":
            events += plc.disconnect()
        elif what:
            events += plc.take_state(state(fail_safe={"branch": "x", "stop_line": what == "stop"}))
        events += plc.act(now_s)
        settled += [event.facts["decision_id"] for event in events if event.what in CONFIRMED]
        seen.add(seq)
        if len(moved) > before:
            assert now_s < NOON_S + 0.2
            assert act_at_once or now_s >= NOON_S
    settled += [event.facts["decision_id"] for event in plc.act(NOON_S + 10)]
    assert sorted(settled) == sorted(f"boot/one/{seq}" for seq in seen)
    assert plc.counts["actuated"] == len(moved)
    assert plc.counts["received"] == len(seen) == sum(plc.counts[outcome] for outcome in CONFIRMED)


@given(st.sets(st.integers(1, 60), min_size=1))
def test_what_is_skipped_is_exactly_what_lies_between(numbers):
    plc = following()
    for seq in sorted(numbers):
        list(plc.take_decision(decision(seq), NOON_S))
    assert plc.counts["skipped"] == max(numbers) - min(numbers) + 1 - len(numbers)


def test_memory_is_bounded():
    plc = line()
    for seq in range(REMEMBERED_IDS + 10):
        list(plc.take_decision(decision(seq, boot_id=f"boot-{seq}", decision_id=f"{seq}"), NOON_S - 2))
    assert len(plc._seen) == REMEMBERED_IDS
    assert len(plc._waiting) == MOST_WAITING
    assert len(plc._last_seq) <= 16
    assert plc.counts["blocked"] == REMEMBERED_IDS + 10 - MOST_WAITING


@pytest.mark.parametrize("name", ["plc_line.py", "plc_client.py"])
def test_it_needs_nothing_of_the_sorter(name):
    tree = ast.parse((FOLDER / name).read_text("utf-8"))
    roots = {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots |= {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert roots - set(sys.stdlib_module_names) <= {"paho", "plc_line"}
