"""Which alarms of a line are raised: pure, one for each cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sorter.outputs.messages import Alarm

_OF_FILES = frozenset({"recipe_refused", "recipe_waits", "restart_needed"})
"""Another reason of these is another edit of a file, so that the alarm before it is over."""


class Alarms:
    """Several may be raised at once; each is raised once and cleared once, whatever is said of it in between."""

    def __init__(self) -> None:
        self._raised: dict[str, Alarm] = {}

    def follow(self, troubles: Mapping[str, str], now_wall_s: float) -> list[Alarm]:
        """What changed, to be told in this order: what cleared, then what was raised.

        Args:
            troubles: every cause that holds now, with its reason in the operator's words.
            now_wall_s: seconds since 1970.
        """
        cleared = [replace(one, raised=False) for one in self._raised.values() if _is_over(one, troubles)]
        self._raised = {one.cause: one for one in self._raised.values() if not _is_over(one, troubles)}
        new = [
            Alarm(cause, raised=True, reason=reason, since_wall_s=now_wall_s)
            for cause, reason in troubles.items()
            if cause not in self._raised
        ]
        self._raised |= {alarm.cause: alarm for alarm in new}
        return cleared + new


def _is_over(alarm: Alarm, troubles: Mapping[str, str]) -> bool:
    reason = troubles.get(alarm.cause)
    return reason is None or (alarm.cause in _OF_FILES and reason != alarm.reason)
