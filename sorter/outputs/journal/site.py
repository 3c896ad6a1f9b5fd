"""A site's journal, as its settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.writer import Journal
from sorter.ports import Clock
from sorter.settings.journal import JournalSettings

_FILE = "journal.sqlite"
_STATE_DIRECTORY = "STATE_DIRECTORY"


def journal_path(settings: JournalSettings, base: Path, environment: Mapping[str, str]) -> Path:
    """Where the journal is; ``base`` is the settings file's folder."""
    if settings.path is not None:
        return base / settings.path
    state = environment.get(_STATE_DIRECTORY, "").partition(":")[0]
    return Path(state) / _FILE if state else base / "journal" / _FILE


def make_journal(settings: JournalSettings, base: Path, environment: Mapping[str, str], clock: Clock) -> Journal | None:
    """The journal, not yet started; None where none is wanted."""
    if not settings.enabled:
        return None
    limits = Limits(settings.max_mb * 1_000_000, settings.max_days * 86400)
    keeping = Keeping(settings.keep_pixels, settings.keep_thumbnails, settings.keep_readings)
    return Journal(journal_path(settings, base, environment), limits, clock, keeping)
