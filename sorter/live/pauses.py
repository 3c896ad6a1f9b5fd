"""Which lines are paused, and by whom: a pause holds until somebody ends it, also over a restart of the service."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sorter.history.approvals import write_whole

_log = logging.getLogger(__name__)

_PAUSES = TypeAdapter(dict[str, str])
_LARGEST_BYTES = 1 << 20


class Pauses:
    """Kept in a small file; two threads come here, and only `write` waits for the disk.

    Args:
        path: the file, which is there only while a line is paused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._paused = _read(path)
        self._written = dict(self._paused)
        self._failed = False

    def of(self, line: str) -> str | None:
        """By whom and why it is paused, in words; None where it is not."""
        with self._lock:
            return self._paused.get(line)

    def note(self, line: str, words: str | None) -> None:
        """It is paused; None: it goes on."""
        with self._lock:
            if words is None:
                self._paused.pop(line, None)
            else:
                self._paused[line] = words

    def write(self) -> None:
        """Keep what was noted; what cannot be written is told once, and tried again with the next call."""
        with self._lock:
            paused = dict(self._paused)
        if paused == self._written:
            return
        try:
            if paused:
                write_whole(self._path, _PAUSES.dump_json(paused))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            if not self._failed:
                remedy = "make room, or mend the folder's rights; a restart would forget it"
                _log.warning("%s: a pause cannot be written down (%s): %s", self._path, error.strerror, remedy)
            self._failed = True
        else:
            self._written, self._failed = paused, False


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            return _PAUSES.validate_json(file.read(_LARGEST_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        _log.warning("%s: this does not tell which lines are paused: remove it, and pause them again", path)
        return {}
