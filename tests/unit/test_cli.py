"""The command line itself: what it understands, and how it says no."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sorter import __version__
from sorter.cli import build_parser, main
from sorter.commands import check
from sorter.errors import BrokerError, ConfigurationError, Mistake, SourceError, UsageError

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "run", "demo", "sort", "decide", "palette", "palette-server", "search", "teach", "check", "journal", "recipes",
    "backtest", "replay", "report", "selftest",
)  # fmt: skip


def refusal(capsys, *arguments: str) -> str:
    """What is said of a command line that is not understood."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert told.err.count("\n") == 1
    assert "--help" in told.err
    return str(told.err)


@pytest.mark.parametrize("command", [(), *[(name,) for name in COMMANDS]])
def test_help_is_to_be_had_everywhere_and_tells_the_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 fine, 1 runtime failure, 2 wrong usage, 78 bad configuration." in told
    assert all(name in told for name in (command or COMMANDS))


def test_every_option_says_what_it_does():
    parsers = build_parser()._subparsers._group_actions[0].choices
    assert set(parsers) == set(COMMANDS)
    silent = [
        (name, action.dest)
        for name, one in parsers.items()
        for action in one._actions
        if not (action.help or "").strip()
    ]
    assert not silent


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"{__version__}\n"


def test_no_command_and_an_unknown_one_are_refused_with_the_known_ones(capsys):
    assert "COMMAND" in refusal(capsys)
    told = refusal(capsys, "sotr")
    assert all(name in told for name in ("sotr", *COMMANDS))


@pytest.mark.parametrize("arguments", [
    ("sort",), ("sort", "film.mp4"), ("sort", "film.mp4", "--config"), ("check", "--jsn"), ("demo", "--broker", "x"),
    ("sort", "a.mp4", "b.mp4", "--config", "x"),
])  # fmt: skip
def test_what_is_missing_or_unknown_is_told_in_one_line(arguments, capsys):
    refusal(capsys, *arguments)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "ten", "", "1e9"])
def test_a_duration_is_a_number_above_zero(seconds, capsys):
    assert repr(seconds) in refusal(capsys, "demo", "--seconds", seconds)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("a.mp4: no such film"), 1),
        (BrokerError("no broker"), 1),
        (UsageError("give one of them"), 2),
        (ConfigurationError([Mistake("a.yaml:1:1", "first"), Mistake("a.yaml:2:1", "second")]), 78),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/secret"), 1),
        (ZeroDivisionError("division\nby zero"), 1),
    ],
)
def test_each_failure_has_its_exit_code_and_no_traceback(error, code, capsys, monkeypatch):
    def fail(_options: object) -> int:
        raise error

    monkeypatch.setattr(check, "execute", fail)
    assert main(["check"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    if isinstance(error, SourceError | ConfigurationError):
        assert told.err == f"{error}\n"
    elif isinstance(error, KeyboardInterrupt):
        assert told.err == ""
    else:
        assert told.err.count("\n") == 1


def test_a_fault_of_the_program_is_named_as_one(capsys, monkeypatch):
    def fail(_options: object) -> int:
        raise KeyError("belt")

    monkeypatch.setattr(check, "execute", fail)
    assert main(["check"]) == 1
    assert capsys.readouterr().err == (
        "a fault of this program (KeyError: 'belt'): please report it, with what --verbose tells\n"
    )


def test_the_entry_point_passes_arguments_and_exit_code_on(tmp_path):
    """In a process of its own: with nothing imported before."""
    command = [sys.executable, str(ROOT / "run_sorter.py"), "check", str(tmp_path / "none.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == f"{tmp_path / 'none.yaml'}: there is no such file: create it, or name the right one\n"
