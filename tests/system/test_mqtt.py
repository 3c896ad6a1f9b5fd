# ruff: noqa: PLR0913, PLR0917 - a test takes its fixtures as arguments
from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTv5, MQTTv311

from sorter.capture.clock import SystemClock
from sorter.outputs.confirm import Confirm, ConfirmOutcome, confirm_message
from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import (
    LineIdentity,
    LineState,
    Message,
    decision_message,
    dumps,
    recipe_message,
    state_message,
)
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.steps import Step, StepTaken
from sorter.records import (
    BinMatch,
    ColorReading,
    Deadline,
    Decision,
    Lab,
    PaletteColor,
    RecipeId,
    RunnerUp,
    Verdict,
)
from sorter.settings.recipe import Recipe
from sorter.settings.site import MqttProtocol, MqttSettings

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PROTOCOLS = [(MqttProtocol.V5, MQTTv5), (MqttProtocol.V311, MQTTv311)]
IDENTITY = LineIdentity("plant 1", "line 1", "boot-7", simulated=True)
RECIPE = Recipe.model_validate(
    {
        "name": "apples",
        "bins": [{"name": "red", "lab": [50, 60, 40], "tolerance": 8, "branch": "left"}],
        "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
    }
)
RED = Lab(50.0, 60.0, 40.0)


def state(value: LineState, reason: str = "as asked") -> Message:
    return state_message(value, reason, IDENTITY, RECIPE.identity, None, time.time())


class Written:
    """A recorder that keeps all it is told."""

    def __init__(self) -> None:
        self.steps: list[StepTaken] = []

    def add(self, decision: Decision, message: Message, when_written: Callable[[], None]) -> None:  # noqa: ARG002
        """Each is in the test's own list."""
        when_written()

    def note(self, step: StepTaken) -> None:
        self.steps.append(step)

    def of(self, step: Step) -> list[str]:
        return [one.decision_id for one in list(self.steps) if one.step is step]


class Line:
    """A publisher as the service holds it, with a counter of decisions."""

    def __init__(self, port: int, protocol: MqttProtocol = MqttProtocol.V5, **settings: object) -> None:
        self.written = Written()
        chosen = MqttSettings(port=port, protocol=protocol, **{"keepalive_s": 5, **settings})
        self.publisher = LinePublisher(IDENTITY, chosen, SystemClock(), Ledger(SystemClock(), self.written), Path())
        self.seq = 0
        self.publisher.publish_recipe(recipe_message(RECIPE, IDENTITY, {"red": [RED]}))
        self.publisher.publish_state(state(LineState.RUNNING))
        self.publisher.start()

    def decide(self, left_s: float) -> str:
        now_s = time.monotonic()
        decision = Decision(
            product=self.seq + 1,
            verdict=Verdict.ROUTED,
            branch="left",
            captured_at_s=now_s - 0.05,
            decided_at_s=now_s,
            deadline=Deadline(now_s, now_s + left_s),
            frames_used=3,
            recipe=RecipeId("apples", 1, RECIPE.identity.hash),
            match=BinMatch("red", "left", 0.5, is_in_reach=True, runner_up=RunnerUp("green", 30.0), bins_in_reach=1),
            reading=ColorReading((PaletteColor(RED, 1.0),)),
        )
        message = decision_message(decision, IDENTITY, self.seq, time.time() - time.monotonic())
        self.seq += 1
        self.publisher.publish_decision(decision, message)
        return str(message["decision_id"])

    def close(self, timeout_s: float = 3.0) -> None:
        self.publisher.close(state(LineState.OFFLINE, "stopped"), timeout_s)


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    opened: list[Line] = []
    yield opened
    for line in opened:
        line.close(1.0)


@pytest.fixture
def line(mosquitto, lines, wait_for):
    lines.append(Line(mosquitto.port))
    wait_for("the line is connected", lambda: lines[0].publisher.connected)
    return lines[0]


def ids(messages) -> list[str]:
    return [json.loads(message.payload)["decision_id"] for message in messages]


