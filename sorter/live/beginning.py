"""What the service begins with: the files as they are, or the last recipe that was right where a file is not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from sorter.errors import ConfigurationError
from sorter.history.approvals import read_approval
from sorter.history.entries import Entry, Origin
from sorter.history.site import history_path
from sorter.history.words import removed_bins
from sorter.history.writing import History
from sorter.live.candidate import Candidate
from sorter.live.ledger import held_before
from sorter.settings.load import Loaded, Project, load_project, load_recipe, load_site
from sorter.settings.recipe import Recipe
from sorter.settings.recipes import OnMistake
from sorter.settings.site import LineSettings, SiteSettings

_log = logging.getLogger(__name__)


def begin(path: Path, environment: Mapping[str, str]) -> Project:
    """The settings, and for each line the recipe to begin with.

    That is the file its settings name, or the one that a person changed over to; and the last recipe that was in force
    in its place, where that file is mistaken, or holds a change that waits for a person. The file is looked at again
    as soon as the service runs, which then tells what is wrong.

    Args:
        path: settings file, or its folder.
        environment: of the process.

    Raises:
        ConfigurationError: the settings are mistaken; or a recipe is, and there is none to begin with in its place, or
            the settings ask to end for that.
    """
    site = load_site(path)
    recipes = site.value.recipes
    file = history_path(recipes, site.path.parent, environment)
    history = History(file)
    history.open()
    history.close()
    entries = {line.name: history.last(line.name) for line in site.value.lines}
    if not any(entries.values()):
        return load_project(path)
    chosen = {line.name: _chosen(line, site, entries[line.name], file) for line in site.value.lines}
    mistakes = [mistake for one in chosen.values() if isinstance(one, ConfigurationError) for mistake in one.mistakes]
    if mistakes:
        load_project(path)  # which tells these, and all others with them
        raise ConfigurationError(mistakes)  # of a recipe that the settings do not name
    loaded = {name: one for name, one in chosen.items() if isinstance(one, Loaded)}
    return load_project(path, loaded, () if _ends_at_mistakes(site) else _lines_of_bad_shadows(site))


def _ends_at_mistakes(site: Loaded[SiteSettings]) -> bool:
    return site.value.recipes.on_mistake is OnMistake.EXIT


def _chosen(
    line: LineSettings, site: Loaded[SiteSettings], entry: Entry | None, history: Path
) -> Loaded[Recipe] | ConfigurationError:
    base = site.path.parent
    named = base / line.recipe
    if entry is None or entry.live.named != line.recipe:
        return _try(named, None, line)
    path = base / entry.live.path
    loaded = _try(path, None, line)
    last = _try(path, entry.live.text, line)
    if isinstance(last, ConfigurationError):  # its branches are gone, say: what was right then is not now
        return loaded if path == named or isinstance(loaded, Loaded) else _try(named, None, line)
    if isinstance(loaded, ConfigurationError):
        if _ends_at_mistakes(site):
            return loaded
        _log.warning("line %s begins with the last recipe that was right, of %s", line.name, entry.at)
        return last
    return last if _must_wait(line, last.value, loaded, site.value, history) else loaded


def _try(path: Path, content: str | None, line: LineSettings) -> Loaded[Recipe] | ConfigurationError:
    try:
        return load_recipe(path, content, line)
    except ConfigurationError as error:
        return error


def _must_wait(line: LineSettings, last: Recipe, loaded: Loaded[Recipe], site: SiteSettings, history: Path) -> bool:
    """Whether what stands in the file now is for a person to confirm: a restart confirms nothing."""
    candidate = Candidate(loaded, Origin.FILE)
    approval = read_approval(history, candidate.text_sha256)
    if approval is not None:
        return not approval.approved
    takes_away = site.recipes.confirm.removed_bins and removed_bins(last, loaded.value)
    return bool(takes_away or held_before(history, line.name, candidate))


def _lines_of_bad_shadows(site: Loaded[SiteSettings]) -> list[str]:
    """A mistaken candidate is no reason not to sort."""
    found = []
    for line in site.value.lines:
        shadow = None if line.shadow is None else _try(site.path.parent / line.shadow, None, line)
        if isinstance(shadow, ConfigurationError):
            _log.warning("line %s has no shadow recipe: %s", line.name, shadow)
            found.append(line.name)
    return found
