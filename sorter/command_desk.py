"""One line's commands at the service's desk: read, carried out once, and answered."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sorter.outputs.command import (
    Code,
    Command,
    CommandName,
    Outcome,
    answer_message,
    may_answer_on,
    parse_command,
)
from sorter.outputs.command_inbox import CommandInbox
from sorter.outputs.connection import Heard
from sorter.outputs.fail_safe_metrics import FailSafeMetrics
from sorter.outputs.link import Throttle
from sorter.outputs.messages import LineIdentity
from sorter.outputs.mqtt import LinePublisher
from sorter.ports import Clock

_log = logging.getLogger(__name__)

CarryOut = Callable[[Command], Outcome]

_REMEMBERED = 256
_REMEMBERED_S = 60.0
"""A repeated delivery comes within seconds of a new connection; an id that a person types again comes later."""
_LONGEST_CORRELATION_BYTES = 1024


@dataclass(frozen=True, slots=True)
class _Answered:
    outcome: Outcome
    at_s: float


class CommandDesk:
    """Takes what was heard on the command topics.

    Args:
        identity: who answers.
        inbox: what was heard.
        publisher: answers.
        carry_out: does what a command asks.
        metrics: told of every command.
        clock: time.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a desk, handed in
        self,
        identity: LineIdentity,
        inbox: CommandInbox,
        publisher: LinePublisher,
        carry_out: CarryOut,
        metrics: FailSafeMetrics,
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._inbox = inbox
        self._publisher = publisher
        self._carry_out = carry_out
        self._metrics = metrics
        self._clock = clock
        self._answered: OrderedDict[tuple[str, str | bytes], _Answered] = OrderedDict()
        self._ignored_log, self._retained_log, self._overrun_log = Throttle(), Throttle(), Throttle()

    def listen(self) -> None:
        """Carry out what was heard since the last call."""
        for heard in self._inbox.read():
            self._take(heard)
        overrun = self._inbox.take_overrun()
        if overrun:
            self._metrics.count_command(self._identity.line, "other", Code.BUSY, overrun)
            self._warn(self._overrun_log, f"{overrun} commands more than can be read came at once; ignored")

    def _take(self, heard: Heard) -> None:
        name = heard.topic.rpartition("/")[2]
        command_id, outcome = self._outcome(name, heard)
        self._metrics.count_command(self._identity.line, name, outcome.code)
        self._answer(heard, name, command_id, outcome)

    def _outcome(self, name: str, heard: Heard) -> tuple[str | None, Outcome]:
        if heard.retained:
            sentence = f"the command {name[:64]!r} was left at the broker (retained) and is ignored: remove it there"
            self._warn(self._retained_log, sentence)
            return None, Outcome(Code.RETAINED, "it was retained: publish commands without the retain flag")
        if name not in set(CommandName):
            reason = f"there is no such command: there are {', '.join(CommandName)}"
            self._warn(self._ignored_log, f"the command {name[:64]!r} is ignored: {reason}")
            return None, Outcome(Code.UNKNOWN_COMMAND, reason)
        try:
            command = parse_command(CommandName(name), heard.payload)
        except ValueError as error:
            self._warn(self._ignored_log, f"the command {name!r} is ignored: {error}")
            return None, Outcome(Code.MALFORMED, str(error))
        return command.command_id, self._once(command, heard)

    def _once(self, command: Command, heard: Heard) -> Outcome:
        """A command that comes a second time is answered as the first time, and not carried out again."""
        mark = command.command_id or heard.correlation_data
        now_s = self._clock.monotonic_s()
        key = (command.name.value, mark or "")
        known = self._answered.get(key) if mark else None
        if known is not None and now_s - known.at_s < _REMEMBERED_S:
            return known.outcome
        outcome = self._carry_out(command)
        by = "" if command.by is None else f" (by {command.by})"
        told = f"the command {command.name.value}{by}: {outcome.code.value}; {outcome.reason}"
        _log.info("line %s: %s", self._identity.line, told)
        if mark and outcome.code is not Code.BUSY:
            self._answered[key] = _Answered(outcome, now_s)
            self._answered.move_to_end(key)
            if len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        return outcome

    def _answer(self, heard: Heard, name: str, command_id: str | None, outcome: Outcome) -> None:
        topics = self._publisher.topics
        topic, correlation = topics.command_answer, heard.correlation_data
        if heard.response_topic is not None:
            if may_answer_on(heard.response_topic, topics):
                topic = heard.response_topic
            else:
                self._metrics.count_unanswerable(self._identity.line)
        if correlation is not None and len(correlation) > _LONGEST_CORRELATION_BYTES:
            correlation = None
        message = answer_message(name, command_id, outcome, self._identity, self._clock.wall_s())
        self._publisher.answer(topic, message, correlation)

    def _warn(self, throttle: Throttle, sentence: str) -> None:
        said = throttle.say(sentence, self._clock.monotonic_s())
        if said is not None:
            _log.warning("line %s: %s", self._identity.line, said)
