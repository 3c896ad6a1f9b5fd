"""The settings file while the sorter runs: a change is checked whole, with the recipes it names."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from sorter.errors import ConfigurationError
from sorter.live.changed_settings import compare
from sorter.live.watched import Watched
from sorter.settings.load import Loaded, Project, load_project
from sorter.settings.site import SiteSettings

_log = logging.getLogger(__name__)


class SettingsFile:
    """Watches the settings file; as `LineRecipes`, for two threads.

    Args:
        site: in force.
    """

    def __init__(self, site: Loaded[SiteSettings]) -> None:
        self._lock = threading.Lock()
        self._watched = Watched.of(site)
        self._in_force = site.value
        self._wanted: Project | None = None
        self._refused: str | None = None
        self.mistaken: ConfigurationError | None = None
        """What it was refused for, while it is."""
        self._needs_restart: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file."""
        return self._watched.path

    def take(self) -> Project | None:
        """What stands in it now, if that is news and right."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            return wanted

    @property
    def troubles(self) -> dict[str, str]:
        """Cause and reason of what is wrong now."""
        with self._lock:
            troubles = {} if self._refused is None else {"recipe_refused": self._refused}
            if self._needs_restart:
                keys = ", ".join(self._needs_restart)
                troubles["restart_needed"] = f"{self.path.name}: {keys}: restart the sorter to take this up"
            return troubles

    def use(self, site: SiteSettings) -> None:
        """What could be taken up of it is in force."""
        with self._lock:
            self._in_force = site

    def look_again(self) -> None:
        """A recipe was changed: settings that were refused may fit it."""
        if self._refused is not None:
            self._watched.look_again()

    def look(self, now_s: float) -> None:
        """See whether it was changed."""
        found = self._watched.look(now_s)
        if found is None:
            return
        try:
            project = load_project(found.path)
        except ConfigurationError as error:
            self._refuse(error)
            return
        needs = compare(self._in_force, project.site.value).needs_restart
        if needs:
            _log.warning("%s was changed where only a restart helps: %s", self.path, ", ".join(needs))
        with self._lock:
            self._refused, self._needs_restart, self._wanted = None, needs, project
            self.mistaken = None

    def _refuse(self, error: ConfigurationError) -> None:
        for mistake in error.mistakes:
            _log.warning("%s", mistake)
        first, more = error.mistakes[0], len(error.mistakes) - 1
        words = f"{first}{f' (and {more} more)' if more else ''}; the settings as they were go on"
        with self._lock:
            self._refused, self.mistaken = words, error
