"""Every command's arguments."""

from __future__ import annotations

import argparse

from sorter import __version__
from sorter.arguments.lines import add_check, add_decide, add_demo, add_run, add_selftest, add_sort, add_teach
from sorter.arguments.palettes import add_palette, add_palette_server, add_search
from sorter.arguments.parts import EPILOG, Parser
from sorter.arguments.records import add_backtest, add_journal, add_recipes, add_replay, add_report


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    parser = Parser(prog="run_sorter.py", description="Sort products on a conveyor by color.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    add_run(commands)
    add_demo(commands)
    add_sort(commands)
    add_decide(commands)
    add_palette(commands)
    add_palette_server(commands)
    add_search(commands)
    add_teach(commands)
    add_check(commands)
    add_journal(commands)
    add_recipes(commands)
    add_backtest(commands)
    add_replay(commands)
    add_report(commands)
    add_selftest(commands)
    return parser
