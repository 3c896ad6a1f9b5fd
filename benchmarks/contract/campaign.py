"""Everything that must be seen of the routing contract, in one table: ``make campaign``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tqdm import tqdm

from benchmarks.contract.delivery import DeliveryPlan, measure_delivery
from benchmarks.contract.fuzz import fuzz_service
from benchmarks.contract.kills import measure_kills
from benchmarks.contract.outages import measure_outages
from benchmarks.contract.refusals import ACL_DENIAL, WRONG_PASSWORD, quota_of_one, refused
from benchmarks.contract.rows import ContractResult, Row, Task, not_run

_NO_JOURNAL = "no journal in this version"
_NOT_YET = "not injected in this version"


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
    """Fill every row; what it starts ends with it."""
    tasks = list(_tasks(plan))
    shown = tqdm(tasks, desc="campaign", unit=" rows", leave=False, disable=None)
    return ContractResult(plan.seed, [row for task in shown for row in task.rows()])


def _tasks(plan: ContractPlan) -> Iterator[Task]:
    span = (plan.shortest_outage_s, plan.longest_outage_s)
    yield Task("broker away", lambda: measure_outages(plan.outages, *span, plan.seed))
    yield Task("service killed", lambda: measure_kills(plan.kills, plan.seed))
    yield not_run("full disk", _NO_JOURNAL)
    yield not_run("read-only disk", _NO_JOURNAL)
    yield not_run("clock set back an hour", _NOT_YET)
    yield Task("broker's quota is 1", lambda: [quota_of_one()])
    yield Task(ACL_DENIAL.what, lambda: [refused(ACL_DENIAL)])
    yield Task(WRONG_PASSWORD.what, lambda: [refused(WRONG_PASSWORD)])
    yield not_run("expired certificate", _NOT_YET)
    yield not_run("same client id twice", _NOT_YET)
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
