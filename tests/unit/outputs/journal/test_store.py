from __future__ import annotations

import sqlite3
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorter.errors import JournalError
from sorter.outputs.journal import files
from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.items import Row
from sorter.outputs.journal.layout import VERSION, Limits
from sorter.outputs.journal.rows import row_of
from sorter.outputs.journal.store import Store, is_full
from sorter.outputs.steps import Step, StepTaken
from tests.unit.outputs.journal.written import DAY_S, ROOMY, TIGHT, made

NOW_S = 1.7e9


def row(seq: int, pixels: int = 50, at_wall_s: float = NOW_S) -> Row:
    decision, message = made(seq, pixels, at_wall_s)
    return row_of(message, decision.evidence, Keeping())


def sent(of: Row) -> StepTaken:
    return StepTaken(of.decision_id, Step.SENT, NOW_S)


def write(store: Store, *items: Row | StepTaken) -> int:
    return store.write(items, lambda _hash: '{"bins": []}')


@contextmanager
def opened(path: Path, limits: Limits = ROOMY) -> Iterator[Store]:
    with closing(Store(path, limits)) as store:
        yield store


def ask(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as base:
        return base.execute(sql).fetchall()


def test_a_decision_its_step_and_its_recipe_are_written_and_dropped_together(tmp_path: Path) -> None:
    path = tmp_path / "made" / "for it" / "j.sqlite"
    with opened(path) as store:
        one = row(1)
        assert write(store, one, sent(one)) == 0
        assert ask(path, "SELECT decision_id, message FROM decisions") == [(one.decision_id, one.message)]
        assert ask(path, "SELECT samples, thumbnail FROM pixels") == [(one.samples, one.thumbnail)]
        assert ask(path, "SELECT step, at, detail FROM steps") == [("sent", NOW_S, None)]
        assert ask(path, "SELECT hash, meaning FROM recipes") == [("0" * 16, '{"bins": []}')]
        assert store.expire(NOW_S + 31 * DAY_S) == 1
        for table in ("decisions", "pixels", "steps", "recipes", "boots"):
            assert ask(path, f"SELECT * FROM {table}") == []  # noqa: S608


def test_a_decision_that_is_written_twice_is_there_once(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite") as store:
        write(store, row(1))
        write(store, row(1), row(2))
        assert ask(store.path, "SELECT seq FROM decisions ORDER BY id") == [(1,), (2,)]


def test_a_step_of_a_decision_that_is_not_there_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite") as store:
        assert write(store, row(1), StepTaken("another", Step.SENT, NOW_S)) == 1


def test_only_what_is_too_old_is_dropped_for_its_age(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite") as store:
        for seq in range(200):
            write(store, row(seq, at_wall_s=NOW_S + seq))
        edge_s = NOW_S + 30 * DAY_S + 150
        while store.expire(edge_s):
            pass
        assert ask(store.path, "SELECT min(seq), count(*) FROM decisions") == [(150, 50)]


WRITES = st.lists(
    st.one_of(st.integers(0, 3000), st.sampled_from(["step", "expire", "again"])), min_size=20, max_size=120
)


@settings(max_examples=25)
@given(WRITES)
def test_no_sequence_of_writes_makes_it_larger_than_its_bound(writes: list[int | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.sqlite"
        store = Store(path, TIGHT)
        seq = 0
        last = row(0)
        for one in writes:
            if one == "again":
                store.close()
                store = Store(path, TIGHT)
            elif one == "expire":
                store.expire(NOW_S)
            elif one == "step":
                write(store, *[sent(last)] * 200)
            else:
                seq += 1
                last = row(seq, pixels=int(one))
                write(store, last, sent(last))
                assert ask(path, "SELECT max(seq) FROM decisions") == [(seq,)]
            assert files.size_bytes(path) <= TIGHT.max_bytes
        store.close()
        assert ask(path, "PRAGMA integrity_check") == [("ok",)]
        numbers = [number for (number,) in ask(path, "SELECT seq FROM decisions ORDER BY seq")]
        assert numbers == list(range(seq - len(numbers) + 1, seq + 1))  # the newest, without a gap


def test_pixels_go_before_the_ledger_does(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite", TIGHT) as store:
        for first in range(0, 1200, 8):
            write(store, *(row(seq, pixels=600) for seq in range(first, first + 8)))
        decisions = ask(store.path, "SELECT count(*), max(seq) FROM decisions")[0]
        pixels = ask(store.path, "SELECT count(*), max(decision) FROM pixels")[0]
        assert decisions[1] == 1199
        assert 3 < decisions[0] / pixels[0] < 6
        assert pixels[1] == ask(store.path, "SELECT max(id) FROM decisions")[0][0]


def test_a_bound_that_was_lowered_is_kept_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path) as store:
        for seq in range(1, 600):
            write(store, row(seq, pixels=1000))
        assert files.size_bytes(path) > 2 * TIGHT.max_bytes
    with opened(path, TIGHT) as store:
        for seq in range(600, 700):
            write(store, row(seq))
            store.shrink()
        assert ask(path, "SELECT max(seq) FROM decisions") == [(699,)]
    with opened(path, TIGHT):
        assert files.size_bytes(path) <= TIGHT.max_bytes


def test_a_newer_format_and_a_stranger_are_refused_and_left_alone(tmp_path: Path) -> None:
    newer, strange = tmp_path / "newer", tmp_path / "strange"
    with opened(newer):
        ask(newer, f"PRAGMA user_version = {VERSION + 1}")
    with closing(sqlite3.connect(strange)) as base:
        base.execute("CREATE TABLE recipes (cake)")
    for path, sentence in ((newer, "a newer version wrote this journal"), (strange, "another program's file")):
        before = path.read_bytes()
        with pytest.raises(JournalError, match=sentence):
            Store(path, ROOMY)
        assert path.read_bytes() == before


def test_only_one_writes_it_and_the_other_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path) as store:
        with pytest.raises(JournalError) as refused:
            Store(path, ROOMY)
        assert str(refused.value).startswith(f"{path}: another process writes this journal: ")
        assert files.is_written(path)
        write(store, row(1))
    assert not files.is_written(path)
    with opened(path) as store:
        write(store, row(2))


def test_a_reader_that_never_ends_stops_the_log_from_growing_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path, TIGHT) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        write(store, row(1))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM decisions").fetchone()
        many = [row(seq, pixels=3000) for seq in range(2, 100)]
        with pytest.raises(sqlite3.OperationalError, match="reads it for too long") as stuck:
            deque((write(store, one) for one in many), maxlen=0)
        assert not is_full(stuck.value)
        assert files.size_bytes(path) <= TIGHT.max_bytes
        reader.execute("ROLLBACK")
        write(store, row(200))
        assert ask(path, "SELECT max(seq) FROM decisions") == [(200,)]
