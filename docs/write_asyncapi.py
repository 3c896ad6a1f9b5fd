"""Write ``docs/asyncapi.yaml``: every channel of the wire with its schema and an example off a running service.

``python -m docs.write_asyncapi`` writes it from ``config/schema`` and ``docs/messages``; with ``--collect`` it first
runs the service on the simulator, with mosquitto, and takes the examples afresh.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sorter import __version__
from sorter.errors import SorterError
from sorter.outputs.command import CommandName
from sorter.outputs.topics import Topics

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "asyncapi.yaml"
SCHEMAS = ROOT / "config" / "schema"
EXAMPLES = ROOT / "docs" / "messages"
_TOPICS = Topics("{base}", "{site}", "{line}")

_LICENSE = "Apache-2.0"
_DESCRIPTION = """\
A sorter decides each product's color and tells the line which branch to send it to. Its readers act once per
decision_id, before act_before, and fall back where the retained state is not running or degraded. Unknown fields are to
be ignored. Every time is RFC 3339 in UTC. How to consume all this rightly: docs/plc.md and examples/plc_line.py.

Written by `python -m docs.write_asyncapi` from config/schema and docs/messages.
"""


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic, as the sorter uses it."""

    name: str
    address: str
    schema: str
    """File name in ``config/schema`` without its endings."""
    action: str
    """``send`` or ``receive``, by the sorter."""
    words: str
    qos: int = 1
    retain: bool = False
    expires: bool = False
    """It carries a message expiry."""


CHANNELS = (
    Channel(
        "decision", _TOPICS.decision, "decision", "send",
        "One product's decision. With MQTT 5 it expires at act_before; a reader must check act_before all the same.",
        expires=True,
    ),
    Channel(
        "state", _TOPICS.state, "state", "send",
        "The line's state; also the last will, and published again on every connect.", retain=True,
    ),
    Channel(
        "recipe", _TOPICS.recipe, "recipe_in_force", "send", "The recipe in force; published again on every connect.",
        retain=True,
    ),
    Channel(
        "shadow", _TOPICS.shadow, "shadow", "send",
        "How a candidate recipe does beside the recipe in force; published again on every connect.", retain=True,
    ),
    Channel(
        "alarm", _TOPICS.alarm, "alarm", "send",
        "A cause that was raised or cleared; those raised are published again on every connect.",
    ),
    Channel("stats", _TOPICS.stats, "stats", "send", "The line's counts since boot, every five seconds.", qos=0),
    Channel(
        "trigger", _TOPICS.trigger, "trigger", "receive",
        "A photo-eye or PLC announces a product, where trigger.kind is photo_eye. Retained ones are ignored.",
    ),
    Channel(
        "confirm", _TOPICS.confirm, "confirm", "receive",
        "The diverter says what became of a decision: actuated, blocked or missed. Retained ones are ignored.",
    ),
    Channel(
        "command", _TOPICS.command.replace("+", "{command}"), "command", "receive",
        "Tells the line to do something. Retained ones are ignored and told. The broker decides who may send.",
    ),
)  # fmt: skip
ANSWER = "command_answer"
_PARAMETERS = {
    "base": {"description": "mqtt.base_topic of the settings.", "default": "sorter"},
    "site": {"description": "The plant."},
    "line": {"description": "One camera over one belt."},
    "command": {"description": "What is commanded.", "enum": [name.value for name in CommandName]},
}
_NOT_IN_DRAFT_7 = ("$schema", "$id")


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Conveyor color sorter",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": _LICENSE},
        },
        "defaultContentType": "application/json",
        "servers": dict(_servers()),
        "channels": {one.name: _channel(one) for one in CHANNELS} | {"commandAnswer": _answer_channel()},
        "operations": {f"{one.action}{one.name.capitalize()}": _operation(one) for one in CHANNELS},
        "components": {
            "messages": {one.name: _message(one.name, one.schema, one.words) for one in CHANNELS}
            | {"commandAnswer": _message("commandAnswer", ANSWER, "What became of a command.", ANSWER)},
            "securitySchemes": {
                "password": {"type": "userPassword", "description": "User name and password at the broker."},
                "certificate": {"type": "X509", "description": "A client certificate."},
            },
        },
    }


def text() -> str:
    """The document as it is written."""
    head = "# Written by python -m docs.write_asyncapi: change that, config/schema or docs/messages instead.\n"
    return head + yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=118)


