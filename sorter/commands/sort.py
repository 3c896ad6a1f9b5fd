"""``sort``: decide every product of a film, folder or stream."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing

from tqdm import tqdm

from sorter.capture.clock import SystemClock
from sorter.capture.source import open_source, parse_source
from sorter.commands.choose import choose_line
from sorter.commands.report import DecisionReport
from sorter.line import configure_threads, decide_film
from sorter.line_reports import LineJob
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.ports import FrameSource
from sorter.records import Frame
from sorter.settings.load import load_project


def execute(options: argparse.Namespace) -> int:
    """Print the decisions as they fall."""
    project = load_project(options.config)
    index, line = choose_line(project.site, options.line)
    line = line.model_copy(update={"source": parse_source(options.source)})
    job = LineJob(line, project.recipes[line.name].value, project.base, project.site.place("lines", index, "region"))
    configure_threads()
    clock = SystemClock()
    identity = LineIdentity(project.site.value.site, line.name, uuid.uuid4().hex, simulated=False)
    report = DecisionReport(as_json=options.json)
    shift_s = clock.wall_s() - clock.monotonic_s()
    with closing(open_source(line, project.base, clock)) as source:
        shown = _WithProgress(source)
        for seq, decision in enumerate(decide_film(job, shown), 1):
            report.show(decision_message(decision, identity, seq, shift_s))
        if source.frames_skipped:
            sys.stderr.write(f"{options.source}: {source.frames_skipped} corrupt frames were skipped\n")
    report.close()
    return 0


class _WithProgress:
    """A source that shows how far it is, where a person watches."""

    def __init__(self, source: FrameSource) -> None:
        self.live = source.live
        self._source = source

    @property
    def frames_skipped(self) -> int:
        return self._source.frames_skipped

    @frames_skipped.setter
    def frames_skipped(self, value: int) -> None:
        raise AttributeError(value)

    def frames(self) -> Iterator[Frame]:
        quiet = not sys.stderr.isatty()
        yield from tqdm(self._source.frames(), unit=" frames", disable=quiet, file=sys.stderr, leave=False)

    def close(self) -> None:
        self._source.close()
