from __future__ import annotations

import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sorter.outputs.stats import TriggerStats
from sorter.outputs.trigger_metrics import TriggerMetrics

LINE = {"line": "one"}


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    metrics = TriggerMetrics(registry)
    metrics.expect_line("one")
    return metrics


def test_running_totals_are_passed_on_once(metrics, registry):
    for matched in (2, 2, 5):
        metrics.set_totals("one", TriggerStats(matched=matched, refused=1, products_without_trigger=3))
    value = registry.get_sample_value
    outcomes = ("matched", "without_product", "malformed", "refused")
    told = [value("sorter_triggers_total", LINE | {"outcome": outcome}) for outcome in outcomes]
    assert told == [5, 0, 0, 1]
    assert value("sorter_products_without_trigger_total", LINE) == 3


def test_the_belts_speed_is_shown_in_meters_where_it_is_measured(metrics, registry):
    metrics.set_totals("one", TriggerStats())
    assert registry.get_sample_value("sorter_belt_speed_meters_per_second", LINE) is None
    metrics.set_totals("one", TriggerStats(belt_speed_mm_per_s=250.0))
    assert registry.get_sample_value("sorter_belt_speed_meters_per_second", LINE) == 0.25


def test_glass_to_decision_is_the_decisions_age_and_how_late_its_picture_is(metrics, registry):
    metrics.observe_match("one", late_s=0.08, age_s=0.04)
    metrics.observe_match("one", late_s=-0.08, age_s=0.04)
    value = registry.get_sample_value
    assert value("sorter_glass_to_decision_seconds_sum", LINE) == pytest.approx(0.12)
    assert value("sorter_eye_to_picture_seconds_bucket", LINE | {"le": "0.0"}) == 1
    assert value("sorter_eye_to_picture_seconds_count", LINE) == 2


def test_a_line_without_an_eye_shows_nothing(registry):
    TriggerMetrics(registry)
    assert b'line="' not in generate_latest(registry)


def test_promtool_finds_no_fault(metrics, registry):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    metrics.observe_match("one", late_s=-0.01, age_s=0.04)
    metrics.set_totals("one", TriggerStats(matched=1, belt_speed_mm_per_s=250.0))
    judged = subprocess.run(
        [promtool, "check", "metrics"], input=generate_latest(registry), capture_output=True, check=False
    )
    assert (judged.returncode, judged.stderr) == (0, b"")
