"""What is written down of a line's recipes: the ones that went live, what waits, and what a person said of it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

from sorter.errors import ConfigurationError, HistoryError
from sorter.history.approvals import (
    Approval,
    Waiting,
    clear_waiting,
    forget_approval,
    read_approval,
    read_waiting,
    reject,
    write_waiting,
)
from sorter.history.entries import Entry, Origin, WentLive, rfc3339
from sorter.history.words import differences_in_words
from sorter.history.writing import History
from sorter.live.candidate import Candidate
from sorter.live.held import Held
from sorter.ports import Clock
from sorter.settings.compose import Unreadable, read_bytes
from sorter.settings.load import Loaded, load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings

_log = logging.getLogger(__name__)


class RecipeLedger:
    """Everything here waits for a disk; what cannot be written is told by the history's own troubles, and in the log.

    Args:
        history: where they are written down.
        path: its file, beside which the rest lies.
        base: the folder of the settings file.
        clock: time.
    """

    def __init__(self, history: History, path: Path, base: Path, clock: Clock) -> None:
        self._history = history
        self._path = path
        self._base = base
        self._clock = clock
        self._to_tell: dict[str, Waiting | None] = {}
        """What waits on each line of which that is not written down yet."""

        self.newest: Entry | None = None
        """Its hash tells of all entries that there are."""

    def open(self) -> None:
        """Read the history, and keep other processes from adding to it."""
        self._history.open()
        self.newest = self._history.newest

    def note_start(self, settings: LineSettings, loaded: Loaded[Recipe]) -> None:
        """The service began with it; not worth an entry where it was in force before."""
        candidate = self._begun_with(loaded)
        self._forget_waiting_of_before(settings.name, candidate)
        last = self._history.last(settings.name)
        path = path_in_words(loaded.path, self._base)
        if last is not None and (last.live.text, last.live.path) == (loaded.document.text, path):
            return
        before = None if last is None else recipe_of_entry(last, loaded.path)
        difference = () if before is None else differences_in_words(before, loaded.value)
        self._append(settings, replace(candidate, difference=difference))

    def _begun_with(self, loaded: Loaded[Recipe]) -> Candidate:
        """A start takes what was confirmed while the service was down: the history tells by whom."""
        candidate = Candidate(loaded, Origin.START)
        approval = self.approval(candidate)
        if approval is not None and approval.approved:
            return replace(candidate, origin=Origin.CONFIRMED, by=approval.by, why=approval.why)
        change = loaded.value.change
        return candidate if change is None else replace(candidate, by=change.by, why=change.why)

    def _forget_waiting_of_before(self, line: str, begun_with: Candidate) -> None:
        """What waited when the service ended is in force now, or was taken back; what stands in the file waits on."""
        waiting = _all_waiting(self._path).get(line)
        if waiting is None:
            return
        if waiting.text_sha256 == begun_with.text_sha256:
            self._settle(line, begun_with)
        elif waiting.text_sha256 != _sha256_of(begun_with.path):
            self._tell(clear_waiting(self._path, line))

    def _settle(self, line: str, candidate: Candidate) -> None:
        """It waits no longer, and what a person said of it is forgotten, unless another line has still to hear it."""
        self._to_tell.pop(line, None)
        self._tell(clear_waiting(self._path, line))
        if candidate.text_sha256 not in [one.text_sha256 for one in _all_waiting(self._path).values()]:
            self._tell(forget_approval(self._path, candidate.text_sha256))

    def note_live(self, settings: LineSettings, before: Loaded[Recipe], candidate: Candidate) -> None:
        """It is in force."""
        difference = candidate.difference or differences_in_words(before.value, candidate.recipe)
        self._settle(settings.name, candidate)
        self._append(settings, replace(candidate, difference=difference))

    def note_held(self, line: str, held: Held | None) -> None:
        """It waits; None: nothing of the line does."""
        self._to_tell[line] = None if held is None else self._waiting(held)
        trouble = self._tell_waiting()
        if trouble is not None:
            _log.warning("%s", trouble)

    def _waiting(self, held: Held) -> Waiting:
        one = held.candidate
        return Waiting(
            path=path_in_words(one.path, self._base),
            recipe=one.recipe.identity,
            text_sha256=one.text_sha256,
            reasons=held.reasons,
            difference=one.difference,
            rehearsal=one.rehearsal,
            since=rfc3339(self._clock.wall_s()),
        )

    def _tell_waiting(self) -> str | None:
        """Write down what waits, or why that cannot be: it is then tried again."""
        for line, waiting in list(self._to_tell.items()):
            trouble = clear_waiting(self._path, line) if waiting is None else write_waiting(self._path, line, waiting)
            if trouble is not None:
                return trouble
            del self._to_tell[line]
        return None

    def note_rejected(self, candidate: Candidate, by: str | None, why: str | None) -> None:
        """A person does not want it, and is not asked again, nor after a restart."""
        try:
            reject(self._path, candidate.text_sha256, by, why, self._clock.wall_s())
        except HistoryError as error:
            self._tell(str(error))

    def approval(self, candidate: Candidate) -> Approval | None:
        """What a person has said of it on this machine."""
        return read_approval(self._path, candidate.text_sha256)

    def reasons_of(self, line: str, candidate: Candidate) -> tuple[str, ...]:
        """Why it was held before the service was started again; a restart confirms nothing."""
        return held_before(self._path, line, candidate)

    def retry(self) -> None:
        """Write what could not be written before."""
        self._tell_waiting()
        self._history.retry()

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None:
            _log.warning("%s", trouble)

    def _append(self, settings: LineSettings, candidate: Candidate) -> None:
        live = WentLive(
            line=settings.name,
            recipe=candidate.recipe.identity,
            text=candidate.text,
            path=path_in_words(candidate.path, self._base),
            named=settings.recipe,
            origin=candidate.origin,
            by=candidate.by,
            why=candidate.why,
            difference=candidate.difference,
            rehearsal=candidate.rehearsal,
        )
        self._history.append(live, self._clock.wall_s())
        self.newest = self._history.newest


def held_before(path: Path, line: str, candidate: Candidate) -> tuple[str, ...]:
    """Why exactly this content of a recipe waits, as the history at ``path`` tells; empty where it does not."""
    waiting = _all_waiting(path).get(line)
    return () if waiting is None or waiting.text_sha256 != candidate.text_sha256 else waiting.reasons


def _all_waiting(path: Path) -> dict[str, Waiting]:
    try:
        return read_waiting(path)
    except HistoryError as error:
        _log.warning("%s", error)
        return {}


def _sha256_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except Unreadable:
        return None


def path_in_words(path: Path, base: Path) -> str:
    """A recipe's file as the history names it: from the settings file's folder where it lies below that."""
    absolute, folder = path.absolute(), base.absolute()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(absolute)


def recipe_of_entry(entry: Entry, path: Path) -> Recipe | None:
    """The recipe of an entry; None where this version of the sorter does not take it any more."""
    try:
        return load_recipe(path, entry.live.text).value
    except ConfigurationError:
        return None
