"""``recipes``: what was in force, and the way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sorter.history.approvals import Approval, Waiting, read_approval, write_waiting
from sorter.history.entries import Origin
from sorter.history.reading import verify
from sorter.history.writing import History
from sorter.records import RecipeId
from sorter.settings.load import load_recipe
from tests.unit.commands.conftest import Files, Outcome
from tests.unit.history.written import NOON_S, live, text_of, write

Run = Callable[..., Outcome]
HISTORY = Path("journal") / "recipes.jsonl"
ESCAPE = "\x1b[2J\x9b31m"


def waiting(text: str = "x", **changes: Any) -> Waiting:
    one = Waiting(
        path="recipe.yaml",
        recipe=RecipeId("fruit", 2, "0" * 16),
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
        reasons=("bin red is gone",),
        difference=("bin red is gone", "min_margin 1 -> 2"),
        rehearsal={"products": 200, "share": 0.25},
        since="2026-01-31T12:00:00.000Z",
    )
    return replace(one, **changes)


@pytest.fixture
def history(files: Files) -> Path:
    """Three entries of two lines; the recipe file holds the newest."""
    files.recipe.write_text(text_of(3, 10), "utf-8")
    return write(HISTORY, live(1, line="one", origin=Origin.START), live(2, line="two"), live(3, line="one", by=None))


def hashes(path: Path) -> list[str]:
    return [json.loads(line)["hash"] for line in path.read_bytes().splitlines()]


@pytest.mark.usefixtures("history")
def test_what_was_in_force_is_listed(run: Run) -> None:
    outcome = run("recipes", "list", "--config", "sorter.yaml")
    assert outcome.code == 0
    heading, *rows = outcome.out.splitlines()
    assert heading.split()[:2] == ["in", "force"]
    assert rows[0].split() == [
        "1", "2026-01-31T12:00:00.000Z", "one", "fruit", "1", live(1).recipe.hash, "start", "Ana", "too", "many",
        "unknown",
    ]  # fmt: skip
    of_one = run("recipes", "list", "--line", "one", "--config", ".").out.splitlines()[1:]
    assert [row.split()[0] for row in of_one] == ["1", "3"]
    assert run("recipes", "list", "--line", "six", "--config", ".").out == "no recipe was in force on the line six\n"
    rows_told = run("recipes", "list", "--json", "--history", HISTORY).rows
    assert [row["number"] for row in rows_told] == [1, 2, 3]
    assert "text" not in rows_told[0]["live"]


def test_one_is_shown_with_its_text_its_difference_and_its_rehearsal(run: Run, history: Path) -> None:
    shown = run("recipes", "show", "2", "--history", history).out
    for told in ("# by hand", "bin red: tolerance 8 -> 9 (CIEDE2000)", "share: 0.015", hashes(history)[1]):
        assert told in shown
    (row,) = run("recipes", "show", "2", "--history", history, "--json").rows
    assert (row["live"]["text"], row["previous"]) == (text_of(2, 9), hashes(history)[0])
    run("recipes", "show", "4", "--history", history).refuses(
        1, f"{history}: there is no entry 4: recipes list shows what there is"
    )


def test_two_are_compared_in_words_and_by_their_texts(run: Run, history: Path) -> None:
    for numbers in (("1", "3"), ("3",)):  # the entry before on its line is the first
        told = run("recipes", "diff", *numbers, "--history", history).out.splitlines()
        assert told[:2] == ["entry 1 -> entry 3", "  bin red: tolerance 8 -> 10 (CIEDE2000)"]
        assert "-    tolerance: 8   # in May" in told
        assert "+    tolerance: 10   # in May" in told
    assert run("recipes", "diff", "1", "1", "--history", history).out.endswith("they decide the same\n")
    (row,) = run("recipes", "diff", "2", "1", "--history", history, "--json").rows
    assert (row["before"], row["words"]) == (2, ["bin red: tolerance 9 -> 8 (CIEDE2000)"])
    outcome = run("recipes", "diff", "2", "--history", history)
    outcome.refuses(1, f"{history}: entry 2 is the first of its line: name another entry to compare it with")


def test_what_is_no_recipe_any_more_is_still_compared_by_its_text(run: Run, history: Path) -> None:
    grown = History(history)
    grown.open()
    grown.append(live(4, text="of another version"), NOON_S)
    grown.close()
    told = run("recipes", "diff", "3", "4", "--history", history).out
    assert "no words for it: entry 4:1:1: " in told
    assert "+of another version" in told


def test_the_chain_is_verified_against_a_hash_noted_elsewhere(run: Run, history: Path) -> None:
    newest = hashes(history)[-1]
    outcome = run("recipes", "verify", "--history", history, "--last", hashes(history)[1])
    assert (outcome.code, outcome.out.splitlines()) == (0, [
        "3 entries: each is as it was written, and follows the one before",
        f"the newest is entry 3, its hash {newest}",
        "the hash that was noted is there; 1 came after it",
    ])  # fmt: skip
    history.write_bytes(b"".join(history.read_bytes().splitlines(keepends=True)[:2]))
    assert run("recipes", "verify", "--history", history).code == 0
    outcome = run("recipes", "verify", "--history", history, "--last", newest)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.startswith(f"BROKEN: line 3 of the file: no entry has the hash {newest}")
    assert run("recipes", "verify", "--history", history, "--last", "abc").code == 2


def test_a_changed_byte_is_told_with_its_line(run: Run, history: Path) -> None:
    history.write_bytes(history.read_bytes().replace(b"tolerance: 9", b"tolerance: 8"))
    outcome = run("recipes", "verify", "--history", history)
    assert outcome.code == 1
    assert outcome.out.startswith("BROKEN: line 2 of the file: the line is not as it was written: it does not have")
    outcome = run("recipes", "verify", "--history", history, "--json")
    (row,) = outcome.rows
    assert (outcome.code, row["sound"], row["broken"]["line"], row["entries"]) == (1, False, 2, 2)
    listed = run("recipes", "list", "--history", history).out.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["1", "!", "!", "3"]


def test_a_torn_end_is_told_and_is_no_fault(run: Run, history: Path) -> None:
    history.write_bytes(history.read_bytes()[:-5])
    outcome = run("recipes", "verify", "--history", history)
    assert outcome.code == 0
    assert outcome.out.startswith("line 3 of the file: the last line is not whole, as a power loss leaves it")


def test_a_rollback_is_a_new_revision_with_the_earlier_text(run: Run, files: Files, history: Path) -> None:
    outcome = run("recipes", "rollback", "1", "--config", "sorter.yaml", "--by", "Ana")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("recipe.yaml: revision 4 is again what revision 1 was\na running sorter takes it up")
    expected = text_of(4, 8) + 'change:\n  by: Ana\n  why: "back to revision 1 of 2026-01-31T12:00:00.000Z"\n'
    assert files.recipe.read_text("utf-8") == expected
    assert load_recipe(files.recipe).value.identity.hash == live(1).recipe.hash
    outcome = run("recipes", "rollback", "2", "--config", ".", "--why", 'it is: "better" #1', "--json")
    (row,) = outcome.rows
    assert (row["file"], row["revision"], row["hash"]) == ("recipe.yaml", 5, live(2).recipe.hash)
    change = load_recipe(files.recipe).value.change
    assert change
    assert (change.by, change.why) == (None, 'it is: "better" #1')
    assert verify(history).entries == 3


@pytest.mark.parametrize("now", ["name: fruit\nrevision: 9\nbins: [", "name: fruit\nrevision: 9\nbins: []", None])
def test_a_file_that_is_mistaken_or_gone_is_replaced(run: Run, files: Files, history: Path, now: str | None) -> None:
    files.recipe.unlink()
    if now:
        files.recipe.write_text(now, "utf-8")
    assert run("recipes", "rollback", "3", "--file", "recipe.yaml", "--history", history).code == 0
    recipe = load_recipe(files.recipe).value
    assert recipe.revision == (10 if now and now.endswith("]") else 4)  # of broken YAML nothing can be read
    assert recipe.bins[0].tolerance.delta_e == 10


def test_a_rollback_that_would_not_pass_is_refused_and_changes_nothing(run: Run, files: Files, history: Path) -> None:
    files.write_settings({"branches": {name: {"distance_mm": 800} for name in ("gate-1", "reject")}})
    before = files.recipe.read_bytes()
    outcome = run("recipes", "rollback", "1", "--config", "sorter.yaml")
    assert outcome.code == 78
    first, second = outcome.err.splitlines()
    assert first == f"{history}: nothing was written: entry 1 does not fit any more"
    assert second.startswith("recipe.yaml:9:58: bins.1.branch: the line 'one' has no branch gate-2")
    assert files.recipe.read_bytes() == before


def test_a_rollback_writes_only_where_recipes_are(run: Run, files: Files) -> None:
    outside = files.folder / "outside"
    outside.mkdir()
    write(HISTORY, live(1, path="outside/passwords.yaml", line="one"))
    outcome = run("recipes", "rollback", "1", "--config", ".")
    outcome.refuses(1, f"{HISTORY}: entry 1 came from 'outside/passwords.yaml', beside which no line has a recipe: "
                    "name a --file")  # fmt: skip
    run("recipes", "rollback", "1", "--config", ".", "--file", "sorter.yaml").refuses(
        78, "sorter.yaml: this is no recipe: name a recipe file with --file"
    )
    outcome = run("recipes", "rollback", "1", "--history", HISTORY)
    outcome.refuses(2, "--history alone does not tell where the recipe belongs: add --file, or give --config instead")
    outcome = run("recipes", "rollback", "1", "--config", ".", "--file", "outside/new.yaml")
    assert "no line of the settings names this file" in outcome.out
    assert load_recipe(outside / "new.yaml").value.revision == 2


@pytest.mark.parametrize(("option", "text"), [("--by", ""), ("--by", "x" * 129), ("--why", "a\nb"), ("--why", ESCAPE)])
def test_who_and_why_are_short_and_plain(run: Run, history: Path, option: str, text: str) -> None:
    outcome = run("recipes", "rollback", "1", "--file", "recipe.yaml", "--history", history, option, text)
    assert outcome.code == 2
    assert outcome.err.startswith(f"{option}")
    assert outcome.err.isprintable() or outcome.err.count("\n") == 1


def test_what_waits_is_shown_and_confirmed_or_rejected(run: Run, history: Path) -> None:
    assert run("recipes", "waiting", "--history", history).out == "no recipe waits\n"
    assert run("recipes", "confirm", "--history", history).code == 1
    assert write_waiting(history, "one", waiting()) is None
    told = run("recipes", "waiting", "--history", history).out
    for word in ("one: fruit, revision 2", "because:", "bin red is gone", "min_margin 1 -> 2", "share: 0.25"):
        assert word in told
    assert run("recipes", "confirm", "--history", history, "--by", "Ana").out == (
        "one: fruit, revision 2, is confirmed: the running sorter takes it up\n"
    )
    assert read_approval(history, waiting().text_sha256) == Approval(approved=True, by="Ana", why=None)
    (row,) = run("recipes", "reject", "--history", history, "--why", "no", "--json").rows
    assert row["approved"] is False
    assert read_approval(history, waiting().text_sha256) == Approval(approved=False, by=None, why="no")


def test_where_several_wait_one_must_be_named(run: Run, history: Path) -> None:
    assert write_waiting(history, "one", waiting()) is None
    assert write_waiting(history, "two", waiting("y")) is None
    outcome = run("recipes", "confirm", "--history", history)
    outcome.refuses(2, "recipes wait on several lines (one, two): say which with --line")
    outcome = run("recipes", "confirm", "--history", history, "--line", "six")
    outcome.refuses(2, "no recipe waits on a line 'six', only on one, two")
    assert run("recipes", "confirm", "--history", history, "--line", "two").code == 0
    assert read_approval(history, waiting("x").text_sha256) is None
    assert read_approval(history, waiting("y").text_sha256)
    assert [row["line"] for row in run("recipes", "waiting", "--history", history, "--json").rows] == ["one", "two"]


def test_one_answer_is_for_every_line_on_which_the_same_content_waits(run: Run, history: Path) -> None:
    for line in ("one", "two"):
        assert write_waiting(history, line, waiting()) is None
    assert run("recipes", "confirm", "--history", history).out.startswith("one, two: fruit, revision 2, is confirmed")
    told = run("recipes", "confirm", "--history", history, "--line", "two").out
    assert told.startswith("two, one: fruit, revision 2, is confirmed")
    (row,) = run("recipes", "confirm", "--history", history, "--json").rows
    assert row["lines"] == ["one", "two"]


def test_a_rehearsal_is_told_in_words(run: Run, history: Path) -> None:
    blue = {"verdict": "routed", "bin": "blue", "branch": "gate-3"}
    unknown = {"verdict": "unknown", "bin": None, "branch": "reject"}
    rehearsal = {
        "judged": 36, "changed": 9, "rerouted": 9, "rerouted_share": 0.25,
        "not_compared": {"late": 0, "nothing_kept": 2},
        "moves": [{"then": blue, "now": unknown, "count": 9, "examples": []}],
    }  # fmt: skip
    assert write_waiting(history, "one", waiting(rehearsal=rehearsal)) is None
    told = run("recipes", "waiting", "--history", history).out
    assert "of 36 products 9 would be judged otherwise, 9 (25.0%) would go to another branch\n" in told
    assert "    9  blue to gate-3 -> unknown to reject\n" in told
    assert "    2  not compared: nothing kept\n" in told


def test_nothing_that_a_terminal_takes_for_orders_gets_there(run: Run, files: Files) -> None:  # noqa: ARG001
    """A history may have been written by somebody who knows how hashes are made."""
    hostile = {
        "line": ESCAPE, "recipe": RecipeId(ESCAPE, 1, ESCAPE), "path": ESCAPE, "named": ESCAPE, "by": ESCAPE,
        "why": ESCAPE, "difference": (ESCAPE,), "rehearsal": {ESCAPE: ESCAPE},
    }  # fmt: skip
    path = write(HISTORY, live(text=f"# {ESCAPE}\n{ESCAPE}", **hostile), live(text=f"{ESCAPE}: 1", **hostile))
    same = {key: one for key, one in hostile.items() if key in {"recipe", "path", "difference", "rehearsal"}}
    assert write_waiting(path, ESCAPE, waiting(**same, reasons=(ESCAPE,), since=ESCAPE)) is None
    actions: list[list[str]] = [
        ["list"], ["list", "--line", ESCAPE + "x"], ["show", "1"], ["diff", "2"], ["verify"], ["waiting"], ["confirm"],
        ["reject", "--line", ESCAPE + "x"], ["rollback", "1", "--file", "recipe.yaml"], ["rollback", "1"],
    ]  # fmt: skip
    for action in actions:
        for form in ([], ["--json"]):
            outcome = run("recipes", *action, *form, "--history", path)
            told = outcome.out + outcome.err
            assert all(line.isprintable() for line in told.splitlines()), (action, told)


def test_a_history_that_is_not_there_is_told(run: Run, files: Files) -> None:  # noqa: ARG001
    for action in (["list"], ["show", "1"], ["diff", "1"], ["verify"], ["rollback", "1", "--file", "recipe.yaml"]):
        outcome = run("recipes", *action, "--config", ".")
        outcome.refuses(1, f"{HISTORY}: there is no such history: it begins when the service runs, or name another")
