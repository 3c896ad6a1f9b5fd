"""The command line of the benchmarks: measure the parts asked for, and print tables or one JSON object."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.belt import ROOT
from benchmarks.machine import Machine
from benchmarks.table import Table
from sorter.errors import SorterError
from sorter.line import configure_threads

_DATA = ROOT.parent / "shared" / "data"


class Result(Protocol):
    """What a part has measured: a dataclass of plain values."""

    def tables(self) -> Iterator[Table]:
        """For people."""
        ...


def _speed(options: argparse.Namespace) -> Result:
    from benchmarks.speed import FULL, SHORT, measure_speed  # noqa: PLC0415 - loads only what is measured

    return measure_speed(SHORT if options.short else FULL)


def _engine(options: argparse.Namespace) -> Result:
    from benchmarks.engine import FULL, SHORT, measure_engine  # noqa: PLC0415 - loads only what is measured

    return measure_engine(SHORT if options.short else FULL, options.data, peers=options.peers)


def _memory(options: argparse.Namespace) -> Result:
    from benchmarks.memory import FULL, SHORT, measure_memory  # noqa: PLC0415 - loads only what is measured

    plan = SHORT if options.short else FULL
    return measure_memory(plan if options.seconds is None else replace(plan, simulator_s=options.seconds))


def _launch(options: argparse.Namespace) -> Result:
    from benchmarks.launch import FULL, SHORT, measure_launch  # noqa: PLC0415 - loads only what is measured

    return measure_launch(SHORT if options.short else FULL)


def _journal(options: argparse.Namespace) -> Result:
    from benchmarks.journal import FULL, SHORT, measure_journal  # noqa: PLC0415 - loads only what is measured

    return measure_journal(SHORT if options.short else FULL)


def _shadow(options: argparse.Namespace) -> Result:
    from benchmarks.shadow import FULL, SHORT, measure_shadow  # noqa: PLC0415 - loads only what is measured

    return measure_shadow(SHORT if options.short else FULL)


def _backtest(options: argparse.Namespace) -> Result:
    from benchmarks.backtest import FULL, SHORT, measure_backtest  # noqa: PLC0415 - loads only what is measured

    return measure_backtest(SHORT if options.short else FULL)


def _accuracy(options: argparse.Namespace) -> Result:
    from benchmarks.accuracy import FULL, SHORT, measure_accuracy  # noqa: PLC0415 - loads only what is measured

    return measure_accuracy(SHORT if options.short else FULL, options.data, peers=options.peers)


def _palettes(options: argparse.Namespace) -> Result:
    from benchmarks.palettes import FULL, SHORT, measure_palettes  # noqa: PLC0415 - loads only what is measured

    return measure_palettes(SHORT if options.short else FULL, options.data, peers=options.peers)


def _faults(options: argparse.Namespace) -> Result:
    from benchmarks.faults import FULL, SHORT, measure_faults  # noqa: PLC0415 - loads only what is measured

    return measure_faults(SHORT if options.short else FULL)


def _streams(options: argparse.Namespace) -> Result:
    from benchmarks.streams import FULL, SHORT, measure_streams  # noqa: PLC0415 - loads only what is measured

    return measure_streams(SHORT if options.short else FULL)


def _soak(options: argparse.Namespace) -> Result:
    from benchmarks.soak import FULL, SHORT, measure_soak  # noqa: PLC0415 - loads only what is measured

    plan = SHORT if options.short else FULL
    return measure_soak(plan if options.minutes is None else plan.of_minutes(options.minutes))


def _delivery(options: argparse.Namespace) -> Result:
    from benchmarks.contract.delivery import FULL, SHORT, measure_delivery  # noqa: PLC0415 - loads only what is measured

    plan = SHORT if options.short else FULL
    return measure_delivery(plan if options.seconds is None else replace(plan, seconds=options.seconds))


def _campaign(options: argparse.Namespace) -> Result:
    from benchmarks.contract.campaign import FULL, SHORT, run_contract  # noqa: PLC0415 - loads only what is measured

    asked = {
        "outages": options.outages,
        "longest_outage_s": options.longest,
        "kills": options.kills,
        "seed": options.seed,
    }
    changes = {name: number for name, number in asked.items() if number is not None}
    return run_contract(replace(SHORT if options.short else FULL, **changes))


def _mutations(options: argparse.Namespace) -> Result:
    from benchmarks.edits.mutants import FULL, SHORT, measure_mutations  # noqa: PLC0415 - loads only what is measured

    asked = {"count": options.count, "seed": options.seed}
    changes = {name: number for name, number in asked.items() if number is not None}
    return measure_mutations(replace(SHORT if options.short else FULL, **changes))


def _edits(options: argparse.Namespace) -> Result:
    from benchmarks.edits.campaign import FULL, SHORT, measure_edits  # noqa: PLC0415 - loads only what is measured

    asked = {"edits": options.edits, "rate_hz": options.rate, "seed": options.seed}
    changes = {name: number for name, number in asked.items() if number is not None}
    return measure_edits(replace(SHORT if options.short else FULL, **changes))


def _search(options: argparse.Namespace) -> Result:
    from benchmarks.search import FULL, SHORT, measure_search  # noqa: PLC0415 - loads only what is measured

    return measure_search(SHORT if options.short else FULL)


_PARTS: dict[str, Callable[[argparse.Namespace], Result]] = {
    "speed": _speed,
    "engine": _engine,
    "memory": _memory,
    "launch": _launch,
    "journal": _journal,
    "shadow": _shadow,
    "backtest": _backtest,
    "accuracy": _accuracy,
    "palettes": _palettes,
    "faults": _faults,
    "streams": _streams,
    "soak": _soak,
    "delivery": _delivery,
    "campaign": _campaign,
    "mutations": _mutations,
    "edits": _edits,
    "search": _search,
}
_WHEN_NAMED = {"soak", "campaign", "mutations", "edits"}
"""They take many minutes, or tell what is right and not what it costs."""


def build_parser() -> argparse.ArgumentParser:
    """The parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What the sorter costs, and how often it is right, on this machine."
    )
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"{', '.join(_PARTS)}; all but {', '.join(sorted(_WHEN_NAMED))} where none is named",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--short", action="store_true", help="a small form of each, in seconds: shows that it runs")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        metavar="N",
        help="how long memory is watched on each simulated belt (180), and decisions are delivered (30)",
    )
    parser.add_argument("--minutes", type=_minutes, metavar="N", help="how long soak loses its camera (30)")
    parser.add_argument("--outages", type=_count, metavar="N", help="how often campaign takes its broker away (100)")
    parser.add_argument("--longest", type=_seconds, metavar="N", help="seconds of campaign's longest outage (30)")
    parser.add_argument("--kills", type=_count, metavar="N", help="how often campaign kills the service (50)")
    parser.add_argument(
        "--seed", type=_count, metavar="N", help="of what is random in campaign, mutations and edits (1)"
    )
    parser.add_argument("--count", type=_count, metavar="N", help="how many files mutations spoils (10000)")
    parser.add_argument("--edits", type=_count, metavar="N", help="how often edits changes the recipe (200)")
    parser.add_argument("--rate", type=_count, metavar="N", help="products a second while edits changes it (10)")
    parser.add_argument("--data", type=Path, default=_DATA, metavar="FOLDER", help="real pictures (%(default)s)")
    parser.add_argument(
        "--no-peers",
        dest="peers",
        action="store_false",
        help="leave out other tools, which engine, accuracy and palettes install into .build/peers at their first run",
    )
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 up")
    return seconds


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0.2 <= minutes < 1e5:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes from 0.2 up")
    return minutes


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**6):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in _PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}: name some of {', '.join(_PARTS)}")
    configure_threads()
    machine = Machine.here()
    try:
        return _run(options, machine)
    except SorterError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _run(options: argparse.Namespace, machine: Machine) -> int:
    found: dict[str, Any] = {"machine": _plain(machine), "short": options.short}
    failed = False
    _show([machine.table()], options)
    for part in options.parts or [name for name in _PARTS if name not in _WHEN_NAMED]:
        result = _PARTS[part](options)
        _show(result.tables(), options)
        found[part] = _plain(result)
        failed = failed or getattr(result, "failed", False)
    if options.json:
        print(json.dumps(found))
    return 1 if failed else 0


def _show(tables: Iterator[Table] | Sequence[Table], options: argparse.Namespace) -> None:
    if not options.json:
        for table in tables:
            print("\n".join(table.lines()), end="\n\n", flush=True)


def _plain(value: object) -> Any:
    """For JSON: of a dataclass its fields, and the properties that follow from them."""
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        names += [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
