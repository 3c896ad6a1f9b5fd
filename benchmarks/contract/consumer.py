"""The reference consumer of ``examples/``, in a process of its own, and all that it tells."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from sorter.demo.diverter import PROGRAM

_END_S = 10.0

Event = Mapping[str, Any]


class Consumer:
    """Runs ``plc_client.py`` from entering to leaving.

    Args:
        port: of the broker on loopback.
        topics: of the lines, ``base/site/line``.
        options: more of its command line.
    """

    def __init__(self, port: int, topics: Sequence[str], *options: str) -> None:
        self._command = [sys.executable, str(PROGRAM), "--port", str(port), "--json", "--until-eof", *options]
        self._command += [word for topic in topics for word in ("--topic", topic)]
        self._events: list[Event] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self._complaints: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_complaints, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def complaints(self) -> list[str]:
        """What it wrote to standard error."""
        return list(self._complaints)

    def events(self, *names: str) -> list[Event]:
        """What it has told so far, in its order; only of these names where some are given."""
        return [one for one in list(self._events) if not names or one["event"] in names]

    def last(self, name: str) -> Event | None:
        """The last event of this name, or None."""
        return next((one for one in reversed(self._events) if one["event"] == name), None)

    def finish(self) -> Counter[str]:
        """End it; the counts of all lines together."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        for reader in self._readers:
            reader.join(_END_S)
        counts: Counter[str] = Counter()
        for told in self.events("counts"):
            counts.update({name: number for name, number in told.items() if isinstance(number, int)})
        return counts

    def _read_events(self) -> None:
        for told in self._process.stdout or ():
            self._events.append(json.loads(told))

    def _read_complaints(self) -> None:
        self._complaints.extend(self._process.stderr or ())
