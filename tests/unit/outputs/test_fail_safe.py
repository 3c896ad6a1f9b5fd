from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.outputs.fail_safe import FailSafe, sorter_lost
from sorter.settings.fail_safe import Action, Clearing, FailSafeTable

ROOT = Path(__file__).parents[3]
CAUSES = ["camera_lost", "paused", "disk_full", "latency_drift", "overloaded", "never_heard_of"]


def table(**rows: dict[str, object]) -> FailSafeTable:
    return FailSafeTable.model_validate(rows)


def troubles(*causes: str) -> dict[str, str]:
    return {cause: f"because of {cause}" for cause in causes}


def test_the_gravest_row_rules_and_the_line_is_stopped_if_any_row_says_so():
    rows = table(disk_full={"stop_line": True}, paused={"branch": "aside"})
    fail_safe = FailSafe(rows, "reject")
    assert fail_safe.ruling is None
    fail_safe.follow(troubles("latency_drift"), 0.0)
    assert (fail_safe.ruling.action, fail_safe.ruling.degrades) == (Action.CONTINUE, False)
    fail_safe.follow(troubles("latency_drift", "disk_full", "paused"), 1.0)
    ruling = fail_safe.ruling
    assert (ruling.cause, ruling.action, ruling.branch, ruling.stop_line) == ("paused", Action.DIVERT, "aside", True)
    assert ruling.active == ("paused", "disk_full", "latency_drift")
    fail_safe.follow(troubles("paused", "picture_dark"), 2.0)
    assert (fail_safe.ruling.cause, fail_safe.ruling.branch) == ("picture_dark", "reject")


def test_a_row_holds_on_after_its_cause_and_a_latched_one_until_it_is_cleared():
    rows = table(overloaded={"hold_s": 5}, camera_lost={"clears": "by_command", "alarm": "call 4711"})
    fail_safe = FailSafe(rows, "reject")
    fail_safe.follow(troubles("overloaded", "camera_lost"), 10.0)
    assert fail_safe.active == {"camera_lost": "call 4711", "overloaded": "because of overloaded"}
    assert fail_safe.clear() == ((), ("camera_lost",)), "it holds"
    fail_safe.follow({}, 14.9)
    assert list(fail_safe.active) == ["camera_lost", "overloaded"]
    fail_safe.follow({}, 15.0)
    assert list(fail_safe.active) == ["camera_lost"]
    assert fail_safe.clear() == (("camera_lost",), ())
    assert fail_safe.active == {}


def test_the_will_says_what_its_row_says():
    facts = sorter_lost(table(sorter_lost={"branch": "aside", "stop_line": True}), "reject")
    assert (facts.branch, facts.stop_line, facts.action, facts.active) == ("aside", True, "halt", ("sorter_lost",))


rows = st.fixed_dictionaries(
    {},
    optional={
        "hold_s": st.floats(0, 10),
        "clears": st.sampled_from(Clearing).map(str),
        "stop_line": st.booleans(),
        "branch": st.sampled_from(["left", "right"]),
    },
)
tables = st.fixed_dictionaries(
    {}, optional={cause: rows for cause in CAUSES if cause in FailSafeTable.model_fields}
).map(FailSafeTable.model_validate)
steps = st.lists(st.tuples(st.sets(st.sampled_from(CAUSES)), st.floats(0, 4), st.booleans()), min_size=1)


@given(tables, steps)
def test_what_holds_is_active_and_what_is_active_held_a_moment_ago_or_waits_for_its_command(chosen, told):
    fail_safe, now_s, last_s = FailSafe(chosen, "reject"), 0.0, {}
    for causes, after_s, command in told:
        now_s += after_s
        last_s |= dict.fromkeys(causes, now_s)
        fail_safe.follow(troubles(*causes), now_s)
        if command:
            fail_safe.clear()
        active = set(fail_safe.active)
        assert causes <= active
        for cause in active - causes:
            row = chosen.row(cause)
            latched = row.clears is Clearing.BY_COMMAND
            assert (latched and not command) or (not latched and now_s < last_s[cause] + row.hold_s)
        ruling = fail_safe.ruling
        assert (ruling is None) == (not active)
        if ruling is not None:
            order = list(Action)
            gravest = max((chosen.row(one).action for one in active), key=order.index)
            assert ruling.action is gravest is chosen.row(ruling.cause).action
            assert ruling.stop_line == any(chosen.row(one).stop_line for one in active)
            assert ruling.branch == (chosen.row(ruling.cause).branch or "reject")
            assert ruling.active[0] == ruling.cause
            assert set(ruling.active) == active


@given(tables, steps)
def test_without_holds_and_latches_only_what_holds_now_counts(chosen, told):
    plain = FailSafeTable.model_validate(
        {cause: {"action": row.action, "hold_s": 0} for cause, row in chosen.rows() if cause in CAUSES}
    )
    through, direct = FailSafe(plain, "reject"), FailSafe(plain, "reject")
    for number, (causes, _, _) in enumerate(told):
        through.follow(troubles(*causes), float(number))
    direct.follow(troubles(*told[-1][0]), float(len(told)))
    assert through.ruling == direct.ruling


@pytest.mark.parametrize(
    "cause", [name for name in FailSafeTable.model_fields if name.startswith(("camera_l", "camera_r", "picture_"))]
)
@pytest.mark.parametrize("action", ["continue", "divert"])
def test_no_row_of_the_camera_can_let_decisions_go_on(cause, action):
    with pytest.raises(ValueError, match="halt"):
        table(**{cause: {"action": action}})


def test_every_cause_that_the_program_can_tell_has_a_row():
    """Every cause is written as a string somewhere; the words of causes are few and tell them from other strings."""
    pattern = re.compile(r'"((?:camera|picture|broker|client_id|publish|clock|disk|journal|light|triggers)_[a-z_]+)"')
    files = [path for path in (ROOT / "sorter").rglob("*.py") if path.parts[-2] != "settings"]
    told = {name for path in files for name in pattern.findall(path.read_text("utf-8"))}
    known = {"camera_lost", "picture_stale", "broker_lost", "triggers_unmatched"}
    assert known <= told
    others = {"camera_name", "clock_offset_s", "picture_px"}
    assert told - others <= set(FailSafeTable.model_fields)
