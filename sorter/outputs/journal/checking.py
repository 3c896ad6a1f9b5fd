"""Whether the journal is whole, and whether its sums come out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from sorter.outputs.journal.reading import Reader
from sorter.outputs.steps import CLOSED, DELIVERED, Step
from sorter.records import Verdict

_MOST_TOLD = 10


@dataclass(slots=True)
class RunCheck:
    """One line in one run of the service."""

    boot_id: str
    line: str
    decisions: int
    """In the journal: products seen, since every product is decided."""
    first_seq: int
    last_seq: int
    by_verdict: dict[str, int]
    by_delivery: dict[str, int]
    """Of decisions, by the one step that their delivery ended with."""
    undelivered: int
    """Decisions whose delivery has not ended."""
    delivered_twice: int
    """Decisions whose delivery ended in more than one way."""
    by_end: dict[str, int]
    """Of acknowledged decisions, by what the diverter said, or that it said nothing."""
    closed_twice: int
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """First and last ``seq`` of what is missing, the first ten of them."""
    missing: int = 0
    may_be_under_way: bool = False
    """The service is running: what it decided last need not have ended yet."""

    @property
    def verdicts_add_up(self) -> bool:
        """Products seen = routed + unknown + ambiguous + late + invalid."""
        return sum(self.by_verdict.get(verdict.value, 0) for verdict in Verdict) == self.decisions

    @property
    def deliveries_add_up(self) -> bool:
        """Decisions made = acknowledged + expired + dropped + refused + unknown."""
        ended = sum(self.by_delivery.values()) == self.decisions - self.undelivered and not self.delivered_twice
        return ended and (self.may_be_under_way or not self.undelivered)

    @property
    def is_sound(self) -> bool:
        """Nothing is missing and both sums come out."""
        return not self.missing and self.verdicts_add_up and self.deliveries_add_up and not self.closed_twice

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        sums = {"verdicts_add_up": self.verdicts_add_up, "deliveries_add_up": self.deliveries_add_up}
        return asdict(self) | sums


@dataclass(frozen=True, slots=True)
class Check:
    """What was found."""

    damage: tuple[str, ...]
    """What SQLite found wrong with the file."""
    decisions: int
    with_pixels: int
    steps: int
    runs: tuple[RunCheck, ...]
    """By run of the service, oldest first, and line."""

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to say."""
        return not self.damage and all(run.is_sound for run in self.runs)


def check_journal(reader: Reader, *, is_written: bool) -> Check:
    """Look through the whole file; a large one takes its time.

    Args:
        reader: the journal.
        is_written: whether a service writes it now.

    Raises:
        JournalError: it is so damaged that it cannot be read.
    """
    damage = tuple(str(row[0]) for row in reader.rows("PRAGMA integrity_check(10)") if row[0] != "ok")
    with reader.snapshot():
        return _look_through(reader, damage, is_written=is_written)


def _look_through(reader: Reader, damage: tuple[str, ...], *, is_written: bool) -> Check:
    decisions, pixels, steps = (
        reader.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - our own names
        for table in ("decisions", "pixels", "steps")
    )
    newest_boot = reader.rows("SELECT max(boot) FROM decisions")[0][0]
    found = reader.rows(
        "SELECT boot, boot_id, line, count(*), min(seq), max(seq) FROM decisions JOIN boots ON boots.id = boot"
        " GROUP BY boot, line ORDER BY boot, line"
    )
    runs = tuple(_run(reader, row, under_way=is_written and row[0] == newest_boot) for row in found)
    return Check(damage, decisions, pixels, steps, runs)


def _run(reader: Reader, row: tuple[Any, ...], *, under_way: bool) -> RunCheck:
    boot, boot_id, line, count, first, last = row
    of_run = (boot, line)
    verdicts = dict(
        reader.rows("SELECT verdict, count(*) FROM decisions WHERE boot = ? AND line = ? GROUP BY verdict", of_run)
    )
    delivery, unended, twice = _ends(reader, of_run, DELIVERED)
    end, _, closed_twice = _ends(reader, of_run, CLOSED)
    gaps = reader.rows(
        "SELECT before + 1, seq - 1 FROM (SELECT seq, lag(seq) OVER (ORDER BY seq) AS before"
        " FROM decisions WHERE boot = ? AND line = ?) WHERE seq > before + 1",
        of_run,
    )
    return RunCheck(
        boot_id=boot_id,
        line=line,
        decisions=count,
        first_seq=first,
        last_seq=last,
        by_verdict=verdicts,
        by_delivery=delivery,
        undelivered=unended,
        delivered_twice=twice,
        by_end=end,
        closed_twice=closed_twice,
        gaps=gaps[:_MOST_TOLD],
        missing=last - first + 1 - count,
        may_be_under_way=under_way,
    )


def _ends(reader: Reader, of_run: tuple[int, str], steps: frozenset[Step]) -> tuple[dict[str, int], int, int]:
    """How many decisions took exactly one of some steps, by which; how many took none, and how many several."""
    names = json.dumps(sorted(step.value for step in steps))
    rows = reader.rows(
        "SELECT ends, step, count(*) FROM (SELECT count(DISTINCT s.step) AS ends, min(s.step) AS step FROM decisions d"
        " LEFT JOIN steps s ON s.decision = d.id AND s.step IN (SELECT value FROM json_each(?))"
        " WHERE d.boot = ? AND d.line = ? GROUP BY d.id) GROUP BY ends, step",
        (names, *of_run),
    )
    once = {step: count for ends, step, count in rows if ends == 1}
    sums: Counter[str] = Counter()
    for ends, _, count in rows:
        sums["none" if ends == 0 else "one" if ends == 1 else "several"] += count
    return once, sums["none"], sums["several"]
