"""A photo-eye beside the simulated belt, over a real broker, into a whole service."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from sorter.capture.clock import SystemClock
from sorter.line_parts import Listeners
from sorter.outputs.messages import Message, dumps
from sorter.outputs.trigger import TriggerMessage, trigger_message
from sorter.records import Decision
from sorter.service import Service
from sorter.settings.load import load_project
from tests.system.photo_eye import MM_PER_COUNT, Passage, PhotoEye

pytestmark = [pytest.mark.system, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
TOPIC = "sorter/plant/one/trigger"
LINE = {
    "name": "one",
    "recipe": "recipe.yaml",
    "source": {
        "kind": "simulator", "seed": 3, "width_px": 320, "height_px": 180, "frame_rate_hz": 30, "mm_per_px": 1,
        "belt_speed_mm_per_s": 250, "lead_in_s": 0.4, "gap_mm": 30, "noise": 0, "texture": 0,
        "products": [{"name": "red", "hex": "#c8202c", "length_mm": 40, "width_mm": 40}],
    },
    "belt": {"direction": "right", "learn_s": 0.3},
    "branches": {"gate": {"distance_mm": 800}, "reject": {"distance_mm": 800}},
    "timing": {"belt_speed_mm_per_s": 250, "actuator_delay_s": 0.05, "tolerance_s": 0.1},
}  # fmt: skip
EYE = {"kind": "photo_eye", "distance_mm": 200, "window_s": 0.13}
RECIPE = {
    "name": "red",
    "bins": [{"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate"}],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
}


@dataclass
class Plant:
    """A service in this process, so that it is known when its belt began; a broker, a reader, and a photo-eye."""

    service: Service
    eye: PhotoEye
    wire: Any
    wait_for: Callable[..., None]
    made: list[tuple[Decision, Message]] = field(default_factory=list)

    def messages(self, leaf: str) -> list[Message]:
        return [json.loads(message.payload) for message in self.wire.on(leaf)]

    def alarms(self) -> list[tuple[str, bool]]:
        return [(one["cause"], one["raised"]) for one in self.messages("alarm")]

    def wait_for_numbered(self, more: int, timeout_s: float = 30.0) -> None:
        """So many more products that have a number."""

        def numbered() -> int:
            return sum(one["product"] is not None for one in self.messages("decision"))

        before = numbered()
        self.wait_for(f"{more} more numbered products", lambda: numbered() >= before + more, timeout_s)

    def by_passage(self) -> dict[int, Message]:
        """Each decision by the index of the product that it is about, by the simulator's truth."""
        passages = self.eye.passages(time.monotonic() + 5.0)
        found: dict[int, Message] = {}
        for decision, message in list(self.made):
            crossed_at_s = decision.crossed_at_s or 0.0
            nearest = min(passages, key=lambda one: abs(one.crosses_s - crossed_at_s))
            assert abs(nearest.crosses_s - crossed_at_s) < 0.1
            assert nearest.index not in found
            found[nearest.index] = message
        return found

    def metric(self, name: str, **labels: str) -> float:
        url = f"http://127.0.0.1:{self.service.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        raise LookupError(name, labels)


def said(trigger: TriggerMessage) -> bytes:
    return dumps(trigger_message(trigger))


def schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / f"config/schema/{kind}.schema.json").read_text("utf-8")))


@pytest.fixture
def start(tmp_path, mosquitto, read, wait_for) -> Iterator[Callable[..., Plant]]:
    """Starts a plant; keyword arguments change its line, ``eye`` its trigger section, ``before`` comes first."""
    stopping = threading.Event()
    threads, eyes = [], []

    def make(
        eye: dict[str, Any] | None = None, before: Callable[[PhotoEye], None] = lambda _: None, **changes: Any
    ) -> Plant:
        line = {**LINE, "trigger": EYE | (eye or {}), **changes}
        broker = {"port": mosquitto.port, "keepalive_s": 5}
        document = {"site": "plant", "lines": [line], "mqtt": broker, "metrics": {"port": 0}}
        (tmp_path / "recipe.yaml").write_text(json.dumps(RECIPE), "utf-8")
        (tmp_path / "sorter.yaml").write_text(json.dumps(document, indent=1), "utf-8")
        project = load_project(tmp_path)
        photo_eye = PhotoEye(mosquitto.port, TOPIC, project.site.value.lines[0])
        eyes.append(photo_eye)
        before(photo_eye)
        made: list[tuple[Decision, Message]] = []
        listeners = Listeners(lambda *one: made.append(one), photo_eye.hear_heartbeat)
        service = Service(project, SystemClock(), "boot-1", listeners)
        threads.append(threading.Thread(target=service.run, args=(stopping.is_set,), name="service"))
        plant = Plant(service, photo_eye, read(mosquitto.port), wait_for, made)
        threads[-1].start()
        return plant

    yield make
    stopping.set()
    for thread in threads:
        thread.join(10)
    for eye in eyes:
        eye.close()


