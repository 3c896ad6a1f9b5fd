"""What numbers the products of a line: the sorter itself, or an eye on the belt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sorter.settings.strict import Strict


class VisionTrigger(Strict):
    """The sorter numbers products as it sees them."""

    kind: Literal["vision"]
    """The sorter's own numbers, from 1."""


class PhotoEyeTrigger(Strict):
    """A photo-eye on the belt numbers products, by messages on the line's trigger topic."""

    kind: Literal["photo_eye"]
    """The numbers of a photo-eye or PLC, over MQTT."""
    distance_mm: Annotated[float, Field(ge=0, le=100_000)]
    """From the eye down the belt to the decision line; far enough that the message is here before the decision."""
    window_s: Annotated[float, Field(gt=0, le=10)] = 0.15
    """How far the crossing that is seen may be from the one the eye foretells; less than the time between products."""
    mm_per_count: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How far the belt moves in one count of the encoder; left out: counts are ignored, the set speed holds."""
    latency_s: Annotated[float, Field(ge=-10, le=10)] | None = None
    """How late the pictures' times are, as measured before; left out: learned from the first matches."""
    max_drift_s: Annotated[float, Field(gt=0, le=10)] = 0.05
    """An alarm is raised where the measured latency is farther than this from the one set or learned."""


Trigger = Annotated[VisionTrigger | PhotoEyeTrigger, Field(discriminator="kind")]
