from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from sorter.errors import JournalError
from sorter.outputs.journal import waiting
from sorter.outputs.journal.counts import JournalCounts, Keeping
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.writer import Journal
from sorter.outputs.journal_metrics import JournalMetrics
from sorter.outputs.messages import decision_id
from sorter.outputs.steps import Step, StepTaken
from tests.unit.outputs.journal.written import IDENTITY, TIGHT, made

Open = Callable[..., Journal]


def add(journal: Journal, *numbers: int) -> None:
    for seq in numbers:
        journal.add(*made(seq, at_wall_s=time.time()))
        journal.note(StepTaken(decision_id(IDENTITY, seq), Step.SENT, time.time()))


def wait_for(true: Callable[[], object], timeout_s: float = 15.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


def numbers_in(path: Path) -> list[int]:
    with Reader(path) as reader:
        return [entry.message["seq"] for entry in reader.entries(Wanted())]


def test_what_flush_confirms_is_in_the_file(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    add(journal, 1, 2, 3)
    assert journal.flush(10)
    assert numbers_in(tmp_path / "journal.sqlite") == [1, 2, 3]
    counts = journal.counts
    assert (counts.decisions, counts.steps, counts.waiting, counts.dropped, counts.failed) == (3, 3, 0, 0, 0)
    assert journal.troubles == {}


def test_closing_writes_what_waits_and_the_next_run_goes_on(open_journal: Open, tmp_path: Path) -> None:
    for numbers in ((1, 2), (3,)):
        journal = open_journal()
        add(journal, *numbers)
        journal.close(time.monotonic() + 5)
    assert numbers_in(tmp_path / "journal.sqlite") == [1, 2, 3]


def test_only_what_is_asked_for_is_kept(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(keeping=Keeping(samples=False, thumbnails=True))
    add(journal, 1)
    assert journal.flush(10)
    with Reader(tmp_path / "journal.sqlite") as reader:
        assert reader.pixels(decision_id(IDENTITY, 1)) == (None, b"\xff\xd8 a picture")


def test_size_and_age_are_told_after_a_while(open_journal: Open) -> None:
    journal = open_journal()
    add(journal, 1)
    wait_for(lambda: journal.counts.oldest_wall_s)
    assert journal.counts.oldest_wall_s == pytest.approx(time.time(), abs=60)
    assert journal.counts.size_bytes > 50_000


def test_a_queue_that_is_full_drops_its_oldest_and_counts(monkeypatch: pytest.MonkeyPatch, open_journal: Open) -> None:
    monkeypatch.setattr(waiting, "_MOST_WAITING", 5)
    monkeypatch.setattr(waiting, "_MOST_EVIDENCE_BYTES", 100)
    journal = Journal(Path("never opened"), TIGHT, open_journal()._clock)
    for seq in range(20):
        journal.add(*made(seq))
    assert journal.counts == JournalCounts(dropped=15, thinned=20, waiting=5)
    assert not journal.flush(0.01)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["decision", "step", "orphan", "bad"]), max_size=40))
def test_everything_added_is_accounted_for(tmp_path_factory: pytest.TempPathFactory, items: list[str]) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder / "j.sqlite", TIGHT, writer_clock())
    journal.start()
    for seq, item in enumerate(items, start=1):
        decision, message = made(seq)
        match item:
            case "decision":
                journal.add(decision, message)
            case "bad":
                journal.add(decision, message | {"age_ms": float("nan")})
            case "step":
                journal.add(decision, message)
                journal.note(StepTaken(message["decision_id"], Step.EXPIRED, 1.0))
            case "orphan":
                journal.note(StepTaken("never heard of", Step.SENT, 1.0))
    journal.close(time.monotonic() + 10)
    count = items.count
    assert journal.counts.decisions == count("decision") + count("step")
    assert (journal.counts.steps, journal.counts.failed) == (count("step"), count("orphan") + count("bad"))
    assert journal.counts.waiting == 0


def writer_clock():
    from sorter.capture.clock import SystemClock  # noqa: PLC0415

    return SystemClock()


