"""The files around the journal: who may write it, the reserve for a full disk, and damaged ones put aside."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sorter.errors import JournalError

_TAILS = ("", "-wal", "-shm")
_ASIDE = "-damaged-"


class WriterLock:
    """Only one process writes a journal: the lock goes with the process, however that ends.

    Args:
        path: of the journal.

    Raises:
        JournalError: another process has it.
        OSError: the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(_beside(path, "-lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            remedy = "stop the other one, or give this one a journal.path of its own"
            raise JournalError(f"{path}: another process writes this journal: {remedy}") from error

    def release(self) -> None:
        """Let others write."""
        os.close(self._file)


def is_written(path: Path) -> bool:
    """Whether a process has the journal open for writing."""
    try:
        file = os.open(_beside(path, "-lock"), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


class Reserve:
    """A file whose room on the disk is given back when there is no other.

    Args:
        path: of the journal.
        size_bytes: of the reserve.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = _beside(path, "-reserve")
        self._size_bytes = size_bytes

    def keep(self) -> bool:
        """Whether it is there now; false where the disk has no room for it."""
        try:
            if self._path.exists() and self._path.stat().st_size == self._size_bytes:
                return True
            with self._path.open("wb") as file:
                file.write(os.urandom(self._size_bytes))  # what is all zeros, a file system may not store
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.give_back()
            return False
        return True

    def give_back(self) -> int:
        """Free its room; how many bytes that is."""
        size = _size(self._path)
        with suppress(OSError):
            self._path.unlink()
            return size
        return 0


def put_aside(path: Path, now_wall_s: float) -> Path:
    """Give a damaged journal and what belongs to it another name; the new name.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = f"{datetime.fromtimestamp(now_wall_s, UTC):%Y%m%dT%H%M%S.%fZ}"
    aside = _beside(path, _ASIDE + stamp)
    for tail in _TAILS:
        with suppress(FileNotFoundError):
            _beside(path, tail).rename(_beside(aside, tail))
    return aside


def put_aside_before(path: Path) -> list[str]:
    """Names of damaged journals that lie beside this one."""
    try:
        names = [one.name for one in path.parent.iterdir() if one.name.startswith(path.name + _ASIDE)]
    except OSError:
        return []
    return sorted(name for name in names if not name.endswith(_TAILS[1:]))


def size_bytes(path: Path) -> int:
    """Of the journal, its log with the index of that, and its reserve together."""
    return sum(_size(_beside(path, tail)) for tail in (*_TAILS, "-reserve"))


def wal_bytes(path: Path) -> int:
    """Of the write-ahead log."""
    return _size(_beside(path, "-wal"))


def free_bytes(path: Path) -> int:
    """What the disk has left."""
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _beside(path: Path, tail: str) -> Path:
    return path.with_name(path.name + tail)
