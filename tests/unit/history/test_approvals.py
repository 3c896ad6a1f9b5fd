"""What waits for a person, and the answer, in files between the service and the command."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from sorter.errors import HistoryError
from sorter.history.approvals import (
    Approval,
    Waiting,
    approve,
    clear_waiting,
    forget_approval,
    read_approval,
    read_waiting,
    reject,
    write_waiting,
)
from sorter.records import RecipeId
from tests.unit.history.written import NOON_S

SHA = "ab" * 32
WAITING = Waiting(
    path="recipes/fruit.yaml",
    recipe=RecipeId("fruit", 2, "0" * 16),
    text_sha256=SHA,
    reasons=("bin red is gone",),
    difference=("bin red is gone",),
    rehearsal={"products": 200, "share": 0.25},
    since="2026-01-31T12:00:00.000Z",
)


def test_an_answer_is_read_until_it_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "recipes.jsonl"
    assert read_approval(path, SHA) is None
    approve(path, SHA, "Ana", None, NOON_S)
    assert read_approval(path, SHA) == Approval(approved=True, by="Ana", why=None)
    reject(path, SHA, None, "not \x1b[2J today", NOON_S)
    assert read_approval(path, SHA) == Approval(approved=False, by=None, why="not \x1b[2J today")
    (told,) = (tmp_path / "approvals").iterdir()
    assert (told.name, stat.S_IMODE(told.stat().st_mode)) == (f"{SHA}.json", 0o644)
    assert forget_approval(path, SHA) is None
    assert forget_approval(path, SHA) is None
    assert read_approval(path, SHA) is None


def test_the_answer_to_one_text_is_none_to_another(tmp_path: Path) -> None:
    approve(tmp_path / "recipes.jsonl", SHA, None, None, NOON_S)
    assert read_approval(tmp_path / "recipes.jsonl", "cd" * 32) is None


@pytest.mark.parametrize("sha", ["", "../../etc/passwd", SHA + "/..", SHA.upper(), SHA + "\n"])
def test_only_a_hash_names_an_answer(tmp_path: Path, sha: str) -> None:
    with pytest.raises(HistoryError, match="is no SHA-256"):
        approve(tmp_path / "recipes.jsonl", sha, None, None, NOON_S)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"approved": 1, "by": null, "why": null}', b"\xff"])
def test_what_is_no_answer_approves_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "approvals").mkdir()
    (tmp_path / "approvals" / f"{SHA}.json").write_bytes(content)
    assert read_approval(tmp_path / "recipes.jsonl", SHA) is None


def test_what_waits_is_told_by_line_until_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "recipes.jsonl"
    assert read_waiting(path) == {}
    other = replace(WAITING, rehearsal=None, reasons=("a", "b"))
    assert (write_waiting(path, "belt 1", WAITING), write_waiting(path, "..", other)) == (None, None)
    assert read_waiting(path) == {"belt 1": WAITING, "..": other}
    assert clear_waiting(path, "belt 1") is None
    assert read_waiting(path) == {"..": other}
    assert (clear_waiting(path, ".."), clear_waiting(path, "..")) == (None, None)
    assert read_waiting(path) == {}
    assert [one.name for one in path.parent.iterdir()] == ["approvals"]


def test_what_cannot_be_read_is_told_and_a_new_one_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "recipes.jsonl"
    path.with_name("recipes.jsonl.waiting").write_bytes(b'{"belt": {}}')
    with pytest.raises(HistoryError, match="does not tell what waits: remove it"):
        read_waiting(path)
    assert write_waiting(path, "belt", WAITING) is None
    assert read_waiting(path) == {"belt": WAITING}


def test_what_cannot_be_written_is_a_sentence_to_the_service_and_an_error_to_the_command(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    path = tmp_path / "journal" / "recipes.jsonl"
    for sentence in (write_waiting(path, "belt", WAITING), clear_waiting(path, "belt"), forget_approval(path, SHA)):
        assert sentence
        assert "mend the folder's rights" in sentence
    with pytest.raises(HistoryError, match="run this as the user that the service runs as"):
        approve(path, SHA, None, None, NOON_S)
    unfit = replace(WAITING, rehearsal={"what": object()})
    assert "cannot be written down" in str(write_waiting(tmp_path / "recipes.jsonl", "belt", unfit))
