from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sorter.capture.clock import SystemClock
from sorter.outputs.events import Event
from sorter.outputs.journal.writer import Journal
from sorter.outputs.steps import Step, StepTaken
from tests.unit.batch import told
from tests.unit.batch.told import RECIPE, batch, decision, state
from tests.unit.commands.conftest import Files, Outcome
from tests.unit.outputs.journal.written import ROOMY, made

Run = Callable[..., Outcome]
HOSTILE = "no <b>camera</b> \x1b[2J"


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> float:
    """What is told happened an hour ago: a journal forgets what is too old."""
    began = float(round(time.time()) - 3600)
    monkeypatch.setattr(told, "T0", began)
    return began


def events() -> list[Event]:
    return [
        batch(0),
        state(1, "starting"),
        state(10, "running"),
        state(40, "halted", "camera_lost", reason=HOSTILE),
        state(50, "running"),
        batch(60, reason=told.BatchReason.COMMAND, after_seq=2),
        batch(200, boot_id="boot-2"),
        state(201, "running", boot_id="boot-2"),
        state(230, "offline", boot_id="boot-2"),
    ]


def fill(journal: Journal) -> None:
    journal.remember(RECIPE)
    for one in events():
        journal.note_event(one)
    product, _ = made(1)
    for message in (
        decision(1, 20),
        decision(2, 30, verdict="unknown", bin=None, reason="no_bin_in_reach", branch="reject"),
        decision(3, 61, delta_e=9.0),
        decision(4, 90, boot_id="boot-1"),
        decision(1, 210, boot_id="boot-2", verdict="ambiguous", bin=None, reason="samples_disagree", branch="reject"),
    ):
        journal.add(product, message | {"captured_at": message["decided_at"]})
        journal.note(StepTaken(message["decision_id"], Step.ACKNOWLEDGED, time.time()))


@pytest.fixture
def journal(files: Files, moments: float) -> Path:  # noqa: ARG001 - the time comes first
    path = files.folder / "j.sqlite"
    writer = Journal(path, ROOMY, SystemClock())
    writer.start()
    fill(writer)
    writer.close(time.monotonic() + 10)
    assert writer.counts.failed == writer.counts.waiting == 0
    return path


def test_batches_are_listed_with_what_was_decided_in_them(run: Run, journal: Path) -> None:
    outcome = run("report", "--journal", journal, "--list")
    heading, *rows, total = outcome.out.splitlines()
    assert heading.split()[:5] == ["batch", "line", "began", "lasted", "products"]
    assert [row.split()[0] for row in rows] == ["1", "6", "7"]
    assert [row.split("(")[0].split()[-3:] for row in rows] == [["fruit", "revision", "2"]] * 3
    assert total == "3 batches"
    listed = run("report", "--journal", journal, "--list", "--json", "--line", "one").rows
    assert [(one["number"], one["reason"], one["products"], one["running"]) for one in listed] == [
        (1, "start", 2, False), (6, "command", 2, False), (7, "start", 1, False)
    ]  # fmt: skip
    assert run("report", "--journal", journal, "--list", "--line", "two").out == "0 batches\n"


@pytest.mark.parametrize(
    ("asked", "told_of", "seconds"),
    [
        ([], (7, 1), {"starting": 1, "running": 29}),
        (["--batch", "latest", "--line", "one"], (7, 1), {"starting": 1, "running": 29}),
        (["--batch", "1"], (1, 2), {"starting": 10, "running": 40, "halted": 10}),
        (["--batch", "6"], (6, 2), {"running": 30, "not_known": 110}),
    ],
)
def test_a_batch_is_reported(
    run: Run, journal: Path, asked: list[str], told_of: tuple[int, int], seconds: dict[str, int]
) -> None:
    (report,) = run("report", "--journal", journal, "--json", *asked).rows
    assert (report["batch"]["number"], report["products"]) == told_of
    assert report["missing"]["decisions"] == 0
    assert {name: one["seconds"] for name, one in report["time"]["by_state"].items()} == seconds


def test_a_span_of_time_is_reported_over_the_runs_of_the_service(run: Run, journal: Path) -> None:
    (report,) = run("report", "--journal", journal, "--json", "--since", "2h").rows
    assert (report["batch"], report["products"]) == (None, 5)
    (report,) = run("report", "--journal", journal, "--json", "--until", told.rfc3339(told.T0 + 45)).rows
    assert report["products"] == 2
    assert report["time"]["by_state"]["halted"]["seconds"] == 5