def states(messages) -> list[str]:
    return [json.loads(message.payload)["state"] for message in messages]


@pytest.mark.parametrize(("protocol", "reader_protocol"), PROTOCOLS)
def test_a_reader_sees_decisions_state_and_recipe_as_the_wire_promises(
    mosquitto, lines, read, wait_for, protocol, reader_protocol
):
    reader = read(mosquitto.port, reader_protocol)
    line = Line(mosquitto.port, protocol)
    lines.append(line)
    name = line.decide(left_s=4.2)
    wait_for("the decision", lambda: reader.on("decision"))
    wait_for("it is acknowledged", lambda: line.publisher.counts.acknowledged == 1)
    wait_for("state and recipe", lambda: reader.on("state") and reader.on("recipe"))
    decision = reader.on("decision")[0]
    assert ids([decision]) == [name]
    assert (decision.topic, decision.qos, decision.retain) == ("sorter/plant 1/line 1/decision", 1, False)
    if protocol is MqttProtocol.V5:
        assert decision.properties.MessageExpiryInterval in {4, 5}
    late_reader = read(mosquitto.port, reader_protocol)
    wait_for("retained ones", lambda: late_reader.on("state") and late_reader.on("recipe"))
    for leaf in ("state", "recipe"):
        (message,) = late_reader.on(leaf)
        assert (message.qos, message.retain) == (1, True)
    assert not late_reader.on("decision")


