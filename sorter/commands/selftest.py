"""``selftest``: every row of every line's fail-safe table, against a simulated line."""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from sorter.capture.clock import SystemClock
from sorter.commands.screen import say, say_json
from sorter.errors import UsageError
from sorter.outputs.messages import dumps
from sorter.selftest.line import testable
from sorter.selftest.rig import Rig, StoppableBroker
from sorter.selftest.walk import Walked, walk
from sorter.settings.fail_safe import FailSafeTable
from sorter.settings.load import Project, load_project

_HEAD = f"{'cause':<22} {'action':<9} {'branch':<12} {'stop':<5} {'clears':<11} {'produced':<14} result"


def execute(options: argparse.Namespace) -> int:
    """Walk the tables; 1 where any row does not do what it says."""
    if not options.verbose:
        logging.getLogger().setLevel(logging.CRITICAL)  # faults are what it is for
    project = load_project(options.config)
    _causes(options.rows)  # a mistake is told before anything starts
    walked: list[Walked] = []
    broker = StoppableBroker()
    try:
        for index, line in enumerate(project.site.value.lines):
            if not options.json:
                say(f"line {line.name}: its own table, branches and recipe on a simulated belt ({broker.broker.kind})")
                say(_HEAD)
            walked += _walk_line(project, index, broker, options)
    finally:
        broker.stop()
    failed = sum(bool(one.failures) for one in walked)
    if options.json:
        say_json(dumps({"summary": {"rows": len(walked), "failed": failed}}))
    else:
        say(f"{len(walked)} rows walked, {failed} failed" if failed else f"{len(walked)} rows walked, all as they say")
    return 1 if failed else 0


def _walk_line(project: Project, index: int, broker: StoppableBroker, options: argparse.Namespace) -> list[Walked]:
    walked: list[Walked] = []
    with TemporaryDirectory(prefix="sorter-selftest-") as folder:
        line = testable(project, index, broker.broker, Path(folder))
        with Rig(line, broker, SystemClock()) as rig:
            for one in walk(rig, _causes(options.rows)):
                walked.append(one)
                _show(one, as_json=options.json)
    return walked


def _causes(wanted: str | None) -> frozenset[str]:
    known = frozenset(FailSafeTable.model_fields)
    chosen = known if wanted is None else frozenset(name.strip() for name in wanted.split(","))
    if chosen - known:
        odd = ", ".join(sorted(chosen - known))
        raise UsageError(f"--rows: there is no row {odd}; there are {', '.join(FailSafeTable.model_fields)}")
    return chosen


def _show(one: Walked, *, as_json: bool) -> None:
    if as_json:
        say_json(dumps(asdict(one)))
        return
    stop = "yes" if one.stop_line else "no"
    row = f"{one.cause:<22} {one.action:<9} {one.branch[:12]:<12} {stop:<5} {one.clears:<11} {one.produced:<14}"
    say(f"{row} {'FAIL: ' + '; '.join(one.failures) if one.failures else 'pass'}")
