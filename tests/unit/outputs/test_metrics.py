from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sorter.capture.health import Grade
from sorter.capture.link import LinkState
from sorter.line_reports import CameraReport
from sorter.outputs.messages import LineState
from sorter.outputs.metrics import Metrics
from sorter.outputs.stats import FrameCounts
from sorter.records import BinMatch, Deadline, Decision, RecipeId, Verdict

RECIPE = RecipeId("apples", 1, "0123456789abcdef")


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    metrics = Metrics(registry)
    metrics.expect_line("one")
    return metrics


def decision(verdict: Verdict) -> Decision:
    match = BinMatch("red", "left", 1.0, is_in_reach=True, runner_up=None, bins_in_reach=1)
    return Decision(1, verdict, "left", 1.0, 1.04, Deadline(2.0, 3.0), 3, RECIPE, match=match)


def test_products_are_counted_by_verdict_and_only_routed_ones_by_bin(metrics, registry):
    for verdict in (Verdict.ROUTED, Verdict.ROUTED, Verdict.UNKNOWN):
        metrics.count_decision("one", decision(verdict))
    labels = {"line": "one", "branch": "left"}
    assert registry.get_sample_value("sorter_decisions_total", labels | {"verdict": "routed"}) == 2
    assert registry.get_sample_value("sorter_decisions_total", labels | {"verdict": "unknown"}) == 1
    assert registry.get_sample_value("sorter_products_total", {"line": "one", "bin": "red"}) == 2
    assert registry.get_sample_value("sorter_decision_age_seconds_sum", {"line": "one"}) == pytest.approx(0.12)


def test_a_line_is_in_one_state(metrics, registry):
    metrics.set_state("one", LineState.DEGRADED)
    values = {
        state: registry.get_sample_value("sorter_line_state", {"line": "one", "state": state.value})
        for state in LineState
    }
    assert values == {state: float(state is LineState.DEGRADED) for state in LineState}


def test_running_totals_are_passed_on_once_and_begin_anew_with_a_new_process(metrics, registry):
    def frames(fate: str) -> float | None:
        return registry.get_sample_value("sorter_frames_total", {"line": "one", "fate": fate})

    assert frames("processed") == 0
    for processed in (10, 10, 15, 4):
        metrics.set_frames("one", FrameCounts(processed=processed, given_up=1))
    assert (frames("processed"), frames("given_up")) == (19, 1)


def test_only_the_recipe_in_force_is_shown(metrics, registry):
    metrics.set_recipe("one", RECIPE)
    metrics.set_recipe("one", RecipeId("apples", 2, "f" * 16))
    text = generate_latest(registry).decode()
    assert text.count("sorter_recipe_info{") == 1
    assert 'revision="2"' in text


def test_the_rest_is_shown(metrics, registry):
    metrics.describe_build("1.2.3", "3.11.2")
    metrics.observe_processing("one", 0.002)
    metrics.count_restart("one")
    metrics.set_connected("one", connected=True)
    value = registry.get_sample_value
    assert value("sorter_build_info", {"version": "1.2.3", "python": "3.11.2"}) == 1
    assert value("sorter_processing_seconds_count", {"line": "one"}) == 1
    assert value("sorter_line_restarts_total", {"line": "one"}) == 1
    assert value("sorter_mqtt_connected", {"line": "one"}) == 1
    assert value("process_resident_memory_bytes") > 0


def test_a_camera_is_in_one_state_of_one_grade_and_its_outages_add_up(metrics, registry):
    value = registry.get_sample_value
    lost = CameraReport("lost", "unusable", "the stream ended", {"gap": 3}, 0, 0, reconnects=1, outage_s=2.5)
    metrics.set_camera("one", lost)
    metrics.set_camera("one", replace(lost, link="live", quality="fair", outage_s=4.0, clock_offset_s=-3600.0))
    states = {state: value("sorter_camera_link", {"line": "one", "state": state}) for state in LinkState}
    assert states == {state: float(state is LinkState.LIVE) for state in LinkState}
    grades = {grade: value("sorter_camera_quality", {"line": "one", "grade": grade}) for grade in Grade}
    assert grades == {grade: float(grade is Grade.FAIR) for grade in Grade}
    assert value("sorter_camera_reconnects_total", {"line": "one"}) == 1
    assert value("sorter_camera_outage_seconds_total", {"line": "one"}) == 4.0
    assert value("sorter_camera_clock_offset_seconds", {"line": "one"}) == -3600.0


@pytest.mark.usefixtures("metrics")
def test_two_services_do_not_share_metrics(registry):
    Metrics(CollectorRegistry()).count_restart("one")
    assert registry.get_sample_value("sorter_line_restarts_total", {"line": "one"}) == 0


def test_promtool_finds_no_fault(metrics, registry):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    metrics.count_decision("one", decision(Verdict.ROUTED))
    metrics.set_recipe("one", RECIPE)
    metrics.set_camera("one", CameraReport("live", "excellent", "", {}, 0, 0, 1, 2.5, clock_offset_s=0.04))
    judged = subprocess.run(
        [promtool, "check", "metrics"], input=generate_latest(registry), capture_output=True, check=False
    )
    assert (judged.returncode, judged.stderr) == (0, b"")
