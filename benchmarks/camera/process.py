"""The camera's process as tests and benchmarks hold it: started, frozen, thawed, killed, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from sorter.errors import SourceError

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"
NEEDS = (
    "the test camera needs Debian's gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good"
)
_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Login:
    """Who may look."""

    user: str
    password: str = field(repr=False)


@dataclass
class CameraServer:
    """A camera that serves one reel at each of its paths; once stopped it can be started again on the same port.

    Args:
        reels: files by path, without a slash.
        epoch_s: when picture 0 was taken, `time.monotonic`; None is when it is first started.
        login: None lets everybody look.
        options: of `benchmarks.camera.server`.
    """

    reels: Mapping[str, Path]
    epoch_s: float | None = None
    login: Login | None = None
    options: Sequence[str] = ()
    port: int = 0
    process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self, *options: str) -> None:
        """Start it, with more options for this time; returns when it listens.

        Raises:
            SourceError: the server does not run on this machine; with its last words.
        """
        if self.epoch_s is None:
            self.epoch_s = time.monotonic()
        command = [SYSTEM_PYTHON, "-m", "benchmarks.camera.server", "--epoch", repr(self.epoch_s)]
        command += ["--port", str(self.port), *self.options, *options]
        for path, file in self.reels.items():
            command += ["--reel", f"{path}={file}"]
        names = {} if self.login is None else {"CAMERA_USER": self.login.user, "CAMERA_PASSWORD": self.login.password}
        environment = {**_plain_environment(), **names}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)
        self.process = process
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        word = process.stdout.readline().strip()
        if not word.isdigit():
            raise SourceError(f"{NEEDS}: {_last_words(process)}")
        self.port = int(word)

    def url(self, path: str) -> str:
        """The address of a path, without the login."""
        return f"rtsp://127.0.0.1:{self.port}/{path}"

    def freeze(self) -> None:
        """It hangs, and its connections with it."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._running.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """It is gone at once, and its connections are closed by the system."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=_WAIT_S)
            self.process = None

    @property
    def cpu_s(self) -> float:
        """Processor time of this process, since it was started."""
        times = psutil.Process(self._running.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def _running(self) -> subprocess.Popen[str]:
        if self.process is None:
            raise SourceError("the test camera does not run")
        return self.process


def _plain_environment() -> dict[str, str]:
    """The system's Python must not look for modules among ours, nor ask for a login that is not this camera's."""
    hidden = ("PYTHON", "CAMERA_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def _last_words(process: subprocess.Popen[str]) -> str:
    words = process.communicate(timeout=_WAIT_S)[1].strip().splitlines()
    return words[-1] if words else f"it ended with exit code {process.returncode}"


def missing() -> str | None:
    """What this machine lacks to run the camera, or None."""
    if not Path(SYSTEM_PYTHON).exists():
        return NEEDS
    probe = [SYSTEM_PYTHON, "-m", "benchmarks.camera.server", "--check"]
    told = subprocess.run(probe, cwd=ROOT, env=_plain_environment(), capture_output=True, text=True, check=False)
    return None if told.returncode == 0 else f"{NEEDS}: {(told.stderr.strip().splitlines() or ['?'])[-1]}"
