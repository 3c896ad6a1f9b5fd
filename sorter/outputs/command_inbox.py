"""Commands as they were heard, until the service has time for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from sorter.outputs.connection import Heard

_MOST_UNREAD = 100


class CommandInbox:
    """Filled by the broker connection's thread, read by the service's."""

    def __init__(self) -> None:
        self._unread: deque[Heard] = deque()
        self._overrun = self._overrun_told = 0
        """Each is written by one thread only."""

    def hear(self, heard: Heard) -> None:
        """A message on a command topic; never waits. What comes beyond a hundred unread is given up and counted."""
        if len(self._unread) >= _MOST_UNREAD:
            self._overrun += 1
        else:
            self._unread.append(heard)

    def read(self) -> Iterator[Heard]:
        """What was heard since the last call; what comes meanwhile waits for the next."""
        for _ in range(len(self._unread)):
            yield self._unread.popleft()

    def take_overrun(self) -> int:
        """How many were given up since the last call."""
        more = self._overrun - self._overrun_told
        self._overrun_told += more
        return more
