"""One connection to the broker, made again whenever it is lost; the client library ends here."""

from __future__ import annotations

import functools
import logging
import math
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTMessageInfo,
    topic_matches_sub,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from sorter.outputs.link import LinkLog, Notice
from sorter.outputs.mqtt_client import make_client, start_connecting
from sorter.ports import Clock
from sorter.settings.site import MqttProtocol, MqttSettings

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")

_LONGEST_EXPIRY_S = 2**32 - 1
MAX_IN_FLIGHT = 10
_KEPT_FREE = 6  # in the broker's window, for state, recipe and alarms


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who connects, what the broker says when he vanishes, and what he listens to."""

    name: str
    """Begins the client id."""
    will_topic: str
    will: bytes
    listen_topics: tuple[str, ...]
    """Topics or filters; retained messages on them are from another time and are not asked for."""
    tell_retained: tuple[str, ...] = ()
    """Those of them whose retained messages are handed over all the same, so that it can be told who left them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message on a topic that is listened to."""

    topic: str
    payload: bytes
    retained: bool = False
    """It was published to be kept: MQTT 5 says so of a new one, too; 3.1.1 only of one that was kept."""
    response_topic: str | None = None
    """Where an answer is wanted; MQTT 5 only."""
    correlation_data: bytes | None = None
    """To be sent back with the answer; MQTT 5 only."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What MQTT 5 sends along with a message, and 3.1.1 leaves out."""

    expires_s: float = math.inf
    """How long the broker may keep it; told in whole seconds, rounded up."""
    user_properties: tuple[tuple[str, str], ...] = ()
    correlation_data: bytes | None = None


_NO_EXTRAS = Extras()


@dataclass(frozen=True, slots=True)
class Handlers:
    """Called in the client library's thread, which holds locks of its own: never wait in them."""

    changed: Callable[[], None]
    """The connection came or went, or an acknowledgement arrived."""
    received: Callable[[Heard], None]
    """A message; a retained one only on a topic of `Speaker.tell_retained`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's acknowledgement of one message."""

    message_id: int
    accepted: bool
    reason: str


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
        self.window = MAX_IN_FLIGHT
        """How many decisions may wait for the broker's acknowledgement on this connection."""
        self.answers: deque[Answer] = deque()
        """Acknowledgements not yet looked at: no more of them than messages on their way."""
        self._connections_made = 0
        self._hanging_up = False
        self._link = LinkLog(
            f"the MQTT broker at {settings.host}:{settings.port} ({speaker.name})",
            "Start the broker, or mend mqtt in the settings file; decisions wait until their deadline.",
        )
        self._client = make_client(speaker.name, settings, base_folder)
        self._attach(self._client)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        start_connecting(self._client, self._settings)

    def publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool = False, extras: Extras = _NO_EXTRAS
    ) -> MQTTMessageInfo:
        """Send one message."""
        properties = self._properties(extras)
        return self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)

    def hang_up(self, end_s: float, *, polite: bool) -> None:
        """Disconnect for good by ``end_s`` (monotonic); if not ``polite``, the broker publishes the will."""
        self._hanging_up = True
        if polite:
            self._client.disconnect()
        # loop_stop waits for the library's thread, which may be stuck in connecting or in a full socket.
        stopper = threading.Thread(target=self._client.loop_stop, name="mqtt-stop", daemon=True)
        stopper.start()
        if polite:
            stopper.join(max(0.0, end_s - self._clock.monotonic_s()))
        if stopper.is_alive():
            _cut(self._client.socket())
            stopper.join(max(0.1, end_s - self._clock.monotonic_s()))

    def _properties(self, extras: Extras) -> Properties | None:
        if self._settings.protocol is not MqttProtocol.V5 or extras == _NO_EXTRAS:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if math.isfinite(extras.expires_s):
            properties.MessageExpiryInterval = min(max(1, math.ceil(extras.expires_s)), _LONGEST_EXPIRY_S)
        if extras.correlation_data is not None:
            properties.CorrelationData = extras.correlation_data
        if extras.user_properties:
            properties.UserProperty = list(extras.user_properties)
        return properties

    def _attach(self, client: Client) -> None:
        client.will_set(self._speaker.will_topic, self._speaker.will, qos=1, retain=True)
        client.on_connect = _guarded(self._when_connected)
        client.on_connect_fail = _guarded(self._when_unreachable)
        client.on_disconnect = _guarded(self._when_disconnected)
        client.on_publish = _guarded(self._when_answered)
        client.on_subscribe = _guarded(self._when_subscribed)
        client.on_message = _guarded(self._when_message)

    def _when_connected(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, told: Properties | None
    ) -> None:
        # The library would send what the last connection left: after its deadline, and over a newer state.
        client.drop_out_messages()
        if reason.is_failure:  # a refused CONNECT comes here too
            self._failed(f"it refuses us ({reason})")
            return
        self._tell(self._link.connected(self._clock.monotonic_s()))
        broker_window = getattr(told, "ReceiveMaximum", MAX_IN_FLIGHT + _KEPT_FREE)
        self.window = max(1, min(MAX_IN_FLIGHT, broker_window - _KEPT_FREE))
        self._listen(client)
        self._connections_made += 1
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
        error = sys.exc_info()[1]
        self._failed(str(error) if error is not None else "it does not answer")

    def _when_disconnected(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _told: object
    ) -> None:
        self.number = 0
        self._handlers.changed()
        if not self._hanging_up:
            # "Unspecified error" is what the library says of a socket that closed.
            why = "" if str(reason) == "Unspecified error" else f" ({reason})"
            self._failed(f"the connection was lost{why}")

    def _when_answered(
        self, _client: Client, _data: object, message_id: int, reason: ReasonCode, _told: object
    ) -> None:
        # Comes for refused messages too.
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

    def _failed(self, reason: str) -> None:
        self._tell(self._link.failed(reason, self._clock.monotonic_s()))

    def _tell(self, notice: Notice) -> None:
        _log.log(notice.level, "%s", notice.sentence)


def delivered(info: MQTTMessageInfo) -> bool:
    """Whether the broker has acknowledged a message; a connection lost on the way is no."""
    try:
        return info.is_published()
    except (RuntimeError, ValueError):  # how the library says that it never left
        return False


def _guarded(callback: Callable[_P, None]) -> Callable[_P, None]:
    """An exception in a callback would end the library's thread without a word (paho#894)."""

    @functools.wraps(callback)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:  # noqa: BLE001 - logged; one bad message must not silence the line
            _log.exception("a fault in %s; the connection goes on", callback.__name__)

    return run


def _cut(sock: object) -> None:
    """End a connection under the library's feet; its thread then ends by itself."""
    if isinstance(sock, socket.socket):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            _log.debug("the connection was gone already")
