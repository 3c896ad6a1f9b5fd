from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.batch.span import Span, batches_of
from sorter.outputs.events import BatchReason
from tests.unit.batch.told import T0, batch, numbered, state


def test_a_batch_ends_where_the_next_begins_or_with_the_service() -> None:
    events = numbered(
        batch(0),
        state(1, "running"),
        batch(5, line="two"),
        batch(60, BatchReason.COMMAND, after_seq=40),
        batch(90, BatchReason.RECIPE_CHANGE, after_seq=55),
        state(120, "offline"),
        batch(500, boot_id="boot-2"),
        state(510, "running", boot_id="boot-2"),
        state(900, "starting", boot_id="boot-3"),
        batch(901, boot_id="boot-3"),
    )
    told = [
        (one.number, one.line, one.reason, one.after_seq, one.until_seq, one.ended_wall_s and one.ended_wall_s - T0)
        for one in batches_of(events)
    ]
    assert told == [
        (1, "one", "start", 0, 40, 60),
        (3, "two", "start", 0, None, None),
        (4, "one", "command", 40, 55, 90),
        (5, "one", "recipe_change", 55, None, 120),
        (7, "one", "start", 0, None, 900),  # it died: nobody knows when, before the next run
        (10, "one", "start", 0, None, None),
    ]


@pytest.mark.parametrize(
    ("duration_s", "slot_s", "slots"),
    [
        (0, 5, 1),
        (12, 5, 2),
        (300, 5, 60),
        (301, 10, 30),
        (8 * 3600, 600, 48),
        (30 * 86400, 43200, 60),
        (1e8, 1728000, 57),
    ],
)
def test_slots_are_of_lengths_that_people_read(duration_s: float, slot_s: int, slots: int) -> None:
    span = Span(T0, T0 + duration_s)
    assert (span.slot_s, span.slots) == (slot_s, slots)


@given(st.floats(-1e3, 1e9), st.floats(-1e9, 1e9))
def test_every_moment_has_a_slot_and_the_slots_make_up_the_span(duration_s: float, at_s: float) -> None:
    span = Span(0.0, duration_s)
    assert 1 <= span.slots <= 60
    assert 0 <= span.slot_of(at_s) < span.slots
    assert sum(span.slot_durations_s()) == pytest.approx(max(duration_s, 0.0), abs=2e-3, rel=1e-9)
