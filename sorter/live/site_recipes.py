"""All of a site's recipes and its settings file, while the sorter runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from sorter.errors import ConfigurationError
from sorter.history.site import history_path
from sorter.history.writing import History
from sorter.live.changed_settings import compare
from sorter.live.ledger import RecipeLedger
from sorter.live.line_recipes import LineRecipes
from sorter.live.pauses import Pauses
from sorter.live.settings_file import SettingsFile
from sorter.live.watched import Watched
from sorter.live.watcher import Watcher
from sorter.outputs.journal.site import journal_path
from sorter.outputs.recipe_metrics import RecipeMetrics
from sorter.ports import Clock
from sorter.settings.load import Loaded, Project
from sorter.settings.recipe import Recipe
from sorter.settings.recipes import OnMistake
from sorter.settings.site import LineSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a changed settings file asks of a line."""

    settings: LineSettings
    recipe: Loaded[Recipe]
    """The one that it names."""
    shadow: Loaded[Recipe] | None
    """Likewise."""


class SiteRecipes:
    """What the service asks; nothing of it is watched before `start`.

    Args:
        project: what the service begins with.
        environment: of the process; may name a folder for the history.
        registry: where metrics are registered.
        clock: time.
    """

    def __init__(
        self, project: Project, environment: Mapping[str, str], registry: CollectorRegistry, clock: Clock
    ) -> None:
        self._site = project.site.value
        """In force: what could be taken up of a changed settings file is in it."""
        path = history_path(self._site.recipes, project.base, environment)
        self._history = History(path)
        self.pauses = Pauses(path.with_name("paused.json"))
        """Which lines are paused."""
        self._settings_file = SettingsFile(project.site)
        ledger = RecipeLedger(self._history, path, project.base, clock)
        metrics = RecipeMetrics(registry)
        confirm = self._site.recipes.confirm
        self.lines: Mapping[str, LineRecipes] = {
            line.name: LineRecipes(
                line, project.recipes[line.name], _shadow_file(line, project), confirm, ledger, metrics
            )
            for line in self._site.lines
        }
        """Each line's, by its name."""
        self._ledger = ledger
        if self._site.journal.enabled:
            journal = journal_path(self._site.journal, project.base, environment)
            for line in self.lines.values():
                line.begin_with(journal)
        reload = self._site.recipes.reload
        self._watcher = Watcher(
            self.lines, [ledger.retry, self.pauses.write], self._settings_file, clock, reload=reload
        )

    def start(self) -> None:
        """Begin to watch, and to write the history."""
        self._ledger.open()
        self._watcher.start()

    def close(self, end_s: float) -> None:
        """By ``end_s`` (monotonic): write down what is not yet, and let others write the history."""
        self._watcher.close(end_s)
        self._history.close()

    @property
    def troubles(self) -> dict[str, str]:
        """Cause and reason of what is wrong with the settings file or the history."""
        return self._settings_file.troubles | self._history.troubles

    @property
    def fatal(self) -> ConfigurationError | None:
        """The mistake for which the service is to end, where its settings say that it shall."""
        if self._site.recipes.on_mistake is not OnMistake.EXIT:
            return None
        found = (self._settings_file.mistaken, *(line.mistaken for line in self.lines.values()))
        return next((one for one in found if one is not None), None)

    def take(self) -> dict[str, Wanted]:
        """What a changed settings file asks of each line, by the line's name; mostly nothing."""
        project = self._settings_file.take()
        if project is None:
            return {}
        taken_up = compare(self._site, project.site.value).lines
        lines = tuple(taken_up.get(line.name, line) for line in self._site.lines)
        self._site = self._site.model_copy(update={"lines": lines})
        self._settings_file.use(self._site)
        return {
            name: Wanted(settings, project.recipes[name], project.shadows.get(name))
            for name, settings in taken_up.items()
        }


def _shadow_file(line: LineSettings, project: Project) -> Watched | None:
    """One that is mistaken is not there at the start, and may be mended."""
    if line.shadow is None:
        return None
    shadow = project.shadows.get(line.name)
    return Watched(project.base / line.shadow, "") if shadow is None else Watched.of(shadow)
