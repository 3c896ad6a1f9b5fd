"""Every command's arguments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from sorter import __version__

_USAGE_EXIT_CODE = 2
_EPILOG = "Exit codes: 0 fine, 1 runtime failure, 2 wrong usage, 78 bad configuration."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_EXIT_CODE, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    parser = _Parser(prog="run_sorter.py", description="Sort products on a conveyor by color.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    _add_run(commands)
    _add_demo(commands)
    _add_sort(commands)
    _add_decide(commands)
    _add_palette(commands)
    _add_teach(commands)
    _add_check(commands)
    _add_journal(commands)
    _add_recipes(commands)
    _add_backtest(commands)
    _add_replay(commands)
    _add_report(commands)
    _add_selftest(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _add(commands: _Commands[_Parser], name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary, epilog=_EPILOG)
    parser.set_defaults(module=f"sorter.commands.{name}")
    return parser


def _add_run(commands: _Commands[_Parser]) -> None:
    run = _add(commands, "run", "The service: all lines, MQTT and metrics, until stopped.")
    run.add_argument(
        "--config", type=Path, default=Path("config"), metavar="PATH", help="settings file, or its folder (config)"
    )
    _add_verbosity(run)


def _add_demo(commands: _Commands[_Parser]) -> None:
    demo = _add(
        commands,
        "demo",
        "The service on a simulated belt, with a broker and a simulated diverter of its own, held against the truth.",
    )
    demo.add_argument("--seconds", type=_seconds, metavar="N", help="stop after N seconds (until Ctrl-C)")
    demo.add_argument("--json", action="store_true", help="one decision a line, then one line with the summary")
    demo.add_argument(
        "--config", type=Path, metavar="PATH", help="settings of simulated lines (the ones that come with the sorter)"
    )
    demo.add_argument(
        "--broker", choices=("mosquitto", "amqtt"), help="which broker to start (mosquitto where it is installed)"
    )
    demo.add_argument("--journal", type=Path, metavar="FILE", help="keep the journal there (a temporary folder)")
    _add_verbosity(demo)


def _add_sort(commands: _Commands[_Parser]) -> None:
    sort = _add(commands, "sort", "Decide every product in a film, folder or stream, from start to end; no broker.")
    sort.add_argument("source", metavar="SOURCE", help="film, animated GIF, folder of pictures, rtsp://..., usb:0")
    sort.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings file with the line")
    sort.add_argument("--line", metavar="NAME", help="which line's settings, where the file has several")
    sort.add_argument("--json", action="store_true", help="one decision a line, exactly as on the wire")
    _add_verbosity(sort)


def _add_decide(commands: _Commands[_Parser]) -> None:
    decide = _add(commands, "decide", "Decide pictures, or boxes of pictures, each as one product.")
    decide.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="each is one product")
    decide.add_argument(
        "--boxes",
        type=Path,
        metavar="CSV",
        help="columns file,x0,y0,x1,y1 (pixels; files relative to the CSV); without box columns the whole image",
    )
    decide.add_argument("--config", type=Path, metavar="FILE", help="settings file: its line's recipe")
    decide.add_argument("--recipe", type=Path, metavar="FILE", help="recipe file")
    decide.add_argument("--line", metavar="NAME", help="which line of --config, where it has several")
    decide.add_argument("--json", action="store_true", help="one decision a line; the CSV's row comes back as ref")
    _add_verbosity(decide)


def _add_palette(commands: _Commands[_Parser]) -> None:
    palette = _add(commands, "palette", "The colors of any pictures, with their shares; for people and other programs.")
    palette.add_argument("images", nargs="+", metavar="IMAGE", help="picture's file; of several one after the other")
    palette.add_argument(
        "--colors",
        type=_colors,
        default=4,
        metavar="N",
        help="how many, or auto: as many as people would tell apart (4)",
    )
    palette.add_argument("--method", default="minibatch", help="minibatch (if not said), kmeans, opencv, agglomerative")
    palette.add_argument(
        "--space", default="lab", help="where distances are measured: lab (if not said), rgb, hsv, oklab"
    )
    palette.add_argument("--ignore-white", action="store_true", help="pixels near white do not count")
    palette.add_argument(
        "--ignore", action="append", default=[], metavar="HEX", help="nor do those near this color; more than once"
    )
    palette.add_argument("--frame", type=int, default=0, metavar="N", help="of an animation, from 0 (0)")
    shown = palette.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="one JSON object a picture")
    shown.add_argument("--coolors", action="store_true", help="the address of the palette at coolors.co, and no more")
    for kind, what in (("gpl", "a GIMP palette"), ("ase", "Adobe swatches"), ("css", "CSS variables"), ("csv", "CSV")):
        palette.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"write {what} there")
    _add_verbosity(palette)


def _add_teach(commands: _Commands[_Parser]) -> None:
    teach = _add(commands, "teach", "Learn a bin's color and tolerance from pictures into a recipe file.")
    teach.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="with --bin: each shows one product")
    teach.add_argument(
        "--recipe", type=Path, required=True, metavar="FILE", help="recipe file; one that is not there is made"
    )
    teach.add_argument("--bin", metavar="NAME", help="the bin that the pictures belong in")
    teach.add_argument(
        "--boxes",
        type=Path,
        metavar="CSV",
        help="columns file,x0,y0,x1,y1,color, as for decide: one bin for each color",
    )
    teach.add_argument("--branch", metavar="NAME", help="where new bins go; bins that are there keep theirs")
    teach.add_argument("--camera", metavar="NAME", help="written down with what was taught")
    teach.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")
    teach.add_argument("--json", action="store_true", help="one JSON object with bins and warnings")
    _add_verbosity(teach)


def _add_check(commands: _Commands[_Parser]) -> None:
    check = _add(
        commands, "check", "Validate settings and recipes: line and column of each mistake; bins that overlap."
    )
    check.add_argument(
        "path", nargs="?", type=Path, default=Path("config"), metavar="PATH", help="file or folder (config)"
    )
    check.add_argument("--json", action="store_true", help="one JSON object with mistakes and warnings")
    _add_verbosity(check)


def _add_journal(commands: _Commands[_Parser]) -> None:
    journal = _add(commands, "journal", "What was decided and what became of it: list, show, events, export, check.")
    actions = journal.add_subparsers(
        dest="action",
        required=True,
        metavar="ACTION",
        parser_class=_Parser,
        help="what to do: ACTION --help tells more",
    )
    for name, summary in (
        ("list", "The newest decisions, or those that are asked for."),
        ("show", "All of one decision, with its steps."),
        ("events", "What befell the lines: batches, states, alarms, recipes; the newest, or those that are asked for."),
        ("export", "Decisions with their steps into a .csv, .json or .parquet file."),
        ("check", "Whether the file is whole, nothing is missing, and the sums come out."),
    ):
        action = actions.add_parser(name, help=summary, description=summary, epilog=_EPILOG)
        _add_place(action)
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
        _add_verbosity(action)


def _add_place(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", type=Path, default=Path("config"), metavar="PATH", help="settings that name the journal (config)"
    )
    where.add_argument("--journal", type=Path, metavar="FILE", help="the journal's file")


def _add_span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="WHEN", help="decided since then: 24h, 30m, 7d, or 2026-01-31T10:00")
    parser.add_argument("--until", metavar="WHEN", help="decided before then")


def _add_backtest(commands: _Commands[_Parser]) -> None:
    backtest = _add(
        commands, "backtest", "What a recipe would have said of the products in the journal: which would go elsewhere."
    )
    backtest.add_argument("--recipe", type=Path, required=True, metavar="FILE", help="the recipe to rehearse")
    _add_place(backtest)
    backtest.add_argument("--line", metavar="NAME", help="products of this line, where there are several")
    _add_span(backtest)
    backtest.add_argument("--last", type=_count, metavar="N", help="the newest N of them (all)")
    backtest.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures of products there")
    backtest.add_argument("--json", action="store_true", help="one JSON object")
    backtest.add_argument("--jobs", type=_count, metavar="N", help="processes (as many as there are processor cores)")
    _add_verbosity(backtest)


def _add_replay(commands: _Commands[_Parser]) -> None:
    replay = _add(
        commands, "replay", "Decide a product again from what the journal keeps of it: equal, or what differs and why."
    )
    replay.add_argument("id", metavar="DECISION_ID", help="decision_id, or its end, such as belt-1/17")
    _add_place(replay)
    replay.add_argument("--recipe", type=Path, metavar="FILE", help="tell also what this recipe would say")
    replay.add_argument("--json", action="store_true", help="one JSON object")
    _add_verbosity(replay)


def _add_event_filters(action: argparse.ArgumentParser) -> None:
    action.add_argument("--line", metavar="NAME", help="only of this line")
    action.add_argument("--kind", metavar="KIND", help="only batch, state, alarm or recipe")
    action.add_argument("--since", metavar="WHEN", help="since then: 24h, 30m, 7d, or 2026-01-31T10:00")
    action.add_argument("--until", metavar="WHEN", help="before then")
    action.add_argument("--last", type=_count, metavar="N", help="the newest N of them (50)")


def _add_filters(action: argparse.ArgumentParser) -> None:
    for option in ("line", "bin", "branch"):
        action.add_argument(f"--{option}", metavar="NAME", help=f"only of this {option}")
    action.add_argument("--verdict", metavar="VERDICT", help="only with this verdict, such as unknown")
    action.add_argument("--step", metavar="STEP", help="only what took this step, such as unconfirmed")
    _add_span(action)
    action.add_argument("--id", metavar="ID", help="only this decision_id, or its end")
    action.add_argument("--last", type=_count, metavar="N", help="the newest N of them (list: 50)")


def _add_recipes(commands: _Commands[_Parser]) -> None:
    recipes = _add(commands, "recipes", "Every recipe that was ever in force, and the way back to one.")
    actions = recipes.add_subparsers(
        dest="action",
        required=True,
        metavar="ACTION",
        parser_class=_Parser,
        help="what to do: ACTION --help tells more",
    )
    for name, summary in (
        ("list", "All of them: when, where, by whom and why."),
        ("show", "All of one, with its text."),
        ("diff", "What two of them decide differently, in words, and how their texts differ."),
        ("verify", "Whether each entry is as it was written, and where."),
        ("rollback", "Write an earlier recipe as a new revision into its file."),
        ("waiting", "Changed recipes that wait for a person, and why."),
        ("confirm", "Let what waits come into force."),
        ("reject", "Refuse what waits."),
    ):
        action = actions.add_parser(name, help=summary, description=summary, epilog=_EPILOG)
        where = action.add_mutually_exclusive_group()
        where.add_argument(
            "--config", type=Path, default=Path("config"), metavar="PATH", help="settings that name it (config)"
        )
        where.add_argument("--history", type=Path, metavar="FILE", help="the history's file")
        _add_of_recipes(action, name)
        action.add_argument("--json", action="store_true", help="JSON: one object a line")
        _add_verbosity(action)


def _add_of_recipes(action: argparse.ArgumentParser, name: str) -> None:
    if name in {"show", "diff", "rollback"}:
        action.add_argument("number", type=_count, metavar="N", help="the entry's number, as list shows it")
    if name == "diff":
        action.add_argument(
            "other", nargs="?", type=_count, metavar="M", help="the later entry (N against the one before on its line)"
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


def _add_report(commands: _Commands[_Parser]) -> None:
    report = _add(commands, "report", "What a batch came to: counts, throughput, margins, drift, faults; text or page.")
    report.set_defaults(module="sorter.commands.batch_report")
    _add_place(report)
    report.add_argument("--line", metavar="NAME", help="which line, where the journal has several")
    report.add_argument("--batch", metavar="N", help="number of a batch, or latest (latest)")
    report.add_argument(
        "--since", metavar="WHEN", help="not a batch, but since then: 24h, 30m, 7d, or 2026-01-31T10:00"
    )
    report.add_argument("--until", metavar="WHEN", help="not a batch, but until then")
    report.add_argument("--list", action="store_true", help="which batches there are")
    report.add_argument("--html", type=Path, metavar="FILE", help="write a page there")
    report.add_argument("--json", action="store_true", help="one JSON object; with --list one batch a line")
    _add_verbosity(report)


def _add_selftest(commands: _Commands[_Parser]) -> None:
    selftest = _add(
        commands, "selftest", "Walk every row of each line's fail-safe table on a simulated belt: pass or fail."
    )
    selftest.add_argument(
        "--config", type=Path, default=Path("config"), metavar="PATH", help="settings file, or its folder (config)"
    )
    selftest.add_argument("--rows", metavar="CAUSES", help="only these, with commas between (all)")
    selftest.add_argument("--json", action="store_true", help="one row a line, then one line with the summary")
    _add_verbosity(selftest)


def _add_verbosity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verbose", "-v", action="store_true", help="log what is going on, in detail")


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _colors(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdecimal() or not 0 < int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number from 1 to 256")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
