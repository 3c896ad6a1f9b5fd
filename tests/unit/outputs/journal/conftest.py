"""Journals that are closed at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sorter.capture.clock import SystemClock
from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.writer import Journal
from tests.unit.outputs.journal.written import ROOMY


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Opens and starts journals."""
    opened: list[Journal] = []

    def make(path: Path | None = None, limits: Limits = ROOMY, keeping: Keeping | None = None) -> Journal:
        journal = Journal(path or tmp_path / "journal.sqlite", limits, SystemClock(), keeping or Keeping())
        opened.append(journal)
        journal.start()
        return journal

    yield make
    for journal in opened:
        journal.close(time.monotonic() + 5)
