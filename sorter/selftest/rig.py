"""The self-test's rig: one line's real service in a thread, a broker that can be stopped, a reader of the wire."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage

from sorter.demo.broker import Broker, start_broker
from sorter.errors import SorterError
from sorter.line_parts import Listeners
from sorter.line_process import LineProcess
from sorter.outputs.command import Command, CommandName, command_message
from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import FailSafeFacts, LineIdentity, Message, dumps
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.mqtt_client import make_client, start_connecting
from sorter.outputs.topics import Topics
from sorter.ports import Clock
from sorter.records import Decision
from sorter.selftest.camera import CameraFault, Switch, be_faulty_line
from sorter.service import Service
from sorter.settings.load import Project
from sorter.settings.site import LineSettings

_POLL_S = 0.02
_START_S = 30.0
_SPAWN = multiprocessing.get_context("spawn")


class StoppableBroker:
    """A broker of the self-test's own that comes back on the same port, having forgotten everything."""

    def __init__(self) -> None:
        self._running: AbstractContextManager[Broker] = start_broker()
        self.broker = self._running.__enter__()

    def stop(self) -> None:
        """End it."""
        self._running.__exit__(None, None, None)

    def start(self) -> None:
        """Start it anew."""
        self._running = start_broker(self.broker.kind, self.broker.port)
        self._running.__enter__()


class Rig:
    """One line under test, from entering to leaving.

    Args:
        project: with this line alone, see `selftest.line.testable`.
        broker: running.
        clock: time.
    """

    def __init__(self, project: Project, broker: StoppableBroker, clock: Clock) -> None:
        self.broker = broker
        self.line: LineSettings = project.site.value.lines[0]
        self.recipe = project.recipes[self.line.name].value
        self.injected: dict[str, str] = {}
        """Troubles that are told at their source, with their reasons."""
        self.messages: list[tuple[str, Message]] = []
        """Everything the reader has seen: the last part of its topic, and what it said."""
        self.decisions: list[Message] = []
        """Everything the service has decided, whether or not it could be sent."""
        self._clock = clock
        self._site = project.site.value
        self.topics = Topics(self._site.mqtt.base_topic, self._site.site, self.line.name)
        self._switch: Switch = _SPAWN.Value("i", CameraFault.NONE)
        be_line = partial(be_faulty_line, self._switch)
        self.service = Service(
            project,
            clock,
            uuid.uuid4().hex,
            Listeners(on_decision=self._note_decision),
            make_process=lambda job, its_clock: LineProcess(job, its_clock, be_line),
            troubles=[lambda: dict(self.injected)],
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.service.run, args=(self._stop.is_set,), name="service", daemon=True)
        self._client = make_client("sorter-selftest", self._site.mqtt, Path())

    def __enter__(self) -> Self:
        self._client.on_connect = self._subscribe
        self._client.on_message = self._note_message
        start_connecting(self._client, self._site.mqtt)
        self._thread.start()
        if not self.wait(lambda: self.state.get("state") == "running" and self.state["fail_safe"] is None, _START_S):
            words = self.service.line_states
            self._close()
            raise SorterError(f"line {self.line.name!r} does not run on the simulated belt: {words[self.line.name]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        with ExitStack() as last:
            last.callback(self._client.loop_stop)
            last.callback(self._client.disconnect)
            self._stop.set()
            self._thread.join(10.0)

    @property
    def state(self) -> Message:
        """The line's last state on the wire; empty before the first."""
        own = (one for leaf, one in reversed(self.messages) if leaf == "state" and one["line"] == self.line.name)
        return next(own, {})

    def since(self, mark: int, leaf: str) -> list[Message]:
        """What was seen of one kind since so many messages."""
        return [message for kind, message in self.messages[mark:] if kind == leaf]

    def wait(self, true: Callable[[], Any], timeout_s: float) -> bool:
        """Whether it becomes true in time."""
        end_s = self._clock.monotonic_s() + timeout_s
        while not true():
            if self._clock.monotonic_s() > end_s:
                return False
            self._clock.wait_s(_POLL_S)
        return True

    def fail_camera(self, fault: CameraFault) -> None:
        """Let the simulated camera do this from its next picture on."""
        self._switch.value = int(fault)

    def kill_process(self) -> None:
        """Kill the line's process."""
        pid = self.service.pids[self.line.name]
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def command(self, name: CommandName, recipe: str | None = None) -> None:
        """Send a command, as an operator would."""
        command = Command(name, command_id=uuid.uuid4().hex, by="the self-test", recipe=recipe)
        message = dumps(command_message(command))
        self._client.publish(self.topics.command.replace("+", name.value), message, qos=1)

    def active_by_metrics(self, cause: str) -> bool:
        """Whether the service's metrics call a row active: all that can be seen while no broker is there."""
        port = self.service.metrics_port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            told = answer.read().decode()
        return any(f'cause="{cause}"' in line and line.endswith(" 1.0") for line in told.splitlines())

    def last_will(self, facts: FailSafeFacts) -> Message | None:
        """What the broker says of a process that spoke for a line and was killed; None where it says nothing."""
        name = f"{self.line.name} lost"
        identity = LineIdentity(self._site.site, name, uuid.uuid4().hex, simulated=True)
        ready = _SPAWN.Event()
        process = _SPAWN.Process(target=_speak, args=(identity, self._site.mqtt, facts, ready), daemon=True)
        process.start()
        heard = ready.wait(_START_S)
        process.kill()
        process.join()
        wills: list[Message] = []

        def told() -> bool:
            wills.extend(one for leaf, one in self.messages if leaf == "state" and one["line"] == name)
            return bool(wills)

        return wills[-1] if heard and self.wait(told, 5.0) else None

    def _note_decision(self, _decision: Decision, message: Message) -> None:
        self.decisions.append(message)

    def _subscribe(self, client: Client, *_told: object) -> None:
        client.subscribe(f"{self.topics.base}/{self.topics.site}/#", qos=1)

    def _note_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        leaf = message.topic.rpartition("/")[2]
        if leaf in {"state", "alarm", "command_answer"}:
            self.messages.append((leaf, json.loads(message.payload)))


def _speak(identity: LineIdentity, mqtt: Any, facts: FailSafeFacts, ready: Any) -> None:
    """Speak for a line until killed."""
    from sorter.capture.clock import SystemClock  # noqa: PLC0415 - in the process that needs it

    clock = SystemClock()
    publisher = LinePublisher(identity, mqtt, clock, Ledger(clock), Path(), when_lost=facts)
    publisher.start()
    while not publisher.connected:
        clock.wait_s(_POLL_S)
    ready.set()
    clock.wait_s(3600.0)