def _servers() -> Iterator[tuple[str, Mapping[str, Any]]]:
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("password", "certificate")]
    for name, port, protocol, words in (
        ("plain", 1883, "mqtt", "A broker on the sorter's own machine."),
        ("tls", 8883, "secure-mqtt", "The plant's broker."),
    ):
        server = {"host": f"127.0.0.1:{port}", "protocol": protocol, "protocolVersion": "5", "description": words}
        yield name, server | ({"security": security} if protocol == "secure-mqtt" else {})


def _channel(one: Channel) -> Mapping[str, Any]:
    return {
        "address": one.address,
        "description": one.words,
        "messages": {one.name: {"$ref": f"#/components/messages/{one.name}"}},
        "parameters": _parameters(one.address),
    }


def _parameters(address: str) -> Mapping[str, Any]:
    return {name: what for name, what in _PARAMETERS.items() if f"{{{name}}}" in address}


def _answer_channel() -> Mapping[str, Any]:
    return {
        "address": _TOPICS.command_answer,
        "description": "Or the MQTT 5 response topic of the command, with its correlation data; QoS 1, never retained.",
        "messages": {"commandAnswer": {"$ref": "#/components/messages/commandAnswer"}},
        "parameters": _parameters(_TOPICS.command_answer),
    }


def _operation(one: Channel) -> Mapping[str, Any]:
    bindings: dict[str, Any] = {"qos": one.qos, "retain": one.retain}
    if one.expires:
        words = "Whole seconds left to act_before when it is sent, rounded up."
        bindings["messageExpiryInterval"] = {"type": "integer", "minimum": 1, "description": words}
    operation: dict[str, Any] = {
        "action": one.action,
        "channel": {"$ref": f"#/channels/{one.name}"},
        "summary": one.words,
        "messages": [{"$ref": f"#/channels/{one.name}/messages/{one.name}"}],
        "bindings": {"mqtt": {**bindings, "bindingVersion": "0.2.0"}},
    }
    if one.name == "command":
        answer = "#/channels/commandAnswer"
        operation["reply"] = {
            "channel": {"$ref": answer},
            "messages": [{"$ref": f"{answer}/messages/commandAnswer"}],
        }
    return operation


def _message(name: str, schema: str, words: str, examples_of: str | None = None) -> Mapping[str, Any]:
    """``examples_of`` is what its examples are called, where that is not its name."""
    message: dict[str, Any] = {"name": name, "title": name, "summary": words, "payload": _payload(schema)}
    if name == "command":
        told = {"type": "string", "description": "Where the answer is wanted."}
        correlation = {"type": "string", "description": "Sent back with the answer, as it came."}
        binding = {"responseTopic": told, "correlationData": correlation, "bindingVersion": "0.2.0"}
        message["bindings"] = {"mqtt": binding}
    paths = example_paths(examples_of or name)
    examples = [{"name": path.stem, "payload": json.loads(path.read_text("utf-8"))} for path in paths]
    return message | ({"examples": examples} if examples else {})


def example_paths(name: str) -> list[Path]:
    """The examples of one message, ``NAME.json`` and ``NAME-WHAT.json``."""
    return sorted([*EXAMPLES.glob(f"{name}.json"), *EXAMPLES.glob(f"{name}-*.json")])


def _payload(schema: str) -> Any:
    path = SCHEMAS / f"{schema}.schema.json"
    return _in_draft_7(json.loads(path.read_text("utf-8"))) if path.exists() else {"type": "object"}


def _in_draft_7(schema: Any) -> Any:
    """AsyncAPI's own schemas are a superset of JSON Schema draft 7, which has another word for tuples."""
    if isinstance(schema, list):
        return [_in_draft_7(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _in_draft_7(value) for key, value in schema.items() if key not in _NOT_IN_DRAFT_7}
    if "prefixItems" in schema:
        rest = plain.get("items", True)
        plain = {key: value for key, value in plain.items() if key != "prefixItems"}
        plain |= {"items": _in_draft_7(schema["prefixItems"]), "additionalItems": rest}
    return plain


def write_examples(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write messages off the wire as the examples, by their names."""
    EXAMPLES.mkdir(exist_ok=True)
    for name, message in found.items():
        told = json.dumps(message, ensure_ascii=False, indent=2)
        (EXAMPLES / f"{name}.json").write_text(told + "\n", encoding="utf-8")


def main() -> int:
    """Write the document."""
    parser = argparse.ArgumentParser(description="Write docs/asyncapi.yaml.")
    parser.add_argument("--collect", action="store_true", help="take the examples afresh from a running service")
    if parser.parse_args().collect:
        from benchmarks.contract.specimens import collect_specimens  # noqa: PLC0415 - needs a broker

        try:
            write_examples(collect_specimens())
        except SorterError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
    DOCUMENT.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
