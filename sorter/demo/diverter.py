"""The demo's diverter: the reference consumer of ``examples/``, in a process of its own; it knows only the wire."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sorter.errors import BrokerError
from sorter.outputs.messages import Message
from sorter.outputs.topics import Topics
from sorter.settings.site import MqttSettings

PROGRAM = Path(__file__).parents[2] / "examples" / "plc_client.py"
_START_TIMEOUT_S = 20.0
_FINISH_TIMEOUT_S = 5.0


class DiverterProcess:
    """Runs the reference consumer from entering to leaving; it moves its gates as soon as a decision arrives.

    Args:
        settings: the broker; it is asked for no password.
        lines: the topics of each line it serves.
    """

    def __init__(self, settings: MqttSettings, lines: Sequence[Topics]) -> None:
        self._command = [sys.executable, str(PROGRAM), "--host", settings.host, "--port", str(settings.port)]
        self._command += ["--protocol", settings.protocol.value, "--act-at-once", "--until-eof", "--json"]
        self._command += [word for line in lines for word in ("--topic", line.of_line)]
        self._lines = len(lines)
        self._listening = threading.Event()
        self._counts: list[Message] = []

    def __enter__(self) -> Self:
        # In a session of its own: Ctrl-C is for the service alone, which may still decide.
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, name="diverter", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def wait_until_ready(self) -> None:
        """Return once the broker has granted its subscription.

        Raises:
            BrokerError: it did not in time.
        """
        if not self._listening.wait(_START_TIMEOUT_S):
            raise BrokerError("the simulated diverter could not subscribe to the decisions: see the broker's log")

    def finish(self) -> int:
        """End it; returns how many decisions have reached it, each counted once.

        Raises:
            BrokerError: it is gone.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._reader.join(_FINISH_TIMEOUT_S)
        if len(self._counts) != self._lines:
            raise BrokerError("the simulated diverter is gone: its process was ended")
        return sum(counts.get("received", 0) for counts in self._counts)

    def _read(self) -> None:
        """Until it ends: it must not wait for us to read what it tells."""
        for told in self._process.stdout or ():
            event = json.loads(told)
            if event["event"] == "listening":
                self._listening.set()
            elif event["event"] == "counts":
                self._counts.append(event)
