"""The environment of the other tools, made when it is first needed: none of them is a dependency of the sorter."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.belt import ROOT
from benchmarks.peers.process import PeerError

LOCK = Path(__file__).with_name("requirements.lock")
PLACE = ROOT / ".build" / "peers"
_MARK = "made-from"
_INSTALL_S = 900


def peers_python() -> Path:
    """The Python that has the other tools; installs them, which takes a minute, unless that was done from this lock.

    Raises:
        PeerError: they cannot be installed.
    """
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not _is_made_from(digest):
        sys.stderr.write("Installing other color tools, to measure them beside this one, into .build/peers\n")
        try:
            _make(digest)
        except OSError as error:
            raise PeerError(f"they could not be installed: {error}") from error
    return PLACE / "bin" / "python"


def _is_made_from(digest: str) -> bool:
    mark = PLACE / _MARK
    return mark.is_file() and mark.read_text(encoding="ascii") == digest


def _make(digest: str) -> None:
    """Make it beside its place and move it there when it is whole: an interrupted one is never taken for ready."""
    PLACE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PLACE.parent, prefix="peers-") as folder:
        new = Path(folder, "venv")
        _run([sys.executable, "-m", "venv", str(new)])
        # Without a network pip would try for minutes.
        pip = [str(new / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--retries", "1"]
        options = ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
        _run([*pip, *options])
        (new / _MARK).write_text(digest, encoding="ascii")
        if PLACE.exists():
            shutil.rmtree(PLACE)
        new.rename(PLACE)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_S)
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"installing them took longer than {_INSTALL_S} s") from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise PeerError(f"they could not be installed: {words[-1] if words else 'no word of why'}")
