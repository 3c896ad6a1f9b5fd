"""The journal read: by any process, at any time, in short transactions that stand in nobody's way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from sorter.errors import JournalError
from sorter.outputs.journal.files import wal_bytes
from sorter.outputs.journal.layout import APPLICATION_ID, VERSION
from sorter.outputs.messages import Message
from sorter.outputs.steps import CLOSED, DELIVERED, Step, StepTaken

_PAGE = 256
_BUSY_S = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions; what is None is not asked."""

    line: str | None = None
    verdict: str | None = None
    bin: str | None = None
    branch: str | None = None
    since_wall_s: float | None = None
    """Decided at this time or later, seconds since 1970."""
    until_wall_s: float | None = None
    """Decided before this time."""
    step: Step | None = None
    """That took this step."""
    decision_id: str | None = None
    """All of it, or its end after a slash, such as ``belt-1/17``."""
    last: int | None = None
    """The newest of those, at most so many."""
    boot_id: str | None = None
    """In this run of the service."""
    after_seq: int | None = None
    """Whose ``seq`` is greater."""
    until_seq: int | None = None
    """Whose ``seq`` is not greater."""


def _far(step: Step) -> int:
    return 2 if step in CLOSED else int(step in DELIVERED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision of the journal."""

    message: Message
    """As it went on the wire."""
    steps: tuple[StepTaken, ...]
    """In the order in which they were written."""

    @property
    def furthest(self) -> Step | None:
        """How far it has come; None where nothing became of it yet.

        A diverter's answer can be quicker than the broker's acknowledgement, and yet is the later step.
        """
        return max((one.step for one in self.steps), key=_far, default=None)

    @property
    def as_dict(self) -> dict[str, Any]:
        """The message, and its steps in a list."""
        steps = [{"step": one.step.value, "at_wall_s": one.at_wall_s, "detail": one.detail} for one in self.steps]
        return self.message | {"steps": steps}


class Pixels(NamedTuple):
    """What a decision was made from; None where it was not kept, or not for so long."""

    samples: bytes | None
    """For `sorter.evidence.unpack_samples`."""
    thumbnail_jpeg: bytes | None


class LastDecision(NamedTuple):
    """Of a line in one run of the service."""

    seq: int
    decided_at_wall_s: float
    first_decided_at_wall_s: float
    """The first that is kept of the same run."""


class Reader:
    """An open journal, for reading.

    Args:
        path: its file.

    Raises:
        JournalError: there is none, it is damaged, or a newer version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise JournalError(
                f"{path}: there is no journal: name its file with --journal, or its settings with --config"
            )
        self._base = self._connect()
        try:
            self._refuse_others()
        except JournalError:
            self._base.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        # In a folder that may not be written, the log's index cannot be made; without a log, none is needed.
        for more in ("", "&immutable=1") if not wal_bytes(self._path) else ("",):
            base = sqlite3.connect(f"file:{quote(str(self._path.absolute()))}?mode=ro{more}", uri=True, timeout=_BUSY_S)
            try:
                base.execute("SELECT 1 FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                base.close()
                refused = error
            except sqlite3.DatabaseError as error:
                base.close()
                raise self._error(error) from error
            else:
                return base
        raise self._error(refused)

    def _refuse_others(self) -> None:
        made_by, version = (self.rows(f"PRAGMA {mark}")[0][0] for mark in ("application_id", "user_version"))
        if made_by != APPLICATION_ID:
            raise JournalError(f"{self._path}: this is no journal of the sorter: name its file with --journal")
        if version > VERSION:
            raise JournalError(f"{self._path}: a newer version of the sorter wrote this journal: read it with that")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    @contextmanager
    def told(self) -> Iterator[None]:
        """What SQLite raises, as one sentence."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read meanwhile is of one moment; a service that writes much must wait for its end."""
        with self.told():
            self._base.execute("BEGIN")
            try:
                yield
            finally:
                self._base.execute("ROLLBACK")

    def _error(self, error: sqlite3.DatabaseError) -> JournalError:
        return JournalError(
            f"{self._path}: the journal cannot be read ({error}): move it away, or try sqlite3 with .recover"
        )

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Ask the file something.

        Raises:
            JournalError: it is damaged.
        """
        with self.told():
            return self._base.execute(sql, tuple(values)).fetchall()

    def count(self, wanted: Wanted) -> int:
        """How many decisions there are of these."""
        where, values = conditions_of(wanted)
        found = int(self.rows(f"SELECT count(*) FROM decisions d WHERE {where}", values)[0][0])  # noqa: S608
        return found if wanted.last is None else min(found, wanted.last)

    def entries(self, wanted: Wanted) -> Iterator[Entry]:
        """The decisions, oldest first, a page in memory at a time.

        Raises:
            JournalError: the file is damaged.
        """
        where, values = conditions_of(wanted)
        after, left = 0, wanted.last
        if left is not None:
            newest = f"SELECT id FROM decisions d WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own words
            after = (self.rows(f"SELECT min(id) FROM ({newest})", [*values, left])[0][0] or 1) - 1  # noqa: S608
        page = f"SELECT id, message FROM decisions d WHERE {where} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608
        while left is None or left > 0:
            found = self.rows(page, [*values, after, _PAGE if left is None else min(_PAGE, left)])
            if not found:
                return
            after = found[-1][0]
            left = None if left is None else left - len(found)
            steps = self._steps([number for number, _ in found])
            for number, message in found:
                yield Entry(json.loads(message), tuple(steps.get(number, ())))

    def _steps(self, numbers: Sequence[int]) -> dict[int, list[StepTaken]]:
        rows = self.rows(
            "SELECT s.decision, d.decision_id, s.step, s.at, s.detail FROM steps s JOIN decisions d"
            " ON d.id = s.decision WHERE s.decision IN (SELECT value FROM json_each(?)) ORDER BY s.id",
            [json.dumps(numbers)],
        )
        steps: dict[int, list[StepTaken]] = {}
        for number, decision_id, step, at_wall_s, detail in rows:
            steps.setdefault(number, []).append(StepTaken(decision_id, Step(step), at_wall_s, detail))
        return steps

    def pixels(self, decision_id: str) -> Pixels:
        """What a decision was made from."""
        found = self.rows(
            "SELECT samples, thumbnail FROM pixels JOIN decisions ON id = decision WHERE decision_id = ?", [decision_id]
        )
        return Pixels(*found[0]) if found else Pixels(None, None)

    def lines(self) -> list[str]:
        """Every line that has decisions here, by name."""
        return [row[0] for row in self.rows("SELECT DISTINCT line FROM decisions ORDER BY line")]

    def last_decisions(self) -> dict[tuple[str, str], LastDecision]:
        """The last decision of each line in each run of the service, by ``line`` and ``boot_id``."""
        rows = self.rows(
            "SELECT line, boot_id, max(seq), max(decided_at), min(decided_at)"
            " FROM decisions JOIN boots ON boots.id = boot"
            " GROUP BY line, boot"
        )
        return {(line, boot_id): LastDecision(*facts) for line, boot_id, *facts in rows}

    def recipe_meaning(self, recipe_hash: str) -> dict[str, Any] | None:
        """What `sorter.replay.recipe_of` makes a recipe of; None where it is not kept."""
        found = self.rows("SELECT meaning FROM recipes WHERE hash = ?", [recipe_hash])
        return json.loads(found[0][0]) if found else None


def conditions_of(wanted: Wanted) -> tuple[str, list[object]]:
    """What SQL asks of the decisions ``d`` (``last`` left out), and the values of its question marks."""
    asked: list[tuple[str, object]] = [
        ("d.line = ?", wanted.line),
        ("d.verdict = ?", wanted.verdict),
        ("d.bin = ?", wanted.bin),
        ("d.branch = ?", wanted.branch),
        ("d.decided_at >= ?", wanted.since_wall_s),
        ("d.decided_at < ?", wanted.until_wall_s),
        ("d.boot = (SELECT b.id FROM boots b WHERE b.boot_id = ?)", wanted.boot_id),
        ("d.seq > ?", wanted.after_seq),
        ("d.seq <= ?", wanted.until_seq),
        ("EXISTS (SELECT 1 FROM steps s WHERE s.decision = d.id AND s.step = ?)", wanted.step and wanted.step.value),
    ]
    conditions = [condition for condition, value in asked if value is not None]
    values = [value for _, value in asked if value is not None]
    if wanted.decision_id is not None:
        conditions.append("substr('/' || d.decision_id, -length(?)) = ?")
        values += ["/" + wanted.decision_id] * 2
    return " AND ".join(conditions) or "1", values
