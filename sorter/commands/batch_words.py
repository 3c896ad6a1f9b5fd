"""A batch's report in words, for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sorter.batch.distribution import Distribution
from sorter.batch.drift import Drift
from sorter.batch.report import Report
from sorter.batch.span import Batch
from sorter.batch.uptime import Spell
from sorter.color.lab import lab_to_hex
from sorter.commands.screen import printable, swatch
from sorter.outputs.messages import Message

BATCH_HEADING = f"{'batch':>7}  {'line':<12}  {'began':<25}  {'lasted':>12}  {'products':>8}  {'because':<13}  recipe"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def local(wall_s: float) -> str:
    """A moment in this machine's zone, to the second, with the zone."""
    return datetime.fromtimestamp(wall_s).astimezone().isoformat(sep=" ", timespec="seconds")


def short(wall_s: float) -> str:
    """The same without the zone, where that is told nearby."""
    return local(wall_s)[:19]


def duration(seconds: float) -> str:
    """A time to read: ``4.2 s``, ``3 min 05 s``, ``7 h 30 min``, ``2 d 4 h``."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{seconds:.1f} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02} s"
    if whole < 2 * _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def plain(word: str) -> str:
    """A word of the wire as people write it."""
    return word.replace("_", " ")


def heading_of(report: Report) -> str:
    """What the report is of."""
    subject = report.subject
    what = f"line {subject.line}" if subject.batch is None else f"batch {subject.batch.number}, line {subject.line}"
    return what + (" (simulated)" if report.is_simulated else "")


def when_of(report: Report) -> str:
    """From when to when."""
    span = report.subject.span
    until = "now, it runs still" if report.subject.is_running else local(span.until_wall_s)
    return f"{local(span.since_wall_s)} to {until}: {duration(span.duration_s)}"


def batch_row(batch: Batch, until_wall_s: float, products: int, *, is_running: bool) -> str:
    """One of the list; see `BATCH_HEADING`."""
    lasted = "runs" if is_running else duration(until_wall_s - batch.began_wall_s)
    recipe = f"{batch.recipe.name} revision {batch.recipe.revision} ({batch.recipe.hash})"
    return (
        f"{batch.number:>7}  {printable(batch.line):<12}  {local(batch.began_wall_s):<25}  {lasted:>12}  {products:>8}"
        f"  {plain(batch.reason):<13}  {printable(recipe)}"
    )


def drift_words(drift: Drift | None) -> str:
    """How far a bin's color moved."""
    if drift is None or drift.delta_e is None:
        return "-"
    return f"{drift.delta_e:.1f}" + (" (of few)" if drift.is_of_few else "")


def report_lines(report: Report) -> Iterator[str]:
    """All of it for a terminal."""
    yield printable(heading_of(report))
    yield when_of(report)
    if report.subject.batch is not None:
        yield f"began because of: {plain(report.subject.batch.reason)}"
    counts = report.counts
    rate = "" if report.per_min is None else f", {report.per_min:.1f} a minute while the line decided"
    yield f"{counts.products} products{rate}"
    for name, sums in (
        ("verdict", counts.by_verdict),
        ("reason", {f"{verdict}: {reason}": count for (verdict, reason), count in counts.by_reason.items()}),
        ("bin", counts.by_bin),
        ("branch", counts.by_branch),
        ("delivery", counts.by_delivery),
        ("confirmation", counts.confirmations),
    ):
        if sums:
            yield f"  {name:<13} {_sums(sums, counts.products)}"
    yield from _missing(report)
    yield from _recipes(report)
    yield from _bins(report)
    yield from _times(report)
    yield from _products("least certain", report.least_certain.ranked())
    yield from _products("ambiguous, some of them", report.ambiguous.ranked())
    yield from _products("unknown, some of them", report.unknown.ranked())


def _sums(sums: Mapping[str, int], total: int) -> str:
    ranked = sorted(sums.items(), key=lambda one: -one[1])
    return ", ".join(f"{printable(plain(what))} {count} ({count / total:.1%})" for what, count in ranked)


def _missing(report: Report) -> Iterator[str]:
    gaps = report.gaps
    if gaps.missing:
        places = ", ".join(f"{first} to {last}" for _, first, last in gaps.ranges)
        yield f"MISSING: {gaps.missing} decisions that were made are not in the journal (seq {places})"


def _recipes(report: Report) -> Iterator[str]:
    yield "recipes"
    for use in report.counts.recipes.values():
        recipe = use.recipe
        yield (
            f"  {printable(recipe.name)} revision {recipe.revision} ({recipe.hash}): {use.products} products,"
            f" {local(use.first_wall_s)} to {local(use.last_wall_s)}"
        )


def _bins(report: Report) -> Iterator[str]:
    if not report.bins:
        return
    yield "bins, in CIEDE2000                    difference to the bin            margin to the next"
    yield f"  {'bin':<14} {'products':>8}    5 %   50 %   95 %  tolerance     5 %   50 %   95 %   drift"
    for name, one in sorted(report.bins.items()):
        tolerance = "-" if one.tolerance is None else f"{one.tolerance:.1f}"
        drift = one.drift
        color = swatch(None if drift is None else lab_to_hex(drift.mean))
        yield (
            f"  {printable(name):<14} {one.products:>8} {_percentiles(one.differences)}  {tolerance:>9}"
            f"  {_percentiles(one.margins)}   {drift_words(drift)}  {color}".rstrip()
        )


def _percentiles(distribution: Distribution) -> str:
    found = (distribution.percentile(percent) for percent in (5, 50, 95))
    return " ".join(f"{'-' if one is None else f'{one:.1f}':>6}" for one in found)


def _times(report: Report) -> Iterator[str]:
    uptime = report.uptime
    yield f"time: {duration(report.deciding_s)} deciding, {duration(report.fault_s)} in fault"
    yield from _spells("state", uptime.by_state)
    yield from _spells("cause", uptime.by_cause)
    yield from _spells("alarm", uptime.alarms)


def _spells(kind: str, spells: Mapping[str, Spell]) -> Iterator[str]:
    for name, one in sorted(spells.items(), key=lambda item: -item[1].seconds):
        times = f"{one.times} time{'' if one.times == 1 else 's'}"
        yield f"  {kind:<5} {plain(name):<20} {duration(one.seconds):>12}  {times:>8}  {printable(one.reason)}"


def _products(title: str, ranked: Iterable[tuple[float, str, Message]]) -> Iterator[str]:
    for number, (rank, limit, one) in enumerate(ranked):
        if not number:
            yield title
        certainty = f"{rank:6.1%} by {limit:<9}" if limit else f"{plain(one['reason'] or ''):<19}"
        nearest = "" if one["delta_e"] is None else f"dE00 {one['delta_e']:.1f}"
        margin = "" if one["margin"] is None else f", margin {one['margin']:.1f} to {one['runner_up']['bin']}"
        yield (
            f"  {certainty}  {swatch(one['hex'])}{one['hex'] or '-':<7}  {printable(one['bin'] or '-'):<12}"
            f"  {nearest}{printable(margin)}  {printable(one['decision_id'])}"
        )
