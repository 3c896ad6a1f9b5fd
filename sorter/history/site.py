"""A site's history of recipes, as its settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sorter.settings.recipes import RecipesSettings

_FILE = "recipes.jsonl"
_STATE_DIRECTORY = "STATE_DIRECTORY"


def history_path(settings: RecipesSettings, base: Path, environment: Mapping[str, str]) -> Path:
    """Where the history is; ``base`` is the settings file's folder."""
    if settings.history is not None:
        return base / settings.history
    state = environment.get(_STATE_DIRECTORY, "").partition(":")[0]
    return Path(state) / _FILE if state else base / "journal" / _FILE
