"""What the journal must hold of what was decided, beside what the ledger counted and the wire saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contract.rows import Row
from benchmarks.contract.source import ENDS
from sorter.outputs.journal.checking import Check, check_journal
from sorter.outputs.journal.reading import Entry, Reader, Wanted
from sorter.outputs.steps import DELIVERED

COMPLETE = "every decision of all outages is in the journal"


def entries_of(path: Path) -> list[Entry]:
    """All that it holds, oldest first.

    Raises:
        JournalError: there is none, or it is damaged.
    """
    with Reader(path) as reader:
        return list(reader.entries(Wanted()))


def checked(path: Path, *, is_written: bool = False) -> Check:
    """What ``run_sorter.py journal check`` finds.

    Raises:
        JournalError: there is none, or it cannot be read.
    """
    with Reader(path) as reader:
        return check_journal(reader, is_written=is_written)


def complete_row(path: Path, made: Sequence[str], counts: Mapping[str, Any], outages: int) -> Row:
    """Whether each decision is there once, its delivery ended once, and all as the ledger counted.

    Args:
        path: of a journal that is closed.
        made: ids of all decisions.
        counts: of the ledger, when it was closed.
        outages: how many there were.
    """
    written: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    otherwise = 0
    with Reader(path) as reader:
        for one in reader.entries(Wanted()):
            written[str(one.message["decision_id"])] += 1
            found = [step.step for step in one.steps if step.step in DELIVERED]
            otherwise += len(found) != 1
            ends.update(step.value for step in found)
    check = checked(path)
    figures: dict[str, float | str] = {
        "made": len(made),
        "written": written.total(),
        "missing": _missing(made, written),
        "never made": _missing(written, set(made)),
        "without one outcome": otherwise,
        "outcomes otherwise than counted": sum(abs(ends[name] - counts[name]) for name in ENDS),
        "confirms otherwise than counted": abs(_confirmed(check) - counts["confirmed"] - counts["unconfirmed"]),
    }
    bad = [name for name in figures if name not in {"made", "written"}]
    passed = check.is_sound and len(made) == len(written) == written.total() and not any(figures[one] for one in bad)
    return Row(COMPLETE, outages, passed, figures, f"journal check: {'fine' if check.is_sound else said_of(check)}")


def said_of(check: Check) -> str:
    """What is wrong, shortly."""
    runs = [
        f"{run.line}: {run.missing} missing, {run.undelivered} undelivered, {run.delivered_twice} delivered twice"
        for run in check.runs
        if not run.is_sound
    ]
    return "; ".join([*check.damage, *runs])


def _missing(wanted: Collection[str], found: Collection[str]) -> int:
    return sum(name not in found for name in wanted)


def _confirmed(check: Check) -> int:
    return sum(sum(run.by_end.values()) for run in check.runs)
