"""When a line's pictures are not to be believed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sorter.settings.source import Fraction
from sorter.settings.strict import Strict


class GuardSettings(Strict):
    """When a live picture is not to be believed; films and folders that wait for their reader are not guarded."""

    max_gap_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    """No sound picture for this long: the line is halted until there is one again."""
    max_age_s: Annotated[float, Field(ge=0.02, le=60)] = 1.0
    """A picture that was taken longer ago than this decides nothing."""
    frozen_s: Annotated[float, Field(ge=0.2, le=3600)] = 2.0
    """The same picture for this long, but for an encoder's work on it, is a frozen one, or a belt that stands before a
    camera without any noise."""
    dark_level: Annotated[int, Field(ge=0, le=255)] = 20
    """A picture that hardly anywhere reaches this level (0..255) is dark; 0 switches it off."""
    overexposed_share: Fraction = 0.5
    """A picture of which more than this part is pure white is overexposed; 1 switches it off."""
