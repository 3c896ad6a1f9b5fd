"""A line whose recipe file is spoiled while it runs: what is refused or waits must leave the recipe in force alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry

from benchmarks.belt import BenchBelt, StillClock
from sorter.errors import ConfigurationError
from sorter.history.writing import History
from sorter.live.ledger import RecipeLedger
from sorter.live.line_recipes import LineRecipes
from sorter.outputs.recipe_metrics import RecipeMetrics
from sorter.settings.load import Loaded, load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.recipes import ConfirmSettings
from sorter.settings.site import BranchSettings, LineSettings

_SETTLED_S = 10.0
"""Longer than any file is waited for."""
_CAUSES = ("recipe_refused", "recipe_waits")


class WatchedLine:
    """The part of the service that watches a line's recipe, from entering to leaving; its time is made here.

    Args:
        folder: for the recipe and its history; empty.
        content: of the recipe in force.
    """

    def __init__(self, folder: Path, content: bytes) -> None:
        self._content = content
        self._path = folder / "recipe.yaml"
        self._path.write_bytes(content)
        loaded = load_recipe(self._path)
        self._line = _line_for(loaded.value)
        history_path = folder / "recipes.jsonl"
        self._history = History(history_path)
        ledger = RecipeLedger(self._history, history_path, folder, StillClock())
        metrics = RecipeMetrics(CollectorRegistry())
        self._recipes = LineRecipes(self._line, loaded, None, ConfirmSettings(), ledger, metrics)
        self._now_s = 0.0

    def __enter__(self) -> Self:
        self._history.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._history.close()

    def faults(self, spoiled: bytes) -> list[str]:
        """Spoil the file, and mend it again; what may not be."""
        before = self._recipes.in_force
        try:
            found = self._put(spoiled)
            faults = list(self._spoiled_faults(before, found))
            self._put(self._content)
        except Exception as error:  # noqa: BLE001  # any is what is looked for
            return [f"the watching of files raised {type(error).__name__}: {error!s:.120}"]
        is_back = self._recipes.in_force.value == before.value and self._recipes.wanted is None
        if self._recipes.troubles or not is_back:
            faults.append(f"once the file is as it was, there is still {self._recipes.troubles!r:.120}")
        return faults

    def _put(self, content: bytes) -> Recipe | str:
        """Write it and let it be looked at; the recipe that it is, or the first mistake's words."""
        self._path.write_bytes(content)
        for _ in range(2):
            self._now_s += _SETTLED_S
            self._recipes.look(self._now_s)
            self._recipes.write()
        try:
            return load_recipe(self._path, line=self._line).value
        except ConfigurationError as error:
            return error.mistakes[0].sentence

    def _spoiled_faults(self, before: Loaded[Recipe], found: Recipe | str) -> Iterator[str]:
        if self._recipes.in_force.value != before.value and self._recipes.in_force.value.identity != _identity(found):
            yield "the recipe in force is another"
        wanted, told = self._recipes.wanted, self._recipes.troubles
        if isinstance(found, str):
            if wanted is not None or self._recipes.held is not None:
                yield "what was refused is to go live, or waits"
            if found not in told.get(_CAUSES[0], ""):
                yield f"no alarm says {found!r:.120}"
            return
        removed = {one.name for one in before.value.bins} - {one.name for one in found.bins}
        if removed and (wanted is not None or _CAUSES[1] not in told):
            yield f"the bins {sorted(removed)} are taken away, and nobody was asked"
        is_news = found.identity != before.value.identity
        if is_news and not removed and (wanted is None or wanted.recipe != found):
            yield "it is right, and is not to go live"


def _identity(found: Recipe | str) -> object:
    return None if isinstance(found, str) else found.identity


def _line_for(recipe: Recipe) -> LineSettings:
    """A line that has the recipe's branches."""
    branches = {name: BranchSettings(distance_mm=500.0) for name in sorted(recipe.branches())}
    return BenchBelt.of_config().line.model_copy(update={"branches": branches})
