"""Decided products read from the journal many at a time, with what was read of their color."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from sorter.backtest.recorded import Recorded
from sorter.outputs.journal.reading import Reader, Wanted, conditions_of
from sorter.outputs.messages import Message
from sorter.records import Verdict


class Stretch(NamedTuple):
    """Decisions that follow each other, by the numbers of their rows."""

    first: int
    last: int
    products: int
    """How many of them are wanted."""


class Numbered(NamedTuple):
    """A product, and the number of its row."""

    number: int
    product: Recorded


def lines_of(reader: Reader, wanted: Wanted) -> list[str]:
    """The lines that have such decisions, ``last`` not asked; by name."""
    where, values = conditions_of(wanted)
    rows = reader.rows(f"SELECT DISTINCT d.line FROM decisions d WHERE {where} ORDER BY 1", values)  # noqa: S608
    return [str(line) for (line,) in rows]


def stretches_of(reader: Reader, wanted: Wanted, products: int) -> list[Stretch]:
    """The wanted decisions, oldest first, parted into stretches of so many products."""
    where, values = conditions_of(wanted)
    newest = f"SELECT id FROM decisions d WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own words
    limit = -1 if wanted.last is None else wanted.last
    numbers = iter([number for (number,) in reversed(reader.rows(newest, [*values, limit]))])
    stretches = []
    while some := list(islice(numbers, products)):
        stretches.append(Stretch(some[0], some[-1], len(some)))
    return stretches


def span_of(reader: Reader, wanted: Wanted, stretches: Sequence[Stretch]) -> tuple[float, float]:
    """When the first and the last product of some stretches, at least one, were decided: seconds since 1970."""
    where, values = conditions_of(wanted)
    first, last = reader.rows(
        f"SELECT min(decided_at), max(decided_at) FROM decisions d WHERE {where} AND d.id BETWEEN ? AND ?",  # noqa: S608
        [*values, stretches[0].first, stretches[-1].last],
    )[0]
    return float(first or 0.0), float(last or 0.0)


def products_of(reader: Reader, wanted: Wanted, stretch: Stretch) -> list[Numbered]:
    """The products of a stretch, in their order; what was dropped meanwhile is left out.

    Raises:
        JournalError: the file is damaged.
    """
    where, values = conditions_of(wanted)
    # Of the messages only those of invalid products are opened: of others nobody asks the reason.
    rows = reader.rows(
        "SELECT d.id, d.decision_id, d.line, d.verdict, d.bin, d.branch,"  # noqa: S608 - our own words
        " CASE d.verdict WHEN ? THEN json_extract(d.message, '$.reason') END, d.decided_at,"
        f" {_readings(reader)} FROM decisions d WHERE {where} AND d.id BETWEEN ? AND ? ORDER BY d.id",
        [Verdict.INVALID.value, *values, stretch.first, stretch.last],
    )
    return [Numbered(number, Recorded(*facts)) for number, *facts in rows]


def count_without_readings(reader: Reader, wanted: Wanted, stretches: Sequence[Stretch]) -> int:
    """How many products can be judged by their pixels only."""
    if not stretches:
        return 0
    where, values = conditions_of(wanted)
    verdicts = (Verdict.ROUTED.value, Verdict.UNKNOWN.value, Verdict.AMBIGUOUS.value)
    rows = reader.rows(
        "SELECT count(*) FROM pixels p JOIN decisions d ON d.id = p.decision"  # noqa: S608 - our own words
        f" WHERE p.samples IS NOT NULL AND {_readings(reader)} IS NULL AND {where}"
        " AND d.verdict IN (?, ?, ?) AND d.id BETWEEN ? AND ?",
        [*values, *verdicts, stretches[0].first, stretches[-1].last],
    )
    return int(rows[0][0])


def samples_of(reader: Reader, numbers: Sequence[int]) -> dict[int, bytes]:
    """The pixels of products, for `sorter.evidence.unpack_samples`, by the numbers of their rows, where kept."""
    return dict(
        reader.rows(
            "SELECT decision, samples FROM pixels"
            " WHERE samples IS NOT NULL AND decision IN (SELECT value FROM json_each(?))",
            [json.dumps(list(numbers))],
        )
    )


def message_of(reader: Reader, decision_id: str) -> Message | None:
    """A decision by the whole of its id, as it went on the wire; None where it is not there, or not any more."""
    found = reader.rows("SELECT message FROM decisions WHERE decision_id = ?", [decision_id])
    return json.loads(found[0][0]) if found else None


def readings_of(reader: Reader, decision_id: str) -> bytes | None:
    """What was read of a product, for `sorter.readings.unpack_readings`; None where it was not kept."""
    found = reader.rows(f"SELECT {_readings(reader)} FROM decisions d WHERE decision_id = ?", [decision_id])  # noqa: S608
    return found[0][0] if found else None


def _readings(reader: Reader) -> str:
    """The readings of decision ``d``: a journal that was written before they were kept has no table of them."""
    there = reader.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'readings'")
    return "(SELECT r.readings FROM readings r WHERE r.decision = d.id)" if there else "NULL"
