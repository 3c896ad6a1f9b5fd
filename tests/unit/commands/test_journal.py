from __future__ import annotations

import csv
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sorter.capture.clock import SystemClock
from sorter.outputs.events import BatchReason, batch_event, state_event
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import LineState, rfc3339, state_message
from sorter.outputs.steps import Step, StepTaken
from sorter.records import RecipeId
from tests.unit.commands.conftest import Files, Outcome
from tests.unit.outputs.journal.written import BOOT, IDENTITY, ROOMY, made

Run = Callable[..., Outcome]


def write(path: Path, seqs: list[int], steps: dict[int, list[Step]] | None = None, **changes: Any) -> Path:
    """A journal of decisions that are ``100 - seq`` minutes old."""
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    now_s = time.time()
    for seq in seqs:
        decision, message = made(seq, at_wall_s=now_s - 60 * (100 - seq))
        journal.add(decision, message | changes)
        for number, step in enumerate((steps or {}).get(seq, [])):
            journal.note(StepTaken(message["decision_id"], step, now_s + number, "why" if number else None))
    journal.close(time.monotonic() + 10)
    assert journal.counts.failed == journal.counts.waiting == 0
    return path


@pytest.fixture
def journal(files: Files) -> Path:  # noqa: ARG001 - the command runs in their folder
    acknowledged = [Step.SENT, Step.ACKNOWLEDGED]
    steps = {1: [*acknowledged, Step.ACTUATED], 2: [*acknowledged, Step.UNCONFIRMED], 3: [Step.EXPIRED]}
    return write(Path("journal") / "journal.sqlite", [1, 2, 3], steps)


@pytest.mark.usefixtures("journal")
def test_the_journal_of_the_settings_is_listed(run: Run) -> None:
    outcome = run("journal", "list", "--config", "sorter.yaml")
    assert outcome.code == 0
    heading, *rows, total = outcome.out.splitlines()
    assert heading.startswith("decided at")
    assert [row.split()[-2:] for row in rows] == [
        ["actuated", f"{BOOT}/belt-1/1"], ["unconfirmed", f"{BOOT}/belt-1/2"], ["expired", f"{BOOT}/belt-1/3"]
    ]  # fmt: skip
    assert total == "3 decisions of 3"


@pytest.mark.parametrize(
    ("options", "seqs"),
    [
        ([], [1, 2, 3]),
        (["--last", "2"], [2, 3]),
        (["--step", "unconfirmed"], [2]),
        (["--step", "sent", "--last", "1"], [2]),
        (["--since", "98.5m"], [2, 3]),
        (["--until", "98.5m"], [1]),
        (["--since", "98.5 minutes ago, as a time"], [2, 3]),
        (["--line", "belt-1", "--verdict", "invalid", "--branch", "reject"], [1, 2, 3]),
        (["--line", "belt-2"], []),
        (["--bin", "red"], []),
        (["--verdict", "routed"], []),
        (["--id", "belt-1/2"], [2]),
        (["--id", "1/2"], []),
        (["--id", f"{BOOT}/belt-1/3"], [3]),
    ],
)
def test_only_what_is_asked_for_is_listed(run: Run, journal: Path, options: list[str], seqs: list[int]) -> None:
    moment = rfc3339(time.time() - 98.5 * 60)
    asked = [moment if "ago" in one else one for one in options]
    outcome = run("journal", "list", "--json", "--journal", journal, *asked)
    assert (outcome.code, [row["seq"] for row in outcome.rows]) == (0, seqs)


def test_a_decision_is_shown_with_its_steps_and_its_picture(run: Run, journal: Path) -> None:
    outcome = run("journal", "show", "belt-1/1", "--journal", journal, "--picture", "one.jpg")
    assert outcome.code == 0
    assert f"decision_id  {BOOT}/belt-1/1" in outcome.out
    assert [line.split()[3] for line in outcome.out.splitlines() if " ms  " in line] == [
        "sent", "acknowledged", "actuated"
    ]  # fmt: skip
    assert Path("one.jpg").read_bytes() == b"\xff\xd8 a picture"
    (row,) = run("journal", "show", "belt-1/1", "--journal", journal, "--json").rows
    assert row["kept"]["samples_bytes"] > 0


