"""The chain: every change of a byte, and every line taken, moved or repeated, is found."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.errors import HistoryError
from sorter.history.entries import NO_HASH, Entry, Origin, Unsound, make_line, read_line
from sorter.history.reading import Broken, Verification, read_entries, verify, walk
from tests.unit.history.written import NOON_S, live, write


@cache
def chain(entries: int = 5) -> bytes:
    """A sound history of so many entries."""
    lines, previous = [], NO_HASH
    for number in range(1, entries + 1):
        entry, line = make_line(number, NOON_S + number, live(number), previous)
        lines.append(line + b"\n")
        previous = entry.hash
    return b"".join(lines)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history") / "recipes.jsonl"


def verified(path: Path, data: bytes, noted: str | None = None) -> Verification:
    path.write_bytes(data)
    return verify(path, noted)


def test_a_sound_history_is_found_sound_and_reads_back_as_it_was_written(tmp_path: Path) -> None:
    written = [live(1, origin=Origin.START), live(2, by=None, rehearsal=None), live(3, line="belt-2", why="\x1b[2J ü")]
    path = write(tmp_path / "recipes.jsonl", *written)
    entries = list(read_entries(path))
    assert [entry.live for entry in entries if isinstance(entry, Entry)] == written
    first, second, third = (entry for entry in entries if isinstance(entry, Entry))
    assert (first.number, first.at, first.previous) == (1, "2026-01-31T12:00:00.000Z", "0" * 64)
    assert (second.previous, third.previous) == (first.hash, second.hash)
    found = verify(path)
    assert (found.entries, found.newest, found.broken, found.torn, found.is_sound) == (3, third, None, None, True)


def test_the_hash_is_of_the_canonical_json_of_all_else_and_so_can_be_made_by_anyone() -> None:
    """With nothing of ours: json and sha256sum are enough."""
    import hashlib  # noqa: PLC0415 - as an auditor would begin

    document = json.loads(chain().splitlines()[2])
    told = document.pop("hash")
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == told


@given(at=st.integers(0, len(chain()) - 2), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(path: Path, at: int, bit: int) -> None:
    data = bytearray(chain())
    data[at] ^= 1 << bit
    found = verified(path, bytes(data))
    assert found.broken is not None
    assert found.broken.line == chain()[:at].count(b"\n") + 1


def test_every_single_bit_of_a_history_of_two_entries_is_held() -> None:
    whole = chain(2)
    unseen = []
    for at in range(len(whole) - 1):  # the last line end is the next test's
        for bit in range(8):
            data = bytearray(whole)
            data[at] ^= 1 << bit
            if not any(step.broken and not step.broken.is_torn for step in walk(BytesIO(data))):
                unseen.append((at, bit))
    assert not unseen


@given(bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_last_line_end_looks_like_a_torn_end_and_is_told_as_one(path: Path, bit: int) -> None:
    data = bytearray(chain())
    data[-1] ^= 1 << bit
    found = verified(path, bytes(data))
    assert (found.broken, found.torn and found.torn.line, found.entries) == (None, 5, 4)


@given(at=st.integers(0, len(chain())), extra=st.binary(min_size=1, max_size=3))
def test_any_byte_put_in_is_found(path: Path, at: int, extra: bytes) -> None:
    found = verified(path, chain()[:at] + extra + chain()[at:])
    assert found.broken or (found.torn and at == len(chain()))


@given(st.integers(0, 3), st.integers(1, 4))
def test_removed_lines_are_found(path: Path, first: int, count: int) -> None:
    lines = chain().splitlines(keepends=True)
    kept = lines[:first] + lines[min(first + count, 4) :]
    found = verified(path, b"".join(kept))
    assert found.broken
    assert found.broken.line == first + 1
    assert "missing" in found.broken.why


@given(st.permutations(range(5)))
def test_lines_in_another_order_are_found(path: Path, order: list[int]) -> None:
    lines = chain().splitlines(keepends=True)
    found = verified(path, b"".join(lines[index] for index in order))
    assert found.is_sound == (order == sorted(order))


@given(st.integers(0, 4), st.integers(0, 5))
def test_a_repeated_line_is_found(path: Path, which: int, at: int) -> None:
    lines = chain().splitlines(keepends=True)
    found = verified(path, b"".join([*lines[:at], lines[which], *lines[at:]]))
    assert found.broken


def test_an_entry_that_was_made_anew_breaks_the_chain_behind_it(path: Path) -> None:
    """Whoever knows how hashes are made can make one entry right, not those after it."""
    lines = chain().splitlines()
    entry = read_line(lines[1])
    _, forged = make_line(2, NOON_S, replace(entry.live, by="nobody"), entry.previous)
    found = verified(path, b"\n".join([lines[0], forged, *lines[2:]]) + b"\n")
    assert found.broken == Broken(3, "entry 3 does not carry the hash of the entry before: one of them was exchanged")


@given(st.integers(0, len(chain())))
def test_a_history_cut_anywhere_is_a_shorter_one_with_a_torn_end(path: Path, at: int) -> None:
    kept = chain()[:at]
    found = verified(path, kept)
    assert (found.is_sound, found.entries) == (True, kept.count(b"\n"))
    assert bool(found.torn) == (not kept.endswith(b"\n") and bool(kept))


def test_only_a_hash_that_was_noted_elsewhere_tells_that_the_end_was_cut_off(path: Path) -> None:
    lines = chain().splitlines(keepends=True)
    noted = [read_line(line[:-1]).hash for line in lines]
    assert verified(path, chain(), noted[4]).since == 0
    assert verified(path, chain(), noted[1]).since == 3
    assert verified(path, b"".join(lines[:3])).is_sound
    found = verified(path, b"".join(lines[:3]), noted[4])
    assert found.broken
    assert (found.broken.line, found.since) == (4, None)
    assert "cut off the end" in found.broken.why


@pytest.mark.parametrize("line", [
    b"", b"{}", b"null", b"[" * 100_000, b'{"hash":1}', b"\xff\xfe", b'{"a":1e999}', b"9" * 5000, b'{"a":' * 9999,
])  # fmt: skip
def test_what_is_no_entry_is_told_and_never_a_fault_of_the_program(path: Path, line: bytes) -> None:
    with pytest.raises(Unsound):
        read_line(line)
    found = verified(path, chain(2) + line + b"\n" + chain(2))
    assert found.broken
    assert found.broken.line == 3


def test_the_same_json_in_another_writing_is_a_change() -> None:
    line = chain().splitlines()[0]
    spaced = json.dumps(json.loads(line), sort_keys=True).encode()
    twice = line.replace(b'{"at":', b'{"at":"x","at":', 1)
    for other in (spaced, twice, line + b" ", b"\n" + line):
        with pytest.raises(Unsound):
            read_line(other)


def test_a_line_without_end_takes_no_memory(path: Path) -> None:
    found = verified(path, chain(1) + b"x" * (9 << 20) + b"\n" + chain(2).splitlines(keepends=True)[1])
    assert found.broken
    assert (found.broken.line, found.entries) == (2, 2)


@pytest.mark.parametrize("changes", [
    {"text": "x" * ((1 << 20) + 1)}, {"rehearsal": {"share": float("nan")}}, {"rehearsal": {"at": object()}},
    {"path": "\udce4.yaml"}, {"rehearsal": {"words": "x" * (8 << 20)}},
])  # fmt: skip
def test_what_could_not_be_read_back_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(Unsound):
        make_line(1, NOON_S, live(**changes), NO_HASH)


def test_the_longest_text_of_any_letters_can_be_written() -> None:
    for letter in ("x", "\n", "ü", "紅", "🍎"):
        entry, line = make_line(1, NOON_S, live(text=letter * ((1 << 20) // len(letter.encode()))), NO_HASH)
        assert read_line(line) == entry


def test_a_history_that_is_not_there_or_no_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="there is no such history: it begins when"):
        verify(tmp_path / "recipes.jsonl")
    with pytest.raises(HistoryError, match="this is not a file"):
        list(read_entries(tmp_path))
