"""How a connection is told of: the first failure loud, repeats quiet, recovery with the time lost. Pure."""

from __future__ import annotations

import logging
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for the log."""

    level: int
    sentence: str


class LinkLog:
    """Turns what happens to a connection into what an operator wants to read of it.

    Args:
        peer: who is at the other end, as in "the MQTT broker at host:port".
        remedy: what to do when it cannot be reached, as a sentence.
    """

    def __init__(self, peer: str, remedy: str) -> None:
        self._peer = peer
        self._remedy = remedy
        self._down_since_s: float | None = None
        self._refusal: str | None = None

    def failed(self, reason: str, now_s: float, *, refused: bool = False) -> Notice:
        """A connection could not be made, was refused, or was lost.

        A refusal names its own remedy, and is loud once more after the peer could not be reached, or refused otherwise.
        """
        sentence = f"no connection to {self._peer}: {reason}."
        sentence = sentence if refused else f"{sentence} {self._remedy}"
        known = self._down_since_s is not None and (not refused or reason == self._refusal)
        if self._down_since_s is None:
            self._down_since_s = now_s
        if refused:
            self._refusal = reason
        return Notice(logging.DEBUG if known else logging.WARNING, sentence)

    def connected(self, now_s: float) -> Notice:
        """The connection stands."""
        if self._down_since_s is None:
            return Notice(logging.INFO, f"connected to {self._peer}")
        lost_s = now_s - self._down_since_s
        self._down_since_s = self._refusal = None
        return Notice(logging.INFO, f"connected to {self._peer} again after {lost_s:.1f} s")


class Throttle:
    """Lets one notice through per ``period_s`` and counts those held back."""

    def __init__(self, period_s: float = 60.0) -> None:
        self._period_s = period_s
        self._last_s: float | None = None
        self._held_back = 0

    def pass_on(self, now_s: float) -> int | None:
        """How many were held back since the last one that passed; None where this one is held back too."""
        if self._last_s is not None and now_s - self._last_s < self._period_s:
            self._held_back += 1
            return None
        self._last_s, held_back = now_s, self._held_back
        self._held_back = 0
        return held_back

    def say(self, sentence: str, now_s: float) -> str | None:
        """The sentence, with how many were held back; None where this one is, too."""
        held_back = self.pass_on(now_s)
        if held_back is None:
            return None
        return f"{sentence} ({held_back} more like it since the last such line)" if held_back else sentence
