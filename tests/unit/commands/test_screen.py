"""Standard output, as a program finds it: closed, full, or read by somebody who leaves."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = ("PYTHON", "OMP_", "NO_COLOR")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
FULL = "standard output cannot be written (No space left on device): send it elsewhere, or make room\n"


def shell(files, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in the files' folder, in which ``sorter`` is the program."""
    program = f'sorter() {{ "{sys.executable}" "{ROOT}/run_sorter.py" "$@"; }}\n'
    command = ["bash", "-c", program + line]
    chosen = {**ENVIRONMENT, **environment}
    return subprocess.run(
        command, cwd=files.folder, env=chosen, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["check .", "check . --json", "decide red.png --recipe recipe.yaml", "--help"])
def test_a_full_disk_is_told_in_one_sentence(files, command):
    done = shell(files, f"sorter {command} > /dev/full")
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("command", ["check .", "decide red.png --recipe recipe.yaml --json"])
def test_a_closed_output_is_no_fault(files, command):
    done = shell(files, f"sorter {command} >&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exit_code_is_right_though_nobody_can_be_told(files):
    files.write_recipe(bins=[])
    done = shell(files, "sorter check . 2>&-")
    assert (done.returncode, done.stdout) == (78, "")


def test_a_reader_that_has_enough_ends_the_command_without_a_word(files):
    files.write_csv("file\n" + "red.png\n" * 2000)
    done = shell(
        files, "sorter decide --boxes boxes.csv --recipe recipe.yaml --json | head -n 1; echo ${PIPESTATUS[0]}"
    )
    first, code = done.stdout.splitlines()
    assert first.startswith('{"schema"')
    assert (code, done.stderr) == ("0", "")


def test_a_terminal_that_lacks_a_letter_gets_an_escape_and_a_program_gets_utf_8(files):
    files.write_picture("röt.png", (200, 32, 44))
    line = "sorter decide röt.png --recipe recipe.yaml"
    done = shell(files, line, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"r\xf6t.png" in done.stdout
    done = shell(files, f"{line} --json", PYTHONIOENCODING="ascii")
    assert '"ref":{"file":"röt.png"}' in done.stdout


def on_terminal(files, **environment: str) -> str:
    """What a person sees of a decision."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "run_sorter.py"), "decide", "red.png", "--recipe", "recipe.yaml"]
    subprocess.run(command, cwd=files.folder, env={**ENVIRONMENT, **environment}, stdout=theirs, timeout=60, check=True)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(theirs)
    return shown


def test_a_swatch_of_the_color_is_for_a_person_at_a_terminal(files):
    shown = on_terminal(files)
    assert "\x1b[48;2;200;32;44m  \x1b[0m #c8202c" in shown
    heading, row, *_ = shown.replace("\x1b[48;2;200;32;44m", "").replace("\x1b[0m", "").splitlines()
    assert heading.index("color") == row.index("#c8202c")
    assert "\x1b" not in on_terminal(files, NO_COLOR="1")
    assert "\x1b" not in shell(files, "sorter decide red.png --recipe recipe.yaml").stdout
