"""The connection to a live source as a state machine: pure, told of what happens and of the time.

    connecting ──picture──► live ──silence──► stalled ──silence──► lost ──its time has come──► connecting
        │  ▲                  ▲                  │                  ▲ │
        │  └──────────────────┼────picture───────┘                  │ └─ never gives up
        ├──failure────────────┼─────────────────────────────────────┘
        └──refusal──► refused ──much later──► connecting

A source that is absent at the start is lost like any other, and is found when it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sorter.errors import SourceError, SourceRefusedError

_RETRY_S = (0.25, 0.5, 1.0)
"""Waits before the next try at a lost source, the last one for ever: a try costs little, a belt without eyes a lot."""
_REFUSED_RETRY_S = (15.0, 30.0, 60.0)
"""Some cameras lock an account after a few wrong passwords."""


class LinkState(StrEnum):
    """Where a connection stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    """It stands, but no picture has come for longer than the limit."""
    LOST = "lost"
    REFUSED = "refused"
    """The source answers, and does not give what is asked of it."""
    ENDED = "ended"
    """A film played at its own speed is at its end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long no picture may come, seconds."""

    stalled_s: float
    lost_s: float
    """From here on it is opened anew."""
    opening_s: float
    """How long the opening itself may take, to the first picture."""


class Link:
    """The state of one connection.

    Args:
        place: the source in words that people may read.
        patience: the limits.
        now_s: monotonic seconds.

    Attributes:
        place: as given.
        state: the state.
        reason: why, in one sentence.
        reconnects: times a source that had been live was found again.
        outage_s: seconds without pictures in all outages that are over.
        last_outage_s: length of the last of them; None before the first.
        failure: LOST or REFUSED from a failure to the next picture, while it is tried again, too; else None.
    """

    def __init__(self, place: str, patience: Patience, now_s: float) -> None:
        self.place = place
        self.state = LinkState.CONNECTING
        self.reason = "opening the source"
        self.reconnects = 0
        self.outage_s = 0.0
        self.last_outage_s: float | None = None
        self.failure: LinkState | None = None
        self._patience = patience
        self._since_s = now_s
        self._picture_at_s: float | None = None
        self._retry_at_s: float | None = None
        self._tries = 0
        self._was_lost = False

    def picture(self, now_s: float) -> None:
        """A picture came, fit or not."""
        if self.state is not LinkState.LIVE:
            self._note_recovery(now_s)
            self._enter(LinkState.LIVE, "pictures come", now_s)
        self._picture_at_s, self._tries, self.failure = now_s, 0, None

    def failed(self, error: SourceError, now_s: float) -> None:
        """The source could not be opened, or broke off."""
        refused = isinstance(error, SourceRefusedError)
        waits = _REFUSED_RETRY_S if refused else _RETRY_S
        self._retry_at_s = now_s + waits[min(self._tries, len(waits) - 1)]
        self._tries += 1
        self._was_lost = self._was_lost or self._picture_at_s is not None
        self.failure = LinkState.REFUSED if refused else LinkState.LOST
        self._enter(self.failure, str(error), now_s)

    def ended(self, now_s: float) -> None:
        """The source is at its end, as films are."""
        self._enter(LinkState.ENDED, "the film is at its end", now_s)

    def watch(self, now_s: float) -> bool:
        """Let time pass; whether the source hangs and must be opened anew without waiting for it."""
        if self.state is LinkState.CONNECTING and now_s - self._since_s > self._patience.opening_s:
            return self._give_up(f"no picture within {self._patience.opening_s:g} s of opening it", now_s)
        if self.state not in {LinkState.LIVE, LinkState.STALLED} or self._picture_at_s is None:
            return False
        silent_s = now_s - self._picture_at_s
        if silent_s > self._patience.lost_s:
            return self._give_up(f"no picture for {self._patience.lost_s:g} s", now_s)
        if silent_s > self._patience.stalled_s and self.state is LinkState.LIVE:
            sentence = f"{self.place}: no picture for {self._patience.stalled_s:g} s: check the camera and its cable"
            self._enter(LinkState.STALLED, sentence, now_s)
        return False

    def in_state_s(self, now_s: float) -> float:
        """For how long it has been in its state."""
        return now_s - self._since_s

    def may_open(self, now_s: float) -> bool:
        """Whether it is time to open the source again; then it is connecting, and this is said once."""
        if self._retry_at_s is None or now_s < self._retry_at_s:
            return False
        self._retry_at_s = None
        # The reason stays until there is something new to tell.
        self.state, self._since_s = LinkState.CONNECTING, now_s
        return True

    def _give_up(self, what: str, now_s: float) -> bool:
        self.failed(SourceError(f"{self.place}: {what}: check the camera and its cable"), now_s)
        return True

    def _note_recovery(self, now_s: float) -> None:
        if self._picture_at_s is None:
            return
        self.last_outage_s = now_s - self._picture_at_s
        self.outage_s += self.last_outage_s
        self.reconnects += int(self._was_lost)
        self._was_lost = False

    def _enter(self, state: LinkState, reason: str, now_s: float) -> None:
        self.state, self.reason, self._since_s = state, reason, now_s
