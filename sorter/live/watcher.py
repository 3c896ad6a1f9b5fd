"""The thread that looks at recipes and settings: it may wait for disks, and the service never does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from sorter.live.line_recipes import LineRecipes
from sorter.live.settings_file import SettingsFile
from sorter.ports import Clock

_log = logging.getLogger(__name__)

_EVERY_S = 0.25
"""Reading a recipe takes some 30 microseconds; a notice by the system would come sooner, and not on every mount."""


class Watcher:
    """Looks at every file four times a second.

    Args:
        lines: each line's recipes, by the line's name.
        writes: what else is to be written down, each with every turn.
        settings: the settings file.
        clock: time.
        reload: whether changed files are taken at all; else each is looked at once, for what a start did not take.
    """

    def __init__(
        self,
        lines: Mapping[str, LineRecipes],
        writes: Sequence[Callable[[], None]],
        settings: SettingsFile,
        clock: Clock,
        *,
        reload: bool,
    ) -> None:
        self._lines = lines
        self._writes = writes
        self._settings = settings
        self._clock = clock
        self._reload = reload
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recipes", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, end_s: float) -> None:
        """By ``end_s`` (monotonic): write down what is not yet, and end."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(max(0.0, end_s - self._clock.monotonic_s()))

    def _run(self) -> None:
        if not self._reload:
            self._do(line.look_once for line in self._lines.values())
        while not self._closing.wait(_EVERY_S):
            self._turn()
        self._turn()

    def _turn(self) -> None:
        now_s = self._clock.monotonic_s()
        steps: list[Callable[[], None]] = []
        if self._reload:
            steps.append(partial(self._settings.look, now_s))
            steps += [partial(self._look, line, now_s) for line in self._lines.values()]
        for line in self._lines.values():
            steps += [line.hear, line.write]
        self._do((*steps, *self._writes))

    def _look(self, line: LineRecipes, now_s: float) -> None:
        if line.look(now_s):
            self._settings.look_again()

    def _do(self, steps: Iterable[Callable[[], None]]) -> None:
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001 - logged; the other lines' files are looked at all the same
                _log.exception("a fault while a changed file was looked at; what was in force goes on")
