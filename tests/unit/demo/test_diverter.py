from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.demo.diverter import DiverterCounts, Reception
from sorter.outputs.confirm import Confirm, ConfirmOutcome

DEADLINE_S = 1_700_000_000.0


def payload(seq: int, **changes: object) -> bytes:
    message = {
        "decision_id": f"boot/one/{seq}",
        "boot_id": "boot",
        "line": "one",
        "seq": seq,
        "act_before": "2023-11-14T22:13:20.000Z",
    }
    return json.dumps(message | changes).encode()


def test_a_decision_in_time_is_acted_on_once():
    diverter = Reception()
    assert diverter.take(payload(0), DEADLINE_S - 0.1) == Confirm("boot/one/0", ConfirmOutcome.ACTUATED)
    assert diverter.take(payload(0), DEADLINE_S - 0.1) is None
    assert diverter.counts == DiverterCounts(received=1, actuated=1, duplicates=1)


def test_a_decision_at_its_deadline_is_missed():
    diverter = Reception()
    assert diverter.take(payload(0), DEADLINE_S) == Confirm("boot/one/0", ConfirmOutcome.MISSED)
    assert diverter.counts == DiverterCounts(received=1, missed=1)


def test_skipped_numbers_are_gaps_within_one_boot_and_line():
    diverter = Reception()
    for seq, boot in ((4, "a"), (5, "a"), (8, "a"), (0, "b"), (1, "b")):
        diverter.take(payload(seq, boot_id=boot, decision_id=f"{boot}{seq}"), DEADLINE_S - 1)
    assert diverter.counts.gaps == 2


@pytest.mark.parametrize(
    "nonsense", [b"", b"[]", b"{}", b"7", payload("zero"), payload(0, act_before="soon"), payload(0, act_before=5)]
)
def test_nonsense_moves_nothing(nonsense):
    diverter = Reception()
    assert diverter.take(nonsense, DEADLINE_S - 1) is None
    assert diverter.counts == DiverterCounts(unreadable=1)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([-5.0, -0.001, 0.0, 0.001, 5.0])), max_size=40))
def test_each_decision_is_acted_on_at_most_once_and_never_late(arrivals):
    diverter = Reception()
    answers = [(diverter.take(payload(seq), DEADLINE_S + late_s), late_s) for seq, late_s in arrivals]
    counts = diverter.counts
    assert counts.received == len({seq for seq, _ in arrivals}) == counts.actuated + counts.missed
    assert counts.received + counts.duplicates == len(arrivals)
    for confirm, late_s in answers:
        assert confirm is None or (confirm.outcome is ConfirmOutcome.ACTUATED) == (late_s < 0)
