"""One line's recipes as its files tell them: what is in force, what waits, what was refused, and the shadow."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sorter.errors import ConfigurationError
from sorter.history.entries import Origin
from sorter.history.words import differences_in_words, removed_bins
from sorter.live.candidate import Candidate
from sorter.live.held import Held, reasons_to_wait
from sorter.live.ledger import RecipeLedger
from sorter.live.rehearsing import RecentProducts
from sorter.live.watched import Found, Watched
from sorter.outputs.messages import Message
from sorter.outputs.recipe_metrics import Fate, RecipeMetrics
from sorter.outputs.stats import HistoryHead
from sorter.records import Decision
from sorter.settings.load import Loaded, load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.recipes import ConfirmSettings
from sorter.settings.site import LineSettings

_log = logging.getLogger(__name__)


class LineRecipes:
    """Two threads come here: one that looks at the files and may take its time, and the service's, which may not.

    Args:
        settings: the line's.
        loaded: the recipe in force at the start.
        shadow: the file of the one beside it; None where there is none.
        confirm: which changes wait for a person.
        ledger: where what happens to recipes is written down.
        metrics: told of every change.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a change is held against, handed in by the watcher
        self,
        settings: LineSettings,
        loaded: Loaded[Recipe],
        shadow: Watched | None,
        confirm: ConfirmSettings,
        ledger: RecipeLedger,
        metrics: RecipeMetrics,
    ) -> None:
        self._lock = threading.Lock()
        self._settings = settings
        self._confirm = confirm
        self._ledger = ledger
        self._metrics = metrics
        self._recent = RecentProducts(settings.name, confirm.recent_products)
        self._in_force = loaded
        self._file = Watched.of(loaded)
        self._shadow = shadow
        self._wanted: Candidate | None = None
        self._wanted_shadow: Loaded[Recipe] | None = None
        self._chores: deque[Callable[[], None]] = deque()
        """What the service's thread leaves to the other: all that waits for a disk."""
        self._held: Held | None = None
        self._refused: dict[Watched, str] = {}
        """Why a file was refused."""
        self.mistaken: ConfigurationError | None = None
        """What the recipe file was refused for last; for those who would rather not go on."""
        metrics.expect_line(settings.name)
        self._chores.append(lambda: ledger.note_start(settings, loaded))

    # For the service's thread.

    @property
    def wanted(self) -> Candidate | None:
        """What is to decide instead of the recipe in force, until it is used or the file says otherwise."""
        with self._lock:
            return self._wanted

    @property
    def wanted_shadow(self) -> Loaded[Recipe] | None:
        """Likewise for the shadow."""
        with self._lock:
            return self._wanted_shadow

    def begin_with(self, journal: Path) -> None:
        """Changes are rehearsed on the newest products of a journal, until there are new ones."""
        self._chores.append(lambda: self._recent.begin_with(journal))

    def note(self, decision: Decision, message: Message) -> None:
        """A product was decided: changes are rehearsed on the newest."""
        self._recent.note(decision, message)

    def use(self, candidate: Candidate) -> None:
        """It is in force from now on, and its file is the one that is watched."""
        with self._lock:
            before, self._in_force, self._held, self._wanted = self._in_force, candidate.loaded, None, None
            if candidate.path != self._file.path:
                self._refused.pop(self._file, None)
                self._file = Watched.of(candidate.loaded)
            settings = self._settings
            self._chores.append(lambda: self._ledger.note_live(settings, before, candidate))
        recipe, name = candidate.recipe, candidate.path.name
        words = "line %s: the recipe %s, revision %d, hash %s, of %s decides now (%s)"
        _log.info(
            words, settings.name, recipe.name, recipe.revision, recipe.identity.hash, name, candidate.origin_in_words
        )
        self._metrics.count(settings.name, Fate.LIVE)

    def watch_shadow(self, shadow: Loaded[Recipe] | None) -> None:
        """Another shadow recipe is in force, or none."""
        with self._lock:
            if self._shadow is not None:
                self._refused.pop(self._shadow, None)
            if self._shadow is None or shadow is None or shadow.path != self._shadow.path:
                self._shadow = None if shadow is None else Watched.of(shadow)
            self._wanted_shadow = None

    def use_settings(self, settings: LineSettings) -> None:
        """Its branches may be others: a file that was refused may be right now."""
        with self._lock:
            self._settings = settings
            for watched in self._refused:
                watched.look_again()

    def confirm(self, by: str | None, why: str | None) -> Held | None:
        """A person wants what waits; None where nothing does."""
        with self._lock:
            held, self._held = self._held, None
            if held is not None:
                self._wanted = replace(
                    held.candidate, origin=Origin.CONFIRMED, by=by or held.candidate.by, why=why or held.candidate.why
                )
        return held

    def reject(self, by: str | None, why: str | None) -> Held | None:
        """A person does not want what waits; None where nothing does."""
        with self._lock:
            held = self._held
            if held is not None:
                self._set_aside(held.candidate, by)
                self._chores.append(lambda: self._ledger.note_rejected(held.candidate, by, why))
        return held

    def rejection(self, candidate: Candidate) -> str | None:
        """Why a person must not be given this content by another way; None where nobody has rejected it."""
        said = self._ledger.approval(candidate)
        return None if said is None or said.approved else _rejection(candidate, said.by)

    @property
    def held(self) -> Held | None:
        """What waits for a person."""
        with self._lock:
            return self._held

    @property
    def history_head(self) -> HistoryHead | None:
        """The newest entry of the history; None while there is none."""
        newest = self._ledger.newest
        return None if newest is None else HistoryHead(newest.number, newest.hash)

    @property
    def in_force(self) -> Loaded[Recipe]:
        """The recipe that decides."""
        with self._lock:
            return self._in_force

    @property
    def troubles(self) -> dict[str, str]:
        """Cause and reason of what is wrong now."""
        with self._lock:
            held, refused = self._held, list(self._refused.values())
        troubles = {"recipe_refused": "; ".join(refused)} if refused else {}
        return troubles if held is None else troubles | {"recipe_waits": held.words}

    # For the thread that looks at the files.

    def look(self, now_s: float) -> bool:
        """See whether the files were changed, and take what they hold; whether any was."""
        return self._take_each(lambda watched: watched.look(now_s))

    def look_once(self) -> None:
        """See what stands in the files that the service did not begin with, and say why it did not."""
        self._take_each(Watched.now)

    def hear(self) -> None:
        """See whether a person has said something of what waits."""
        self._ask_for_approval()
        with self._lock:
            is_right, waits = self._file not in self._refused, self._held is not None
        self._metrics.set_standing(self._settings.name, is_right=is_right, waits=waits)

    def write(self) -> None:
        """Write down what became of them."""
        while self._chores:
            self._chores.popleft()()

    def _take_each(self, look: Callable[[Watched], Found | None]) -> bool:
        watched = [one for one in (self._file, self._shadow) if one is not None]
        news = [(one, found) for one in watched if (found := look(one)) is not None]
        for one, found in news:
            self._take_found(one, found)
        return bool(news)

    def _take_found(self, watched: Watched, found: Found) -> None:
        try:
            loaded = load_recipe(found.path, found.content, self._settings)
        except ConfigurationError as error:
            self._refuse(watched, error)
            return
        with self._lock:
            self._refused.pop(watched, None)
            self.mistaken = None if watched is self._file else self.mistaken
        if watched is self._shadow:
            with self._lock:
                self._wanted_shadow = loaded
        elif watched is self._file:
            self._consider(loaded)

    def _refuse(self, watched: Watched, error: ConfigurationError) -> None:
        for mistake in error.mistakes:
            _log.warning("line %s: %s", self._settings.name, mistake)
        first, more = error.mistakes[0], len(error.mistakes) - 1
        goes_on = "the shadow" if watched is self._shadow else f"{self._in_force.value.name}, as it was,"
        words = f"{first}{f' (and {more} more)' if more else ''}; {goes_on} goes on"
        with self._lock:
            self._refused[watched] = words
            if watched is self._file:
                self._hold(None)
                self.mistaken = error
        self._metrics.count(self._settings.name, Fate.REFUSED)

    def _consider(self, loaded: Loaded[Recipe]) -> None:
        """A changed file is right: let it go live, or hold it."""
        before = self.in_force.value
        change = loaded.value.change
        candidate = Candidate(loaded, Origin.FILE)
        if change is not None:
            candidate = replace(candidate, by=change.by, why=change.why)
        if loaded.value.identity == before.identity:  # comments, or taken back before anybody confirmed it
            with self._lock:
                self._in_force, self._wanted = loaded, None
                self._hold(None)
            return
        rehearsal = self._recent.rehearse(before, loaded.value)
        candidate = replace(
            candidate,
            difference=differences_in_words(before, loaded.value),
            rehearsal=None if rehearsal is None else rehearsal.as_dict(),
        )
        rerouted, judged = (0, 0) if rehearsal is None else (rehearsal.rerouted, rehearsal.judged)
        reasons = reasons_to_wait(self._confirm, removed_bins(before, loaded.value), rerouted, judged)
        self._decide(candidate, reasons or self._ledger.reasons_of(self._settings.name, candidate))

    def _decide(self, candidate: Candidate, reasons: tuple[str, ...]) -> None:
        """Let it go live or wait, unless a person has said something of this very content before."""
        said = self._ledger.approval(candidate)
        if said is not None and not said.approved:
            with self._lock:
                self._set_aside(candidate, said.by)
            return
        if said is not None and reasons:
            reasons, candidate = (), replace(candidate, origin=Origin.CONFIRMED, by=said.by, why=said.why)
        with self._lock:
            self._hold(Held(candidate, reasons) if reasons else None)
            self._wanted = None if reasons else candidate
        if reasons:
            self._metrics.count(self._settings.name, Fate.HELD)

    def _hold(self, held: Held | None) -> None:
        """Let it wait; None: nothing does any more."""
        self._held = held
        self._chores.append(lambda: self._ledger.note_held(self._settings.name, held))

    def _set_aside(self, rejected: Candidate, by: str | None) -> None:
        self._hold(None)
        self._wanted = None
        self._refused[self._file] = f"{_rejection(rejected, by)}; the one before goes on"
        self._metrics.count(self._settings.name, Fate.REJECTED)

    def _ask_for_approval(self) -> None:
        """Whether a person has confirmed what waits, on this machine."""
        with self._lock:
            held = self._held
        approval = None if held is None else self._ledger.approval(held.candidate)
        if approval is None:
            return
        if approval.approved:
            self.confirm(approval.by, approval.why)
        else:
            self.reject(approval.by, approval.why)


def _rejection(candidate: Candidate, by: str | None) -> str:
    what = f"{candidate.path.name}: revision {candidate.recipe.revision}"
    return f"{what} was rejected by {'a person' if by is None else by}: edit it to be asked anew"
