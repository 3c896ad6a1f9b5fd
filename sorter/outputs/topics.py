"""Where each message of a line goes, and where what it hears comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one line, ``base/site/line/...``."""

    base: str
    site: str
    line: str

    @property
    def of_line(self) -> str:
        """What every topic of the line begins with."""
        return f"{self.base}/{self.site}/{self.line}"

    def _topic(self, leaf: str) -> str:
        return f"{self.of_line}/{leaf}"

    @property
    def decision(self) -> str:
        """Out, QoS 1, never retained."""
        return self._topic("decision")

    @property
    def state(self) -> str:
        """Out, QoS 1, retained; also the last will."""
        return self._topic("state")

    @property
    def recipe(self) -> str:
        """Out, QoS 1, retained."""
        return self._topic("recipe")

    @property
    def shadow(self) -> str:
        """Out, QoS 1, retained."""
        return self._topic("shadow")

    @property
    def alarm(self) -> str:
        """Out, QoS 1."""
        return self._topic("alarm")

    @property
    def stats(self) -> str:
        """Out, QoS 0."""
        return self._topic("stats")

    @property
    def trigger(self) -> str:
        """In, QoS 1."""
        return self._topic("trigger")

    @property
    def confirm(self) -> str:
        """In, QoS 1."""
        return self._topic("confirm")

    @property
    def command(self) -> str:
        """In, QoS 1: the filter of every command."""
        return self._topic("command/+")

    @property
    def command_answer(self) -> str:
        """Out, QoS 1, never retained: answers to commands that named no topic for them, or one below this."""
        return self._topic("command_answer")
