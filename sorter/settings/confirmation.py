"""Whether a line's diverters answer, and what their silence means."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sorter.settings.strict import Strict


class ConfirmationSettings(Strict):
    """The line's diverters answer each decision on the confirm topic."""

    within_s: Annotated[float, Field(ge=0, le=600)] = 2.0
    """How long after act_before an answer may come; a decision without one is unconfirmed."""
    alarm_after: Annotated[int, Field(ge=1, le=1000)] = 5
    """So many unconfirmed decisions in a row raise the alarm; the next answer clears it."""
