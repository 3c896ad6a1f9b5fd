"""What goes over a connection and back, without the connection: who speaks, what is heard, what is answered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


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
    line: str | None = None
    """Ends the client id where the settings say how it begins."""
    decision_topic: str | None = None
    """Its messages are counted by their publisher, who keeps to `BrokerConnection.window`."""


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
