"""What a broker can refuse: more than one message at a time, a topic, a password; what is said, and what goes on."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contract.broker import OPEN, Mosquitto
from benchmarks.contract.consumer import Consumer
from benchmarks.contract.rows import Row
from benchmarks.contract.service import LINE, TOPICS, RunningService, small_belt
from benchmarks.contract.source import TOPIC, SourceProcess
from benchmarks.wire import Wire
from sorter.errors import BrokerError

_WATCHED_S, _START_S = 5.0, 30.0
_LEFT_S = 2.0
_DECIDES_ON = 3
"""So many more decisions show that it sorts on."""


def quota_of_one(watched_s: float = _WATCHED_S) -> Row:
    """A broker that takes one message at a time gets one at a time, and all of them."""
    with (
        Mosquitto(f"{OPEN}max_inflight_messages 1\n") as broker,
        Consumer(broker.port, [TOPIC]) as consumer,
        SourceProcess(broker.port, 50.0, _LEFT_S, "quota-boot") as source,
    ):
        _await_first(source)
        time.sleep(watched_s)
        source.finish()
        log = (broker.folder / "log").read_text(errors="replace")
        counts = consumer.finish()
    made, acknowledged = len(source.made), source.counts["acknowledged"]
    exceeded = log.count("eceive maximum") + log.count("quota")
    figures = {"made": made, "acknowledged": acknowledged, "acted on": counts["actuated"], "quota exceeded": exceeded}
    passed = acknowledged == made and not exceeded and not counts["duplicate"] and not source.unbalanced
    return Row("broker's quota is 1", 1, passed, figures)


def _await_first(source: SourceProcess) -> None:
    end_s = time.monotonic() + _START_S
    while not source.made:
        if time.monotonic() > end_s:
            raise BrokerError(f"the source of decisions made none in {_START_S:g} s")
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of the broker's, with what must be said of it."""

    what: str
    settings: Callable[[Mosquitto], str]
    """Of the broker; files go into its folder."""
    mqtt: Mapping[str, object]
    """Of the service."""
    environment: Mapping[str, str]
    words: str
    """Must be in the service's log."""
    cause: str | None = None
    """Of the alarm on the wire; None where nothing can be said there."""


def _denying(broker: Mosquitto) -> str:
    rules = broker.folder / "acl"
    rules.write_text("topic read #\ntopic write sorter/+/+/state\ntopic write sorter/+/+/alarm\n")
    rules.chmod(0o700)
    return f"{OPEN}acl_file {rules}\n"


def _asking_for_a_password(broker: Mosquitto) -> str:
    passwords = broker.folder / "passwords"
    command = ["mosquitto_passwd", "-c", "-b", str(passwords), "sorter", "right"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BrokerError("mosquitto_passwd is not installed: it comes with mosquitto") from error
    passwords.chmod(0o700)
    return f"allow_anonymous false\npassword_file {passwords}\n"


ACL_DENIAL = Refusal(
    "ACL denies decisions", _denying, {}, {}, "the broker refuses messages below", cause="publish_refused"
)
WRONG_PASSWORD = Refusal(
    "wrong password",
    _asking_for_a_password,
    {"username": "sorter", "password_env": "SORTER_CAMPAIGN_PASSWORD"},
    {"SORTER_CAMPAIGN_PASSWORD": "wrong"},
    "Not authorized",
)


def refused(refusal: Refusal) -> Row:
    """The service on such a broker: what it says, and whether it sorts on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto())
        broker.stop()
        broker.settings = refusal.settings(broker)
        broker.start()
        # Where nobody is let in, nothing can be said on the wire.
        wire = None if refusal.cause is None else stack.enter_context(Wire(broker.address, TOPICS.alarm))
        environment = {**os.environ, **refusal.environment}
        running = RunningService(folder, broker.address, small_belt(), mqtt=refusal.mqtt, environment=environment)
        service = stack.enter_context(running)
        service.wait_for("it decides", lambda: _decided(service) > 0)
        service.wait_for("it says so in its log", lambda: refusal.words in service.log)
        before = _decided(service)
        service.wait_for("it decides on", lambda: _decided(service) >= before + _DECIDES_ON)
        connected = sum(service.metrics("sorter_mqtt_connected").values())
        said = next(line for line in service.log.splitlines() if refusal.words in line).split(" ", 3)[-1]
        alarm = None if wire is None else _alarm(wire, refusal.cause)
    figures: dict[str, float | str] = {"decided meanwhile": _DECIDES_ON, "looks connected": connected}
    if wire is None:
        return Row(refusal.what, 1, not connected, figures, said)
    if alarm is None:
        return Row(refusal.what, 1, passed=False, figures=figures, words=f"no alarm {refusal.cause}; the log: {said}")
    return Row(refusal.what, 1, passed=True, figures=figures, words=alarm)


def _alarm(wire: Wire, cause: str | None) -> str | None:
    """The raised alarm in its words; None where none comes."""
    end_s = time.monotonic() + _WATCHED_S
    while time.monotonic() < end_s:
        for one in wire.on(LINE, "alarm"):
            if one.content["cause"] == cause and one.content["raised"]:
                return str(one.content["reason"])
        time.sleep(0.02)
    return None


def _decided(service: RunningService) -> int:
    return round(sum(service.metrics("sorter_decisions_total").values()))