def test_the_time_before_the_journal_began_is_no_fault_of_the_line(run: Run, journal: Path) -> None:
    (whole,) = run("report", "--journal", journal, "--json", "--until", told.rfc3339(told.T0 + 45)).rows
    long_before = told.rfc3339(told.T0 - 90 * 86400)
    asked = ("--since", long_before, "--until", told.rfc3339(told.T0 + 45))
    (longer,) = run("report", "--journal", journal, "--json", *asked).rows
    assert (longer["since"], longer["time"]) == (whole["since"], whole["time"])


def test_the_report_is_told_in_words_and_cannot_give_the_terminal_orders(run: Run, journal: Path) -> None:
    outcome = run("report", "--journal", journal, "--batch", "1")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "batch 1, line one"
    assert "2 products, 3.0 a minute while the line decided" in lines
    assert "  verdict       routed 1 (50.0%), unknown 1 (50.0%)" in lines
    assert any(r"halted" in line and line.endswith(r"no <b>camera</b> \x1b[2J") for line in lines)
    assert any("90.0% by tolerance" in line for line in lines)


def test_the_page_holds_its_pictures_and_takes_no_text_for_markup(run: Run, journal: Path) -> None:
    assert run("report", "--journal", journal, "--batch", "1", "--html", "r.html").out.endswith("the page is r.html\n")
    page = Path("r.html").read_text("utf-8")
    assert "<!doctype html>" in page
    assert "no &lt;b&gt;camera&lt;/b&gt;" in page
    assert "<b>camera" not in page
    assert "The least certain products" in page
    assert "Unknown products" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "http://" not in page and "https://" not in page  # noqa: PT018 - one question
    assert not Path("r.html.unfinished").exists()


def test_what_runs_is_reported_until_now(run: Run, files: Files, moments: float) -> None:
    path = files.folder / "j.sqlite"
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    with closing(_Ended(journal)):
        for one in events()[:3]:
            journal.note_event(one)
        assert journal.flush(10)
        (report,) = run("report", "--journal", path, "--json").rows
        assert report["running"]
        assert report["time"]["by_state"]["running"]["seconds"] == pytest.approx(time.time() - moments - 10, abs=10)
        assert ": 1 h 00 min" in run("report", "--journal", path).out.splitlines()[1]
        assert "now, it runs still" in run("report", "--journal", path).out


class _Ended:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def close(self) -> None:
        self._journal.close(time.monotonic() + 5)


def test_two_lines_need_a_name(run: Run, files: Files, moments: float) -> None:  # noqa: ARG001 - the time comes first
    path = files.folder / "j.sqlite"
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    for line in ("one", "two"):
        journal.note_event(batch(0, line=line))
    journal.close(time.monotonic() + 10)
    run("report", "--journal", path).refuses(2, f"{path} has several lines ('one', 'two'): say which with --line")
    assert json.loads(run("report", "--journal", path, "--line", "two", "--json").out)["line"] == "two"


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        (["--batch", "99"], 1, "j.sqlite: it has no batch 99: report --list shows what it has"),
        (["--batch", "1", "--line", "two"], 1, "j.sqlite: it has no batch 1 of 'two': report --list shows what it has"),
        (["--line", "two"], 2, "j.sqlite has no line 'two', only 'one'"),
        (["--batch", "1", "--since", "1h"], 2, "--batch, or --since and --until: give one of them"),
        (["--since", "noon"], 2, "--since 'noon' is no time: write 24h, 30m, 7d, or 2026-01-31T10:00"),
        (["--since", "1s"], 2, "nothing is known of 'one' in this time, or it ends before it begins: give others"),
        (["--html", "no/r.html"], 1, "no/r.html: it cannot be written (No such file or directory): name another file"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("journal")
def test_what_is_not_there_is_refused_in_one_sentence(run: Run, asked: list[str], code: int, sentence: str) -> None:
    run("report", "--journal", "j.sqlite", *asked).refuses(code, sentence)


def test_a_journal_without_events_or_anything_says_so(run: Run, files: Files) -> None:
    path = files.folder / "empty.sqlite"
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    journal.close(time.monotonic() + 5)
    told_of_nothing = f"{path}: it tells of no line yet: let the service decide a product first"
    run("report", "--journal", path).refuses(1, told_of_nothing)
