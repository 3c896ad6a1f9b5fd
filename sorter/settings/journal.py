"""What the journal keeps, where, and for how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sorter.settings.source import FilePath
from sorter.settings.strict import Strict


class JournalSettings(Strict):
    """The journal: each decision, what became of it, and what it was made from."""

    enabled: bool = True
    """Whether there is one."""
    path: FilePath | None = None
    """File, relative to this file. Left out: journal.sqlite in the folder that the environment's STATE_DIRECTORY names
    (systemd and the container set it), else in the folder journal beside this file."""
    max_mb: Annotated[int, Field(ge=4, le=1_000_000)] = 1000
    """Largest size of all its files together, in millions of bytes; the oldest makes room for the newest."""
    max_days: Annotated[float, Field(gt=0, le=3660)] = 30.0
    """What is older is dropped."""
    keep_pixels: bool = True
    """Keep the pixels that each decision was made from, about 12 kB: only with them can it be replayed."""
    keep_thumbnails: bool = True
    """Keep a small picture of each product, about 2 kB."""
    keep_readings: bool = True
    """Keep what was read of those pixels, about 4 kB: only with it can a new recipe be rehearsed on past products."""