def test_exports_hold_the_same_in_every_format(run: Run, journal: Path) -> None:
    for name in ("all.csv", "all.json"):
        assert run("journal", "export", name, "--journal", journal).out == f"3 decisions in {name}\n"
    with Path("all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    told = json.loads(Path("all.json").read_text("utf-8"))
    assert [row["decision_id"] for row in rows] == [one["decision_id"] for one in told]
    assert [row["last_step"] for row in rows] == ["actuated", "unconfirmed", "expired"]
    assert rows[1]["unconfirmed_at"] == rfc3339(told[1]["steps"][2]["at_wall_s"])
    assert rows[1]["step_details"] == "acknowledged: why; unconfirmed: why"
    assert list(Path().glob("*.unfinished")) == []


def test_parquet_keeps_numbers_and_times(run: Run, journal: Path) -> None:
    if os.environ.get("CI") != "true":
        pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415

    assert run("journal", "export", "all.parquet", "--journal", journal).code == 0
    rows = parquet.read_table("all.parquet").to_pylist()
    assert [row["seq"] for row in rows] == [1, 2, 3]
    told = run("journal", "list", "--journal", journal, "--json").rows
    assert [rfc3339(row["decided_at"].timestamp()) for row in rows] == [one["decided_at"] for one in told]
    assert rows[0]["simulated"] is True


def test_without_pyarrow_parquet_is_refused_in_one_sentence(
    run: Run, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    outcome = run("journal", "export", "all.parquet", "--journal", journal)
    remedy = 'install it with pip install "conveyor-color-sorter[parquet]", or export .csv or .json'
    outcome.refuses(1, f"Parquet files need pyarrow, which is not installed: {remedy}")
    assert not Path("all.parquet").exists()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_a_csv_becomes_a_formula(run: Run, files: Files, start: str) -> None:
    path = write(files.folder / "j.sqlite", [1], trigger_id=f"{start}cmd|' /C calc'!A1", lab=[50.0, -3.5, 2.0])
    assert run("journal", "export", "all.csv", "--journal", path).code == 0
    with Path("all.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["trigger_id"].startswith("'" + start)
    assert row["lab_a"] == "-3.5"  # a number is none


def test_events_are_listed_in_words_and_as_json(run: Run, files: Files) -> None:
    path = files.folder / "j.sqlite"
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    recipe = RecipeId("a", 3, "0" * 16)
    named = f"recipe a revision 3 ({recipe.hash})"
    journal.note_event(batch_event(IDENTITY, recipe, BatchReason.RECIPE_CHANGE, 7, 4e9))
    message = state_message(LineState.HALTED, "no \x1b[2J camera", IDENTITY, recipe, "camera_lost", 4e9 + 60)
    journal.note_event(state_event(message))
    journal.close(time.monotonic() + 10)
    outcome = run("journal", "events", "--journal", path)
    assert outcome.out.splitlines()[1:] == [
        f"2096-10-02T07:06:40.000Z  belt-1        batch   batch 1 began: recipe change, {named}",
        r"2096-10-02T07:07:40.000Z  belt-1        state   halted: no \x1b[2J camera",
        "2 events",
    ]
    (row,) = run("journal", "events", "--journal", path, "--json", "--kind", "state", "--line", "belt-1").rows
    assert (row["number"], row["state"], row["cause"]) == (2, "halted", "camera_lost")
    asked = ("--since", "2096-10-02T07:07:00Z", "--until", "2096-10-02T07:08:00Z")
    assert run("journal", "events", "--journal", path, *asked).out.endswith("\n1 event\n")
    run("journal", "events", "--journal", path, "--kind", "cake").refuses(
        2, "--kind 'cake' is none of batch, state, alarm, recipe"
    )


class TestCheck:
    def test_a_journal_in_order_is_told_to_be(self, run: Run, journal: Path) -> None:
        outcome = run("journal", "check", "--journal", journal)
        assert outcome.code == 0, outcome.out
        assert outcome.out.splitlines() == [
            "the file is whole",
            "3 decisions, 3 with their pixels, 7 steps",
            f"run {BOOT}, line belt-1: seq 1 to 3",
            "  right: 3 products = 3 invalid",
            "  right: 3 decisions = 2 acknowledged + 1 expired",
            "  right: of 2 acknowledged, 1 actuated + 1 unconfirmed",
            "all is in order",
        ]

    def test_gaps_and_what_is_unaccounted_for_are_told(self, run: Run, files: Files) -> None:
        path = write(files.folder / "j.sqlite", [1, 2, 5], {1: [Step.EXPIRED], 2: [Step.EXPIRED, Step.DROPPED]})
        outcome = run("journal", "check", "--journal", path)
        assert outcome.code == 1
        assert "  MISSING: 2 decisions (seq 3 to 4)\n" in outcome.out
        told = "3 decisions = 1 expired + 1 unaccounted for; 1 ended in more than one way"
        assert f"  WRONG: {told}\n" in outcome.out
        (row,) = run("journal", "check", "--journal", path, "--json").rows
        assert (row["sound"], row["runs"][0]["missing"], row["runs"][0]["gaps"]) == (False, 2, [[3, 4]])

    def test_while_the_service_runs_its_last_decisions_may_be_under_way(self, run: Run, files: Files) -> None:
        path = files.folder / "j.sqlite"
        journal = Journal(path, ROOMY, SystemClock())
        journal.start()
        journal.add(*made(1, at_wall_s=time.time()))
        assert journal.flush(10)
        outcome = run("journal", "check", "--journal", path)
        journal.close(time.monotonic() + 5)
        assert (outcome.code, "1 decisions = 0 + 1 under way" in outcome.out) == (0, True)

    def test_damage_is_told(self, run: Run, journal: Path) -> None:
        with closing(sqlite3.connect(journal)) as base:
            page = base.execute("SELECT rootpage FROM sqlite_master WHERE name = 'decisions_by_time'").fetchone()[0]
        with journal.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\x5a" * 4096)
        outcome = run("journal", "check", "--journal", journal)
        assert outcome.code == 1
        assert "database disk image is malformed" in outcome.err


def test_what_is_not_there_or_no_journal_is_refused_in_one_sentence(run: Run, files: Files) -> None:
    run("journal", "list", "--journal", "none.sqlite").refuses(
        1, "none.sqlite: there is no journal: name its file with --journal, or its settings with --config"
    )
    (files.folder / "text").write_text("not a database, but long enough to be taken for one" * 20)
    outcome = run("journal", "check", "--journal", "text")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert "file is not a database" in outcome.err
    with closing(sqlite3.connect("other.sqlite")) as base:
        base.execute("CREATE TABLE cake (slices)")
    run("journal", "list", "--journal", "other.sqlite").refuses(
        1, "other.sqlite: this is no journal of the sorter: name its file with --journal"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list", "--since", "yesterday"], "--since 'yesterday' is no time: write 24h, 30m, 7d, or 2026-01-31T10:00"),
        (["list", "--verdict", "good"], "--verdict 'good' is none of routed, unknown, ambiguous, late, invalid"),
        (["export", "all.xls"], "all.xls: its name must end in .csv, .json or .parquet"),
    ],
)
def test_wrong_usage_is_told(run: Run, journal: Path, arguments: list[str], sentence: str) -> None:
    run("journal", *arguments, "--journal", journal).refuses(2, sentence)


def test_a_decision_or_a_picture_that_is_not_there_is_told(run: Run, journal: Path) -> None:
    run("journal", "show", "belt-1/9", "--journal", journal).refuses(
        1, "belt-1/9: the journal has no such decision: journal list shows what it has"
    )
    with closing(sqlite3.connect(journal)) as base:
        base.execute("DELETE FROM pixels")
        base.commit()
    run("journal", "show", "belt-1/1", "--journal", journal, "--picture", "p.jpg").refuses(
        1, f"{BOOT}/belt-1/1: no picture of it was kept, or not for so long"
    )


def test_a_file_that_cannot_be_written_is_told(run: Run, journal: Path) -> None:
    outcome = run("journal", "export", "no/such/folder.csv", "--journal", journal)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "it cannot be written (No such file or directory)" in outcome.err
