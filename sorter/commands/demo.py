"""``demo``: the service on a simulated belt, held against the simulator's truth."""

from __future__ import annotations

import argparse
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from sorter.capture.clock import SystemClock
from sorter.commands.report import DecisionReport
from sorter.commands.screen import say, say_json
from sorter.commands.stopping import StopSignals
from sorter.demo.broker import Broker, start_broker
from sorter.demo.diverter import DiverterProcess
from sorter.demo.fit import refuse_misfits
from sorter.demo.scoring import Scorer
from sorter.errors import SorterError, UsageError
from sorter.line_parts import Listeners
from sorter.outputs.messages import Message, dumps
from sorter.outputs.topics import Topics
from sorter.ports import Clock
from sorter.records import Decision
from sorter.service import Service
from sorter.settings.load import Loaded, Project, load_project
from sorter.settings.recipe import Recipe
from sorter.settings.site import MetricsSettings, MqttSettings, SimulatorSource, SiteSettings

_OWN_CONFIG = Path(__file__).parents[2] / "config"


def execute(options: argparse.Namespace) -> int:
    """Run the demo; 1 where a decision was wrong, missed or extra, or was not confirmed by the diverter."""
    project = _simulated(load_project(options.config or _OWN_CONFIG))
    clock = SystemClock()
    run = _Run(project, DecisionReport(_recipes(project), as_json=options.json, with_age=True))
    with StopSignals() as stop, start_broker(options.broker) as broker, tempfile.TemporaryDirectory() as folder:
        if not options.json:
            say(f"broker: {broker.kind} at {broker.host}:{broker.port}, MQTT {broker.protocol.value}; Ctrl-C stops")
        run.sort(
            broker,
            options.journal or Path(folder) / "journal.sqlite",
            clock,
            lambda: _until(stop, clock, options.seconds),
        )
    if not stop.requested():
        run.refuse_blindness()
    return run.finish(as_json=options.json)


def _simulated(project: Project) -> Project:
    site = project.site
    for index, line in enumerate(site.value.lines):
        if not isinstance(line.source, SimulatorSource):
            place = site.place("lines", index, "source")
            raise UsageError(f"{place}: the demo knows the truth of simulated lines only: use kind: simulator")
    refuse_misfits(site)
    return project


def _until(stop: StopSignals, clock: Clock, duration_s: float | None) -> Callable[[], bool]:
    end_s = None if duration_s is None else clock.monotonic_s() + duration_s
    return lambda: stop.requested() or (end_s is not None and clock.monotonic_s() >= end_s)


def _recipes(project: Project) -> list[Recipe]:
    return [recipe.value for recipe in project.recipes.values()]


class _Run:
    """The demo from its start to its summary."""

    def __init__(self, project: Project, report: DecisionReport) -> None:
        self._project = project
        self._report = report
        self._scorer = Scorer(project.site.value.lines)
        self._ages_ms: list[int] = []
        self._states: dict[str, str] = {}
        self._received = self._confirmed = 0

    def sort(self, broker: Broker, journal: Path, clock: Clock, until: Callable[[], Callable[[], bool]]) -> None:
        """Run service and diverter until the question that ``until`` gives answers yes."""
        project = _on_broker(self._project, broker, journal)
        site = project.site.value
        topics = [Topics(site.mqtt.base_topic, site.site, line.name) for line in site.lines]
        with DiverterProcess(site.mqtt, topics) as diverter:
            service = Service(project, clock, uuid.uuid4().hex, Listeners(self._note, self._scorer.note_heartbeat))
            diverter.wait_until_ready()
            service.run(until())
            self._received = diverter.finish()
        self._confirmed, self._states = service.confirmed, service.line_states

    def _note(self, decision: Decision, message: Message) -> None:
        self._scorer.note_decision(message["line"], decision)
        self._ages_ms.append(message["age_ms"])
        self._report.show(message)

    def refuse_blindness(self) -> None:
        """Raise where a line has not seen a single frame: nothing was shown to work."""
        for name in self._scorer.blind:
            raise SorterError(f"line {name!r} gave no picture in that time ({self._states[name]}): give it more")

    def finish(self, *, as_json: bool) -> int:
        """Show the summary; the exit code."""
        score = self._scorer.score()
        summary = score.as_dict() | {"received": self._received, "confirmed": self._confirmed}
        if as_json:
            say_json(dumps({"summary": summary}))
        else:
            self._report.close()
            for line in _table(summary, self._ages_ms):
                say(line)
        return 0 if score.clean and self._received == self._confirmed == score.decided else 1


def _on_broker(project: Project, broker: Broker, journal: Path) -> Project:
    """The project on the demo's own broker, which knows no passwords, with its journal, and any free metrics port."""
    site = project.site.value
    topic = site.mqtt.base_topic
    mqtt = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol, base_topic=topic)
    # Port 0: the demo must run beside a service that has the metrics port already.
    settings = site.journal.model_copy(update={"path": str(journal.absolute())})
    recipes = site.recipes.model_copy(update={"history": str(journal.absolute().with_name("recipes.jsonl"))})
    changed = {"mqtt": mqtt, "metrics": MetricsSettings(port=0), "journal": settings, "recipes": recipes}
    demo: SiteSettings = site.model_copy(update=changed)
    return Project(Loaded(project.site.path, demo, project.site.document), project.recipes, project.shadows)


def _table(summary: dict[str, int], ages_ms: Sequence[int]) -> list[str]:
    words = {
        "products": "due on the simulated belt",
        "decided": "decisions made",
        "correct": "routed to the bin they belong in",
        "wrong": "decided otherwise",
        "missed": "never decided",
        "extra": "decisions of nothing, or of a product that was decided before",
        "received": "decisions that reached the diverter, over MQTT",
        "confirmed": "decisions that the diverter confirmed",
    }
    lines = ["", "held against the simulator's truth:"]
    lines += [f"  {key:<9} {summary[key]:>6}  {said}" for key, said in words.items()]
    if len(ages_ms) > 1:
        cuts = quantiles(ages_ms, n=20, method="inclusive")
        lines.append(f"from picture to decision: median {cuts[9]:.0f} ms, 95 % within {cuts[18]:.0f} ms")
    return lines
