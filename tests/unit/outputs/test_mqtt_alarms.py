"""Which alarms a broker is told of when it comes, and when it comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessageInfo

from sorter.capture.clock import SystemClock
from sorter.outputs import mqtt
from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import Alarm, LineIdentity, alarm_message
from sorter.settings.site import MqttSettings

IDENTITY = LineIdentity("plant", "one", "7f3a", simulated=False)


class Connection:
    """A connection that comes and goes when the test says so."""

    def __init__(self, *_: Any) -> None:
        self.number = 0
        self.window = 10
        self.answers: list[Any] = []
        self.told: list[tuple[str, bool]] = []

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False, **_: Any) -> MQTTMessageInfo:
        assert (topic, qos, retain) == ("sorter/plant/one/alarm", 1, False)
        message = json.loads(payload)
        self.told.append((message["cause"], message["raised"]))
        return MQTTMessageInfo(len(self.told))

    def take_told(self) -> list[tuple[str, bool]]:
        told, self.told = self.told, []
        return told


class Voice:
    """A publisher whose sending thread is the test itself."""

    def __init__(self) -> None:
        clock = SystemClock()
        self._publisher = mqtt.LinePublisher(IDENTITY, MqttSettings(), clock, Ledger(clock), Path())
        self._connection: Any = self._publisher._connection

    def connect(self, number: int) -> list[tuple[str, bool]]:
        """Number 0 is the loss of the connection; what the broker is told."""
        self._connection.number = number
        self._publisher._send_what_is_due()
        return self._connection.take_told()

    def say(self, cause: str, *, raised: bool) -> list[tuple[str, bool]]:
        self._publisher.publish_alarm(alarm_message(Alarm(cause, raised, "why", 1.7e9), IDENTITY, 1.7e9))
        return self._connection.take_told()


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> Voice:
    monkeypatch.setattr(mqtt, "BrokerConnection", Connection)
    return Voice()


def test_an_alarm_is_told_at_once_while_connected(voice: Voice) -> None:
    assert voice.connect(1) == []
    assert voice.say("camera_lost", raised=True) == [("camera_lost", True)]
    assert voice.say("camera_lost", raised=False) == [("camera_lost", False)]


def test_an_alarm_that_was_raised_before_there_was_a_broker_is_told_on_the_first_connect(voice: Voice) -> None:
    assert voice.say("camera_lost", raised=True) == []
    assert voice.connect(1) == [("camera_lost", True)]


def test_every_connect_is_told_what_is_raised_and_once_what_has_cleared(voice: Voice) -> None:
    voice.connect(1)
    for cause in ("camera_lost", "latency_drift"):
        voice.say(cause, raised=True)
    voice.connect(0)
    assert voice.say("latency_drift", raised=False) == []
    assert voice.say("triggers_unmatched", raised=True) == []
    raised = [("camera_lost", True), ("triggers_unmatched", True)]
    assert sorted(voice.connect(2)) == sorted([*raised, ("latency_drift", False)])
    voice.connect(0)
    assert voice.connect(3) == raised


def test_a_clearing_told_to_a_broker_that_was_gone_already_is_told_again(voice: Voice) -> None:
    voice.connect(1)
    voice.say("camera_lost", raised=True)
    assert voice.say("camera_lost", raised=False) == [("camera_lost", False)]
    assert voice.connect(2) == [("camera_lost", False)]
    assert voice.connect(3) == []


def test_an_alarm_raised_while_a_new_connection_is_not_greeted_yet_is_told_once(voice: Voice) -> None:
    voice._connection.number = 1
    assert voice.say("camera_lost", raised=True) == []
    assert voice.connect(1) == [("camera_lost", True)]
