from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from benchmarks.contract.consumer import Consumer
from sorter.capture.clock import SystemClock
from sorter.demo import broker as demo_broker
from sorter.demo.broker import find_mosquitto, start_broker
from sorter.errors import BrokerError
from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import LineIdentity, LineState, decision_message, state_message
from sorter.outputs.mqtt import LinePublisher
from sorter.records import Deadline, Decision, RecipeId, Verdict
from sorter.settings.site import MqttProtocol, MqttSettings

pytestmark = pytest.mark.system

IDENTITY = LineIdentity("demo", "line 1", "boot-1", simulated=True)


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request):
    if request.param == "mosquitto":
        request.getfixturevalue("mosquitto_program")
    with start_broker(request.param) as running:
        yield running


def test_the_demos_broker_carries_a_decision_to_the_diverter_and_its_confirm_back(broker, wait_for):
    clock = SystemClock()
    settings = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol)
    line = LinePublisher(IDENTITY, settings, clock, Ledger(clock), Path())
    line.publish_state(state_message(LineState.RUNNING, "demo", IDENTITY, None, None, clock.wall_s()))
    line.start()
    options = ("--protocol", broker.protocol.value)
    with Consumer(broker.port, [line.topics.of_line], *options) as diverter:
        wait_for("it follows the line", lambda: diverter.events("follows"))
        for seq, after_s, behind_s in ((0, -1.0, 0.0), (1, -1.0, 35.0), (3, 0.2, 0.0)):
            now_s = clock.monotonic_s()
            deadline = Deadline(now_s + after_s, now_s + 30.0)
            decision = Decision(seq, Verdict.LATE, "reject", now_s, now_s, deadline, 0, RecipeId("any", 1, "0" * 16))
            message = decision_message(decision, IDENTITY, seq, clock.wall_s() - now_s - behind_s)
            line.publish_decision(decision, message)
        wait_for("all are confirmed", lambda: line.counts.confirmed == 3)
        wait_for("all are acknowledged", lambda: line.counts.acknowledged == 3)
        assert line.ledger.sums.closed == {"actuated": 2, "blocked": 0, "missed": 1, "unconfirmed": 0}
        line.close(state_message(LineState.OFFLINE, "stopped", IDENTITY, None, None, clock.wall_s()), 3.0)
        wait_for("it falls back", lambda: diverter.events("falls back")[-1]["reason"] == "offline: stopped")
        counts = diverter.finish()
    assert counts == {
        "new boot": 1, "received": 3, "actuated": 2, "missed": 1, "skipped": 1, "fallback": 1, "given up": 0
    }  # fmt: skip
    assert diverter.complaints == []


def test_state_and_recipe_are_retained_by_the_demos_broker_and_the_will_is_said(broker, read, wait_for):
    settings = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol)
    line = LinePublisher(IDENTITY, settings, SystemClock(), Ledger(SystemClock()), Path())
    line.publish_state(state_message(LineState.RUNNING, "demo", IDENTITY, None, None, time.time()))
    line.start()
    wait_for("it is connected", lambda: line.connected)
    reader = read(broker.port, protocol=4)
    wait_for("the retained state", lambda: reader.on("state"))
    line._connection.hang_up(time.monotonic() + 1, polite=False)
    wait_for("the will", lambda: b'"offline"' in reader.on("state")[-1].payload)


def test_a_broker_is_gone_with_its_context():
    for kind in ("mosquitto", "amqtt") if find_mosquitto() else ("amqtt",):
        with start_broker(kind) as running:
            assert demo_broker._answers(running.port)
        assert not demo_broker._answers(running.port)
    assert not [thread for thread in threading.enumerate() if thread.name == "amqtt"]


def test_mosquitto_is_taken_where_it_is_installed():
    with start_broker() as running:
        assert running.kind == ("mosquitto" if find_mosquitto() else "amqtt")
        assert running.protocol is (MqttProtocol.V5 if find_mosquitto() else MqttProtocol.V311)
        assert running.host == "127.0.0.1"


def test_a_broker_that_does_not_start_is_told_with_its_last_words(tmp_path, monkeypatch):
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\necho 'Error: no such option' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(BrokerError, match=r"did not start: Error: no such option"), start_broker("mosquitto"):
        pass


def test_a_port_that_another_took_is_tried_again_elsewhere(monkeypatch):
    with start_broker("amqtt") as first:
        ports = iter([first.port, demo_broker._free_port()])
        monkeypatch.setattr(demo_broker, "_free_port", lambda: next(ports))
        monkeypatch.setattr(
            demo_broker, "_answers", lambda port, real=demo_broker._answers: port != first.port and real(port)
        )
        with start_broker("amqtt") as second:
            assert second.port != first.port
