"""Which alarms of a line are raised: pure, one for each cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sorter.outputs.messages import Alarm


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
        cleared = [replace(alarm, raised=False) for cause, alarm in self._raised.items() if cause not in troubles]
        new = [
            Alarm(cause, raised=True, reason=reason, since_wall_s=now_wall_s)
            for cause, reason in troubles.items()
            if cause not in self._raised
        ]
        kept = {cause: alarm for cause, alarm in self._raised.items() if cause in troubles}
        self._raised = kept | {alarm.cause: alarm for alarm in new}
        return cleared + new
