from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sorter.outputs.events import (
    BatchReason,
    Event,
    EventKind,
    alarm_event,
    batch_event,
    recipe_event,
    state_event,
)
from sorter.outputs.journal.event_table import WantedEvents, read_events
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.reading import Reader
from sorter.outputs.journal.store import Store
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import Alarm, LineState, alarm_message, state_message
from sorter.records import RecipeId
from tests.unit.outputs.journal.written import DAY_S, IDENTITY, ROOMY, TIGHT

RECIPE = RecipeId("any", 1, "0" * 16)
NOW_S = 1.7e9


def event(number: int, line: str = "belt-1", kind: EventKind = EventKind.STATE) -> Event:
    return Event(kind, line, "boot", NOW_S + number, {"state": "running", "reason": f"{number} é", "cause": None})


def read(path: Path, **wanted: object) -> list[tuple[int, Event]]:
    with Reader(path) as reader:
        return [(one.number, one.event) for one in read_events(reader, WantedEvents(**wanted))]


def test_events_are_read_as_they_were_noted(open_journal: Callable[..., Journal], tmp_path: Path) -> None:
    journal = open_journal()
    alarm = Alarm("disk_full", raised=True, reason="make room", since_wall_s=NOW_S)
    noted = [
        recipe_event(IDENTITY, RECIPE, NOW_S),
        batch_event(IDENTITY, RECIPE, BatchReason.START, 0, NOW_S),
        state_event(state_message(LineState.HALTED, "no camera", IDENTITY, RECIPE, "camera_lost", NOW_S + 0.5)),
        alarm_event(alarm_message(alarm, IDENTITY, NOW_S + 1)),
    ]
    for one in noted:
        journal.note_event(one)
    assert journal.flush(10)
    assert read(tmp_path / "journal.sqlite") == list(enumerate(noted, start=1))
    assert (journal.counts.events, journal.counts.waiting, journal.counts.failed) == (4, 0, 0)
    journal.close(time.monotonic() + 5)


def test_only_those_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with closing(Store(path, ROOMY)) as store:
        events = [event(1), event(2, line="belt-2"), event(3, kind=EventKind.ALARM), event(4)]
        store.write(events, lambda _hash: None)
    for wanted, numbers in (
        ({}, [1, 2, 3, 4]),
        ({"line": "belt-1"}, [1, 3, 4]),
        ({"kind": EventKind.STATE}, [1, 2, 4]),
        ({"since_wall_s": NOW_S + 2, "until_wall_s": NOW_S + 4}, [2, 3]),
        ({"first": 3}, [3, 4]),
        ({"line": "belt-1", "last": 2}, [3, 4]),
    ):
        assert [number for number, _ in read(path, **wanted)] == numbers, wanted


def test_the_newest_are_kept_and_the_old_ones_go_but_for_the_newest_of_all(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    most = TIGHT.events
    assert most == TIGHT.pages
    assert Limits(10**12, DAY_S).events == 100_000
    with closing(Store(path, TIGHT)) as store:
        store.write([event(number) for number in range(most + 30)], lambda _hash: None)
        assert [number for number, _ in read(path)] == list(range(31, most + 31))
        for _ in range(most):
            store.expire(NOW_S + 31 * DAY_S)
        assert [number for number, _ in read(path)] == [most + 30]


def test_a_journal_of_an_older_version_has_none_until_a_new_one_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    Store(path, ROOMY).close()
    with closing(sqlite3.connect(path)) as base:
        base.executescript("DROP TABLE events; DROP TABLE readings; PRAGMA user_version = 1;")
    assert read(path) == []
    with closing(Store(path, ROOMY)) as store:
        store.write([event(1)], lambda _hash: None)
    assert read(path) == [(1, event(1))]
