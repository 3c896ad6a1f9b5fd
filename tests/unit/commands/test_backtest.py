from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from sorter.commands import backtest, rehearsing
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.recorded import Stretch, stretches_of
from sorter.settings.recipe import Recipe
from tests.unit.commands.conftest import BINS, FALLBACK, Files, Outcome
from tests.unit.commands.journaled import (
    BLUE,
    BOOT,
    GREEN,
    PINK,
    RED,
    cut_off,
    decided,
    diverted,
    late,
    write_journal,
)

Run = Callable[..., Outcome]
ROOT = Path(__file__).parents[3]
RECIPE = Recipe.model_validate(
    {"name": "two colors", "bins": [one | {"tolerance": 5} for one in BINS], "fallback": FALLBACK}
)
COLORS = [RED, PINK, GREEN, PINK, BLUE, RED]
MOVE = {
    "then": {"verdict": "unknown", "bin": None, "branch": "reject"},
    "now": {"verdict": "routed", "bin": "red", "branch": "gate-1"},
    "count": 2,
    "examples": [f"{BOOT}/one/2", f"{BOOT}/one/4"],
}


def write_usual(path: Path = Path("journal") / "journal.sqlite", **keeping: Any) -> Path:
    """Six products of which two are pink, then a late one, one of a paused line, and one that was cut off."""
    decisions = [decided(number, rgb, RECIPE) for number, rgb in enumerate(COLORS, start=1)]
    extra = [late(decided(7, PINK, RECIPE), RECIPE), diverted(decided(8, PINK, RECIPE), RECIPE), cut_off(9, RECIPE)]
    return write_journal(path, decisions + extra, RECIPE, **keeping)


@pytest.fixture
def journal(files: Files) -> Path:
    """The recipe file has tolerances of 11: pink is red under it."""
    files.write_recipe(revision=2)
    return write_usual()


def told(outcome: Outcome) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    (facts,) = outcome.rows
    return facts


@pytest.mark.usefixtures("journal")
def test_a_wider_tolerance_is_told_by_what_it_moves_and_what_cannot_be_compared(run: Run) -> None:
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    heading, *lines = outcome.out.splitlines()
    assert re.match(r"two colors, revision 2 \([0-9a-f]{16}\), on 9 products of the line one, decided 20", heading)
    assert [line.split() for line in lines] == [
        ["judged", "6"],
        ["changed", "2", "33.33%"],
        ["to", "another", "branch", "2", "33.33%"],
        ["newly", "routed", "2"],
        ["newly", "unknown", "0"],
        ["newly", "ambiguous", "0"],
        ["products", "verdict", "bin", "branch", "verdict", "bin", "branch"],
        ["2", "unknown", "-", "reject", "->", "routed", "red", "gate-1"],
        ["not", "compared:", "1", "sent", "to", "a", "safe", "branch", "by", "the", "fail-safe", "table"],
        ["not", "compared:", "1", "invalid"],
        ["not", "compared:", "1", "late"],
    ]


