"""Commands as they are heard, with a publisher that has no broker: what is carried out, and how often."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sorter.command_desk import CommandDesk
from sorter.outputs.command import Code, Command, Outcome
from sorter.outputs.command_inbox import CommandInbox
from sorter.outputs.connection import Heard
from sorter.outputs.fail_safe_metrics import FailSafeMetrics
from sorter.outputs.messages import LineIdentity
from sorter.outputs.mqtt import LinePublisher
from sorter.settings.site import MqttSettings
from tests.unit.clock import WrittenClock


class Answers(LinePublisher):
    """Keeps what it would answer; nothing is connected here."""

    def __init__(self, clock: WrittenClock) -> None:
        identity = LineIdentity("plant", "one", "boot", simulated=True)
        super().__init__(identity, MqttSettings(), clock, lambda _name, _outcome: None, Path())
        self.sent: list[tuple[str, dict[str, Any], bytes | None]] = []

    def answer(self, topic, message, correlation_data) -> None:
        self.sent.append((topic, dict(message), correlation_data))


class Desk:
    """A desk that carries out whatever it is told, and remembers it."""

    def __init__(self) -> None:
        self.clock = WrittenClock()
        self.registry = CollectorRegistry()
        self.inbox = CommandInbox()
        self.publisher = Answers(self.clock)
        self.done: list[Command] = []
        self.code = Code.DONE
        identity = LineIdentity("plant", "one", "boot", simulated=True)
        metrics = FailSafeMetrics(self.registry)
        metrics.expect_line("one")
        self.desk = CommandDesk(identity, self.inbox, self.publisher, self._carry_out, metrics, self.clock)

    def _carry_out(self, command: Command) -> Outcome:
        self.done.append(command)
        return Outcome(self.code, "as told")

    def hear(self, name: str, payload: dict[str, Any] | None = None, **facts: Any) -> dict[str, Any]:
        told = b"" if payload is None else json.dumps({"schema": "sorter.command/1"} | payload).encode()
        self.inbox.hear(Heard(f"sorter/plant/one/command/{name}", told, **facts))
        self.desk.listen()
        return self.publisher.sent[-1][1]

    def count(self, name: str, code: str) -> float | None:
        labels = {"line": "one", "command": name, "code": code}
        return self.registry.get_sample_value("sorter_commands_total", labels)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_repeated_command_is_answered_again_and_carried_out_once_until_a_minute_has_passed(desk):
    for _ in range(3):
        assert desk.hear("pause", {"command_id": "7"})["code"] == "done"
    assert len(desk.done) == 1
    desk.hear("resume", {"command_id": "7"})
    assert [one.name for one in desk.done] == ["pause", "resume"], "another command may have the same id"
    desk.clock.now_s += 61
    desk.hear("pause", {"command_id": "7"})
    assert len(desk.done) == 3
    assert desk.count("pause", "done") == 4


def test_correlation_data_is_as_good_as_an_id_and_without_either_each_one_counts(desk):
    for mark in (b"1", b"1", b"2", None, None):
        desk.hear("reset_batch", response_topic="hmi/7", correlation_data=mark)
    assert len(desk.done) == 4
    assert [(topic, mark) for topic, _, mark in desk.publisher.sent] == [
        ("hmi/7", mark) for mark in (b"1", b"1", b"2", None, None)
    ]


def test_one_that_was_refused_for_being_too_early_may_come_again(desk):
    desk.code = Code.BUSY
    assert desk.hear("recipe", {"name": "any", "command_id": "1"})["code"] == "busy"
    desk.code = Code.DONE
    assert desk.hear("recipe", {"name": "any", "command_id": "1"})["code"] == "done"


def test_a_retained_one_is_never_carried_out(desk):
    answer = desk.hear("pause", {"command_id": "1"}, retained=True)
    assert (answer["code"], answer["ok"]) == ("retained", False)
    assert not desk.done
    assert desk.hear("pause", {"command_id": "1"})["code"] == "done", "the id was not used up"


def test_names_that_nobody_knows_do_not_pile_up_in_the_metrics(desk):
    for number in range(50):
        assert desk.hear(f"x{number}")["code"] == "unknown_command"
    assert desk.count("other", "unknown_command") == 50
    assert desk.count("x1", "unknown_command") is None


def test_what_is_remembered_is_bounded_and_so_is_what_is_sent_back(desk):
    for number in range(2000):
        desk.hear("pause", {"command_id": str(number)})
    assert len(desk.desk._answered) <= 256
    desk.hear("pause", response_topic="hmi/7", correlation_data=b"x" * 5000)
    assert desk.publisher.sent[-1][2] is None


def test_too_many_at_once_are_counted(desk):
    for _ in range(150):
        desk.inbox.hear(Heard("sorter/plant/one/command/resume", b""))
    desk.desk.listen()
    assert len(desk.done) == 100
    assert desk.count("other", "busy") == 50
