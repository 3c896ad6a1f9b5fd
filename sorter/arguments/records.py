"""The commands that look into what was recorded: journal, recipes, batches."""

from __future__ import annotations

import argparse
from pathlib import Path

from sorter.arguments.parts import (
    Commands,
    Parser,
    add_actions,
    add_command,
    add_place,
    add_span,
    add_verbosity,
    count,
)


def add_journal(commands: Commands[Parser]) -> None:
    """``journal``."""
    journal = add_command(
        commands, "journal", "What was decided and what became of it: list, show, events, export, check."
    )
    actions = (
        ("list", "The newest decisions, or those that are asked for."),
        ("show", "All of one decision, with its steps."),
        ("events", "What befell the lines: batches, states, alarms, recipes; the newest, or those that are asked for."),
        ("export", "Decisions with their steps into a .csv, .json or .parquet file."),
        ("check", "Whether the file is whole, nothing is missing, and the sums come out."),
    )
    for name, action in add_actions(journal, actions):
        add_place(action)
        if name == "show":
            action.add_argument("id", metavar="ID", help="decision_id, or its end, such as belt-1/17")
            action.add_argument("--picture", type=Path, metavar="FILE", help="write the thumbnail, a JPEG, there")
        elif name == "export":
            action.add_argument("file", type=Path, metavar="FILE", help="its ending says what is written")
        if name == "events":
            _add_event_filters(action)
        elif name in {"list", "export"}:
            _add_filters(action)
        if name != "export":
            action.add_argument("--json", action="store_true", help="JSON: one object a line")
        add_verbosity(action)


def _add_event_filters(action: argparse.ArgumentParser) -> None:
    action.add_argument("--line", metavar="NAME", help="only of this line")
    action.add_argument("--kind", metavar="KIND", help="only batch, state, alarm or recipe")
    action.add_argument("--since", metavar="WHEN", help="since then: 24h, 30m, 7d, or 2026-01-31T10:00")
    action.add_argument("--until", metavar="WHEN", help="before then")
    action.add_argument("--last", type=count, metavar="N", help="the newest N of them (50)")


def _add_filters(action: argparse.ArgumentParser) -> None:
    for option in ("line", "bin", "branch"):
        action.add_argument(f"--{option}", metavar="NAME", help=f"only of this {option}")
    action.add_argument("--verdict", metavar="VERDICT", help="only with this verdict, such as unknown")
    action.add_argument("--step", metavar="STEP", help="only what took this step, such as unconfirmed")
    add_span(action)
    action.add_argument("--id", metavar="ID", help="only this decision_id, or its end")
    action.add_argument("--last", type=count, metavar="N", help="the newest N of them (list: 50)")


def add_recipes(commands: Commands[Parser]) -> None:
    """``recipes``."""
    recipes = add_command(commands, "recipes", "Every recipe that was ever in force, and the way back to one.")
    actions = (
        ("list", "All of them: when, where, by whom and why."),
        ("show", "All of one, with its text."),
        ("diff", "What two of them decide differently, in words, and how their texts differ."),
        ("verify", "Whether each entry is as it was written, and where."),
        ("rollback", "Write an earlier recipe as a new revision into its file."),
        ("waiting", "Changed recipes that wait for a person, and why."),
        ("confirm", "Let what waits come into force."),
        ("reject", "Refuse what waits."),
    )
    for name, action in add_actions(recipes, actions):
        where = action.add_mutually_exclusive_group()
        where.add_argument(
            "--config", type=Path, default=Path("config"), metavar="PATH", help="settings that name it (config)"
        )
        where.add_argument("--history", type=Path, metavar="FILE", help="the history's file")
        _add_of_recipes(action, name)
        action.add_argument("--json", action="store_true", help="JSON: one object a line")
        add_verbosity(action)


def _add_of_recipes(action: argparse.ArgumentParser, name: str) -> None:
    if name in {"show", "diff", "rollback"}:
        action.add_argument("number", type=count, metavar="N", help="the entry's number, as list shows it")
    if name == "diff":
        action.add_argument(
            "other", nargs="?", type=count, metavar="M", help="the later entry (N against the one before on its line)"
        )
    if name == "verify":
        action.add_argument("--last", metavar="HASH", help="an entry's hash, noted elsewhere, that must be there")
    if name in {"list", "confirm", "reject"}:
        action.add_argument("--line", metavar="NAME", help="only of this line")
    if name in {"rollback", "confirm", "reject"}:
        action.add_argument("--by", metavar="NAME", help="who does it")
        action.add_argument("--why", metavar="TEXT", help="in a few words")
    if name == "rollback":
        action.add_argument("--file", type=Path, metavar="FILE", help="the recipe file (the one it came from)")


def add_backtest(commands: Commands[Parser]) -> None:
    """``backtest``."""
    backtest = add_command(
        commands, "backtest", "What a recipe would have said of the products in the journal: which would go elsewhere."
    )
    backtest.add_argument("--recipe", type=Path, required=True, metavar="FILE", help="the recipe to rehearse")
    add_place(backtest)
    backtest.add_argument("--line", metavar="NAME", help="products of this line, where there are several")
    add_span(backtest)
    backtest.add_argument("--last", type=count, metavar="N", help="the newest N of them (all)")
    backtest.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures of products there")
    backtest.add_argument("--json", action="store_true", help="one JSON object")
    backtest.add_argument("--jobs", type=count, metavar="N", help="processes (as many as there are processor cores)")
    add_verbosity(backtest)


def add_replay(commands: Commands[Parser]) -> None:
    """``replay``."""
    replay = add_command(
        commands, "replay", "Decide a product again from what the journal keeps of it: equal, or what differs and why."
    )
    replay.add_argument("id", metavar="DECISION_ID", help="decision_id, or its end, such as belt-1/17")
    add_place(replay)
    replay.add_argument("--recipe", type=Path, metavar="FILE", help="tell also what this recipe would say")
    replay.add_argument("--json", action="store_true", help="one JSON object")
    add_verbosity(replay)


def add_report(commands: Commands[Parser]) -> None:
    """``report``."""
    report = add_command(
        commands, "report", "What a batch came to: counts, throughput, margins, drift, faults; text or page."
    )
    report.set_defaults(module="sorter.commands.batch_report")
    add_place(report)
    report.add_argument("--line", metavar="NAME", help="which line, where the journal has several")
    report.add_argument("--batch", metavar="N", help="number of a batch, or latest (latest)")
    report.add_argument(
        "--since", metavar="WHEN", help="not a batch, but since then: 24h, 30m, 7d, or 2026-01-31T10:00"
    )
    report.add_argument("--until", metavar="WHEN", help="not a batch, but until then")
    report.add_argument("--list", action="store_true", help="which batches there are")
    report.add_argument("--html", type=Path, metavar="FILE", help="write a page there")
    report.add_argument("--json", action="store_true", help="one JSON object; with --list one batch a line")
    add_verbosity(report)
