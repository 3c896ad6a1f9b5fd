"""``demo``: the service on a simulated belt, held against the simulator's truth."""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

from sorter.capture.clock import SystemClock
from sorter.commands.report import DecisionReport
from sorter.commands.stopping import StopSignals
from sorter.demo.broker import start_broker
from sorter.demo.diverter import Diverter
from sorter.demo.scoring import Scorer
from sorter.errors import UsageError
from sorter.line_desk import Listeners
from sorter.outputs.messages import Message, Topics, dumps
from sorter.records import Decision
from sorter.service import Service
from sorter.settings.load import Loaded, Project, load_project
from sorter.settings.site import SimulatorSource, SiteSettings

_OWN_CONFIG = Path(__file__).parents[2] / "config"


def execute(options: argparse.Namespace) -> int:
    """Run the demo; 1 where a decision was wrong, missed or extra."""
    project = load_project(options.config or _OWN_CONFIG)
    lines = project.site.value.lines
    if not all(isinstance(line.source, SimulatorSource) for line in lines):
        raise UsageError(f"{project.site.path}: the demo knows the truth of simulated lines only: use kind: simulator")
    clock = SystemClock()
    report = DecisionReport(as_json=options.json)
    scorer = Scorer(lines)
    with start_broker(options.broker) as broker, StopSignals() as stop:
        mqtt = project.site.value.mqtt.model_copy(
            update={"host": broker.host, "port": broker.port, "protocol": broker.protocol}
        )
        project = _with_mqtt(project, mqtt)
        _tell(f"broker: {broker.kind} at {broker.host}:{broker.port}, MQTT {broker.protocol.value}", options)
        topics = [Topics(mqtt.base_topic, project.site.value.site, line.name) for line in lines]
        diverter = Diverter(mqtt, topics, clock, project.base)
        diverter.start()

        def note(decision: Decision, message: Message) -> None:
            scorer.note_decision(message["line"], decision)
            report.show(message)

        service = Service(project, clock, uuid.uuid4().hex, Listeners(note, scorer.note_heartbeat))
        end_s = None if options.seconds is None else clock.monotonic_s() + options.seconds
        service.run(lambda: stop.requested() or (end_s is not None and clock.monotonic_s() >= end_s))
        diverter.close()
    score = scorer.score()
    summary = score.as_dict() | {"received": diverter.counts.received, "confirmed": service.confirmed}
    _show_summary(summary, report, options)
    return 0 if score.clean else 1


def _with_mqtt(project: Project, mqtt: object) -> Project:
    # Port 0: the demo must run beside a service that has the metrics port already.
    metrics = project.site.value.metrics.model_copy(update={"port": 0})
    site: SiteSettings = project.site.value.model_copy(update={"mqtt": mqtt, "metrics": metrics})
    return Project(Loaded(project.site.path, site, project.site.document), project.recipes)


def _tell(sentence: str, options: argparse.Namespace) -> None:
    if not options.json:
        sys.stdout.write(sentence + "\n")


def _show_summary(summary: dict[str, int], report: DecisionReport, options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(dumps({"summary": summary}).decode() + "\n")
        return
    report.close()
    sys.stdout.write("against the simulator's truth: " + ", ".join(f"{value} {key}" for key, value in summary.items()))
    sys.stdout.write("\n")
