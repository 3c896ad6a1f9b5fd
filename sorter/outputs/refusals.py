"""Which topics the broker refuses us, until it takes a message there again; pure."""

from __future__ import annotations


class Refusals:
    """Kept by topic: a broker that takes the state may refuse the decisions."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def note(self, topic: str, *, accepted: bool, reason: str) -> None:
        """The broker has answered a message on ``topic``, one of the line's own few."""
        if accepted:
            self._reasons.pop(topic, None)
        else:
            self._reasons[topic] = reason

    @property
    def troubles(self) -> dict[str, str]:
        """The causes of alarms that hold now, with their reasons."""
        if not self._reasons:
            return {}
        # A copy in one step: the thread that notes is not the one that asks.
        told = ", ".join(f"{topic} ({reason})" for topic, reason in sorted(dict(self._reasons).items()))
        return {"publish_refused": f"the broker refuses messages on {told}: {remedy(told)}"}


def remedy(reason: str) -> str:
    """What to do about a message that the broker refuses."""
    allowed = "ot authorized" in reason
    return "allow this user to publish there" if allowed else "look at its limits, and at its log"
