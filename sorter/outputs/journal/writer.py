"""The journal's writer: a bounded queue, and a thread that writes it down and never lets anyone wait."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from sorter.errors import JournalError
from sorter.outputs.events import Event
from sorter.outputs.journal import files
from sorter.outputs.journal.counts import JournalCounts, Keeping
from sorter.outputs.journal.items import Item, Row, bytes_of
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.rows import meaning_of, row_of
from sorter.outputs.journal.store import Store, is_damage, is_full
from sorter.outputs.journal.waiting import Made, Waiter, Waiting
from sorter.outputs.messages import Message
from sorter.outputs.steps import StepTaken
from sorter.ports import Clock
from sorter.records import Decision, Evidence
from sorter.settings.recipe import Recipe

_ALL = Keeping()
_log = logging.getLogger(__name__)

_GATHER_S = 0.1
"""How long steps wait for others, or for a decision. A decision itself waits for nothing: the broker may have it a few
milliseconds after us, and what it has acknowledged must not be missing here after a kill."""
_IDLE_S = 0.5
_LOOK_AFTER_S = 1.0
"""Between two looks at age, size and what became of the disk."""
_HARDEN_S = 5.0
"""What a power loss may take, at most."""
_MOST_AT_ONCE = 256


def _nothing() -> None:
    """Nobody waits."""


class Journal:
    """Writes decisions and their steps down: a `sorter.outputs.steps.Recorder`.

    What fails is told by `troubles` and tried again; the line never notices.

    Args:
        path: the file; its folder is made.
        limits: its bounds.
        clock: time.
        keeping: what is kept.
    """

    def __init__(self, path: Path, limits: Limits, clock: Clock, keeping: Keeping = _ALL) -> None:
        self._path = path
        self._limits = limits
        self._clock = clock
        self._keeping = keeping
        self._store: Store | None = None
        self._queue = Waiting()
        self._batch: deque[Item] = deque()
        """Taken from the queue, not yet written; only the writer touches it."""
        self._waiters: list[Callable[[], None]] = []
        """Who waits for the batch to be written."""
        self._pictures: deque[Made] = deque()
        """Written without their pixels, which follow: packing them takes milliseconds, and a message waits for none."""
        self._lock = threading.Lock()
        self._trouble: dict[str, str] = {}
        self._meanings: dict[str, str] = {}
        self._wake, self._hurry, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._looked_after_at_s = self._hardened_at_s = -1e9
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Open the file and begin; a folder or disk that cannot be written is told by `troubles` and tried again.

        Raises:
            JournalError: another process writes this journal, a newer version wrote it, or it is no journal.
        """
        self._open()
        self._thread.start()

    def remember(self, recipe: Recipe) -> None:
        """Decisions under this recipe may come: it is written with the first of them."""
        self._meanings[recipe.identity.hash] = meaning_of(recipe)

    def add(self, decision: Decision, message: Message, when_written: Callable[[], None] = _nothing) -> None:
        """See `Recorder`."""
        if self._store is None:  # it cannot be written now, and sending must not wait for a disk
            when_written()
            when_written = _nothing
        self._offer(Made(message, decision.evidence if self._keeping.anything else None, when_written))

    def note(self, step: StepTaken) -> None:
        """See `Recorder`."""
        self._offer(step)

    def note_event(self, event: Event) -> None:
        """See `Recorder`."""
        self._offer(event)

    @property
    def counts(self) -> JournalCounts:
        """What became of all of it so far."""
        return self._queue.counts

    @property
    def troubles(self) -> dict[str, str]:
        """Cause and reason of what is wrong now."""
        with self._lock:
            return dict(self._trouble)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was added before is in the file; whether nothing was lost meanwhile, or is still waiting.

        What it confirms survives the process being killed. What power loss may take is the last few seconds.
        """
        self._hurry.set()
        self._wake.set()
        return self._queue.wait(timeout_s)

    def close(self, end_s: float) -> None:
        """By ``end_s`` (monotonic): write what waits, and give the file back."""
        self._closing.set()
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(max(0.0, end_s - self._clock.monotonic_s()))
        waiting = self.counts.waiting
        if waiting:
            _log.warning("the journal %s ends without %d decisions, steps and events", self._path, waiting)

    def _offer(self, item: Waiter) -> None:
        self._queue.offer(item)
        if isinstance(item, Made):
            self._hurry.set()
        self._wake.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            if self._wake.wait(_IDLE_S):
                self._hurry.wait(_GATHER_S)
            self._wake.clear()
            self._hurry.clear()
            self._turn()
        self._turn()
        self._shut()

    def _turn(self) -> None:
        """Write what waits, and look after the file; what goes wrong is told, and the next turn tries again."""
        try:
            self._open_if_due()
            while self._store is not None:
                if self._batch or self._gather():
                    self._write(self._store)
                elif self._pictures:
                    self._write_picture(self._store)
                else:
                    break
            self._look_after()
        except JournalError as error:
            self._tell("journal_unwritable", str(error))
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - logged and counted; the journal goes on
            # An item that cannot be written by anyone must not stand in the way of all that follow.
            _log.exception("a fault of the journal; what was being written is given up")
            self._give_up_batch()

    def _open_if_due(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._store is None and (now_s - self._looked_after_at_s >= _LOOK_AFTER_S or self._closing.is_set()):
            self._looked_after_at_s = now_s
            self._open()

    def _open(self) -> None:
        try:
            self._store = Store(self._path, self._limits)
            if not self._batch:
                self._clear("journal_unwritable")
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                self._begin_anew(error)
            else:
                self._fail(error)
        self._note_damaged()

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """What is damaged keeps what it holds for whoever can read it, under another name."""
        self._shut()
        try:
            aside = files.put_aside(self._path, self._clock.wall_s())
            _log.error(
                "the journal %s is damaged (%s): it is kept as %s, and a new one begun", self._path, error, aside
            )
            self._store = Store(self._path, self._limits)
        except (sqlite3.Error, OSError) as another:
            self._fail(another)

    def _fail(self, error: sqlite3.Error | OSError) -> None:
        self._release()
        if isinstance(error, sqlite3.Error) and is_damage(error) and self._store is not None:
            self._begin_anew(error)
            return
        self._shut()
        if isinstance(error, sqlite3.Error) and is_full(error):
            self._tell("disk_full", f"the disk of {self._path} is full: make room; what cannot be written is dropped")
        else:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._tell("journal_unwritable", f"the journal {self._path} cannot be written ({why}): mend its folder")

    def _tell(self, cause: str, reason: str) -> None:
        with self._lock:
            is_news = cause not in self._trouble
            self._trouble[cause] = reason
        if is_news:
            _log.warning("%s", reason)

    def _clear(self, cause: str) -> None:
        with self._lock:
            was = self._trouble.pop(cause, None)
        if was is not None:
            _log.info("over: %s", was)

    def _gather(self) -> bool:
        """Make the next batch ready; whether there is one."""
        size = 0
        while size < self._limits.transaction_bytes and len(self._batch) < _MOST_AT_ONCE:
            item = self._queue.take()
            if item is None:
                break
            ready = self._row(item, None) if isinstance(item, Made) else item
            if ready is not None:
                size += bytes_of(ready)
                self._batch.append(ready)
            if isinstance(item, Made):
                self._waiters.append(item.when_written)
                if ready is not None and item.evidence is not None:
                    self._pictures.append(item)
        return bool(self._batch)

    def _row(self, made: Made, evidence: Evidence | None) -> Row | None:
        try:
            return row_of(made.message, evidence, self._keeping)
        except (ValueError, KeyError, TypeError):
            _log.exception("a decision cannot be written down")
            self._queue.settle(failed=1)
            return None

    def _write(self, store: Store) -> None:
        batch = list(self._batch)
        orphans = store.write(batch, self._meanings.get)
        self._batch.clear()
        self._release()
        steps, events = (sum(isinstance(one, kind) for one in batch) for kind in (StepTaken, Event))
        # A decision whose pixels follow is not all there yet.
        decisions = len(batch) - steps - events - self._begun(batch)
        self._queue.settle(decisions=decisions, steps=steps - orphans, events=events, failed=orphans)
        self._clear("journal_unwritable")
        self._follow_disk(store)

    def _begun(self, batch: Sequence[Item]) -> int:
        """How many decisions of a batch have their pixels still to come."""
        following = {one.message["decision_id"] for one in self._pictures}
        return sum(isinstance(one, Row) and one.decision_id in following for one in batch)

    def _write_picture(self, store: Store) -> None:
        """Add the pixels of one decision: between two of them, what waits to be sent comes first."""
        made = self._pictures[0]
        row = self._row(made, made.evidence)
        if row is not None:
            try:
                store.write([row], self._meanings.get)
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                self._queue.thin()  # the decision itself is there
            self._queue.settle(decisions=1)
        self._pictures.popleft()

    def _release(self) -> None:
        waiters, self._waiters = self._waiters, []
        for when_written in waiters:
            when_written()

    def _give_up_batch(self) -> None:
        following = self._begun(self._batch)
        self._queue.settle(failed=len(self._batch) - following + len(self._pictures))
        self._batch.clear()
        self._pictures.clear()
        self._release()

    def _look_after(self) -> None:
        now_s = self._clock.monotonic_s()
        store = self._store
        if store is None or now_s - self._looked_after_at_s < _LOOK_AFTER_S:
            return
        self._looked_after_at_s = now_s
        if not store.is_in_place:
            raise OSError("it was taken away")
        if now_s - self._hardened_at_s >= _HARDEN_S:
            self._hardened_at_s = now_s
            store.harden()
        store.expire(self._clock.wall_s())
        store.shrink()
        store.regain()
        self._follow_disk(store)
        self._note_damaged()
        self._queue.note_file(files.size_bytes(self._path), store.oldest_wall_s)

    def _follow_disk(self, store: Store) -> None:
        if store.short_of_disk:
            words = (
                f"the disk of {self._path} is full: make room; until then the oldest decisions make room for new ones"
            )
            self._tell("disk_full", words)
        else:
            self._clear("disk_full")

    def _note_damaged(self) -> None:
        names = files.put_aside_before(self._path)
        if names:
            words = f"damaged journals lie in {self._path.parent} ({', '.join(names[:3])}): take them elsewhere"
            self._tell("journal_damaged", words)
        else:
            self._clear("journal_damaged")

    def _shut(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except sqlite3.Error:
                _log.debug("the journal could not be closed in an orderly way", exc_info=True)
