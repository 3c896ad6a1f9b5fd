"""The ways in which a file gets a new content: as editors, tools and containers do it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

_SLOW_S = 1.5
"""In which the slow writer brings a file to its end."""
_TOOL_S = 10.0
_VERSIONS = count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """A file that is edited."""

    path: Path
    """As its reader names it."""
    behind: Path
    """The same file where the folder that is mounted came from; equal to ``path`` where nothing is mounted."""
    spare: Path
    """A folder elsewhere, for what a tool copies from."""


@dataclass(frozen=True, slots=True)
class Way:
    """One of them; ``write`` returns once the last byte is written."""

    name: str
    write: Callable[[Place, bytes], None]


def _vim_renaming(place: Place, content: bytes) -> None:
    """The old file becomes ``file~``, and a new one is written under its name: for a moment there is none."""
    if shutil.which("vim"):
        _vim(place, content, "no")
        return
    place.path.replace(_backup(place.path))
    _write(place.path, content)


def _vim_copying(place: Place, content: bytes) -> None:
    """The old content is copied to ``file~``, and the file is written in place."""
    if shutil.which("vim"):
        _vim(place, content, "yes")
        return
    shutil.copyfile(place.path, _backup(place.path))
    _write(place.path, content)


def _vim(place: Place, content: bytes, backupcopy: str) -> None:
    commands = (
        f"set backup backupskip= backupdir=. backupcopy={backupcopy}", f"silent %!cat {_spare(place, content)}",
        "silent w!", "qa!",
    )  # fmt: skip
    options = [option for command in commands for option in ("-c", command)]
    _run("vim", "-u", "NONE", "-i", "NONE", "-n", "-e", "-s", *options, str(place.path))


def _nano(place: Place, content: bytes) -> None:
    """Truncates and writes in place."""
    _write(place.path, content)


def _code(place: Place, content: bytes) -> None:
    """A temporary file in the same folder takes the file's name."""
    _rename_over(place.path, content)


def _cp(place: Place, content: bytes) -> None:
    """Truncates and writes in place, too; by its own system calls."""
    _run("cp", str(_spare(place, content)), str(place.path))


def _sed(place: Place, content: bytes) -> None:
    """Writes a temporary file and renames it; where the file is a link, a file takes its place."""
    script = ("-e", f"1r {_spare(place, content)}", "-e", "d")
    _run("sed", "-i", *script, str(place.path))


def _config_map(place: Place, content: bytes) -> None:
    """The file is a link into ``..data``, which is a link that is swapped for one to another folder."""
    folder, name = place.path.parent, place.path.name
    data = folder / "..data"
    before = data.readlink() if data.is_symlink() else None
    version = folder / f"..2026_{next(_VERSIONS)}"
    version.mkdir()
    _write(version / name, content)
    _link_over(data, version.name)
    if not place.path.is_symlink():
        _link_over(place.path, f"..data/{name}")
    if before is not None:
        shutil.rmtree(folder / before)


def _mounted(place: Place, content: bytes) -> None:
    """An editor outside of the container saves by renaming; the sorter sees it through its mount."""
    _rename_over(place.behind, content)


def _slow(place: Place, content: bytes) -> None:
    """Byte by byte, in place, each on its way at once."""
    began_s = time.monotonic()
    with place.path.open("wb", buffering=0) as file:
        for number in range(len(content)):
            file.write(content[number : number + 1])
            time.sleep(max(0.0, began_s + _SLOW_S * number / len(content) - time.monotonic()))


WAYS: Sequence[Way] = (
    Way("vim, renaming", _vim_renaming),
    Way("vim, copying", _vim_copying),
    Way("nano", _nano),
    Way("VS Code", _code),
    Way("cp", _cp),
    Way("sed -i", _sed),
    Way("ConfigMap swap", _config_map),
    Way("slow writer", _slow),
)
MOUNTED = Way("bind mount", _mounted)
"""Only where a folder could be mounted."""


@contextmanager
def editable(name: str, content: bytes) -> Iterator[tuple[Place, Sequence[Way]]]:
    """A file in a folder of its own, mounted where that is allowed; and the ways in which it can be edited."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sorter-edits-")))
        seen, behind, spare = folder / "seen", folder / "behind", folder / "spare"
        for one in (seen, behind, spare):
            one.mkdir()
        is_mounted = _mount(behind, seen)
        if is_mounted:
            stack.callback(_run, "umount", "--lazy", str(seen))
        path = seen / name
        _write(path, content)
        yield Place(path, behind / name if is_mounted else path, spare), (*WAYS, *([MOUNTED] if is_mounted else []))


def _mount(source: Path, target: Path) -> bool:
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    done = subprocess.run(
        ["mount", "--bind", str(source), str(target)],  # where it is, is the system's to say
        check=False, capture_output=True, timeout=_TOOL_S,
    )  # fmt: skip
    return done.returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TOOL_S)


def _backup(path: Path) -> Path:
    return path.with_name(f"{path.name}~")


def _spare(place: Place, content: bytes) -> Path:
    path = place.spare / "content"
    path.write_bytes(content)
    return path


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rename_over(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _write(temporary, content)
    temporary.replace(path)


def _link_over(path: Path, target: str) -> None:
    temporary = path.with_name("..data_tmp")
    temporary.symlink_to(target)
    temporary.replace(path)
