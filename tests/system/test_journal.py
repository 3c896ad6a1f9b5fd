"""The journal against real disks that are full or read-only, and a process that is killed while it writes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sorter.capture.clock import SystemClock
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import Message, decision_id
from sorter.records import Decision
from tests.unit.outputs.journal import written
from tests.unit.outputs.journal.written import DAY_S, ROOMY

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
KILLS = 10

_WRITES_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from sorter.capture.clock import SystemClock
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import decision_id
from sorter.outputs.steps import Step, StepTaken
from tests.unit.outputs.journal.written import IDENTITY, ROOMY, made
journal = Journal(Path(sys.argv[1]), ROOMY, SystemClock())
journal.start()
seq = int(sys.argv[2])
while True:
    for _ in range(20):
        seq += 1
        journal.add(*made(seq, at_wall_s=time.time()))
        journal.note(StepTaken(decision_id(IDENTITY, seq), Step.ACKNOWLEDGED, time.time()))
    assert journal.flush(20)
    print(seq, flush=True)
"""


def made(seq: int, pixels: int = 50) -> tuple[Decision, Message]:
    """A decision of now: what is old is dropped."""
    return written.made(seq, pixels, time.time())


def numbers_in(path: Path) -> list[int]:
    with Reader(path) as reader:
        assert reader.rows("PRAGMA integrity_check") == [("ok",)]
        return [entry.message["seq"] for entry in reader.entries(Wanted())]


def test_what_was_confirmed_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    chance = random.Random(5)  # noqa: S311 - when to kill
    confirmed = 0
    for _ in range(KILLS):
        command = [sys.executable, "-c", _WRITES_UNTIL_KILLED, str(path), str(confirmed)]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(chance.randint(1, 3))]
        time.sleep(chance.uniform(0, 0.15))  # the moment of the kill, not a wait for anything
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().splitlines()
        child.wait(10)
        child.stdout.close()
        confirmed = int([one for one in told if one.strip()][-1])
        numbers = numbers_in(path)  # read as it was left, before anyone opens it for writing
        assert numbers[-1] >= confirmed
        assert set(numbers) >= set(range(1, confirmed + 1))
        confirmed = numbers[-1]
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    journal.add(*made(confirmed + 1))
    assert journal.flush(10)
    assert journal.troubles == {}
    journal.close(time.monotonic() + 5)
    assert numbers_in(path) == list(range(1, confirmed + 2))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        assert os.environ.get("CI") != "true", f"the continuous checks must be able to mount: {done.stderr}"
        pytest.skip(f"only root can mount a small disk: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_costs_the_oldest_and_is_told_until_there_is_room(
    small_disk: Path, wait_for: Callable[..., None]
) -> None:
    path = small_disk / "journal.sqlite"
    limits = Limits(4_000_000, 30 * DAY_S)  # nearly all that the disk has
    journal = Journal(path, limits, SystemClock())
    journal.start()
    hog = small_disk / "hog"
    hog.write_bytes(b"x" * 2_000_000)
    for seq in range(1, 401):
        journal.add(*made(seq, pixels=1000))
        if seq % 20 == 0:
            assert journal.flush(20), (seq, journal.counts, journal.troubles)
    assert list(journal.troubles) == ["disk_full"]
    assert journal.counts.failed == journal.counts.dropped == 0
    kept = numbers_in(path)
    assert kept == list(range(kept[0], 401))
    with Reader(path) as reader:
        assert reader.pixels(decision_id(written.IDENTITY, kept[0])).samples is None
        assert reader.pixels(decision_id(written.IDENTITY, 400)).samples is not None

    with hog.open("ab") as file:  # somebody takes what is left, to the last byte
        try:
            while True:
                os.write(file.fileno(), b"x" * 4096)
        except OSError:
            pass
    for seq in range(401, 501):
        journal.add(*made(seq, pixels=1000))
    assert journal.flush(10), "with not a byte left, the oldest made room"
    assert list(journal.troubles) == ["disk_full"]

    hog.unlink()
    assert journal.flush(20)
    wait_for("the trouble is over", lambda: not journal.troubles)
    journal.add(*made(501, pixels=1000))
    assert journal.flush(10)
    assert journal.counts.failed == journal.counts.dropped == 0
    journal.close(time.monotonic() + 5)
    kept = numbers_in(path)
    assert kept == list(range(kept[0], 502))


def test_a_disk_that_is_full_from_the_beginning_is_waited_for(small_disk: Path, wait_for: Callable[..., None]) -> None:
    hog = small_disk / "hog"
    with pytest.raises(OSError, match="No space"):
        hog.write_bytes(b"x" * 5_000_000)
    journal = Journal(small_disk / "journal.sqlite", ROOMY, SystemClock())
    journal.start()
    journal.add(*made(1))
    wait_for("it tells", lambda: "disk_full" in journal.troubles)
    hog.unlink()
    assert journal.flush(10)
    journal.close(time.monotonic() + 5)
    assert numbers_in(small_disk / "journal.sqlite") == [1]


def test_a_read_only_disk_is_told_and_tried_again(small_disk: Path, wait_for: Callable[..., None]) -> None:
    path = small_disk / "journal.sqlite"
    limits = Limits(1_000_000, 30 * DAY_S)
    first = Journal(path, limits, SystemClock())
    first.start()
    first.add(*made(1))
    first.close(time.monotonic() + 5)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    journal = Journal(path, limits, SystemClock())
    journal.start()
    journal.add(*made(2))
    assert list(journal.troubles) == ["journal_unwritable"]
    assert "ead-only" in journal.troubles["journal_unwritable"]
    assert numbers_in(path) == [1]  # and it can be read there
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert journal.flush(10)
    wait_for("the trouble is over", lambda: not journal.troubles)
    journal.close(time.monotonic() + 5)
    assert numbers_in(path) == [1, 2]


def test_the_demo_keeps_a_journal_that_lists_checks_and_exports(
    tmp_path: Path, users_environment: dict[str, str]
) -> None:
    path = tmp_path / "journal.sqlite"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "run_sorter.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=users_environment, capture_output=True, text=True, check=False, timeout=60
        )

    demo = run("demo", "--seconds", "5", "--json", "--journal", str(path))
    decisions = [json.loads(line) for line in demo.stdout.splitlines()]
    told = [one for one in decisions if "decision_id" in one]
    assert told, demo.stderr
    listed = [json.loads(line) for line in run("journal", "list", "--json", "--journal", str(path)).stdout.splitlines()]
    assert [{key: value for key, value in one.items() if key != "steps"} for one in listed] == told
    checked = json.loads(run("journal", "check", "--json", "--journal", str(path)).stdout)
    assert (checked["damage"], checked["decisions"], checked["with_pixels"]) == ([], len(told), len(told))
    assert [run["verdicts_add_up"] for run in checked["runs"]] == [True]


def test_a_second_service_on_the_same_journal_does_not_start(tmp_path: Path, users_environment: dict[str, str]) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, ROOMY, SystemClock())
    journal.start()
    command = [sys.executable, "run_sorter.py", "demo", "--seconds", "5", "--journal", str(path)]
    done = subprocess.run(
        command, cwd=ROOT, env=users_environment, capture_output=True, text=True, check=False, timeout=60
    )
    journal.close(time.monotonic() + 5)
    assert done.returncode == 1
    remedy = "stop the other one, or give this one a journal.path of its own"
    assert done.stderr.splitlines()[-1] == f"{path}: another process writes this journal: {remedy}"
