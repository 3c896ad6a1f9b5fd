"""Everything that must be seen of the routing contract, in one table: ``make campaign``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tqdm import tqdm

from benchmarks.contract import faults
from benchmarks.contract.delivery import DeliveryPlan, measure_delivery
from benchmarks.contract.fuzz import fuzz_service
from benchmarks.contract.kills import KEPT_AT_RATE, measure_kills, measure_kills_at_rate
from benchmarks.contract.outages import measure_outages
from benchmarks.contract.refusals import ACL_DENIAL, WRONG_PASSWORD, quota_of_one, refused
from benchmarks.contract.rows import ContractResult, Row, Task


@dataclass(frozen=True, slots=True)
class ContractPlan:
    """How much of it to run."""

    outages: int
    longest_outage_s: float
    kills: int
    messages: int
    delivery_s: float
    seed: int = 1
    shortest_outage_s: float = 1.0


FULL = ContractPlan(outages=100, longest_outage_s=30.0, kills=50, messages=10_000, delivery_s=30.0)
SHORT = ContractPlan(outages=5, longest_outage_s=3.0, kills=3, messages=2000, delivery_s=4.0)


def run_contract(plan: ContractPlan) -> ContractResult:
    """Fill every row, told to standard error as soon as it is; what it starts ends with it."""
    rows: list[Row] = []
    for task in tqdm(list(_tasks(plan)), desc="campaign", unit=" rows", leave=False, disable=None):
        for row in task.rows():
            rows.append(row)
            tqdm.write(row.text, file=sys.stderr)
    return ContractResult(plan.seed, rows)


def _tasks(plan: ContractPlan) -> Iterator[Task]:
    span = (plan.shortest_outage_s, plan.longest_outage_s)
    yield Task("broker away", lambda: measure_outages(plan.outages, *span, plan.seed))
    yield Task("service killed", lambda: measure_kills(plan.kills, plan.seed))
    yield Task(KEPT_AT_RATE, lambda: [measure_kills_at_rate(plan.kills, plan.seed)])
    yield Task(faults.FULL_DISK, lambda: [faults.full_disk()])
    yield Task(faults.READ_ONLY_DISK, lambda: [faults.read_only_disk()])
    yield Task(faults.CLOCK_SET_BACK, lambda: [faults.clock_set_back()])
    yield Task("broker's quota is 1", lambda: [quota_of_one()])
    yield Task(ACL_DENIAL.what, lambda: [refused(ACL_DENIAL)])
    yield Task(WRONG_PASSWORD.what, lambda: [refused(WRONG_PASSWORD)])
    yield Task(faults.EXPIRED_CERTIFICATE, lambda: [faults.expired_certificate()])
    yield Task(faults.SAME_CLIENT_ID, lambda: [faults.same_client_id()])
    yield Task("decision to a second process", lambda: [_delivery(plan)])
    yield Task("hostile messages", lambda: [_fuzz(plan)])


def _delivery(plan: ContractPlan) -> Row:
    found = measure_delivery(DeliveryPlan(plan.delivery_s))
    figures = {"median ms": found.median_ms, "p99 ms": found.p99_ms, "max ms": found.max_ms}
    passed = all(limit.holds for limit in found.limits)
    return Row("decision to a second process: median under 3 ms, p99 under 15 ms", found.made, passed, figures)


def _fuzz(plan: ContractPlan) -> Row:
    found = fuzz_service(plan.seed, plan.messages)
    figures: dict[str, float | str] = {
        "triggers": found.sent_triggers,
        "counted": found.counted_triggers,
        "decided meanwhile": found.decided_during,
        "log lines": found.log_lines,
        "tracebacks": found.tracebacks,
    }
    return Row("hostile messages: ignored, counted, never a crash", found.sent, found.passed, figures)
