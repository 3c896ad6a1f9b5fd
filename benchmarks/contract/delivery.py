"""How long a decision takes from being made to a second process that reads it, over mosquitto on loopback."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from tqdm import tqdm

from benchmarks.contract.source import TOPIC, Source, even_ticks
from benchmarks.table import Limit, Table, limits_table
from sorter.demo.broker import start_broker
from sorter.errors import SorterError
from sorter.settings.site import MqttSettings

_MEDIAN_MS, _P99_MS = 3.0, 15.0
_EDGES_MS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 100.0, float("inf"))
_BAR = 50
_READY_S, _LAST_S = 20.0, 5.0
_LEFT_S = 10.0


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """How many, and how fast."""

    seconds: float
    rate_hz: float = 50.0


FULL = DeliveryPlan(30.0)
SHORT = DeliveryPlan(2.0)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Of all decisions that were made."""

    rate_hz: float
    made: int
    received: int
    median_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    histogram: Sequence[tuple[float, int]]
    """Upper edge in milliseconds, and how many came within it and after the edge before."""

    @property
    def limits(self) -> Sequence[Limit]:
        """The promises."""
        return [
            Limit("decision made to message received: median", self.median_ms, _MEDIAN_MS, "ms"),
            Limit("decision made to message received: p99", self.p99_ms, _P99_MS, "ms"),
            Limit("decisions that did not arrive", self.made - self.received, 1, ""),
        ]

    def tables(self) -> Iterator[Table]:
        """For people."""
        title = (
            f"decision made to message received by a second process, {self.rate_hz:g} a second, mosquitto on loopback"
        )
        figures = (self.median_ms, self.p95_ms, self.p99_ms, self.max_ms)
        columns = ("received of made", "median ms", "p95 ms", "p99 ms", "max ms")
        yield Table(title, columns, [(f"{self.received} of {self.made}", *(f"{one:.2f}" for one in figures))])
        most = max(count for _, count in self.histogram)
        rows = [(f"{edge:g}", str(count), "#" * round(_BAR * count / most)) for edge, count in self.histogram]
        yield Table("histogram", ("up to ms", "messages", ""), rows)
        yield limits_table(self.limits)


def measure_delivery(plan: DeliveryPlan) -> DeliveryResult:
    """Make decisions at an even rate and read them in another process.

    Raises:
        SorterError: there is no mosquitto, or nothing arrives.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with start_broker("mosquitto") as broker, tempfile.TemporaryDirectory() as folder:
        reader = context.Process(target=_read, args=(broker.port, theirs), daemon=True)
        reader.start()
        source = Source(MqttSettings(port=broker.port), "boot-1", Path(folder) / "journal.sqlite")
        try:
            _await(ours, _READY_S, "the reader has not subscribed")
            _await_connection(source)
            made_s = _make(source, plan)
            ours.send(len(made_s))
            received_s: dict[str, float] = _await(ours, _LAST_S + _READY_S, "the reader is gone")
        finally:
            source.close()
            reader.kill()
            reader.join()
    taken_ms = [1e3 * (received_s[name] - at_s) for name, at_s in made_s.items() if name in received_s]
    return _summary(plan, len(made_s), np.array(taken_ms))


def _make(source: Source, plan: DeliveryPlan) -> dict[str, float]:
    """When each decision was made, by its id; `time.monotonic`, which is the same in every process of a machine."""
    count = round(plan.seconds * plan.rate_hz)
    shown = tqdm(islice(even_ticks(plan.rate_hz), count), "delivery", count, leave=False, disable=None)
    made_s = {}
    for _ in shown:
        at_s = time.monotonic()
        made_s[source.decide(_LEFT_S)["decision_id"]] = at_s
    return made_s


def _summary(plan: DeliveryPlan, made: int, taken_ms: np.ndarray) -> DeliveryResult:
    if not len(taken_ms):
        raise SorterError("not one decision reached the reader")
    within = [int(np.sum((taken_ms > low) & (taken_ms <= high))) for low, high in pairwise(_EDGES_MS)]
    median, p95, p99 = np.percentile(taken_ms, (50, 95, 99))
    return DeliveryResult(
        rate_hz=plan.rate_hz,
        made=made,
        received=len(taken_ms),
        median_ms=float(median),
        p95_ms=float(p95),
        p99_ms=float(p99),
        max_ms=float(taken_ms.max()),
        histogram=list(zip(_EDGES_MS[1:], within, strict=True)),
    )


def _await_connection(source: Source) -> None:
    end_s = time.monotonic() + _READY_S
    while not source.publisher.connected:
        if time.monotonic() > end_s:
            raise SorterError("the broker does not answer")
        time.sleep(0.01)


def _await(pipe: Connection, timeout_s: float, else_said: str) -> dict[str, float]:
    try:
        if pipe.poll(timeout_s):
            found: dict[str, float] = pipe.recv()
            return found
    except EOFError:
        pass
    raise SorterError(else_said)


def _read(port: int, pipe: Connection) -> None:
    """In a process of its own: when each decision came, by its id; sent back when as many have come as were made."""
    came: list[tuple[float, bytes]] = []

    def note(_client: Client, _data: object, message: MQTTMessage) -> None:
        came.append((time.monotonic(), bytes(message.payload)))

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.on_connect = lambda one, *_: one.subscribe(f"{TOPIC}/decision", qos=1)
    client.on_subscribe = lambda *_: pipe.send({})
    client.on_message = note
    client.connect("127.0.0.1", port)
    client.loop_start()
    wanted = pipe.recv()
    end_s = time.monotonic() + _LAST_S
    while len(came) < wanted and time.monotonic() < end_s:
        time.sleep(0.01)
    pipe.send({json.loads(payload)["decision_id"]: at_s for at_s, payload in came})
