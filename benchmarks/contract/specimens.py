"""One real message of each kind, off the wire of a running service: the examples of ``docs/asyncapi.yaml``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.belt import BenchBelt
from benchmarks.contract.consumer import Consumer
from benchmarks.contract.service import RunningService, small_belt
from benchmarks.wire import Wire
from sorter.demo.broker import start_broker
from sorter.errors import SorterError
from sorter.outputs.command import Command, CommandName, command_message
from sorter.outputs.messages import dumps
from sorter.outputs.topics import Topics
from sorter.outputs.trigger import TriggerMessage, trigger_message
from sorter.settings.site import LineSettings

_TIMEOUT_S = 40.0
_POLL_S = 0.02
_ANSWERS = "hmi/answers"
"""Where the operator's panel waits for them."""
_LINE, _LINE_WITH_EYE = "line-1", "line-2"

Specimens = Mapping[str, Mapping[str, Any]]


def collect_specimens() -> Specimens:
    """Run the service on two simulated belts until it has said and heard everything, and stop it; by name.

    Raises:
        SorterError: it did not, or mosquitto is not installed.
    """
    with start_broker("mosquitto") as broker, Wire(broker) as wire:
        topics = [Topics("sorter", "demo", name) for name in (_LINE, _LINE_WITH_EYE)]
        with (
            tempfile.TemporaryDirectory() as folder,
            Consumer(broker.port, [one.of_line for one in topics], "--act-at-once"),
            RunningService(Path(folder), broker, *_lines(Path(folder))) as service,
        ):
            found = dict(_collect(wire, topics))
            service.stop()
            found["state-offline"] = _wait(lambda: _last(wire, _LINE, "state", state="offline"))
    return found


def _lines(folder: Path) -> Iterator[LineSettings]:
    """One with a candidate recipe that sends every color to one gate, and one with a photo-eye."""
    recipe = BenchBelt.of_config().recipe
    bins = tuple(one.model_copy(update={"branch": "gate-3"}) for one in recipe.bins)
    candidate = recipe.model_copy(update={"revision": recipe.revision + 1, "bins": bins})
    path = folder / "candidate.yaml"
    path.write_text(yaml.safe_dump(candidate.model_dump(mode="json", exclude_defaults=True)), encoding="utf-8")
    yield small_belt(_LINE).model_copy(update={"shadow": str(path)})
    yield small_belt(_LINE_WITH_EYE, photo_eye=True)


def _collect(wire: Wire, topics: list[Topics]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    plain, with_eye = topics
    yield "state", _wait(lambda: _last(wire, plain.line, "state", state="running"))
    yield "recipe", _wait(lambda: _last(wire, plain.line, "recipe"))
    yield "shadow", _wait(lambda: _disagreeing(wire, plain.line))
    yield "decision", _wait(lambda: _last(wire, plain.line, "decision", verdict="routed"))
    yield "confirm", _wait(lambda: _last(wire, plain.line, "confirm"))
    yield "stats", _wait(lambda: _counting(wire, plain.line))
    trigger = TriggerMessage(product=5001, trigger_id="eye-5001", at_wall_s=time.time(), encoder=120450)
    wire.say(with_eye.trigger, dumps(trigger_message(trigger)))
    yield "trigger", _wait(lambda: _last(wire, with_eye.line, "trigger"))
    yield "alarm", _wait(lambda: _last(wire, with_eye.line, "alarm", raised=True))
    yield from _command(wire, plain)


def _command(wire: Wire, topics: Topics) -> Iterator[tuple[str, Mapping[str, Any]]]:
    recipe = Command(CommandName.RECIPE, command_id="41", by="Ann", recipe="demo")
    pause = Command(CommandName.PAUSE, command_id="42", by="Ann", reason="cleaning")
    yield "command-recipe", _sent(wire, topics, recipe)
    yield "command", _sent(wire, topics, pause)
    yield "command_answer", _wait(lambda: _last(wire, *_ANSWERS.split("/"), command_id="42"))


def _sent(wire: Wire, topics: Topics, command: Command) -> Mapping[str, Any]:
    topic = topics.command.replace("+", command.name)
    wire.say(topic, dumps(command_message(command)), answer_to=_ANSWERS)
    return _wait(lambda: _last(wire, *topic.split("/")[-2:]))


def _counting(wire: Wire, line: str) -> Mapping[str, Any] | None:
    """The last stats, once they count products; or None."""
    found = _last(wire, line, "stats")
    return found if found and found["branches"] and found["bins"] else None


def _disagreeing(wire: Wire, line: str) -> Mapping[str, Any] | None:
    """What is said of the candidate, once it has disagreed; or None."""
    found = _last(wire, line, "shadow")
    return found if found and found["examples"] else None


def _last(wire: Wire, line: str, leaf: str, **facts: object) -> Mapping[str, Any] | None:
    """The last message on a topic that says this, or None."""
    contents = [one.content for one in wire.on(line, leaf)]
    return next((one for one in reversed(contents) if facts.items() <= one.items()), None)


def _wait(find: Callable[[], Mapping[str, Any] | None]) -> Mapping[str, Any]:
    end_s = time.monotonic() + _TIMEOUT_S
    while (found := find()) is None:
        if time.monotonic() > end_s:
            raise SorterError(f"a message of the service did not come in {_TIMEOUT_S:g} s")
        time.sleep(_POLL_S)
    return found
