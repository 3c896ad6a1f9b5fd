"""The history of recipes on real disks that are full or read-only, and a process that is killed while it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sorter.history.reading import verify
from sorter.history.writing import History
from tests.unit.history.written import NOON_S, live

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
KILLS = 5
_ADDS_UNTIL_KILLED = """
import sys
from pathlib import Path
from sorter.history.writing import History
from tests.unit.history.written import NOON_S, live
history = History(Path(sys.argv[1]))
history.open()
while True:
    history.append(live(text="name: x" * 30_000), NOON_S)
    assert not history.troubles, history.troubles
    print(history.newest.number, flush=True)
"""


def test_a_process_killed_while_it_adds_loses_nothing_that_was_said_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "recipes.jsonl"
    told_last = 0
    for kill in range(KILLS):
        adding = subprocess.Popen(
            [sys.executable, "-c", _ADDS_UNTIL_KILLED, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert adding.stdout
        for _ in range(2 + 3 * kill):
            told_last = int(adding.stdout.readline())
        adding.send_signal(signal.SIGKILL)
        adding.wait(10)
        told_last = int((adding.stdout.read().splitlines() or [told_last])[-1])
        adding.stdout.close()
        found = verify(path)
        assert found.is_sound
        assert found.newest
        assert told_last <= found.newest.number <= told_last + 1
    history = History(path)
    history.open()
    history.append(live(), NOON_S)
    assert (history.troubles, verify(path).is_sound, verify(path).torn) == ({}, True, None)
    history.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _mount(folder, "-t", "tmpfs", "-o", "size=100k", "none"):
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(folder: Path, *how: str) -> bool:
    done = subprocess.run(["mount", *how, str(folder)], capture_output=True, text=True, check=False)
    assert not done.returncode or os.environ.get("CI") != "true", f"the continuous checks must mount: {done.stderr}"
    return not done.returncode


def test_a_full_and_a_read_only_disk_are_told_and_what_waits_is_written_when_they_are_mended(small_disk: Path) -> None:
    path = small_disk / "recipes.jsonl"
    history = History(path)
    history.open()
    history.append(live(1), NOON_S)
    with (small_disk / "hog").open("wb") as hog:
        while _fits(hog.fileno()):
            pass
    entries = 1
    while not history.troubles and entries < 100:  # what is left of the last page
        entries += 1
        history.append(live(entries), NOON_S)
    assert "(No space left on device); 1 of them wait: make room" in history.troubles["history_unwritable"]
    assert (verify(path).is_sound, verify(path).entries) == (True, entries - 1)
    (small_disk / "hog").unlink()
    history.close()  # the lock's file would keep the disk from becoming read-only
    assert _mount(small_disk, "-o", "remount,ro")
    history.append(live(entries + 1), NOON_S)
    assert "(Read-only file system); 2 of them wait" in history.troubles["history_unwritable"]
    assert _mount(small_disk, "-o", "remount,rw")
    history.retry()
    assert (history.troubles, verify(path).entries, verify(path).torn) == ({}, entries + 1, None)
    history.close()


def _fits(file: int) -> bool:
    try:
        return os.write(file, b"x" * 4096) > 0
    except OSError:
        return False
