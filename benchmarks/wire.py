"""What a reader of the broker sees, with the time at which it came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sorter.demo.broker import Broker
from sorter.errors import BrokerError

_SUBSCRIBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One message."""

    at_s: float
    """`time.monotonic` when it came."""
    line: str
    leaf: str
    """The last level of its topic: decision, state, alarm, ..."""
    content: Mapping[str, Any]
    topic: str
    text: str
    """As it came."""


class Wire:
    """Subscribes to everything, or to some topics, and keeps what comes as long as the context lasts."""

    def __init__(self, broker: Broker, *topics: str) -> None:
        self._seen: list[Seen] = []
        self._granted = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        subscriptions = [(topic, 1) for topic in topics or ("#",)]
        self._client.on_connect = lambda client, *_: client.subscribe(subscriptions)
        self._client.on_subscribe = lambda *_: self._granted.set()
        self._client.on_message = self._note
        self._broker = broker

    def __enter__(self) -> Self:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        if not self._granted.wait(_SUBSCRIBE_S):
            raise BrokerError("the broker does not let the benchmark read")
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        at_s = time.monotonic()
        *_, line, leaf = message.topic.split("/")
        text = message.payload.decode()
        self._seen.append(Seen(at_s, line, leaf, json.loads(text), message.topic, text))

    def say(self, topic: str, payload: bytes, answer_to: str | None = None) -> None:
        """Publish a message; the answer, if any, is asked for on the topic ``answer_to``."""
        told = None
        if answer_to is not None:
            told = Properties(PacketTypes.PUBLISH)
            told.ResponseTopic, told.CorrelationData = answer_to, b"1"
        self._client.publish(topic, payload, qos=1, properties=told).wait_for_publish(_SUBSCRIBE_S)

    @property
    def everything(self) -> list[Seen]:
        """All messages so far."""
        return list(self._seen)

    def on(self, line: str, leaf: str) -> list[Seen]:
        """All messages of a line on one of its topics, so far."""
        return [one for one in self.everything if (one.line, one.leaf) == (line, leaf)]
