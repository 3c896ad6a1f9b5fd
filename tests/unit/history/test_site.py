from __future__ import annotations

from pathlib import Path

import pytest

from sorter.history.site import history_path
from sorter.settings.recipes import RecipesSettings


@pytest.mark.parametrize(("settings", "environment", "expected"), [
    ({}, {}, "config/journal/recipes.jsonl"),
    ({}, {"STATE_DIRECTORY": "/var/lib/sorter:/var/lib/other"}, "/var/lib/sorter/recipes.jsonl"),
    ({"history": "all.jsonl"}, {"STATE_DIRECTORY": "/var/lib/sorter"}, "config/all.jsonl"),
    ({"history": "/srv/all.jsonl"}, {}, "/srv/all.jsonl"),
])  # fmt: skip
def test_the_history_lies_where_the_settings_the_system_or_the_folder_say(
    settings: dict[str, str], environment: dict[str, str], expected: str
) -> None:
    found = history_path(RecipesSettings.model_validate(settings), Path("config"), environment)
    assert found == Path(expected)
