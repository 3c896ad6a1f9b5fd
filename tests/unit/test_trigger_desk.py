"""The photo-eye's desk, without a broker and without a line."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sorter.line_reports import LineStatus
from sorter.outputs.messages import Naming, dumps
from sorter.outputs.trigger import TriggerMessage, trigger_message
from sorter.outputs.trigger_metrics import TriggerMetrics
from sorter.records import Deadline, Decision, RecipeId, Verdict
from sorter.settings.site import LineSettings, PhotoEyeTrigger
from sorter.timing import Timing, diverted
from sorter.trigger_desk import TriggerDesk
from tests.unit.clock import WrittenClock

WALL_ZERO_S = 1.7e9


class Plant:
    """A belt at 250 mm/s, an eye 250 mm before the line, and what the desk makes of both."""

    def __init__(self, speed_mm_per_s: float = 250.0, **eye: Any) -> None:
        self.clock = WrittenClock()
        self.line = LineSettings.model_validate(
            {
                "name": "one",
                "source": {"kind": "file", "path": "film.mp4"},
                "recipe": "recipe.yaml",
                "belt": {"direction": "right"},
                "branches": {"gate": {"distance_mm": 500}, "reject": {"distance_mm": 250}},
                "timing": {"belt_speed_mm_per_s": speed_mm_per_s, "actuator_delay_s": 0, "tolerance_s": 0.1},
                "trigger": {"kind": "photo_eye", "distance_mm": 250, **eye},
            }
        )
        assert isinstance(self.line.trigger, PhotoEyeTrigger)
        self.registry = CollectorRegistry()
        metrics = TriggerMetrics(self.registry)
        self.desk = TriggerDesk(self.line, self.line.trigger, "reject", metrics, self.clock)
        self.desk.note_line(LineStatus.RUNNING)
        self.desk.listen(connected=True)

    def pass_eye(self, number: int, *, shift_s: float = 0.0, encoder: int | None = None) -> None:
        """A product is at the eye, now."""
        at_wall_s = self.clock.wall_s() + shift_s
        message = TriggerMessage(number, f"eye-{number}", at_wall_s, encoder)
        self.desk.hear(dumps(trigger_message(message)))
        self.desk.listen(connected=True)

    def cross(self, late_s: float = 0.0) -> tuple[Decision, Naming]:
        """A product is decided, now; its middle crossed 0.05 s ago and ``late_s`` less, as its pictures tell."""
        now_s = self.clock.now_s
        crossed_at_s = now_s - 0.05 + late_s
        decision = Decision(
            product=1,
            verdict=Verdict.ROUTED,
            branch="gate",
            captured_at_s=now_s - 0.04,
            decided_at_s=now_s,
            deadline=Timing.of(self.line).deadline("gate", crossed_at_s),
            frames_used=3,
            recipe=RecipeId("red", 1, "0123456789abcdef"),
            crossed_at_s=crossed_at_s,
        )
        return self.desk.announce(decision)

    def run(self, count: int, *, first: int = 5000, late_s: float = 0.0) -> list[int | None]:
        """Products one after another; what each is called."""
        names = []
        for number in range(first, first + count):
            self.pass_eye(number)
            self.clock.wait_s(1.05)
            names.append(self.cross(late_s)[1].product)
        return names

    def told(self, name: str, **labels: str) -> float | None:
        self.desk.refresh_metrics()
        return self.registry.get_sample_value(name, {"line": "one", **labels})


def test_a_product_is_called_what_the_eye_calls_it_and_nothing_else_of_its_decision_changes():
    plant = Plant()
    plant.pass_eye(5000)
    plant.clock.wait_s(1.05)
    decision, naming = plant.cross()
    assert naming == Naming(5000, "eye-5000")
    assert decision.deadline == Timing.of(plant.line).deadline("gate", 101.0)
    assert plant.cross()[1] == Naming(None, None)


def test_what_was_matched_is_measured():
    plant = Plant()
    plant.run(12, late_s=0.03)
    assert plant.desk.stats.matched == 12
    assert plant.desk.stats.eye_to_picture_ms == pytest.approx(30.0, abs=0.6)
    assert plant.told("sorter_eye_to_picture_seconds_count") == 12
    assert plant.told("sorter_glass_to_decision_seconds_sum") == pytest.approx(12 * 0.07, abs=0.01)
    assert plant.told("sorter_triggers_total", outcome="matched") == 12


def test_three_products_that_the_eye_did_not_announce_are_an_alarm_and_three_that_it_did_are_its_end(caplog):
    plant = Plant()
    plant.clock.wait_s(2.0)
    for _ in range(2):
        plant.cross()
    assert plant.desk.troubles == {}
    plant.cross()
    (reason,) = plant.desk.troubles.values()
    assert "triggers_unmatched" in plant.desk.troubles
    assert reason.endswith("a product without a trigger, and none was near")
    plant.run(2)
    assert plant.desk.troubles
    plant.run(1, first=6000)
    assert plant.desk.troubles == {}
    assert plant.told("sorter_products_without_trigger_total") == 3
    assert len(caplog.records) == 1  # the next of them within a minute are only counted


def test_three_triggers_without_a_product_are_an_alarm(caplog):
    plant = Plant()
    for number in range(3):
        plant.pass_eye(number)
        plant.clock.wait_s(0.5)
    plant.desk.listen(connected=True)
    assert plant.desk.troubles == {}
    plant.clock.wait_s(5.0)
    plant.desk.listen(connected=True)
    assert "trigger eye-2 without a product: no product was seen where it was due" in str(plant.desk.troubles)
    assert plant.told("sorter_triggers_total", outcome="without_product") == 3
    assert "trigger eye-0 without a product" in caplog.text


def test_triggers_wait_as_long_as_the_belt_is_learned_since_products_are_decided_after_that():
    plant = Plant()
    plant.desk.note_line(LineStatus.LEARNING)
    plant.pass_eye(5000)
    plant.clock.wait_s(30.0)
    plant.desk.listen(connected=True)
    plant.desk.note_line(LineStatus.RUNNING)
    plant.clock.wait_s(2.0)
    plant.desk.listen(connected=True)
    assert plant.cross(late_s=-30.95)[1] == Naming(5000, "eye-5000")
    plant.pass_eye(5001)
    plant.clock.wait_s(3.3)
    plant.desk.listen(connected=True)
    assert plant.desk.stats.without_product == 1


def test_what_passed_the_eye_before_it_could_be_heard_is_counted_and_no_alarm(caplog):
    plant = Plant()
    plant.desk.listen(connected=False)
    plant.clock.wait_s(10.0)
    plant.desk.listen(connected=True)
    plant.clock.wait_s(0.9)
    for _ in range(5):
        plant.cross()
    assert plant.desk.troubles == {}
    assert plant.desk.stats.products_without_trigger == 5
    assert not caplog.records


def test_triggers_while_the_line_does_not_look_are_counted_and_no_alarm(caplog):
    plant = Plant()
    plant.desk.note_line(LineStatus.LOST)
    for number in range(5):
        plant.pass_eye(number)
        plant.clock.wait_s(0.5)
    plant.clock.wait_s(1.0)
    plant.desk.note_line(LineStatus.RUNNING)
    plant.clock.wait_s(10.0)
    plant.desk.listen(connected=True)
    assert plant.desk.troubles == {}
    assert plant.desk.stats.without_product == 5
    assert not caplog.records


def test_a_product_far_from_its_trigger_is_told_how_far(caplog):
    plant = Plant()
    plant.pass_eye(5000)
    plant.clock.wait_s(1.05)
    plant.cross(late_s=0.3)
    assert "it crossed 0.30 s after the nearest one foretold, window_s is 0.15" in caplog.text


def test_a_latency_that_was_set_is_where_products_are_looked_for():
    plant = Plant(latency_s=0.3)
    assert plant.run(3, late_s=0.3) == [5000, 5001, 5002]


def test_a_drift_is_followed_and_is_an_alarm_until_it_is_gone():
    plant = Plant()
    assert None not in plant.run(10)
    assert None not in plant.run(15, first=5100, late_s=0.08)
    reason = plant.desk.troubles["latency_drift"]
    assert reason.startswith("by the photo-eye the pictures are 80 ms late, and 0 ms are expected")
    assert None not in plant.run(15, first=5200)
    assert plant.desk.troubles == {}


def steady_counts(plant: Plant, count: int, *, mm_per_s: float, first: int = 5000) -> list[tuple[Decision, Naming]]:
    """Products half a second apart at the eye, and across the line when the belt has moved 250 mm."""
    made = []
    way_s, start_s = 250 / mm_per_s, plant.clock.now_s
    events = [(start_s + index / 2, "eye", first + index) for index in range(count)]
    events += [(at_s + way_s + 0.05, "line", number) for at_s, _, number in events]
    for at_s, what, number in sorted(events):
        plant.clock.now_s = at_s
        if what == "eye":
            plant.pass_eye(number, encoder=round(at_s * mm_per_s / 0.1))
        else:
            made.append(plant.cross())
    return made


def test_encoder_counts_take_the_place_of_a_wrong_belt_speed():
    plant = Plant(speed_mm_per_s=180.0, mm_per_count=0.1)
    made = steady_counts(plant, 12, mm_per_s=250.0)
    assert [naming.product for _, naming in made][4:] == list(range(5004, 5012))
    decision = made[-1][0]
    assert decision.crossed_at_s is not None
    assert decision.deadline.act_before_s == pytest.approx(decision.crossed_at_s + 2.1, abs=0.01)
    assert plant.told("sorter_belt_speed_meters_per_second") == pytest.approx(0.25, abs=0.001)
    # One that a row of the fail-safe table sends elsewhere goes there on the same belt.
    elsewhere = diverted(decision, "paused", decision.branch, plant.desk.timing)
    assert elsewhere.deadline.act_before_s == pytest.approx(decision.deadline.act_before_s, abs=0.01)


def test_a_decision_too_late_at_the_measured_speed_is_late():
    plant = Plant(speed_mm_per_s=250.0, mm_per_count=0.1)
    steady_counts(plant, 12, mm_per_s=250.0)
    plant.desk.listen(connected=True)
    late, _ = plant.cross(late_s=-2.2)
    assert (late.verdict, late.branch) == (Verdict.LATE, "reject")
    assert isinstance(late.deadline, Deadline)


def test_without_encoder_counts_the_set_speed_holds():
    plant = Plant(mm_per_count=0.1)
    plant.run(6)
    assert plant.desk.stats.belt_speed_mm_per_s is None
    decision, _ = plant.cross(late_s=-2.2)
    assert decision.verdict is Verdict.ROUTED


def test_a_count_that_falls_is_told(caplog):
    plant = Plant(mm_per_count=0.1)
    for number, count in enumerate((1000, 2000, 10)):
        plant.pass_eye(number, encoder=count)
        plant.clock.wait_s(0.4)
    assert "the encoder's count fell or leaped to 10" in caplog.text
