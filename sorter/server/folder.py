"""Files that clients name: read only where they are regular files under one folder, with no link leading out of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sorter.errors import SourceError
from sorter.palette.addresses import DownloadTooLargeError

_NO_WAITING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
LONGEST_PATH = 1024


class PathRefusedError(SourceError):
    """The path leads out of the folder, or to what is no file of it; the sentence does not say what is there."""


class NoSuchPictureError(SourceError):
    """There is no such file in the folder."""


def read_under(folder: Path | None, path: str, max_bytes: int) -> bytes:
    """Read a file.

    Args:
        folder: where it must lie, all links followed; None: nothing is read.
        path: relative to the folder, or absolute.
        max_bytes: largest one.

    Raises:
        PathRefusedError: it leads elsewhere, or is a folder, a device or the like.
        NoSuchPictureError: it is not there.
        DownloadTooLargeError: it is larger.
    """
    if folder is None:
        raise PathRefusedError("paths are not read here: send the picture itself, or have a folder set for the server")
    if not path.isprintable() or len(path) > LONGEST_PATH:
        raise PathRefusedError("the path is too long, or holds what does not belong into one")
    try:
        root = folder.resolve(strict=True)
        # Where it is not there, all the same: what lies outside must answer alike whether it is there or not.
        inside = (root / path).resolve().relative_to(root)
    except (OSError, ValueError, RuntimeError) as error:
        raise PathRefusedError("the path does not lead to a file in the server's folder") from error
    return _read(root, inside.parts, max_bytes)


def _read(root: Path, parts: tuple[str, ...], max_bytes: int) -> bytes:
    """Step by step, and no link is followed any more: one that is put there meanwhile leads nowhere."""
    opened = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for part in parts:
            opened.append(os.open(part, _NO_WAITING, dir_fd=opened[-1]))
        status = os.fstat(opened[-1])
        if not stat.S_ISREG(status.st_mode):
            raise PathRefusedError("the path does not lead to a file in the server's folder")
        if status.st_size > max_bytes:
            raise DownloadTooLargeError(f"the file is larger than {max_bytes / 1e6:g} MB")
        with os.fdopen(os.dup(opened[-1]), "rb") as file:
            return file.read(max_bytes)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoSuchPictureError("there is no such file in the server's folder") from error
    except OSError as error:  # a link after all, or not ours to read
        raise PathRefusedError("the path does not lead to a file in the server's folder") from error
    finally:
        for one in opened:
            os.close(one)
