"""Adding to a history: one process, whole entries, and troubles told instead of raised."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sorter.history.entries import Entry
from sorter.history.reading import read_entries, verify
from sorter.history.writing import History
from tests.unit.history.written import NOON_S, live, write


def opened(path: Path) -> History:
    history = History(path)
    history.open()
    return history


def told(history: History) -> str:
    (cause, sentence), *others = history.troubles.items()
    assert (cause, others) == ("history_unwritable", [])
    return sentence


@contextmanager
def no_room_beyond(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond it: the system's own way to write half and then refuse."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_entries_of_two_lines_are_one_chain_and_each_line_has_its_newest(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "recipes.jsonl"
    history = opened(path)
    assert (history.last("belt-1"), history.newest, history.troubles) == (None, None, {})
    for revision, line in ((1, "belt-1"), (2, "belt-2"), (3, "belt-1")):
        history.append(live(revision, line=line), NOON_S)
    again = History(path)
    again.open()  # while the other has the lock: what there is can be read
    for one in (history, again):
        newest = [one.last(line) for line in ("belt-1", "belt-2", "belt-3")]
        assert [entry and entry.number for entry in newest] == [3, 2, None]
        assert one.newest == one.last("belt-1")
    assert verify(path).entries == 3
    history.close()


def test_a_second_process_is_kept_from_adding_and_told_until_the_first_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "recipes.jsonl"
    first, second = opened(path), opened(path)
    second.append(live(1), NOON_S)
    assert "another process writes this history: stop the other one" in told(second)
    first.append(live(2), NOON_S)
    first.close()
    second.retry()
    assert second.troubles == {}
    assert [entry.live.recipe.revision for entry in read_entries(path) if isinstance(entry, Entry)] == [2, 1]
    assert verify(path).is_sound


def test_a_torn_end_is_put_aside_by_the_next_entry(tmp_path: Path) -> None:
    path = write(tmp_path / "recipes.jsonl", live(1), live(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    history = opened(path)
    last = history.last("belt-1")
    assert (last and last.number, history.troubles) == (1, {})
    history.append(live(3), NOON_S)
    assert history.troubles == {}
    assert (verify(path).is_sound, verify(path).torn, verify(path).entries) == (True, None, 2)
    assert path.with_name("recipes.jsonl.torn").read_bytes() == whole[whole.index(b"\n") + 1 : -30] + b"\n"
    history.close()


def test_without_room_nothing_is_half_written_and_what_waits_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "recipes.jsonl"
    history = opened(path)
    history.append(live(1), NOON_S)
    with no_room_beyond(path.stat().st_size + 100):
        history.append(live(2), NOON_S + 1)
        assert "cannot be written down (File too large); 1 of them wait: make room" in told(history)
        history.append(live(3), NOON_S + 2)
        assert "2 of them wait" in told(history)
        assert (verify(path).entries, verify(path).torn) == (1, None)
    history.retry()
    assert history.troubles == {}
    found = [entry for entry in read_entries(path) if isinstance(entry, Entry)]
    assert [(entry.number, entry.at[17:19]) for entry in found] == [(1, "00"), (2, "01"), (3, "02")]
    assert verify(path).is_sound
    history.close()


def test_of_what_waits_too_long_the_oldest_is_lost_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()  # a file where the folder should be
    history = opened(tmp_path / "journal" / "recipes.jsonl")
    for revision in range(1, 67):
        history.append(live(revision), NOON_S)
    assert "64 of them wait" in told(history)
    assert "the oldest are missing" in told(history)
    (tmp_path / "journal").unlink()
    history.retry()
    assert "wait:" not in told(history)
    first = history.last("belt-1")
    assert first
    assert (first.number, first.live.recipe.revision) == (64, 66)
    history.close()


@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_what_is_no_file_is_told_and_never_waited_for(tmp_path: Path, what: str) -> None:
    path = tmp_path / "recipes.jsonl"
    if what == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    history = opened(path)
    history.append(live(), NOON_S)
    assert "this is not a file" in told(history)
    history.close()


def test_what_json_cannot_hold_is_told_and_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    history = opened(tmp_path / "recipes.jsonl")
    history.append(live(1, rehearsal={"share": float("nan")}), NOON_S)
    history.append(live(2), NOON_S)
    assert "'belt-1' cannot be written down: JSON cannot hold it" in told(history)
    last = history.last("belt-1")
    assert last
    assert last.live.recipe.revision == 2
    history.close()


def test_a_broken_chain_is_told_and_added_to_and_stays_broken_where_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "recipes.jsonl", live(1), live(2), live(3))
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    history = opened(path)
    assert f"{path}:2: the line is not as it was written" in told(history)
    history.append(live(4), NOON_S)
    assert "somebody changed the history" in told(history)
    last = history.last("belt-1")
    assert last
    assert last.number == 4
    found = verify(path)
    assert found.broken
    assert found.broken.line == 2
    history.close()


@pytest.mark.parametrize("left", [0, 1, None])
def test_what_is_cut_off_while_it_is_open_is_told_and_leaves_a_gap(tmp_path: Path, left: int | None) -> None:
    path = tmp_path / "recipes.jsonl"
    history = opened(path)
    for revision in (1, 2, 3):
        history.append(live(revision), NOON_S)
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    if left is not None:
        path.write_bytes(b"".join(lines[:left]))
    history.append(live(4), NOON_S)
    assert "entry 3 was there and is gone" in told(history)
    found = verify(path)
    assert found.broken
    assert (found.broken.line, found.newest and found.newest.number) == ((left or 0) + 1, 4)
    history.append(live(5), NOON_S)
    assert verify(path).entries == (left or 0) + 2
    history.close()


def test_what_somebody_changes_is_told_while_it_is_open_and_over_when_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "recipes.jsonl"
    history = History(path)
    history.open()
    for revision in (1, 2):
        history.append(live(revision), NOON_S)
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"gate-1", b"gate-7", 1))
    history.retry()
    assert "somebody changed the history" in history.troubles["history_unwritable"]
    path.write_bytes(sound.splitlines(keepends=True)[0])
    history.retry()
    assert "entry 2 was there and is gone" in history.troubles["history_unwritable"]
    path.write_bytes(sound)
    history.retry()
    assert history.troubles == {}
    history.close()
