"""Ten thousand malformed and hostile messages on all that a line hears, while it decides."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.contract.broker import OPEN, Mosquitto
from benchmarks.contract.service import LINE, TOPICS, RunningService, small_belt
from benchmarks.wire import Wire
from sorter.errors import SorterError

_SENT_S, _COUNTED_S = 60.0, 30.0
_MOST_BYTES = 100_000
_PATIENT = f"{OPEN}max_queued_messages 0\n"
"""Left to itself the broker gives up what is more than a thousand behind: then nothing could be summed up."""
_COMMANDS = ("pause", "resume", "recipe", "reset_batch", "explode", "", "péché", "x" * 300)
_HOSTILE_TEXTS = (
    "", " ", "\x00", "a\x00b", "\ud800", "\u202e gnp.exe", "../../etc/passwd", "'; DROP TABLE decisions; --",
    "%s%s%n", "{0.__class__}", "\x1b[2J\x1b]0;owned\x07", "\r\nERROR forged", "x" * 256, "x" * 257, "x" * 5000,
    "🍎" * 64,
)  # fmt: skip
_NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, 10**400, -(10**400), 1e308, -0.0, float("nan"), float("inf"), True)
_ANSWER_TOPICS = (
    TOPICS.state, TOPICS.decision, TOPICS.trigger, TOPICS.confirm, "$SYS/broker/uptime", "x" * 60_000, "//", " ",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hostile:
    """One message that is to do no harm."""

    topic: str
    payload: bytes
    retain: bool = False
    response_topic: str | None = None
    correlation_data: bytes | None = None


def hostile_messages(seed: int, count: int) -> Iterator[Hostile]:
    """So many, the same for each seed; about one in ten is well-formed, or nearly."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    last = Hostile(TOPICS.trigger, b"")
    for _ in range(count):
        if chance.random() < 0.05:  # a duplicate
            yield last
            continue
        topic = chance.choice((TOPICS.trigger, TOPICS.confirm, TOPICS.command.replace("+", chance.choice(_COMMANDS))))
        payload = chance.choice(_KINDS)(chance, topic)
        answered = chance.random() < 0.3
        last = Hostile(
            topic,
            payload[:_MOST_BYTES],
            retain=chance.random() < 0.05,
            response_topic=chance.choice(_ANSWER_TOPICS) if answered else None,
            correlation_data=chance.randbytes(chance.choice((0, 1, 16, 60_000))) if answered else None,
        )
        yield last


def _bytes(chance: random.Random, _topic: str) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 20, 400)))


def _deep(chance: random.Random, _topic: str) -> bytes:
    depth = chance.choice((10, 1000, 2040, 50_000))
    return chance.choice((b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth))


def _huge_number(chance: random.Random, topic: str) -> bytes:
    return _text(topic, product=1).encode().replace(b"1", b"9" * chance.choice((20, 400, 3000, 90_000)))


def _oversized(chance: random.Random, topic: str) -> bytes:
    return _text(topic, product=1, padding="x" * chance.choice((4000, 4096, 90_000))).encode()


def _nearly(chance: random.Random, topic: str) -> bytes:
    """The right schema, and the wrong values."""
    return _text(topic, **{key: _anything(chance) for key in _keys(topic) if chance.random() < 0.7}).encode(
        "utf-8", "surrogatepass"
    )


def _other_schema(chance: random.Random, topic: str) -> bytes:
    schema = chance.choice(
        ("sorter.trigger/2", "sorter.confirm/0", "sorter.state/1", "", None, 7, ["sorter.trigger/1"])
    )
    return _text(topic, schema=schema, product=1).encode()


def _cut(chance: random.Random, topic: str) -> bytes:
    """A text that was broken off, also in the middle of a letter."""
    whole = _text(topic, trigger_id="Äpfel 🍎", decision_id="Äpfel 🍎", product=1).encode()
    return whole[: chance.randrange(len(whole))]


def _flipped(chance: random.Random, topic: str) -> bytes:
    whole = bytearray(_plausible(chance, topic))
    for _ in range(chance.randrange(1, 5)):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(whole)


def _no_object(chance: random.Random, _topic: str) -> bytes:
    return chance.choice((b"null", b"7", b'"text"', b"[]", b"{}", b"true", b"\xef\xbb\xbf{}", b"{}{}", b"\x00" * 50))


