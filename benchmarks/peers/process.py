"""Our side of the process in which the other tools run."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sorter.errors import SorterError
from sorter.records import BgrImage

SCRIPT = Path(__file__).with_name("answer.py")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_STOP_S = 10.0


class PeerError(SorterError):
    """The other tools cannot be measured."""


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What another tool made of a crop."""

    rgb: tuple[int, int, int]
    """0..255 each."""
    took_s: float
    """Processor time of its call alone."""


class Peers:
    """Other tools, ready to be asked; `open_peers` makes it."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: Path) -> None:
        self._process = process
        self._complaints = complaints
        greeting = self._hear()
        self.ways: Sequence[str] = tuple(greeting["ways"])
        """Names that `ask` takes."""
        self.versions: Mapping[str, str] = greeting["versions"]
        """Of each tool's package."""

    def ask(self, way: str, image_bgr: BgrImage) -> PeerAnswer:
        """Let one way read the dominant color of a crop.

        Args:
            way: one of `ways`.
            image_bgr: shape (height, width, 3).

        Raises:
            PeerError: the tool failed, which ends its process.
        """
        height, width = image_bgr.shape[:2]
        question = json.dumps({"way": way, "height": height, "width": width}).encode()
        try:
            stream = _pipe(self._process.stdin)
            stream.write(struct.pack(">I", len(question)) + question + image_bgr.tobytes())
            stream.flush()
        except BrokenPipeError as error:
            raise self._ended() from error
        answer = self._hear()
        red, green, blue = answer["rgb"]
        return PeerAnswer((red, green, blue), answer["took_s"])

    def _hear(self) -> dict[str, Any]:
        head = self._read(4)
        message: dict[str, Any] = json.loads(self._read(*struct.unpack(">I", head)))
        return message

    def _read(self, count: int) -> bytes:
        found = _pipe(self._process.stdout).read(count)
        if len(found) < count:
            raise self._ended()
        return found

    def _ended(self) -> PeerError:
        code = self._process.wait(_STOP_S)
        words = self._complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return PeerError(
            f"the other tools' process ended with exit code {code}; its last words: {words[-1] if words else 'none'}"
        )


@contextmanager
def open_peers(python: Path, script: Path = SCRIPT) -> Iterator[Peers]:
    """Run the other tools, one thread each, as long as the context lasts.

    Args:
        python: of the environment that has them.
        script: what speaks for them.

    Raises:
        PeerError: they cannot be started.
    """
    with tempfile.TemporaryDirectory() as folder:
        complaints = Path(folder, "stderr")
        with complaints.open("wb") as errors:
            # -I: neither the caller's PYTHONPATH nor this folder may lend them packages; -W: they are not ours to mend.
            command = [str(python), "-I", "-W", "ignore", str(script)]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=os.environ | _ONE_THREAD
            )
        try:
            yield Peers(process, complaints)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """It ends by itself when its questions end; where it does not, it is killed."""
    try:
        process.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101  # both are pipes
    return stream
