"""The routing contract, in small: what ``python -m benchmarks campaign`` and ``delivery`` hold at length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contract.fuzz import fuzz_service, hostile_messages
from benchmarks.contract.rows import ContractResult, Row, Task
from sorter.errors import BrokerError

pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.usefixtures("mosquitto_program")]

ROOT = Path(__file__).parents[2]


def test_ten_thousand_hostile_messages_are_counted_and_change_nothing():
    found = fuzz_service(seed=1, count=10_000)
    assert found.sent == 10_000
    assert found.counted_triggers == found.sent_triggers > 3000
    assert found.lives
    assert found.decided_after >= 3
    assert found.tracebacks == 0
    # One line a minute and kind of fault, and not one for each message.
    assert found.malformed_log_lines <= 4
    assert found.log_lines < 60
    assert found.passed


def test_hostile_messages_are_the_same_for_each_seed_and_of_every_kind():
    messages = list(hostile_messages(7, 400))
    assert [one.topic for one in messages] == [one.topic for one in hostile_messages(7, 400)]
    assert any(one.retain for one in messages)
    assert any(one.response_topic for one in messages)
    assert any(len(one.payload) > 50_000 for one in messages)
    assert len({one.payload for one in messages}) < 400


def test_a_decision_reaches_a_second_process_in_time():
    command = [sys.executable, "-m", "benchmarks", "delivery", "--short", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["delivery"]
    assert found["received"] == found["made"] == 100
    assert sum(count for _, count in found["histogram"]) == 100
    assert found["median_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert [limit["limit"] for limit in found["limits"]] == [3.0, 15.0, 1]
    # What holds on any machine; the limits themselves are for a quiet one.
    assert found["median_ms"] < 30


def test_a_row_that_cannot_be_brought_to_its_end_has_failed_and_the_others_go_on():
    def fail() -> list[Row]:
        raise BrokerError("mosquitto is not installed: install it")

    assert Task("broker away", fail).rows() == [
        Row("broker away", 1, passed=False, words="mosquitto is not installed: install it")
    ]
    result = ContractResult(
        1, [Row("full disk", 0, passed=None, words="no journal"), *Task("broker away", fail).rows()]
    )
    assert result.failed
    (table,) = result.tables()
    assert [row[2] for row in table.rows] == ["not run", "FAIL"]
    assert not ContractResult(1, result.rows[:1]).failed