def _plausible(chance: random.Random, topic: str) -> bytes:
    """What a reader must take for a real one."""
    name = chance.choice((*_HOSTILE_TEXTS, f"id-{chance.randrange(10**6)}"))
    if topic == TOPICS.trigger:
        ahead_s = chance.choice((0.0, -0.5, 3600.0, -1e9))
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(max(0.0, time.time() + ahead_s)))
        return _text(topic, product=chance.randrange(2**53), trigger_id=name, at=moment).encode(
            "utf-8", "surrogatepass"
        )
    outcome = chance.choice(("actuated", "blocked", "missed"))
    return _text(topic, decision_id=name, outcome=outcome, by=name).encode("utf-8", "surrogatepass")


_KINDS = (
    _bytes, _deep, _huge_number, _oversized, _nearly, _nearly, _other_schema, _cut, _flipped, _no_object, _plausible,
)  # fmt: skip


def _anything(chance: random.Random) -> Any:
    return chance.choice((*_HOSTILE_TEXTS, *_NUMBERS, None, [], {}, [[[]]], {"$ref": "#"}))


def _keys(topic: str) -> Sequence[str]:
    if topic == TOPICS.trigger:
        return ("product", "trigger_id", "at", "encoder")
    return ("decision_id", "outcome", "at") if topic == TOPICS.confirm else ("recipe", "name", "by", "reason")


def _text(topic: str, **facts: object) -> str:
    kind = "trigger" if topic == TOPICS.trigger else "confirm" if topic == TOPICS.confirm else "command"
    return json.dumps({"schema": f"sorter.{kind}/1", **facts}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class FuzzResult:
    """What a running service made of them."""

    sent: int
    sent_triggers: int
    counted_triggers: int
    """As the metrics tell: matched, without a product, malformed, refused."""
    decided_before: int
    decided_during: int
    """From the first hostile message until all were counted."""
    decided_after: int
    lives: bool
    log_lines: int
    tracebacks: int
    malformed_log_lines: int

    @property
    def passed(self) -> bool:
        """Whether it did no harm."""
        counted = self.counted_triggers == self.sent_triggers
        return (
            self.lives and counted and self.decided_after > 0 and not self.tracebacks and self.log_lines < _MOST_LINES
        )


_MOST_LINES = 60
"""Beside one line for each decision: what a service says at its start, and what it may complain of in a minute."""


def fuzz_service(seed: int, count: int) -> FuzzResult:
    """Send so many to a service that runs, and watch it.

    Raises:
        SorterError: the service ended, or mosquitto is not installed.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(_PATIENT) as broker,
        Wire(broker.address, f"{TOPICS.of_line}/decision", f"{TOPICS.of_line}/state") as wire,
        RunningService(Path(folder), broker.address, small_belt(photo_eye=True)) as service,
    ):

        def decided() -> int:
            return len(wire.on(LINE, "decision"))

        service.wait_for("it decides", lambda: decided() >= 2)
        before, lines_before = decided(), _lines(service)
        sent = _send(broker.port, list(hostile_messages(seed, count)))
        service.wait_for("all are counted", lambda: _triggers(service) >= sent[TOPICS.trigger], _COUNTED_S)
        during = decided()
        service.wait_for("it decides still", lambda: decided() >= during + 3)
        log = service.log
        return FuzzResult(
            sent=sent.total(),
            sent_triggers=sent[TOPICS.trigger],
            counted_triggers=_triggers(service),
            decided_before=before,
            decided_during=during - before,
            decided_after=decided() - during,
            lives=service.lives,
            log_lines=_lines(service) - lines_before,
            tracebacks=log.count("Traceback"),
            malformed_log_lines=log.count("is ignored: it"),
        )


def _lines(service: RunningService) -> int:
    """Of its log, without those that tell of a decision, or of a command that was sound and therefore obeyed."""
    return sum(not any(words in line for words in _OF_WORK) for line in service.log.splitlines())


_OF_WORK = (" product ", ": the command ", "paused", " is running: ")


def _triggers(service: RunningService) -> int:
    return round(sum(service.metrics("sorter_triggers_total").values()))


def _send(port: int, messages: Sequence[Hostile]) -> Counter[str]:
    """Publish them as fast as the broker takes them; how many were sent on each topic."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        infos = [
            client.publish(one.topic, one.payload, qos=1, retain=one.retain, properties=_properties(one))
            for one in messages
        ]
        _wait(lambda: all(info.is_published() for info in infos[-50:]), "the broker takes the messages")
    finally:
        client.disconnect()
        client.loop_stop()
    return Counter(one.topic for one in messages)


def _wait(true: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + _SENT_S
    while not true():
        if time.monotonic() > end_s:
            raise SorterError(f"waited {_SENT_S:g} s in vain: {what}")
        time.sleep(0.01)


def _properties(one: Hostile) -> Properties | None:
    if one.response_topic is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = one.response_topic
    if one.correlation_data is not None:
        properties.CorrelationData = one.correlation_data
    return properties
