"""One connection to the broker, made again whenever it is lost; the client library ends here."""

from __future__ import annotations

import itertools
import logging
import math
import sys
import threading
from collections import deque
from pathlib import Path

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTMessageInfo,
    topic_matches_sub,
)
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from sorter.outputs.credentials import CredentialWatch, Renewed, Unfit, open_to_everybody
from sorter.outputs.link import Notice, Throttle
from sorter.outputs.mqtt_client import RECONNECT_MAX_S, cut, guarded, make_client, properties_of, start_connecting
from sorter.outputs.probe import ask_why
from sorter.outputs.refusal import Failure, of_answer, of_error
from sorter.outputs.speaker import Answer, Extras, Handlers, Heard, Speaker
from sorter.outputs.standing import Standing
from sorter.outputs.upkeep import Upkeep
from sorter.outputs.window import MAX_IN_FLIGHT, MAX_UNACKNOWLEDGED, Window
from sorter.ports import Clock
from sorter.settings.mqtt import MqttProtocol, MqttSettings

__all__ = ["MAX_IN_FLIGHT", "Answer", "BrokerConnection", "Extras", "Handlers", "Heard", "Speaker", "delivered"]

_log = logging.getLogger(__name__)

_MAX_QUEUED = 100
"""Messages that wait in the library for the broker's quota: state, recipe, alarms and answers."""
_ASK_WHY_EVERY_S = 30.0
_SETTLE_S = 1.0
_STOP_S = 12.0
"""How long the library's thread may take to end where it is just connecting."""
_HEAD_BYTES = 9
"""Of a message at most, beside topic, properties and payload."""
_NO_EXTRAS = Extras()


