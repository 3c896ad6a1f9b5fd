"""A PLC's side of the wire: follows sorting lines, moves their gates as decided, and confirms each decision.

    python examples/plc_client.py --topic sorter/plant-1/line-1

Needs ``plc_line.py`` beside it, paho-mqtt, and nothing of the sorter. The gates are simulated.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from plc_line import CONFIRMED, MOST_WAITING, Event, Line


class PlcClient:
    """The connection: what it hears goes through one queue to `run`, so that nothing needs a lock."""

    def __init__(self, options: argparse.Namespace) -> None:
        stuck = set(options.stuck)
        self._as_json = options.json
        self._lines = {
            topic: Line(lambda branch: branch not in stuck, options.safe_branch, act_at_once=options.act_at_once)
            for topic in options.topic
        }
        self._heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._given_up = 0
        self._stopping = threading.Event()
        self._client = _client(options)
        self._client.on_connect = self._when_connected
        self._client.on_subscribe = self._when_subscribed
        self._client.on_disconnect = lambda *_: self._heard.put(("disconnected", b""))
        self._client.on_message = self._when_message

    def run(self) -> None:
        """Follow the lines until told to stop."""
        self._client.loop_start()
        while not self._stopping.is_set() or not self._heard.empty():
            due_s = min(line.next_due_s for line in self._lines.values())
            try:
                what, payload = self._heard.get(timeout=min(max(due_s - time.time(), 0.001), 0.1))
                self._take(what, payload)
            except queue.Empty:
                pass
            for topic, line in self._lines.items():
                self._do(topic, line.act(time.time()))
        self._client.disconnect()
        self._client.loop_stop()
        for topic, line in self._lines.items():
            self._tell(topic, Event("counts", {**line.counts, "given up": self._given_up}))

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping.set()

    def _take(self, what: str, payload: bytes) -> None:
        for topic, line in self._lines.items():
            if what == f"{topic}/decision":
                self._do(topic, line.take_decision(payload, time.time()))
            elif what == f"{topic}/state":
                self._do(topic, line.take_state(payload))
            elif what == "connected":
                self._do(topic, line.connect())
            elif what == "disconnected":
                self._do(topic, line.disconnect())
            elif what == "listening":
                self._tell(topic, Event("listening", {}))

    def _do(self, topic: str, events: Iterable[Event]) -> None:
        for event in events:
            if event.what in CONFIRMED:
                confirm = {"schema": "sorter.confirm/1", "outcome": event.what, "at": _now()}
                confirm["decision_id"] = event.facts["decision_id"]
                self._client.publish(f"{topic}/confirm", json.dumps(confirm), qos=1)
            self._tell(topic, event)

    def _tell(self, topic: str, event: Event) -> None:
        if self._as_json:
            said = json.dumps({"at": _now(), "topic": topic, "event": event.what, **event.facts})
        else:
            # As JSON, too: a hostile text must not steer the terminal.
            said = f"{_now()} {topic} {event.what} {json.dumps(event.facts) if event.facts else ''}".rstrip()
        sys.stdout.write(said + "\n")
        sys.stdout.flush()

    def _when_connected(self, client: Client, _data: object, _flags: object, reason: Any, _told: object) -> None:
        if reason.is_failure:  # a refused connection comes here, too
            sys.stderr.write(f"the broker refuses us: {reason}\n")
            return
        self._heard.put(("connected", b""))  # before we subscribe: the retained state comes after it
        client.subscribe([(f"{topic}/{leaf}", 1) for topic in self._lines for leaf in ("state", "decision")])

    def _when_subscribed(self, _client: Client, _data: object, _id: int, reasons: list[Any], _told: object) -> None:
        if any(reason.is_failure for reason in reasons):
            sys.stderr.write("the broker refuses the subscription: allow this user to read state and decision\n")
        else:
            self._heard.put(("listening", b""))

    def _when_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if message.retain and message.topic.endswith("/decision"):  # decisions are never retained: it is no sorter's
            return
        if self._heard.qsize() < MOST_WAITING:
            self._heard.put((message.topic, bytes(message.payload)))
        else:  # we are too slow for the line; a lost decision is also seen as a gap in seq
            self._given_up += 1


def _client(options: argparse.Namespace) -> Client:
    # Two clients of one id throw each other out for ever.
    name = f"plc-{uuid.uuid4().hex[:8]}"
    protocol = MQTTv5 if options.protocol == "5" else MQTTv311
    client = Client(CallbackAPIVersion.VERSION2, name, protocol=protocol)
    client.on_socket_open = _send_at_once
    client.reconnect_delay_set(1, 4)
    client.max_queued_messages_set(MOST_WAITING)
    if options.username is not None:
        client.username_pw_set(options.username, os.environ.get(options.password_env or ""))
    if options.ca_file is not None:
        client.tls_set(options.ca_file, options.cert, options.key)
    client.connect_async(options.host, options.port, options.keepalive)
    return client


def _send_at_once(_client: Client, _data: object, sock: Any) -> None:
    # Else TCP holds a small message back until the one before is acknowledged: up to 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Follow sorting lines over MQTT as a PLC would.")
    parser.add_argument("--topic", action="append", required=True, metavar="BASE/SITE/LINE", help="a line; repeatable")
    parser.add_argument("--host", default="127.0.0.1", help="of the broker (%(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="of the broker (%(default)s)")
    parser.add_argument("--protocol", choices=("5", "3.1.1"), default="5", help="of MQTT (%(default)s)")
    parser.add_argument("--keepalive", type=int, default=5, metavar="S", help="a dead broker is noticed in twice that")
    parser.add_argument("--username", help="at the broker")
    parser.add_argument("--password-env", metavar="NAME", help="environment variable that holds the password")
    parser.add_argument("--ca-file", help="the broker's certificate authority; switches TLS on")
    parser.add_argument("--cert", help="our certificate, where the broker asks for one")
    parser.add_argument("--key", help="its key")
    parser.add_argument("--safe-branch", default="reject", help="for products without a decision (%(default)s)")
    parser.add_argument("--stuck", action="append", default=[], metavar="BRANCH", help="pretend its gate cannot move")
    parser.add_argument("--act-at-once", action="store_true", help="simulate: do not wait for act_after")
    parser.add_argument("--until-eof", action="store_true", help="stop, too, when standard input ends")
    parser.add_argument("--json", action="store_true", help="one JSON object for each event")
    return parser


def _stop_at_eof(plc: PlcClient) -> None:
    sys.stdin.read()
    plc.stop()


def main() -> int:
    """Run until SIGINT or SIGTERM."""
    options = build_parser().parse_args()
    try:
        plc = PlcClient(options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"the connection cannot be set up: {error}\n")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: plc.stop())
    if options.until_eof:
        threading.Thread(target=_stop_at_eof, args=(plc,), daemon=True).start()
    try:
        plc.run()
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
