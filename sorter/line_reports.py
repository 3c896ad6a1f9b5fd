"""What the service tells a line's process, and what it hears from it: light, so that the service stays light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from sorter.records import Decision, Lab
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings

HEARTBEAT_S = 0.25
MAX_TIMES = 256


@dataclass(frozen=True, slots=True)
class LineJob:
    """All a line's process needs to know."""

    settings: LineSettings
    recipe: Recipe
    base: Path
    """The folder of the settings file."""
    region_place: str
    """``file:line:column`` of the region, for the sentence that says it does not fit the picture."""
    first_product: int = 1
    keep_evidence: bool = False
    """Whether decisions carry what they were made from."""
    shadow: Recipe | None = None
    """A recipe whose opinion each decision tells, and nobody acts on."""
    rules: int = 0
    """Number of the last `Rules` that this is the outcome of."""

    def under(self, rules: Rules) -> LineJob:
        """The same job by other rules."""
        return replace(self, settings=rules.settings, recipe=rules.recipe, shadow=rules.shadow, rules=rules.number)


class LineStatus(StrEnum):
    """What a line is doing."""

    CONNECTING = "connecting"
    LEARNING = "learning"
    """The empty belt is being learned."""
    RUNNING = "running"
    LOST = "lost"
    """The source failed and is tried again."""
    BLIND = "blind"
    """Pictures come, or the connection stands, but there is none that may be decided by."""
    ENDED = "ended"
    """The film or folder is at its end."""
    REFUSED = "refused"
    """The settings do not fit the source; only an edit helps."""


@dataclass(frozen=True, slots=True)
class CameraReport:
    """How a live source is doing; counts are since the line's process began."""

    link: str
    """A `capture.link.LinkState`."""
    quality: str
    """A `capture.health.Grade`, of the last ten seconds."""
    quality_reason: str
    unfit: dict[str, int]
    """Pictures that failed a guard, by `capture.guards.chain.Fault`."""
    repeated: int
    """Pictures that showed what the one before showed, and nothing new."""
    passed_over: int
    """Pictures that were not needed."""
    reconnects: int
    outage_s: float
    """Without pictures, in all outages that are over."""
    degraded: bool = False
    """So many pictures are unfit that somebody should look after the camera."""
    time_base: str = "arrival"
    """A `records.TimeBase`."""
    clock_offset_s: float | None = None
    """By how much the camera's clock seems to be behind ours; None where it does not tell its time."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The line is alive, and this is how it goes."""

    status: LineStatus
    reason: str
    frames_processed: int
    frames_given_up: int
    frames_corrupt: int
    cause: str | None = None
    """Row of the fail-safe table that holds, if one does."""
    products: int = 0
    """Decided since the line's process began; the decisions of all of them were sent before this."""
    camera: CameraReport | None = None
    """None where the source is no live one."""
    vanished: int = 0
    """Things that moved with the belt and were gone before the decision line."""
    intruders: int = 0
    first_frame: tuple[int, float] | None = None
    """Number and ``captured_at_s`` of the first frame."""
    last_frame_at_s: float | None = None
    """``captured_at_s`` of the last frame that was processed."""
    processing_s: tuple[float, ...] = ()
    """Time each frame took since the last heartbeat, the newest `MAX_TIMES` of them."""

    belt_lab: Lab | None = None
    """The empty belt's color as it is now; None before it was learned."""
    rules: int = 0
    """Number of those it decides by."""


Report = Heartbeat | Decision


@dataclass(frozen=True, slots=True)
class Stop:
    """Upstream: decide what there is, and end."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Upstream: decide by these from the next picture on."""

    recipe: Recipe
    shadow: Recipe | None
    settings: LineSettings
    """Of which branches and timing alone may differ from those that the process began with."""
    number: int
    """Rises with each change; the heartbeat tells which are in force."""


Order = Stop | Rules