class BrokerConnection:
    """Connects, connects again, and tells of both; each connection that stands has a number, from 1.

    Nothing is carried from one connection to the next: what the broker had not acknowledged is forgotten
    here, and whoever published it decides whether it is still worth sending.

    Args:
        speaker: who connects.
        settings: the broker.
        base_folder: where relative paths in the settings begin.
        clock: for the time lost.
        handlers: who is told.

    Raises:
        ConfigurationError: the password or the certificate cannot be read.
    """

    def __init__(
        self, speaker: Speaker, settings: MqttSettings, base_folder: Path, clock: Clock, handlers: Handlers
    ) -> None:
        self._speaker = speaker
        self._settings = settings
        self._clock = clock
        self._handlers = handlers
        self.number = 0
        """Of the connection that stands; 0 while none does."""
        self.answers: deque[Answer] = deque()
        """Acknowledgements not yet looked at: no more of them than messages on their way."""
        self._connections_made = 0
        self._own_ids = itertools.count(-1, -1)
        """Of messages that are not sent, since the broker would not take them."""
        self._window = Window()
        self._largest_bytes = math.inf
        self._unsent_log = Throttle()
        self._hanging_up = self._renewing = self._answered = False
        self._replacing = threading.Lock()
        self._why_cut: str | None = None
        self._asked: tuple[float, Failure] | None = None
        self._peer = f"the MQTT broker at {settings.host}:{settings.port} ({speaker.name})"
        self._standing = Standing(self._peer)
        self._client = make_client(speaker.name, settings, base_folder, speaker.line)
        self._client.max_queued_messages_set(_MAX_QUEUED)
        self._attach(self._client)
        self._watch = CredentialWatch(settings, base_folder)
        self._upkeep = Upkeep(f"mqtt-upkeep-{speaker.line}", self._look_after)
        for sentence in open_to_everybody(settings, base_folder):
            _log.warning("%s", sentence)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._standing.begun(self._clock.monotonic_s())
        start_connecting(self._client, self._settings)
        self._upkeep.start()

    @property
    def window(self) -> int:
        """How many decisions may wait for the broker's acknowledgement now."""
        return 0 if self._renewing else self._window.for_decisions

    @property
    def troubles(self) -> dict[str, str]:
        """What is wrong with the connection now: cause and reason; empty where it stands."""
        return self._standing.troubles(self._clock.monotonic_s())

    def publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool = False, extras: Extras = _NO_EXTRAS
    ) -> MQTTMessageInfo:
        """Send one message; one that the broker would not take is answered here, as if it had refused it."""
        number = self.number
        properties = properties_of(extras) if self._settings.protocol is MqttProtocol.V5 else None
        size_bytes = len(topic.encode()) + len(payload) + _HEAD_BYTES
        size_bytes += 0 if properties is None else len(properties.pack())  # type: ignore[no-untyped-call]
        if size_bytes > self._largest_bytes:
            return self._not_sent(topic, f"it is larger than the {self._largest_bytes:.0f} bytes that the broker takes")
        info = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            return self._not_sent(topic, f"the broker has not acknowledged {_MAX_QUEUED} messages before it")
        takes_quota = bool(qos) and topic != self._speaker.decision_topic
        self._window.sent(info.mid, self._clock.monotonic_s(), number=number, takes_quota=takes_quota)
        return info

    def _not_sent(self, topic: str, reason: str) -> MQTTMessageInfo:
        info = MQTTMessageInfo(next(self._own_ids))
        info.rc = MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE
        said = self._unsent_log.say(f"a message on {topic} is not sent: {reason}", self._clock.monotonic_s())
        if said is not None:
            _log.warning("%s", said)
        self.answers.append(Answer(info.mid, accepted=False, reason=reason))
        self._handlers.changed()
        return info

    def hang_up(self, end_s: float, *, polite: bool) -> None:
        """Disconnect for good by ``end_s`` (monotonic); if not ``polite``, the broker publishes the will."""
        self._hanging_up = self._client.leaving = True
        self._upkeep.close()
        # A renewal under way ends by itself; it is not waited for longer than there is time.
        held = self._replacing.acquire(timeout=max(0.0, end_s - self._clock.monotonic_s()))
        try:
            self._end_loop(end_s, polite=polite)
        finally:
            if held:
                self._replacing.release()

    def _end_loop(self, end_s: float, *, polite: bool) -> bool:
        """Disconnect, and end the library's thread by ``end_s``; whether it has ended."""
        if polite:
            self._client.disconnect()
        # loop_stop waits for the library's thread, which may be stuck in connecting or in a full socket.
        stopper = threading.Thread(target=self._client.loop_stop, name="mqtt-stop", daemon=True)
        stopper.start()
        if polite:
            stopper.join(max(0.0, end_s - self._clock.monotonic_s()))
        if stopper.is_alive():
            cut(self._client.socket())
            stopper.join(max(0.1, end_s - self._clock.monotonic_s()))
        return not stopper.is_alive()

    def _look_after(self) -> None:
        now_s = self._clock.monotonic_s()
        match self._watch.look(now_s, connected=self.number != 0):
            case Renewed() as renewed:
                self._renew(renewed)
            case Unfit(sentence):
                _log.warning("changed files are not taken, and what they held before stays in force: %s", sentence)
        # A broker that hangs takes whatever it is sent and acknowledges nothing; the library would wait for a ping.
        waited_s = self._window.overdue_s(now_s)
        if self.number and waited_s > self._settings.keepalive_s:
            self._why_cut = f"it has acknowledged nothing for {waited_s:.0f} s"
            cut(self._client.socket())

    def _renew(self, renewed: Renewed) -> None:
        """Connect anew with other credentials; decisions wait in their publisher's queue meanwhile."""
        with self._replacing:
            if self._hanging_up:
                return
            keys = ", ".join(f"mqtt.{key}" for key in renewed.keys)
            _log.info("the files of %s have changed: connecting to %s anew with them", keys, self._peer)
            self._renewing = True
            try:
                self._settle()
                self._standing.begun(self._clock.monotonic_s())
                ended = self._end_loop(self._clock.monotonic_s() + _STOP_S, polite=True)
                self._come_down()
                self._client.use(renewed.credentials)
                self._asked = None
            finally:
                self._renewing = False
            if ended:
                start_connecting(self._client, self._settings)
            else:
                _log.error("%s: the old connection does not end; restart the sorter to use the new files", self._peer)

    def _settle(self) -> None:
        """Let the broker acknowledge what is on its way, so that it need not be sent twice."""
        end_s = self._clock.monotonic_s() + _SETTLE_S
        while self.number and self._window.overdue_s(now_s := self._clock.monotonic_s()) and now_s < end_s:
            self._clock.wait_s(0.01)

    def _come_down(self) -> None:
        self.number = 0
        self._window.close()
        self._handlers.changed()

    def _attach(self, client: Client) -> None:
        client.will_set(self._speaker.will_topic, self._speaker.will, qos=1, retain=True)
        client.on_pre_connect = guarded(self._when_connecting)
        client.on_connect = guarded(self._when_connected)
        client.on_connect_fail = guarded(self._when_unreachable)
        client.on_disconnect = guarded(self._when_disconnected)
        client.on_publish = guarded(self._when_answered)
        client.on_subscribe = guarded(self._when_subscribed)
        client.on_message = guarded(self._when_message)

    def _when_connecting(self, _client: Client, _data: object) -> None:
        self._answered = False

    def _when_connected(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, told: Properties | None
    ) -> None:
        self._answered = True
        quota = min(getattr(told, "ReceiveMaximum", MAX_UNACKNOWLEDGED), MAX_UNACKNOWLEDGED)
        self._client.begin(quota)
        if reason.is_failure:  # a refused CONNECT comes here too
            self._failed(of_answer(str(reason), self._settings))
            return
        self._tell(self._standing.connected(self._clock.monotonic_s()))
        self._asked = self._why_cut = None
        self._largest_bytes = getattr(told, "MaximumPacketSize", math.inf)
        self._listen(client)
        self._connections_made += 1
        self._window.open(quota, self._connections_made)
        self.number = self._connections_made
        self._handlers.changed()

    def _listen(self, client: Client) -> None:
        if self._settings.protocol is MqttProtocol.V5:
            client.subscribe([(topic, self._listen_options(topic)) for topic in self._speaker.listen_topics])
        else:
            client.subscribe([(topic, 1) for topic in self._speaker.listen_topics])

    def _listen_options(self, topic: str) -> SubscribeOptions:
        if topic in self._speaker.tell_retained:
            return SubscribeOptions(qos=1, retainAsPublished=True)
        return SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)

    def _when_unreachable(self, _client: Client, _data: object) -> None:
        # The library calls this while it handles the error, and does not hand it over.
        self._failed(of_error(sys.exc_info()[1], self._settings))

    def _when_disconnected(
        self, client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _told: object
    ) -> None:
        stood = self.number != 0
        self._come_down()
        if self._hanging_up or self._renewing:
            return
        if stood:
            self._lost(client, str(reason))
        elif not self._answered:
            self._failed(self._ask_why())

    def _lost(self, client: Client, reason: str) -> None:
        why = self._why_cut or ("" if reason == "Unspecified error" else reason)  # what the library says of a close
        self._why_cut = None
        words = f"the connection was lost ({why})" if why else "the connection was lost"
        taken_over = reason == "Session taken over"
        for notice in self._standing.lost(words, self._clock.monotonic_s(), taken_over=taken_over):
            self._tell(notice)
        delay_s = self._standing.retry_after_s
        client.reconnect_delay_set(delay_s, max(delay_s, RECONNECT_MAX_S))

    def _ask_why(self) -> Failure:
        """Closed before it was answered; asked again only now and then."""
        now_s = self._clock.monotonic_s()
        if self._asked is None or now_s - self._asked[0] >= _ASK_WHY_EVERY_S:
            self._asked = (now_s, ask_why(self._settings, self._client.tls_context))
        return self._asked[1]

    def _when_answered(
        self, _client: Client, _data: object, message_id: int, reason: ReasonCode, _told: object
    ) -> None:
        # Comes for refused messages too, and for those of QoS 0 once they are written.
        self._window.answered(message_id)
        self.answers.append(Answer(message_id, accepted=not reason.is_failure, reason=str(reason)))
        self._handlers.changed()

    def _when_subscribed(
        self, _client: Client, _data: object, _id: int, reasons: list[ReasonCode], _told: object
    ) -> None:
        for topic, reason in zip(self._speaker.listen_topics, reasons, strict=False):
            if reason.is_failure:
                _log.warning("the broker refuses the subscription to %s (%s): allow it", topic, reason)

    def _when_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if message.retain and not any(topic_matches_sub(one, message.topic) for one in self._speaker.tell_retained):
            return  # it is from another time
        told = message.properties
        heard = Heard(
            message.topic,
            bytes(message.payload),
            retained=message.retain,
            response_topic=getattr(told, "ResponseTopic", None),
            correlation_data=getattr(told, "CorrelationData", None),
        )
        self._handlers.received(heard)

    def _failed(self, failure: Failure) -> None:
        self._tell(self._standing.failed(failure, self._clock.monotonic_s()))

    def _tell(self, notice: Notice) -> None:
        _log.log(notice.level, "%s", notice.sentence)


def delivered(info: MQTTMessageInfo) -> bool:
    """Whether the broker has acknowledged a message; a connection lost on the way is no."""
    try:
        return info.is_published()
    except (RuntimeError, ValueError):  # how the library says that it never left
        return False
