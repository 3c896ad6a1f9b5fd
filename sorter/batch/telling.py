"""A report as plain data, for JSON: every number with its unit in its name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sorter.batch.distribution import Distribution
from sorter.batch.drift import Drift, Edge
from sorter.batch.report import BinReport, Report
from sorter.batch.uptime import Spell
from sorter.color.lab import lab_to_hex
from sorter.outputs.messages import Message, rfc3339
from sorter.records import Lab

_PERCENTILES = (5, 50, 95)
_TOLD_OF_PRODUCT = (
    "decision_id", "seq", "product", "trigger_id", "decided_at", "verdict", "reason", "bin", "branch", "lab", "hex",
    "share", "delta_e", "runner_up", "margin", "stability", "recipe",
)  # fmt: skip


def report_as_dict(report: Report) -> dict[str, Any]:
    """All of it."""
    return {
        **_subject(report),
        "products": report.counts.products,
        "by": _sums(report),
        "throughput": _throughput(report),
        "bins": {name: _bin(one) for name, one in sorted(report.bins.items())},
        "time": _time(report),
        "recipes": [
            asdict(use.recipe)
            | {"products": use.products, "first_at": rfc3339(use.first_wall_s), "last_at": rfc3339(use.last_wall_s)}
            for use in report.counts.recipes.values()
        ],
        "least_certain": [
            {"certainty": round(rank, 3), "limit": limit} | _product(message)
            for rank, limit, message in report.least_certain.ranked()
        ],
        "ambiguous": [_product(message) for _, _, message in report.ambiguous.ranked()],
        "unknown": [_product(message) for _, _, message in report.unknown.ranked()],
        "missing": {
            "decisions": report.gaps.missing,
            "gaps": [
                {"boot_id": boot_id, "first_seq": first, "last_seq": last}
                for boot_id, first, last in report.gaps.ranges
            ],
        },
    }


def _subject(report: Report) -> dict[str, Any]:
    subject = report.subject
    batch = subject.batch
    return {
        "line": subject.line,
        "batch": None if batch is None else {"number": batch.number, "reason": batch.reason, "boot_id": batch.boot_id},
        "since": rfc3339(subject.span.since_wall_s),
        "until": rfc3339(subject.span.until_wall_s),
        "duration_s": round(subject.span.duration_s, 3),
        "running": subject.is_running,
        "simulated": report.is_simulated,
    }


def _sums(report: Report) -> dict[str, Any]:
    counts = report.counts
    return {
        "verdict": dict(counts.by_verdict),
        "reason": [
            {"verdict": verdict, "reason": reason, "products": count}
            for (verdict, reason), count in counts.by_reason.most_common()
        ],
        "branch": dict(counts.by_branch),
        "bin": dict(counts.by_bin),
        "delivery": dict(counts.by_delivery),
        "confirmation": counts.confirmations,
    }


def _throughput(report: Report) -> dict[str, Any]:
    per_min = report.per_min
    return {
        "per_min_while_deciding": None if per_min is None else round(per_min, 2),
        "slot_s": report.subject.span.slot_s,
        "per_min": [round(one, 2) for one in report.slots_per_min],
    }


def _bin(one: BinReport) -> dict[str, Any]:
    return {
        "products": one.products,
        "tolerance_delta_e": one.tolerance,
        "delta_e": _distribution(one.differences),
        "margin_delta_e": _distribution(one.margins),
        "drift": _drift(one.drift),
    }


def _distribution(one: Distribution) -> dict[str, Any] | None:
    histogram = one.histogram()
    if histogram is None:
        return None
    return {f"p{percent}": one.percentile(percent) for percent in _PERCENTILES} | {"histogram": asdict(histogram)}


def _drift(drift: Drift | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {
        "delta_e": None if drift.delta_e is None else round(drift.delta_e, 2),
        "of_few_products": drift.is_of_few,
        "first": _edge(drift.first),
        "last": _edge(drift.last),
        "mean": _color(drift.mean),
        "from_mean_delta_e": [None if one is None else round(one, 2) for one in drift.series],
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return _color(edge.lab) | {"products": edge.products}


def _color(lab: Lab) -> dict[str, Any]:
    return {"lab": [round(value, 2) for value in lab], "hex": lab_to_hex(lab)}


def _time(report: Report) -> dict[str, Any]:
    uptime = report.uptime
    return {
        "deciding_s": round(report.deciding_s, 1),
        "fault_s": round(report.fault_s, 1),
        "by_state": _spells(uptime.by_state),
        "by_cause": _spells(uptime.by_cause),
        "alarms": _spells(uptime.alarms),
        "longest_faults": [
            {"seconds": round(one.seconds, 1), "since": rfc3339(one.since_wall_s), "state": one.state}
            | {"cause": one.cause, "reason": one.reason}
            for one in uptime.longest
        ],
    }


def _spells(spells: Mapping[str, Spell]) -> dict[str, Any]:
    ranked = sorted(spells.items(), key=lambda one: -one[1].seconds)
    return {name: {"seconds": round(one.seconds, 1), "times": one.times, "reason": one.reason} for name, one in ranked}


def _product(message: Message) -> dict[str, Any]:
    return {key: message[key] for key in _TOLD_OF_PRODUCT}
