"""A simulated diverter: it knows nothing but the wire, as a PLC would."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sorter.outputs.confirm import Confirm, ConfirmOutcome, confirm_message
from sorter.outputs.messages import dumps
from sorter.outputs.mqtt_client import make_client, start_connecting
from sorter.outputs.outbox import RecentIds
from sorter.outputs.topics import Topics
from sorter.ports import Clock
from sorter.settings.site import MqttSettings


@dataclass(frozen=True, slots=True)
class DiverterCounts:
    """What a diverter has seen and done."""

    received: int = 0
    """Decisions, each counted once."""
    actuated: int = 0
    missed: int = 0
    """Came at or after their deadline: not acted on."""
    duplicates: int = 0
    """Came a second time: not acted on again."""
    gaps: int = 0
    """Numbers skipped in ``seq``: decisions that were never delivered."""
    unreadable: int = 0


class Reception:
    """What a diverter makes of each decision, without the connection."""

    def __init__(self) -> None:
        self.counts = DiverterCounts()
        self._seen = RecentIds()
        self._last_seq: dict[tuple[str, str], int] = {}

    def take(self, payload: bytes, now_wall_s: float) -> Confirm | None:
        """Read one decision and act on it once, before its deadline; the confirm to send, or None.

        The move itself is taken as made at once; a real diverter waits for ``act_after``.
        """
        try:
            message = json.loads(payload)
            name, seq = str(message["decision_id"]), int(message["seq"])
            run = (str(message["boot_id"]), str(message["line"]))
            in_time = _in_time(message["act_before"], now_wall_s)
        except (ValueError, KeyError, TypeError):
            self._count(unreadable=1)
            return None
        if not self._seen.is_new(name):
            self._count(duplicates=1)
            return None
        self._note_gap(run, seq)
        self._count(received=1, actuated=int(in_time), missed=int(not in_time))
        return Confirm(name, ConfirmOutcome.ACTUATED if in_time else ConfirmOutcome.MISSED)

    def _note_gap(self, run: tuple[str, str], seq: int) -> None:
        last = self._last_seq.get(run, seq - 1)
        self._count(gaps=max(0, seq - last - 1))
        self._last_seq[run] = max(last, seq)

    def _count(self, **more: int) -> None:
        self.counts = replace(
            self.counts, **{name: getattr(self.counts, name) + number for name, number in more.items()}
        )


def _in_time(act_before: str | None, now_wall_s: float) -> bool:
    return act_before is None or now_wall_s < datetime.fromisoformat(act_before).timestamp()


class Diverter:
    """Subscribes to the decisions of lines, acts once per decision id and before the deadline, and confirms.

    Args:
        settings: the broker.
        lines: the topics of each line it serves.
        clock: its wall clock is held against each deadline.
        base_folder: where relative paths in the settings begin.
    """

    def __init__(self, settings: MqttSettings, lines: Sequence[Topics], clock: Clock, base_folder: Path) -> None:
        self._settings = settings
        self._confirm_topics = {line.decision: line.confirm for line in lines}
        self._clock = clock
        self._reception = Reception()
        self._ready = threading.Event()
        self._client = make_client("diverter", settings, base_folder)
        self._client.on_connect = self._when_connected
        self._client.on_subscribe = self._when_subscribed
        self._client.on_message = self._when_message

    @property
    def counts(self) -> DiverterCounts:
        """What it has seen and done so far."""
        return self._reception.counts

    def start(self, timeout_s: float = 5.0) -> bool:
        """Connect and subscribe; whether the broker granted it within ``timeout_s`` (it goes on trying)."""
        start_connecting(self._client, self._settings)
        return self._ready.wait(timeout_s)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _when_connected(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _told: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.subscribe([(topic, 1) for topic in self._confirm_topics])

    def _when_subscribed(
        self, _client: Client, _data: object, _id: int, reasons: list[ReasonCode], _told: object
    ) -> None:
        if not any(reason.is_failure for reason in reasons):
            self._ready.set()

    def _when_message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        if message.retain:  # decisions are never retained: somebody else's
            return
        confirm = self._reception.take(bytes(message.payload), self._clock.wall_s())
        if confirm is not None:
            answer = confirm_message(confirm, self._clock.wall_s())
            client.publish(self._confirm_topics[message.topic], dumps(answer), qos=1)
