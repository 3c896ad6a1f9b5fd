"""A photo-eye and its PLC beside the simulated belt: of the sorter it knows the wire, and when the belt began."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from sorter.capture.simulator.truth import TrueProduct, truth
from sorter.line_reports import Heartbeat
from sorter.outputs.messages import dumps
from sorter.outputs.trigger import TriggerMessage, trigger_message
from sorter.settings.site import LineSettings, PhotoEyeTrigger, SimulatorSource

FIRST_NUMBER = 5000
MM_PER_COUNT = 0.1


@dataclass(frozen=True)
class Passage:
    """A product as it passes the eye, in a belt that moves to the right through the whole picture."""

    index: int
    eye_s: float
    """Monotonic seconds."""
    crosses_s: float
    """Monotonic seconds: when its middle crosses the decision line."""

    @property
    def number(self) -> int:
        """What the PLC calls it."""
        return FIRST_NUMBER + self.index


Say = Callable[[Passage], list[TriggerMessage]]


class PhotoEye:
    """Sends what ``say`` makes of each product, at the moment when the product is at the eye."""

    def __init__(self, port: int, topic: str, line: LineSettings) -> None:
        assert isinstance(line.source, SimulatorSource)
        assert isinstance(line.trigger, PhotoEyeTrigger)
        self._source = line.source
        self._belt = truth(line.source, 0.0)
        self._decision_line = line.decision_line
        self._lead_s = line.trigger.distance_mm / line.source.belt_speed_mm_per_s
        self._topic = topic
        self.zero_s: float | None = None
        """Monotonic seconds of the belt's first frame."""
        self.said: list[Passage] = []
        """Those that it has sent triggers of, or was asked to and sent none."""
        self.say: Say = lambda passage: [self.message(passage)]
        self._stopping = threading.Event()
        self._begun = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, "photo-eye", protocol=MQTTv5)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self._thread = threading.Thread(target=self._watch, name="photo-eye")
        self._thread.start()

    def hear_heartbeat(self, _line: str, beat: Heartbeat) -> None:
        """Where the belt's time begins is all that it hears from inside."""
        if self.zero_s is None and beat.first_frame is not None:
            number, captured_at_s = beat.first_frame
            self.zero_s = captured_at_s - number / self._source.frame_rate_hz
            self._begun.set()

    def passage(self, product: TrueProduct) -> Passage:
        """When a product passes."""
        assert self.zero_s is not None
        belt = self._belt.belt
        way_px = self._decision_line * belt.length_px + product.length_px / 2
        crosses_s = self.zero_s + product.enters_s + way_px / belt.speed_px_per_s
        return Passage(product.index, crosses_s - self._lead_s, crosses_s)

    def passages(self, until_s: float) -> list[Passage]:
        """All that are in the picture at any time until then (monotonic seconds)."""
        assert self.zero_s is not None
        return [self.passage(one) for one in self._belt.products_between(0.0, until_s - self.zero_s)]

    def message(self, passage: Passage, shift_s: float = 0.0, **changes: Any) -> TriggerMessage:
        """What a faultless eye says, its time off by ``shift_s``."""
        at_wall_s = passage.eye_s + shift_s + time.time() - time.monotonic()
        said = {"product": passage.number, "trigger_id": f"eye-{passage.number}", "at_wall_s": at_wall_s}
        return TriggerMessage(**(said | changes))

    def count(self, at_s: float) -> int:
        """The belt's encoder (monotonic seconds)."""
        assert self.zero_s is not None
        return round((at_s - self.zero_s) * self._source.belt_speed_mm_per_s / MM_PER_COUNT)

    def send(self, payload: bytes, *, retain: bool = False) -> None:
        """Anything at all, on the trigger topic."""
        self.client.publish(self._topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def close(self) -> None:
        """End."""
        self._stopping.set()
        self._begun.set()
        self._thread.join(10)
        self.client.disconnect()
        self.client.loop_stop()

    def _watch(self) -> None:
        self._begun.wait()
        done_s = (self.zero_s or 0.0) - 2.0  # the belt has run for a while when its first picture is taken
        while not self._stopping.is_set():
            now_s = time.monotonic()
            for passage in self.passages(now_s + 2 * self._lead_s + 1.0):
                if done_s < passage.eye_s <= now_s:
                    self.said.append(passage)
                    for message in self.say(passage):
                        self.client.publish(self._topic, dumps(trigger_message(message)), qos=1)
            done_s = now_s
            self._stopping.wait(0.005)