def test_threads_may_add_at_the_same_time(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    threads = [threading.Thread(target=add, args=(journal, *range(first, first + 100))) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.flush(20)
    assert sorted(numbers_in(tmp_path / "journal.sqlite")) == list(range(300))


def test_it_is_read_while_it_is_written(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(limits=TIGHT)
    add(journal, 0)
    assert journal.flush(10)
    seen: list[list[int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(numbers_in(tmp_path / "journal.sqlite"))

    reader = threading.Thread(target=read)
    reader.start()
    for first in range(1, 1000, 50):
        add(journal, *range(first, first + 50))
        assert journal.flush(20)
    stop.set()
    reader.join()
    assert len(seen) > 2
    assert all(numbers == list(range(numbers[0], numbers[-1] + 1)) for numbers in seen)
    assert journal.counts.failed == 0


def test_a_damaged_file_is_put_aside_and_told_until_it_is_taken_away(
    open_journal: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this was a journal once" * 1000)
    before = path.read_bytes()
    journal = open_journal()
    add(journal, 1)
    assert journal.flush(10)
    (aside,) = [one for one in tmp_path.iterdir() if "damaged" in one.name]
    assert aside.read_bytes() == before
    assert aside.name in caplog.text
    assert aside.name in journal.troubles["journal_damaged"]
    assert numbers_in(path) == [1]
    aside.unlink()
    wait_for(lambda: not journal.troubles)


def test_damage_that_shows_while_it_writes_costs_nothing_of_what_follows(open_journal: Open, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal()
    add(journal, *range(40))
    journal.close(time.monotonic() + 5)
    with path.open("r+b") as file:  # the last pages of the tables' roots
        for page in range(2, 24):
            file.seek(page * 4096)
            file.write(b"\x5a" * 4096)
    again = open_journal()
    add(again, 100)
    assert again.flush(10)
    assert numbers_in(path) == [100]
    assert list(again.troubles) == ["journal_damaged"]


def test_a_file_that_was_deleted_is_begun_anew(open_journal: Open, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal()
    add(journal, 1)
    assert journal.flush(10)
    for tail in ("", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    wait_for(lambda: path.exists() and not journal.troubles)
    add(journal, 2)
    assert journal.flush(10)
    assert numbers_in(path) == [2]


def test_a_folder_that_cannot_be_made_is_told_and_tried_again(open_journal: Open, tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    journal = open_journal(blocked / "journal.sqlite")
    add(journal, 1)
    assert list(journal.troubles) == ["journal_unwritable"]
    assert not journal.flush(0.1)
    blocked.unlink()
    assert journal.flush(10)
    wait_for(lambda: not journal.troubles)
    assert numbers_in(blocked / "journal.sqlite") == [1]


def test_a_second_journal_on_the_same_file_does_not_start(open_journal: Open) -> None:
    open_journal()
    with pytest.raises(JournalError, match="another process writes this journal"):
        open_journal()


def test_what_somebody_else_holds_for_a_moment_is_written_later(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        add(journal, 1)
        wait_for(lambda: "journal_unwritable" in journal.troubles)
        other.execute("ROLLBACK")
    assert journal.flush(10)
    wait_for(lambda: not journal.troubles)


def test_metrics_tell_what_the_journal_counts() -> None:
    registry = CollectorRegistry()
    metrics = JournalMetrics(registry)
    metrics.set(JournalCounts(decisions=3, steps=5))
    metrics.set(JournalCounts(decisions=7, steps=9, events=5, dropped=1, failed=2, thinned=4, waiting=6, size_bytes=8))
    text = generate_latest(registry).decode()
    for line in (
        'sorter_journal_written_total{what="decisions"} 7.0',
        'sorter_journal_written_total{what="steps"} 9.0',
        'sorter_journal_written_total{what="events"} 5.0',
        'sorter_journal_lost_total{how="dropped"} 1.0',
        'sorter_journal_lost_total{how="failed"} 2.0',
        "sorter_journal_thinned_total 4.0",
        "sorter_journal_waiting 6.0",
        "sorter_journal_size_bytes 8.0",
        "sorter_journal_oldest_timestamp_seconds 0.0",
    ):
        assert line in text
