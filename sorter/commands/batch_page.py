"""A batch's report as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sorter import __version__
from sorter.batch.distribution import Distribution
from sorter.batch.report import BinReport, Report
from sorter.batch.uptime import FAULTY, Spell
from sorter.color.lab import lab_to_hex
from sorter.commands.batch_words import drift_words, duration, heading_of, plain, short, when_of
from sorter.outputs.messages import Message, wall_s
from sorter.pages import render
from sorter.records import Verdict

_DRIFT_SCALE = 2.0
"""CIEDE2000 that the drift's charts reach at least: below it nobody sees a difference."""


def batch_page(report: Report, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        report: of what.
        pictures: JPEGs of products, by decision.
    """
    counts = report.counts
    rates = report.slots_per_min
    since_wall_s, duration_s = report.subject.span.since_wall_s, report.subject.span.duration_s
    return render(
        "batch.html.j2",
        version=__version__,
        heading=_titled(heading_of(report)),
        when=when_of(report),
        batch=report.subject.batch,
        products=counts.products,
        routed=counts.by_verdict.get(Verdict.ROUTED.value, 0),
        per_min=report.per_min,
        deciding=duration(report.deciding_s),
        fault=duration(report.fault_s),
        has_fault=report.fault_s > 0,
        missing=report.gaps,
        sums=_sums(report),
        rates=rates,
        fastest=max(rates),
        slot=duration(report.subject.span.slot_s),
        edges=(short(report.subject.span.since_wall_s), short(report.subject.span.until_wall_s)),
        bins=[_bin(name, one) for name, one in sorted(report.bins.items())],
        states=_spells(report.uptime.by_state, report.subject.span.duration_s),
        causes=_spells(report.uptime.by_cause, report.subject.span.duration_s),
        alarms=_spells(report.uptime.alarms, report.subject.span.duration_s),
        faults=[
            {"part": one.seconds / duration_s, "after": (one.since_wall_s - since_wall_s) / duration_s}
            | {"at": short(one.since_wall_s), "lasted": duration(one.seconds), "state": plain(one.state)}
            | {"cause": plain(one.cause or "-"), "reason": one.reason}
            for one in report.uptime.longest
        ],
        recipes=[(use, short(use.first_wall_s), short(use.last_wall_s)) for use in counts.recipes.values()],
        least=[_product(*one, pictures) for one in report.least_certain.ranked()],
        ambiguous=[_product(*one, pictures) for one in report.ambiguous.ranked()],
        unknown=[_product(*one, pictures) for one in report.unknown.ranked()],
    )


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sums(report: Report) -> list[tuple[str, list[tuple[str, int, float]]]]:
    """By heading: name, count, and part of all products."""
    counts = report.counts
    reasons = {f"{verdict}: {reason}": count for (verdict, reason), count in counts.by_reason.items()}
    return [
        (heading, [(plain(name), count, count / counts.products) for name, count in _ranked(some)])
        for heading, some in (
            ("Verdict", counts.by_verdict),
            ("Branch", counts.by_branch),
            ("Bin", counts.by_bin),
            ("Why not routed", reasons),
            ("Delivery to the line", counts.by_delivery),
            ("What the diverter said", counts.confirmations),
        )
        if some
    ]


def _ranked(sums: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(sums.items(), key=lambda one: -one[1])


def _bin(name: str, one: BinReport) -> dict[str, Any]:
    drift = one.drift
    series = [] if drift is None else list(drift.series)
    facts: dict[str, Any] = {
        "name": name,
        "products": one.products,
        "tolerance": one.tolerance,
        "differences": _distribution(one.differences),
        "margins": _distribution(one.margins),
        "series": series,
        "highest": max([_DRIFT_SCALE, *(value for value in series if value is not None)]),
        "drift": drift_words(drift),
    }
    if drift is not None:
        facts |= {"hex": lab_to_hex(drift.mean), "first": lab_to_hex(drift.first.lab)}
        facts |= {"last": lab_to_hex(drift.last.lab), "mean": [round(value, 1) for value in drift.mean]}
        facts |= {"ends": (drift.first.products, drift.last.products)}
    return facts


def _distribution(one: Distribution) -> dict[str, Any] | None:
    histogram = one.histogram()
    if histogram is None:
        return None
    return {"histogram": histogram, "percentiles": [one.percentile(percent) for percent in (5, 50, 95)]}


def _spells(spells: Mapping[str, Spell], whole_s: float) -> list[dict[str, Any]]:
    ranked = sorted(spells.items(), key=lambda one: -one[1].seconds)
    return [
        {"name": plain(name), "faulty": name in FAULTY, "lasted": duration(one.seconds), "times": one.times}
        | {"part": one.seconds / whole_s if whole_s else 0.0, "reason": one.reason}
        for name, one in ranked
    ]


def _product(rank: float, limit: str, message: Message, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "certainty": rank if limit else None,
        "limit": limit,
        "one": message,
        "at": short(wall_s(message["decided_at"])),
        "reason": plain(message["reason"] or ""),
        "picture": pictures.get(message["decision_id"], b""),
    }
