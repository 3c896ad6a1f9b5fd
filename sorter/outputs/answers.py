"""The answers to commands that wait for the broker; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_MOST_WAITING = 100
_MOST_ON_THEIR_WAY = 4
"""However many commands come, state and alarms must find room in the connection's window."""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """One of them."""

    topic: str
    payload: bytes
    correlation_data: bytes | None


class AnswerQueue:
    """First come, first sent; a few at a time. Where too many wait the oldest is given up: its sender asks again."""

    def __init__(self) -> None:
        self._waiting: deque[CommandAnswer] = deque(maxlen=_MOST_WAITING)
        self._on_their_way: set[int] = set()

    def offer(self, answer: CommandAnswer) -> None:
        """Queue one."""
        self._waiting.append(answer)

    def next(self) -> CommandAnswer | None:
        """The one to send now, which is taken out of the queue; None where none is to be sent."""
        if not self._waiting or len(self._on_their_way) >= _MOST_ON_THEIR_WAY:
            return None
        return self._waiting.popleft()

    def sent(self, message_id: int) -> None:
        """The one that `next` gave is on its way under this id."""
        self._on_their_way.add(message_id)

    def answered(self, message_id: int) -> None:
        """The broker has acknowledged or refused a message, which may be another one's."""
        self._on_their_way.discard(message_id)

    def clear(self) -> None:
        """The connection came or went: whoever waited for an answer does not any more."""
        self._waiting.clear()
        self._on_their_way.clear()