def test_every_product_that_the_eye_announces_has_its_number(start, caplog):
    caplog.set_level(logging.WARNING, "sorter")
    plant = start()
    plant.wait_for_numbered(12)
    decided = plant.by_passage()
    assert len(decided) >= 12
    for index, message in decided.items():
        assert (message["product"], message["trigger_id"]) == (5000 + index, f"eye-{5000 + index}")
        assert message["time_base"] == "arrival"
        schema("decision").validate(message)
    assert {message["verdict"] for message in decided.values()} == {"routed"}
    plant.wait_for("the counts", lambda: any(one["triggers"]["matched"] for one in plant.messages("stats")))
    stats = plant.messages("stats")[-1]
    schema("stats").validate(stats)
    assert stats["triggers"]["without_product"] == stats["triggers"]["malformed"] == stats["triggers"]["refused"] == 0
    assert plant.metric("sorter_products_without_trigger_total", line="one") == 0
    assert plant.metric("sorter_glass_to_decision_seconds_count", line="one") >= 12
    # The simulator's times are exact: what is measured is how well the crossing is seen.
    assert plant.metric("sorter_eye_to_picture_seconds_bucket", line="one", le="-0.02") == 0
    assert plant.metric("sorter_eye_to_picture_seconds_count", line="one") == plant.metric(
        "sorter_eye_to_picture_seconds_bucket", line="one", le="0.03"
    )
    assert plant.alarms() == []
    assert not caplog.records


def test_triggers_and_products_that_lack_each_other_are_counted_told_and_alarmed(start, caplog):
    plant = start()
    plant.wait_for_numbered(4)
    silent: list[int] = []

    def say_nothing(passage: Passage) -> list[Any]:
        silent.append(passage.index)
        return []

    faultless, plant.eye.say = plant.eye.say, say_nothing
    plant.wait_for("three are missed", lambda: len(silent) >= 3)
    plant.eye.say = faultless
    plant.wait_for("the alarm", lambda: plant.alarms() == [("triggers_unmatched", True)])
    plant.wait_for("it clears", lambda: plant.alarms()[1:] == [("triggers_unmatched", False)], 20.0)
    for alarm in plant.messages("alarm"):
        schema("alarm").validate(alarm)
        assert "a product without a trigger" in alarm["reason"]
    decided = plant.by_passage()
    assert [index for index, message in decided.items() if message["product"] is None] == silent
    assert all(decided[index]["verdict"] == "routed" for index in silent)
    assert plant.metric("sorter_products_without_trigger_total", line="one") == len(silent)
    assert "a product without a trigger" in caplog.text

    extra: list[int] = []

    def say_more(passage: Passage) -> list[Any]:
        extra.append(passage.index)
        # Halfway to the next product, as far from both as it can be.
        return [plant.eye.message(passage, 0.16, product=9001, trigger_id="extra"), plant.eye.message(passage)]

    plant.eye.say = lambda passage: say_more(passage) if not extra else faultless(passage)
    plant.wait_for(
        "the extra one is counted",
        lambda: plant.metric("sorter_triggers_total", line="one", outcome="without_product") == 1,
        20.0,
    )
    assert "without a product" in caplog.text
    assert not any(message["product"] == 9001 for _, message in plant.made)


def test_a_drift_of_the_latency_is_raised_and_clears(start):
    plant = start({"max_drift_s": 0.04})
    plant.wait_for_numbered(11)
    faultless, plant.eye.say = plant.eye.say, lambda passage: [plant.eye.message(passage, -0.08)]
    plant.wait_for("the alarm", lambda: plant.alarms() == [("latency_drift", True)], 30.0)
    (alarm,) = plant.messages("alarm")
    assert "by the photo-eye the pictures are " in alarm["reason"]
    plant.eye.say = faultless
    plant.wait_for("it clears", lambda: plant.alarms()[1:] == [("latency_drift", False)], 30.0)
    assert plant.metric("sorter_products_without_trigger_total", line="one") == 0


def test_encoder_counts_take_the_place_of_a_wrong_belt_speed(start):
    timing = LINE["timing"] | {"belt_speed_mm_per_s": 200}
    plant = start({"mm_per_count": MM_PER_COUNT}, timing=timing)
    plant.eye.say = lambda passage: [plant.eye.message(passage, encoder=plant.eye.count(passage.eye_s))]
    plant.wait_for_numbered(6)
    assert plant.metric("sorter_belt_speed_meters_per_second", line="one") == pytest.approx(0.25, rel=0.02)
    decision, message = plant.made[-1]
    wall_s = datetime.fromisoformat(message["act_after"]).timestamp()
    act_after_s = wall_s - time.time() + time.monotonic()
    assert act_after_s - decision.crossed_at_s == pytest.approx(800 / 250 - 0.05 - 0.1, abs=0.1)
    assert decision.deadline.act_after_s == pytest.approx(act_after_s, abs=0.02)


def test_what_is_no_trigger_or_cannot_be_true_is_ignored_and_counted(start, caplog):
    def leave_one(eye: PhotoEye) -> None:
        eye.send(said(TriggerMessage(1000, "old", time.time())), retain=True)

    plant = start(before=leave_one)
    plant.wait_for_numbered(2)
    for payload in (b"not a trigger", b'{"schema":"sorter.trigger/1","product":-1}'):
        plant.eye.send(payload)
    plant.eye.send(said(TriggerMessage(2000, "from another time", time.time() - 3600)))
    for payload in [said(TriggerMessage(3000, "twice", time.time()))] * 2:
        plant.eye.send(payload)

    def counted() -> list[float]:
        outcomes = ("malformed", "refused")
        return [plant.metric("sorter_triggers_total", line="one", outcome=outcome) for outcome in outcomes]

    plant.wait_for("all are counted", lambda: counted() == [2, 2])
    assert "a message on its trigger topic is ignored: it is not JSON" in caplog.text
    assert re.search(r"is 3600\.\d s behind our clock: set both clocks by NTP; ignored", caplog.text)
    plant.wait_for_numbered(2)
    assert not {1000, 2000} & {message["product"] for _, message in plant.made}
    plant.eye.send(b"", retain=True)
