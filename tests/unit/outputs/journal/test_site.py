from __future__ import annotations

from pathlib import Path

import pytest

from sorter.capture.clock import SystemClock
from sorter.outputs.journal.site import journal_path, make_journal
from sorter.settings.journal import JournalSettings

BASE = Path("plant")


@pytest.mark.parametrize(
    ("path", "environment", "expected"),
    [
        (None, {}, BASE / "journal" / "journal.sqlite"),
        (None, {"STATE_DIRECTORY": "state"}, Path("state") / "journal.sqlite"),
        (None, {"STATE_DIRECTORY": "state:another"}, Path("state") / "journal.sqlite"),
        (None, {"STATE_DIRECTORY": ""}, BASE / "journal" / "journal.sqlite"),
        ("mine.sqlite", {"STATE_DIRECTORY": "state"}, BASE / "mine.sqlite"),
    ],
)
def test_the_journal_is_where_the_settings_or_the_environment_say(
    path: str | None, environment: dict[str, str], expected: Path
) -> None:
    assert journal_path(JournalSettings(path=path), BASE, environment) == expected


def test_there_is_none_where_none_is_wanted() -> None:
    assert make_journal(JournalSettings(enabled=False), BASE, {}, SystemClock()) is None