def test_json_is_one_object_with_the_same(run: Run, journal: Path) -> None:
    facts = told(run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--json"))
    assert facts["moves"] == [MOVE]
    assert facts["recipe"]["revision"] == 2
    assert (facts["line"], facts["products"], facts["judged"], facts["rerouted_share"]) == ("one", 9, 6, 2 / 6)
    assert facts["not_compared"] == {"late": 1, "diverted": 1, "invalid": 1, "nothing_kept": 0, "unreadable": 0}
    assert (facts["read_from_pixels"], facts["not_to_the_bit"]) == (0, 0)


@pytest.mark.usefixtures("journal")
def test_the_recipe_of_then_changes_nothing(run: Run, files: Files) -> None:
    files.write_recipe(bins=[one | {"tolerance": 5} for one in BINS])
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml")
    assert "nothing changes" in outcome.out.splitlines()


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("options", "products"),
    [
        (["--last", "6"], 6),
        (["--line", "one"], 9),
        (["--since", "1h"], 9),
        (["--since", "55.5s"], 5),
        (["--until", "55.5s", "--last", "2"], 2),
    ],
)
def test_only_what_is_asked_for_is_rehearsed(run: Run, options: list[str], products: int) -> None:
    facts = told(run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml", "--json", *options))
    # The journal was written a moment ago: at most one product more may be older by now than was asked.
    assert products - 1 <= facts["products"] <= products


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("old", [False, True])
def test_of_a_journal_without_readings_the_pixels_are_read(run: Run, files: Files, *, old: bool) -> None:
    files.write_recipe(revision=2)
    path = write_usual(readings=False)
    if old:  # as it was written before readings were kept
        with closing(sqlite3.connect(path)) as base, base:
            base.executescript("DROP TABLE readings; PRAGMA user_version = 1;")
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml", "--json")
    assert outcome.err == "6 products of which only the pixels are kept: reading these takes some milliseconds each\n"
    facts = told(outcome)
    assert (facts["moves"], facts["judged"], facts["read_from_pixels"]) == ([MOVE], 6, 6)


@pytest.mark.usefixtures("files")
def test_products_of_which_nothing_is_kept_are_counted(run: Run) -> None:
    path = write_usual(readings=False, samples=False)
    facts = told(run("backtest", "--recipe", "recipe.yaml", "--journal", path, "--json"))
    assert (facts["judged"], facts["rerouted_share"], facts["not_compared"]["nothing_kept"]) == (0, 0, 6)
    text = run("backtest", "--recipe", "recipe.yaml", "--journal", path)
    assert "not compared: 6 of which nothing is kept to judge" in text.out.splitlines()


@pytest.mark.parametrize("readings", [True, False])
def test_damaged_readings_and_pixels_are_counted(run: Run, files: Files, *, readings: bool) -> None:
    files.write_recipe(revision=2)
    path = write_usual(readings=readings)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("UPDATE readings SET readings = x'0102' WHERE decision = 2")
        base.execute("UPDATE pixels SET samples = x'0102' WHERE decision = 2")
    facts = told(run("backtest", "--recipe", "recipe.yaml", "--journal", path, "--json"))
    assert (facts["judged"], facts["not_compared"]["unreadable"], facts["changed"]) == (5, 1, 1)


def test_a_page_shows_the_products_that_move(run: Run, journal: Path) -> None:
    hostile = "</style><script>alert(1)</script>"
    with closing(sqlite3.connect(journal)) as base, base:
        base.execute("UPDATE decisions SET message = json_set(message, '$.hex', ?) WHERE id = 4", [hostile])
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml", "--html", "page.html")
    assert outcome.code == 0
    page = Path("page.html").read_text("utf-8")
    assert page.count('src="data:image/jpeg;base64,') == 2
    assert page.index(f"{BOOT}/one/4") < page.index(f"{BOOT}/one/2")
    assert "<script" not in page
    assert hostile not in page
    assert not re.search(r"https?://|url\(|@import", page)
    words = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "2 products of the line" not in words
    assert re.search(r"then unknown &Delta;E 00 \d+\.\d, no bin in reach now red &Delta;E 00 \d+\.\d", words)
    assert all(f"1 {what}" in words for what in ("late", "invalid", "sent to a safe branch by the fail-safe table"))
    assert sorted(path.name for path in Path().glob("page*")) == ["page.html"]


@pytest.mark.usefixtures("journal")
def test_a_page_that_cannot_be_written_is_told_before_the_work(run: Run) -> None:
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml", "--html", "no/page.html")
    outcome.refuses(2, "no/page.html: there is no such folder to write the page into: make it first")
    Path("page.html").mkdir()
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml", "--html", "page.html")
    outcome.refuses(1, "page.html: it cannot be written (Is a directory): name another file, or make room")


@pytest.mark.usefixtures("journal")
def test_a_branch_that_the_line_has_not_is_refused_with_its_place(run: Run, files: Files) -> None:
    files.write_recipe(bins=[BINS[0] | {"branch": "gate-9"}, BINS[1]])
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml")
    assert (outcome.code, outcome.out) == (78, "")
    assert re.match(r"recipe\.yaml:\d+:\d+: bins\.0\.branch: the line 'one' has no branch gate-9", outcome.err)


@pytest.mark.usefixtures("journal")
def test_a_mistaken_recipe_is_refused_with_its_place(run: Run, files: Files) -> None:
    files.write_recipe(bins=[BINS[0] | {"tolerance": -1}])
    outcome = run("backtest", "--recipe", "recipe.yaml", "--config", "sorter.yaml")
    assert (outcome.code, outcome.out) == (78, "")
    assert re.match(r"recipe\.yaml:\d+:\d+: ", outcome.err)


@pytest.mark.parametrize("options", [["--line", "two"], ["--since", "1s"], ["--until", "2001-01-01"]])
def test_no_decision_of_those_asked_for_is_one_sentence(run: Run, journal: Path, options: list[str]) -> None:
    outcome = run("backtest", "--recipe", "recipe.yaml", "--journal", journal, *options)
    outcome.refuses(1, f"{journal}: no decision of those asked for: journal list shows what there is")


def test_of_several_lines_one_must_be_named(run: Run, journal: Path) -> None:
    write_journal(journal, [decided(1, RED, RECIPE)], RECIPE, line="two")
    with closing(sqlite3.connect(journal)) as base, base:
        base.execute("UPDATE decisions SET line = 'three' WHERE id = 9")
    outcome = run("backtest", "--recipe", "recipe.yaml", "--journal", journal)
    outcome.refuses(2, f"{journal} has products of several lines ('one', 'three', 'two'): say which with --line")
    assert told(run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--line", "two", "--json"))


def test_no_journal_and_no_time_are_one_sentence_each(run: Run, journal: Path) -> None:
    outcome = run("backtest", "--recipe", "recipe.yaml", "--journal", "none.sqlite")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    outcome = run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--since", "yesterday")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)


def test_several_processes_say_what_one_says(run: Run, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = told(run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--json", "--jobs", "1"))
    monkeypatch.setattr(backtest, "_AT_ONCE", 4)
    assert told(run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--json", "--jobs", "2")) == alone
    assert told(run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--json", "--jobs", "1")) == alone


def test_stretches_hold_every_wanted_product_once(journal: Path) -> None:
    with Reader(journal) as reader:
        assert stretches_of(reader, Wanted(), 4) == [Stretch(1, 4, 4), Stretch(5, 8, 4), Stretch(9, 9, 1)]
        assert stretches_of(reader, Wanted(last=3), 2) == [Stretch(7, 8, 2), Stretch(9, 9, 1)]
        assert stretches_of(reader, Wanted(verdict="unknown"), 2) == [Stretch(2, 4, 2), Stretch(5, 5, 1)]
        assert stretches_of(reader, Wanted(line="none"), 2) == []


def test_products_that_are_dropped_meanwhile_are_left_out(journal: Path) -> None:
    task = rehearsing.Task(journal, Wanted(), RECIPE)
    with closing(sqlite3.connect(journal)) as base, base:
        base.execute("DELETE FROM decisions WHERE id < 4")
    found = rehearsing.rehearse_stretch(task, Stretch(1, 6, 6)).rehearsal
    assert (found.products, found.changed) == (3, 0)


@pytest.fixture
def long_journal(tmp_path: Path) -> Path:
    """Of pixels alone, so that it takes long enough to be disturbed."""
    path = tmp_path / "long.sqlite"
    write_journal(path, [decided(number, PINK, RECIPE) for number in range(1, 3)], RECIPE, readings=False)
    with closing(sqlite3.connect(path)) as base, base:
        base.executescript(
            "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)"
            " INSERT INTO decisions SELECT i, 'b/one/' || i, boot, line, i, i, NULL, verdict, bin, branch, captured_at,"
            " decided_at, recipe, message FROM n JOIN decisions d ON d.id = 1;"
            " INSERT INTO pixels SELECT d.id, p.samples, NULL FROM decisions d JOIN pixels p ON p.decision = 1"
            " WHERE d.id > 2;"
        )
    return path


@contextmanager
def begun(journal: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which has begun to look for products."""
    command = [sys.executable, str(ROOT / "run_sorter.py"), "backtest", "--recipe", "recipe.yaml", "--jobs", "2"]
    with subprocess.Popen(
        [*command, "--journal", journal],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("6000 products of which only the pixels are kept")
        yield process


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("after_s", [0.02, 0.8])
def test_ctrl_c_ends_it_with_its_processes_and_without_a_word(long_journal: Path, after_s: float) -> None:
    with begun(long_journal) as process:
        time.sleep(after_s)  # while its processes start, and in the midst of it; anywhere will do
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all of them get it
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


def judges_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that judge."""
    return [one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())]


@pytest.mark.usefixtures("files")
def test_a_process_that_is_killed_is_told_in_one_sentence(long_journal: Path) -> None:
    with begun(long_journal) as process:
        wait_until(lambda: len(judges_of(process)) == 2)
        judges_of(process)[0].kill()
        out, err = process.communicate(timeout=30)
    told = "a process that judged products was ended from outside: is there enough memory? --jobs 1 needs the least\n"
    assert (process.returncode, out, err) == (1, "", told)


@pytest.mark.usefixtures("files")
def test_its_processes_do_not_outlive_it(long_journal: Path) -> None:
    with begun(long_journal) as process:
        wait_until(lambda: len(judges_of(process)) == 2)
        judges = judges_of(process)
        process.kill()
    assert psutil.wait_procs(judges, timeout=20)[1] == []


def wait_until(happened: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_json_is_what_the_documentation_names(run: Run, journal: Path) -> None:
    facts = told(run("backtest", "--recipe", "recipe.yaml", "--journal", journal, "--json"))
    documented = (ROOT / "docs" / "recipes.md").read_text("utf-8")
    assert [key for key in facts if f"`{key}`" not in documented] == []
    assert json.dumps(facts)
