"""What one line says on the wire: decisions with a deadline, retained state and recipe; and its confirms."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sorter.outputs.answers import AnswerQueue, CommandAnswer
from sorter.outputs.confirm import parse_confirm
from sorter.outputs.connection import (
    MAX_IN_FLIGHT,
    BrokerConnection,
    Extras,
    Handlers,
    Heard,
    Speaker,
    delivered,
)
from sorter.outputs.conservation import DeliveryCounts
from sorter.outputs.ledger import NO_SUBSCRIBERS, Answered, Ledger
from sorter.outputs.link import Throttle
from sorter.outputs.messages import FailSafeFacts, LineIdentity, LineState, Message, dumps, state_message
from sorter.outputs.outbox import Outbox, Outgoing
from sorter.outputs.refusals import Refusals, remedy
from sorter.outputs.topics import Topics
from sorter.ports import Clock
from sorter.records import Decision
from sorter.settings.site import MqttSettings

_log = logging.getLogger(__name__)

TriggerHandler = Callable[[bytes], None]
CommandHandler = Callable[[Heard], None]

_POLL_S = 0.01
_TICK_S = 0.1
"""How often deadlines are looked at while nothing is to be sent."""
_HELD_TICK_S = 0.01
_WRITTEN_WITHIN_S = 0.1
"""How long a decision waits at most to be written down before it is sent: what the broker has acknowledged must outlive
a kill of the service, and no slow disk may cost a deadline."""
_TOLD_BESIDE = ("schema", "decision_id", "verdict", "branch")
"""What MQTT 5 tells of a decision beside its payload, so that a gateway need not read that."""


class LinePublisher:
    """Speaks for one line. A last will is per connection, so each line has its own.

    Publishing never waits for the network: decisions wait in an `Outbox`, one thread sends them, and the
    client library's thread reads and writes the socket. That thread never takes our lock: it holds its own. Each
    change of the outbox is told to the ledger under our lock, so the two never disagree.

    Args:
        identity: who speaks.
        settings: the broker.
        clock: for deadlines and for the time lost.
        ledger: told what becomes of each decision, and of the diverter's answers.
        base_folder: where relative paths in the settings begin.
        on_trigger: told of each payload on the trigger topic, in the library's thread; None does not listen there.
        on_command: told of each message on a command topic, retained ones too, in the library's thread; None does
            not listen there.
        when_lost: what the last will says is to be done.

    Raises:
        ConfigurationError: the password or the certificate cannot be read.
    """

    def __init__(  # noqa: PLR0913 - what a line says and hears, made by the service and handed in
        self,
        identity: LineIdentity,
        settings: MqttSettings,
        clock: Clock,
        ledger: Ledger,
        base_folder: Path,
        *,
        on_trigger: TriggerHandler | None = None,
        on_command: CommandHandler | None = None,
        when_lost: FailSafeFacts | None = None,
    ) -> None:
        self.topics = Topics(settings.base_topic, identity.site, identity.line)
        self._clock = clock
        self.ledger = ledger
        self._on_trigger = on_trigger
        self._on_command = on_command
        self._lock = threading.Lock()
        self._outbox = Outbox(max_in_flight=MAX_IN_FLIGHT)
        self._retained: dict[str, bytes] = {}
        self._alarms: dict[str, Mapping[str, Any]] = {}
        """The last of each cause, where it is raised or cleared on the connection that stands."""
        self._announced = 0
        """The connection on which state and recipe were published and decisions are on their way."""
        self._refusals = Refusals()
        self._beside: dict[int, str] = {}
        """Topics of the messages beside the decisions that the broker has yet to answer."""
        self._answers = AnswerQueue()
        self._written: deque[str] = deque()
        """Decisions that the recorder is done with, not yet looked at; no more than the outbox holds."""
        self._malformed_log, self._refused_log, self._stray_log = Throttle(), Throttle(), Throttle()
        self._wake = threading.Event()
        self._closing = False
        handlers = Handlers(changed=self._wake.set, received=self._take)
        speaker = self._speaker(identity, when_lost)
        self._connection = BrokerConnection(speaker, settings, base_folder, clock, handlers)
        self._sender = threading.Thread(target=self._send_forever, name=f"mqtt-{identity.line}", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._sender.start()
        self._connection.start()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection stands, as far as anyone knows."""
        return self._connection.number != 0

    @property
    def counts(self) -> DeliveryCounts:
        """What became of this line's decisions so far."""
        with self._lock:
            self._take_answers()
            self._outbox.expire(self._clock.monotonic_s())
            self._tell_ledger()
            return self.ledger.counts

    @property
    def troubles(self) -> dict[str, str]:
        """Causes of alarms that hold now: the connection's, what the broker refuses, and the ledger's."""
        return self._connection.troubles | self._refusals.troubles | self.ledger.troubles

    def publish_decision(self, decision: Decision, message: Message) -> None:
        """Enter a decision in the ledger and queue it; it is sent while connected, and only before its deadline."""
        beside = tuple((key, str(message[key])) for key in _TOLD_BESIDE)
        item = Outgoing(message["decision_id"], dumps(message), decision.deadline.act_before_s, beside)
        with self._lock:
            self._outbox.offer(item, self._clock.monotonic_s() + _WRITTEN_WITHIN_S)
            when_written = partial(self._note_written, item.decision_id)
            self.ledger.add(decision, message, self._outbox.take_moves(), self._outbox.waiting, when_written)
        self._wake.set()

    def publish_state(self, message: Mapping[str, Any]) -> None:
        """Publish the line's state, now if connected, and again on every connect until the next one."""
        self._publish_retained(self.topics.state, dumps(message))

    def publish_recipe(self, message: Mapping[str, Any]) -> None:
        """Publish the recipe in force, now if connected, and again on every connect until the next one."""
        self._publish_retained(self.topics.recipe, dumps(message))

    def publish_shadow(self, message: Mapping[str, Any]) -> None:
        """Publish how the shadow recipe does, now if connected, and again on every connect until the next one."""
        self._publish_retained(self.topics.shadow, dumps(message))

    def publish_alarm(self, message: Mapping[str, Any]) -> None:
        """Publish an alarm, now if connected, and again on every connect while it is raised.

        That it cleared is said once more on the next connect: the broker may have been gone without our knowing.
        """
        with self._lock:
            self._alarms[message["cause"]] = message
            if self._standing:
                self._send_alarm(message)

    def publish_stats(self, message: Mapping[str, Any]) -> None:
        """Publish the counts if connected; the next ones hold all that these do."""
        if self.connected:
            self._connection.publish(self.topics.stats, dumps(message), qos=0)

    def close(self, farewell_state: Mapping[str, Any], timeout_s: float) -> None:
        """Send what can be sent, say farewell, and disconnect, within ``timeout_s`` whatever the broker does.

        Where the farewell is not acknowledged in time the connection is cut without one, so that the broker
        publishes the last will. Decisions that could not be delivered are expired, dropped or unknown.
        """
        end_s = self._clock.monotonic_s() + timeout_s
        self._wait(lambda: not self.counts.waiting, end_s - timeout_s / 3)
        self._stop_sender(end_s)
        acknowledged = self._say_farewell(dumps(farewell_state), end_s - timeout_s / 10)
        self._connection.hang_up(end_s, polite=acknowledged)
        with self._lock:
            self._take_answers()
            self._outbox.give_up(self._clock.monotonic_s())
            self._tell_ledger()
        self.ledger.close()

    def answer(self, topic: str, message: Mapping[str, Any], correlation_data: bytes | None) -> None:
        """Answer a command on the topic that it asked for, if connected: nobody waits for it longer."""
        with self._lock:
            self._answers.offer(CommandAnswer(topic, dumps(message), correlation_data))
        self._wake.set()

    def _note_written(self, decision_id: str) -> None:
        """Called in the recorder's thread, or under our lock: never wait here."""
        self._written.append(decision_id)
        self._wake.set()

    def _take(self, heard: Heard) -> None:
        if heard.topic == self.topics.confirm:
            self._take_confirm(heard)
        elif heard.topic == self.topics.trigger and self._on_trigger is not None:
            self._on_trigger(heard.payload)
        elif self._on_command is not None:
            self._on_command(heard)

    def _take_confirm(self, heard: Heard) -> None:
        try:
            confirm = parse_confirm(heard.payload)
        except ValueError as error:
            self.ledger.note_malformed()
            self._warn(self._malformed_log, f"a message on {heard.topic} is ignored: {error}")
            return
        if self.ledger.answer(confirm) is Answered.STRAY:
            sentence = f"{confirm.decision_id!r} is no decision that was sent lately"
            self._warn(self._stray_log, f"a confirm on {heard.topic} is ignored: {sentence}")

    def _send_forever(self) -> None:
        while not self._closing:
            self._wake.wait(_HELD_TICK_S if self._outbox.holding else _TICK_S)
            self._wake.clear()
            try:
                self._send_what_is_due()
            except Exception:  # noqa: BLE001 - logged; the next decision may still get through
                _log.exception("a fault in sending; the line goes on")

    def _send_what_is_due(self) -> None:
        number = self._connection.number
        with self._lock:
            self._take_answers()
            if number != self._announced:
                self._begin(number)
            while self._written:
                self._outbox.release(self._written.popleft())
            self._outbox.max_in_flight = self._connection.window
            self._outbox.expire(self._clock.monotonic_s())
            while number and self._send_next():
                pass
            while number and self._send_answer():
                pass
            self._tell_ledger()
        self.ledger.settle()

    def _send_next(self) -> bool:
        now_s = self._clock.monotonic_s()
        item = self._outbox.next(now_s)
        if item is None:
            return False
        extras = Extras(expires_s=item.act_before_s - now_s, user_properties=item.user_properties)
        info = self._connection.publish(self.topics.decision, item.payload, qos=1, extras=extras)
        if info.rc:
            # The connection is gone. The library has kept a copy, which it throws away before it speaks again.
            return False
        self._outbox.sent(info.mid)
        return True

    def _send_answer(self) -> bool:
        item = self._answers.next()
        if item is not None:
            extras = Extras(correlation_data=item.correlation_data)
            self._answers.sent(self._connection.publish(item.topic, item.payload, qos=1, extras=extras).mid)
        return item is not None

    def _tell_ledger(self) -> None:
        """After each change of the outbox, under our lock."""
        self.ledger.follow(self._outbox.take_moves(), self._outbox.waiting)

    def _begin(self, number: int) -> None:
        """A connection came or went: nothing is on its way any more, and a new broker knows nothing."""
        self._outbox.take_back()
        self._beside.clear()
        self._answers.clear()
        self.ledger.reconnected()
        self._announced = number
        if number:
            for topic, payload in self._retained.items():
                self._send_beside(topic, payload, retain=True)
            for alarm in self._alarms.values():
                self._send_alarm(alarm)
            self._alarms = {cause: alarm for cause, alarm in self._alarms.items() if alarm["raised"]}

    @property
    def _standing(self) -> bool:
        """Whether the connection that stands has been told what a new one must know; under our lock."""
        return self._announced != 0 and self._announced == self._connection.number

    def _send_alarm(self, message: Mapping[str, Any]) -> None:
        self._send_beside(self.topics.alarm, dumps(message))

    def _send_beside(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._beside[self._connection.publish(topic, payload, qos=1, retain=retain).mid] = topic

    def _take_answers(self) -> None:
        while self._connection.answers:
            answer = self._connection.answers.popleft()
            self._answers.answered(answer.message_id)
            telling = not answer.accepted or answer.reason == NO_SUBSCRIBERS
            reason = answer.reason if telling else None
            is_decision = self._outbox.acknowledge(answer.message_id, accepted=answer.accepted, reason=reason)
            topic = self.topics.decision if is_decision else self._beside.pop(answer.message_id, None)
            if topic is not None:
                self._refusals.note(topic, accepted=answer.accepted, reason=answer.reason)
            if not answer.accepted:
                place = self.topics.decision.rsplit("/", 1)[0]
                sentence = f"the broker refuses messages below {place} ({answer.reason})"
                self._warn(self._refused_log, f"{sentence}: {remedy(answer.reason)}")

    def _publish_retained(self, topic: str, payload: bytes) -> None:
        with self._lock:
            self._retained[topic] = payload
            if self._standing:
                self._send_beside(topic, payload, retain=True)

    def _stop_sender(self, end_s: float) -> None:
        self._closing = True
        self._wake.set()
        if self._sender.is_alive():
            self._sender.join(max(0.0, end_s - self._clock.monotonic_s()))

    def _say_farewell(self, payload: bytes, end_s: float) -> bool:
        if not self.connected:
            return False
        info = self._connection.publish(self.topics.state, payload, qos=1, retain=True)
        self._wait(lambda: delivered(info), end_s)
        return delivered(info)

    def _wait(self, until: Callable[[], bool], end_s: float) -> None:
        while self.connected and not until() and self._clock.monotonic_s() < end_s:
            self._clock.wait_s(_POLL_S)

    def _warn(self, throttle: Throttle, sentence: str) -> None:
        said = throttle.say(sentence, self._clock.monotonic_s())
        if said is not None:
            _log.warning("%s", said)

    def _speaker(self, identity: LineIdentity, when_lost: FailSafeFacts | None) -> Speaker:
        words = "the connection to the sorter was lost without a farewell"
        will = state_message(LineState.OFFLINE, words, identity, None, None, None, when_lost)
        triggers = () if self._on_trigger is None else (self.topics.trigger,)
        commands = () if self._on_command is None else (self.topics.command,)
        return Speaker(
            f"sorter-{identity.site}-{identity.line}",
            self.topics.state,
            dumps(will),
            (self.topics.confirm, *triggers, *commands),
            tell_retained=commands,
            line=identity.line,
            decision_topic=self.topics.decision,
        )
