"""``sort``: decide every product of a film, folder or stream."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing

from tqdm import tqdm

from sorter.capture.clock import SystemClock
from sorter.capture.redact import redact
from sorter.capture.source import open_source, parse_source
from sorter.commands.choose import choose_line
from sorter.commands.report import DecisionReport
from sorter.commands.stopping import INTERRUPTED_EXIT_CODE, StopSignals
from sorter.line import configure_threads
from sorter.line_reports import LineJob
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.ports import Clock, FrameSource
from sorter.records import Frame
from sorter.settings.load import load_project
from sorter.stages import decide_film


def execute(options: argparse.Namespace) -> int:
    """Print the decisions as they fall; Ctrl-C is the way to end a stream, and breaks a film off."""
    project = load_project(options.config)
    index, line = choose_line(project.site, options.line)
    line = line.model_copy(update={"source": parse_source(options.source)})
    job = LineJob(line, project.recipes[line.name].value, project.base, project.site.place("lines", index, "region"))
    identity = LineIdentity(project.site.value.site, line.name, uuid.uuid4().hex, simulated=False)
    configure_threads()
    clock = SystemClock()
    report = DecisionReport([job.recipe], as_json=options.json)
    with closing(open_source(line, project.base, clock)) as source, StopSignals() as stop:
        _sort(_Watched(source, stop), job, identity, clock, report)
    if source.frames_skipped:
        sys.stderr.write(f"{redact(options.source)}: corrupt frames skipped: {source.frames_skipped}\n")
    report.close()
    return INTERRUPTED_EXIT_CODE if stop.requested() and not source.live else 0


def _sort(source: FrameSource, job: LineJob, identity: LineIdentity, clock: Clock, report: DecisionReport) -> None:
    shift_s = clock.wall_s() - clock.monotonic_s()
    for seq, decision in enumerate(decide_film(job, source), 1):
        with tqdm.external_write_mode():  # the progress steps aside meanwhile
            report.show(decision_message(decision, identity, seq, shift_s))


class _Watched:
    """A source that ends when asked to, and shows how far it is where a person watches."""

    def __init__(self, source: FrameSource, stop: StopSignals) -> None:
        self.live = source.live
        self.frames_skipped = 0
        self._source = source
        self._stop = stop

    def frames(self) -> Iterator[Frame]:
        quiet = not sys.stderr.isatty()
        with tqdm(unit=" frames", disable=quiet, file=sys.stderr, leave=False) as progress:
            for frame in self._source.frames():
                if self._stop.requested():
                    return
                progress.update()
                yield frame

    def close(self) -> None:
        self._source.close()
