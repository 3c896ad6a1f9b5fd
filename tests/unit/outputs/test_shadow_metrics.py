from __future__ import annotations

import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sorter.outputs.shadow import Comparison
from sorter.outputs.shadow_metrics import ShadowMetrics


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return ShadowMetrics(registry)


def test_a_line_without_a_candidate_is_not_shown_and_one_with_a_candidate_from_zero(metrics, registry):
    assert b'line="one"' not in generate_latest(registry)
    metrics.expect_line("one")
    metrics.count("one", Comparison.REROUTED)
    value = registry.get_sample_value
    told = {one: value("sorter_shadow_products_total", {"line": "one", "outcome": one.value}) for one in Comparison}
    assert told == {one: float(one is Comparison.REROUTED) for one in Comparison}


def test_promtool_finds_no_fault(metrics, registry):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    metrics.expect_line("one")
    told = generate_latest(registry)
    judged = subprocess.run([promtool, "check", "metrics"], input=told, capture_output=True, check=False)
    assert (judged.returncode, judged.stderr) == (0, b"")
