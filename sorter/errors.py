"""One drawn tree of errors, each named by what the operator must do; the message is one plain sentence.

SorterError                 exit 1
├── ConfigurationError      exit 78: mend a file
├── UsageError              exit 2: mend the command
├── SourceError             exit 1: mend the camera, film or folder
│   └── SourceRefusedError  the camera answers, and trying again soon does not help: mend its settings or ours
├── BrokerError             exit 1: mend the broker or its address
├── JournalError            exit 1: mend the journal's file or its path
└── HistoryError            exit 1: mend the history of recipes, its path, or what was asked of it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SorterError(Exception):
    """Anything the sorter tells its user in one sentence instead of a traceback."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file, with its place."""

    place: str
    """``file:line:column``, both counted from 1; only ``file`` where there is no better place."""
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class ConfigurationError(SorterError):
    """A settings or recipe file must be mended; carries every mistake found, in reading order."""

    exit_code = 78

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


class UsageError(SorterError):
    """The command itself must be mended."""

    exit_code = 2


class SourceError(SorterError):
    """The camera, film, folder or picture must be mended."""


class SourceRefusedError(SourceError):
    """The camera is there and does not give what is asked of it: wrong password, no such stream, no color."""


class BrokerError(SorterError):
    """The broker or its address must be mended."""


class JournalError(SorterError):
    """The journal's file or its path must be mended."""


class HistoryError(SorterError):
    """The history of recipes or its path must be mended, or something else be asked of it."""