def test_mosquitto_sub_sees_the_decision_with_its_expiry(line, mosquitto, wait_for):
    form = '{"qos":%q,"retain":%r,"expiry":"%E","topic":"%t","payload":%p}'
    command = ["mosquitto_sub", "-p", str(mosquitto.port), "-V", "5", "-q", "1", "-F", form]
    command += ["-t", line.publisher.topics.decision, "-C", "1", "-W", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as subscriber:
        wait_for("it has subscribed", lambda: "SUBSCRIBE" in mosquitto.log().split("Received CONNECT")[-1])
        wait_for("it is granted", lambda: "/decision (QoS 1)" in mosquitto.log())
        name = line.decide(left_s=8.0)
        seen = json.loads(subscriber.communicate(timeout=10)[0])
    assert seen["payload"]["decision_id"] == name
    assert (seen["qos"], seen["retain"]) == (1, 0)
    assert seen["expiry"] in {"7", "8"}


@pytest.mark.parametrize(("protocol", "reader_protocol"), PROTOCOLS)
def test_a_broker_that_was_away_hears_state_and_recipe_again_and_no_expired_decision(
    mosquitto, lines, read, wait_for, protocol, reader_protocol, caplog
):
    caplog.set_level(logging.INFO, "sorter")
    line = Line(mosquitto.port, protocol)
    lines.append(line)
    line.decide(60.0)
    wait_for("the first decision is acknowledged", lambda: line.publisher.counts.acknowledged == 1)
    mosquitto.stop(signal.SIGKILL)
    wait_for("the loss is noticed", lambda: not line.publisher.connected)
    doomed = [line.decide(0.3) for _ in range(5)]
    kept = [line.decide(60.0) for _ in range(25)]
    line.publisher.publish_state(state(LineState.DEGRADED))
    wait_for("their deadlines pass", lambda: line.publisher.counts.expired == 5)
    mosquitto.start()
    reader = read(mosquitto.port, reader_protocol)
    wait_for("the others arrive", lambda: len(set(ids(reader.on("decision")))) >= 25, 20)
    wait_for("all are acknowledged", lambda: not line.publisher.counts.waiting)
    kept.append(line.decide(60.0))
    wait_for("decisions go on", lambda: kept[-1] in ids(reader.on("decision")))
    assert ids(reader.on("decision")) == kept
    assert not set(doomed) & set(ids(reader.on("decision")))
    assert states(reader.on("state")) == ["degraded"]
    assert len(reader.on("recipe")) == 1
    wait_for("the last is acknowledged", lambda: not line.publisher.counts.waiting)
    counts = line.publisher.counts
    assert counts.made == counts.acknowledged + counts.expired == 32
    assert line.written.of(Step.EXPIRED) == doomed
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert f"127.0.0.1:{mosquitto.port}" in warnings[0].getMessage()
    assert any("again after" in record.getMessage() for record in caplog.records)


def test_a_decision_on_its_way_when_the_connection_froze_is_not_sent_again_after_its_deadline(
    mosquitto, lines, read, wait_for
):
    line = Line(mosquitto.port, keepalive_s=2)
    lines.append(line)
    wait_for("it is connected", lambda: line.publisher.connected)
    mosquitto.freeze()
    doomed = [line.decide(0.5) for _ in range(15)]
    wait_for("the window is full", lambda: line.publisher.counts.sent == 10)
    wait_for("keepalive notices", lambda: not line.publisher.connected, 20)
    # The sending thread takes back what was on its way a moment after the connection is known to be gone.
    wait_for("all are given up", lambda: not line.publisher.counts.waiting)
    counts = line.publisher.counts
    assert (counts.unknown, counts.expired) == (10, 5)
    assert (line.written.of(Step.UNKNOWN), line.written.of(Step.EXPIRED)) == (doomed[:10], doomed[10:])
    mosquitto.stop(signal.SIGKILL)  # whatever its socket held is gone
    mosquitto.start()
    reader = read(mosquitto.port)
    kept = line.decide(60.0)
    wait_for("decisions go on", lambda: reader.on("decision"), 20)
    assert ids(reader.on("decision")) == [kept]
    assert not set(doomed) & {kept}


def test_a_frozen_broker_does_not_hold_up_the_farewell(line, mosquitto, read, wait_for):
    reader = read(mosquitto.port)
    wait_for("the state", lambda: reader.on("state"))
    mosquitto.freeze()
    for _ in range(50):
        line.decide(60.0)
    began_s = time.monotonic()
    line.close(timeout_s=1.5)
    assert time.monotonic() - began_s < 2.0
    counts = line.publisher.counts
    assert (counts.made, counts.unknown, counts.dropped, counts.waiting) == (50, 10, 40, 0)
    mosquitto.thaw()
    wait_for("the readers are told", lambda: states(reader.on("state"))[-1] == "offline")


def test_a_clean_farewell_sends_what_waits_and_then_the_offline_state(line, mosquitto, read, wait_for):
    reader = read(mosquitto.port)
    names = [line.decide(60.0) for _ in range(30)]
    line.close(timeout_s=3.0)
    wait_for("all arrive", lambda: len(reader.on("decision")) == 30)
    assert ids(reader.on("decision")) == names
    wait_for("farewell", lambda: states(reader.on("state"))[-1] == "offline")
    assert json.loads(reader.on("state")[-1].payload)["reason"] == "stopped"
    assert line.publisher.counts.acknowledged == 30


def test_closing_is_quick_where_no_broker_ever_was():
    line = Line(port=1)
    line.decide(60.0)
    began_s = time.monotonic()
    line.close(timeout_s=3.0)
    assert time.monotonic() - began_s < 3.0
    assert line.publisher.counts.dropped == 1


def test_a_broker_that_is_not_there_is_told_once_with_its_address(lines, caplog, wait_for):
    caplog.set_level(logging.DEBUG, "sorter")
    line = Line(port=1)
    lines.append(line)
    wait_for("two attempts", lambda: caplog.text.count("no connection to") >= 2)
    loud = [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert len(loud) == 1
    assert "127.0.0.1:1" in loud[0].getMessage()
    assert "refused" in loud[0].getMessage()


VANISHING = """
import sys, time
from pathlib import Path
from sorter.capture.clock import SystemClock
from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import LineIdentity, LineState, state_message
from sorter.outputs.mqtt import LinePublisher
from sorter.settings.site import MqttProtocol, MqttSettings
identity = LineIdentity("plant 1", "line 1", "boot-8", False)
settings = MqttSettings(port=int(sys.argv[1]), protocol=MqttProtocol(sys.argv[2]))
publisher = LinePublisher(identity, settings, SystemClock(), Ledger(SystemClock()), Path())
publisher.publish_state(state_message(LineState.RUNNING, "so far", identity, None, None, time.time()))
publisher.start()
time.sleep(60)
"""


@pytest.mark.parametrize(("protocol", "reader_protocol"), PROTOCOLS)
def test_the_broker_says_offline_for_a_process_that_was_killed(mosquitto, read, wait_for, protocol, reader_protocol):
    reader = read(mosquitto.port, reader_protocol)
    command = [sys.executable, "-c", VANISHING, str(mosquitto.port), protocol.value]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        wait_for("it runs", lambda: states(reader.on("state")) == ["running"], 20)
        process.kill()
    wait_for("the will", lambda: states(reader.on("state")) == ["running", "offline"])
    will = reader.on("state")[-1]
    assert json.loads(will.payload)["boot_id"] == "boot-8"
    late_reader = read(mosquitto.port, reader_protocol)
    wait_for("the will is retained", lambda: states(late_reader.on("state")) == ["offline"])


def test_confirms_close_an_entry_once_and_strays_and_nonsense_are_counted_and_told(
    line, mosquitto, read, wait_for, caplog
):
    reader = read(mosquitto.port)
    topic = line.publisher.topics.confirm
    name = line.decide(60.0)
    wait_for("it arrives", lambda: reader.on("decision"))

    def say(payload: bytes, *, retain: bool = False) -> None:
        reader.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    good = dumps(confirm_message(Confirm(name, ConfirmOutcome.ACTUATED), time.time()))
    stray = dumps(confirm_message(Confirm("boot-6/line 1/0", ConfirmOutcome.ACTUATED), time.time()))
    for payload in (good, good, stray, stray, b"\xff", b"[" * 4000, b'{"schema":"sorter.confirm/1"}'):
        say(payload)
    wait_for("nonsense is counted", lambda: line.publisher.ledger.sums.malformed_confirms == 3)
    assert line.written.of(Step.ACTUATED) == [name]
    counts = line.publisher.counts
    assert (counts.confirmed, counts.repeated, counts.stray) == (1, 1, 2)
    assert sum("is ignored" in record.getMessage() for record in caplog.records) == 2
    say(b"", retain=True)


def test_a_fault_in_what_hears_a_message_does_not_end_the_connection(mosquitto, read, wait_for, caplog):
    heard: list[bytes] = []

    def hear(payload: bytes) -> None:
        heard.append(payload)
        raise RuntimeError("a fault of its own")

    ledger = Ledger(SystemClock())
    line = LinePublisher(IDENTITY, MqttSettings(port=mosquitto.port), SystemClock(), ledger, Path(), on_trigger=hear)
    line.start()
    reader = read(mosquitto.port)
    wait_for("it is told", lambda: (reader.client.publish(line.topics.trigger, b"x", qos=1), len(heard) > 1)[1])
    assert "a fault in _when_message" in caplog.text
    assert line.connected
    line.close(state(LineState.OFFLINE), 1.0)


@pytest.mark.parametrize("protocol", MqttProtocol)
def test_a_retained_confirm_is_ignored(mosquitto, lines, read, wait_for, protocol, caplog):
    reader = read(mosquitto.port)
    topic = "sorter/plant 1/line 1/confirm"
    old, new = (dumps(confirm_message(Confirm(name, ConfirmOutcome.ACTUATED), 0.0)) for name in ("old", "new"))
    reader.client.publish(topic, old, qos=1, retain=True).wait_for_publish(5)
    line = Line(mosquitto.port, protocol)
    lines.append(line)
    # A retained one is delivered in answer to the subscription, before anything published after it.
    wait_for("it listens", lambda: (reader.client.publish(topic, new, qos=1), line.publisher.counts.stray)[1])
    assert "'new'" in caplog.text
    assert "'old'" not in caplog.text


def restart_with(mosquitto, settings: str) -> None:
    mosquitto.stop()
    mosquitto.settings = settings
    mosquitto.start()


@pytest.mark.parametrize("protocol", MqttProtocol)
def test_a_broker_that_refuses_us_is_told_once_and_nothing_is_sent(mosquitto, lines, wait_for, caplog, protocol):
    restart_with(mosquitto, "allow_anonymous false\n")
    caplog.set_level(logging.DEBUG, "sorter")
    line = Line(mosquitto.port, protocol)
    lines.append(line)
    line.decide(60.0)
    wait_for("two attempts", lambda: caplog.text.count("it refuses us") >= 2)
    loud = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert len(loud) == 1
    assert "Not authorized" in loud[0]
    assert (line.publisher.connected, line.publisher.counts.sent) == (False, 0)


def test_a_decision_the_broker_refuses_is_counted_and_told_until_one_is_taken_again(
    mosquitto, lines, wait_for, caplog, tmp_path
):
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write sorter/+/+/state\ntopic write sorter/+/+/recipe\n")
    rules.chmod(0o700)
    restart_with(mosquitto, f"allow_anonymous true\nuser root\nacl_file {rules}\n")
    line = Line(mosquitto.port)
    lines.append(line)
    names = [line.decide(60.0) for _ in range(3)]
    wait_for("all are refused", lambda: line.publisher.counts.refused == 3)
    counts = line.publisher.counts
    assert (counts.dropped, counts.acknowledged, counts.waiting) == (0, 0, 0)
    assert line.written.of(Step.REFUSED) == names
    assert {one.detail for one in line.written.steps if one.step is Step.REFUSED} == {"Not authorized"}
    assert caplog.text.count("the broker refuses messages below sorter/plant 1/line 1") == 1
    line.publisher.publish_state(state(LineState.RUNNING, "a state is taken"))
    told = "the broker refuses messages on sorter/plant 1/line 1/decision (Not authorized): allow this user to"
    assert line.publisher.troubles == {"publish_refused": f"{told} publish there"}
    rules.write_text("topic readwrite #\n")
    mosquitto.process.send_signal(signal.SIGHUP)
    wait_for("one is taken", lambda: (line.decide(60.0), line.publisher.counts.acknowledged)[1])
    assert line.publisher.troubles == {}


def test_that_nobody_reads_the_decisions_is_counted(line, mosquitto, read, wait_for):
    line.decide(60.0)
    wait_for("it is acknowledged", lambda: line.publisher.counts.acknowledged == 1)
    assert line.publisher.counts.unread == 1
    reader = read(mosquitto.port)
    line.decide(60.0)
    wait_for("it is read", lambda: reader.on("decision"))
    wait_for("it is acknowledged", lambda: line.publisher.counts.acknowledged == 2)
    assert line.publisher.counts.unread == 1


def test_of_a_broker_that_froze_and_thawed_only_the_window_arrives_late(mosquitto, lines, read, wait_for):
    line = Line(mosquitto.port, keepalive_s=60)
    lines.append(line)
    wait_for("it is connected", lambda: line.publisher.connected)
    reader = read(mosquitto.port)
    mosquitto.freeze()
    names = [line.decide(0.4) for _ in range(60)]
    wait_for("what is behind the window expires", lambda: line.publisher.counts.expired == 50)
    mosquitto.thaw()
    kept = line.decide(60.0)
    wait_for("decisions go on", lambda: kept in ids(reader.on("decision")))
    wait_for("all are acknowledged", lambda: not line.publisher.counts.waiting)
    assert ids(reader.on("decision")) == [*names[:10], kept]
    assert line.written.of(Step.EXPIRED) == names[10:]
    assert line.publisher.counts.acknowledged == 11


def test_a_gateway_can_route_a_decision_without_reading_its_payload(line, mosquitto, read, wait_for):
    reader = read(mosquitto.port)
    name = line.decide(60.0)
    wait_for("it arrives", lambda: reader.on("decision"))
    told = [("schema", "sorter.decision/1"), ("decision_id", name), ("verdict", "routed"), ("branch", "left")]
    assert reader.on("decision")[0].properties.UserProperty == told


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of our own for 127.0.0.1, and its key beside it."""
    path = tmp_path / "broker.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", str(tmp_path / "key.pem"), "-out", str(path)], check=True, capture_output=True
    )
    return path


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_line_speaks_tls_with_a_broker_it_can_verify_and_with_no_other(
    mosquitto, lines, wait_for, caplog, certificate
):
    key = certificate.with_name("key.pem")
    restart_with(mosquitto, f"allow_anonymous true\nuser root\ncertfile {certificate}\nkeyfile {key}\n")
    lines.append(Line(mosquitto.port, tls_ca_file=str(certificate)))
    lines[0].decide(60.0)
    wait_for("the decision is acknowledged", lambda: lines[0].publisher.counts.acknowledged == 1)
    other = "/etc/ssl/certs/ca-certificates.crt"
    if not Path(other).is_file():
        pytest.skip("this system has no certificate authorities to distrust")
    lines.append(Line(mosquitto.port, tls_ca_file=other))
    wait_for("it is told why", lambda: "certificate verify failed" in caplog.text)
    assert not lines[1].publisher.connected


def test_a_session_of_outages_leaves_no_decision_unaccounted_for(mosquitto, lines, read, wait_for):
    """The broker goes away and comes back under load: no decision is delivered late, none is lost without a count."""
    line = Line(mosquitto.port)
    lines.append(line)
    arrivals: list[tuple[str, bool]] = []

    def listen():
        reader = read(mosquitto.port)

        def note(_client, _data, message):
            if message.topic.endswith("/decision"):
                sent = json.loads(message.payload)
                late = time.time() > datetime.fromisoformat(sent["act_before"]).timestamp() + 0.05
                arrivals.append((sent["decision_id"], late))

        reader.client.on_message = note

    for outage in range(3):
        if outage:
            mosquitto.start()
        listen()
        wait_for("it is connected", lambda: line.publisher.connected, 20)
        for _ in range(100):
            line.decide(0.8)
        before = len(arrivals)
        wait_for("some arrive", lambda before=before: len(arrivals) > before)
        mosquitto.stop(signal.SIGKILL)
        for _ in range(100):
            line.decide(0.8)
    wait_for("all are settled", lambda: not line.publisher.counts.waiting)
    counts = line.publisher.counts
    assert counts.made == 600 == counts.acknowledged + counts.expired + counts.dropped + counts.unknown
    assert line.publisher.ledger.troubles == {}
    assert not [name for name, late in arrivals if late]
    arrived = {name for name, _ in arrivals}
    assert arrived <= set(line.written.of(Step.ACKNOWLEDGED)) | set(line.written.of(Step.UNKNOWN))
    assert not arrived & {*line.written.of(Step.EXPIRED), *line.written.of(Step.DROPPED)}


def test_a_decision_is_not_held_back_by_tcp(line):
    assert line.publisher._connection._client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_line_hears_its_triggers_only_where_it_has_an_eye(mosquitto, lines, read, wait_for):
    heard: list[bytes] = []
    with_eye = LinePublisher(
        IDENTITY,
        MqttSettings(port=mosquitto.port),
        SystemClock(),
        Ledger(SystemClock()),
        Path(),
        on_trigger=heard.append,
    )
    topic = with_eye.topics.trigger
    reader = read(mosquitto.port)
    reader.client.publish(topic, b"old", qos=1, retain=True).wait_for_publish(5)
    lines.append(Line(mosquitto.port))
    with_eye.start()
    wait_for("it listens", lambda: (reader.client.publish(topic, b"new", qos=1), heard)[1])
    assert set(heard) == {b"new"}
    assert lines[0].publisher.ledger.sums.malformed_confirms == 0
    assert mosquitto.log().count("line 1/trigger (QoS 1)") == 1
    with_eye.close(state(LineState.OFFLINE), 1.0)
