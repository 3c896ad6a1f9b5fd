"""What the arguments of several commands are made of."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

_USAGE_EXIT_CODE = 2
EPILOG = "Exit codes: 0 fine, 1 runtime failure, 2 wrong usage, 78 bad configuration."


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with the code for wrong usage."""
        self.exit(_USAGE_EXIT_CODE, f"{self.prog}: {message}; see {self.prog} --help\n")


Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def add_command(commands: Commands[Parser], name: str, summary: str) -> argparse.ArgumentParser:
    """A command, which the module of its name in `sorter.commands` executes."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary, epilog=EPILOG)
    parser.set_defaults(module=f"sorter.commands.{name}")
    return parser


def add_actions(
    parser: argparse.ArgumentParser, actions: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """What a command can be told to do: a parser for each name with its summary."""
    parsers = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=Parser, help="what to do: ACTION --help tells more"
    )
    for name, summary in actions:
        yield name, parsers.add_parser(name, help=summary, description=summary, epilog=EPILOG)


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """The option for more words."""
    parser.add_argument("--verbose", "-v", action="store_true", help="log what is going on, in detail")


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where the journal is."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", type=Path, default=Path("config"), metavar="PATH", help="settings that name the journal (config)"
    )
    where.add_argument("--journal", type=Path, metavar="FILE", help="the journal's file")


def add_span(parser: argparse.ArgumentParser) -> None:
    """Which time."""
    parser.add_argument("--since", metavar="WHEN", help="decided since then: 24h, 30m, 7d, or 2026-01-31T10:00")
    parser.add_argument("--until", metavar="WHEN", help="decided before then")


def count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def colors(text: str) -> int | str:
    """A number of colors, or auto."""
    if text == "auto":
        return text
    if not text.isdecimal() or not 0 < int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number from 1 to 256")
    return int(text)


def jobs(text: str) -> int:
    """A number of processes."""
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1024")
    return int(text)


def seconds(text: str) -> float:
    """A duration above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
