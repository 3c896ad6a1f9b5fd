"""The frozen values that travel between the stages; each arrow of the architecture is one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BgrImage = NDArray[np.uint8]
"""Shape (height, width, 3), blue-green-red, 0..255, sRGB gamma-encoded."""
LabPixels = NDArray[np.float32]
"""Shape (n, 3): CIE L*a*b*, D65, 2 degree observer; L* 0..100, a* and b* unscaled."""
Mask = NDArray[np.uint8]
"""Shape (height, width): 255 where set, 0 elsewhere (OpenCV's convention)."""


class Lab(NamedTuple):
    """One color in CIE L*a*b*, D65, 2 degree observer; ``lightness`` is 0..100, a* and b* unscaled."""

    lightness: float
    a: float
    b: float


class TimeBase(StrEnum):
    """How it is known when a picture was taken."""

    CAMERA = "camera"
    """By the camera's own clock, which agrees with ours."""
    ARRIVAL = "arrival"
    """By its arrival, evened out by the stream's time stamps where it has some; the way to us is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture as the camera gave it; later stages take views and never write to it."""

    image_bgr: BgrImage
    """The whole picture, or the part of it that the line looks at, whose corner is then at ``origin_px``."""
    number: int
    """Rises by one per decoded frame, so a gap is a frame given up."""
    captured_at_s: float
    """Monotonic seconds on the line's clock; a film's frames are spaced by their own time stamps."""
    arrived_at_s: float | None = None
    """Monotonic seconds when a live source gave it; None where the source waits for its reader."""
    time_base: TimeBase = TimeBase.ARRIVAL
    pts_s: float | None = None
    """The stream's own time stamp, whose zero is arbitrary; None where it has none."""
    origin_px: tuple[int, int] = (0, 0)
    """Where the left upper corner of ``image_bgr`` lies in the whole picture: x, y."""
    picture_px: tuple[int, int] | None = None
    """Width and height of the whole picture; None where ``image_bgr`` is all of it."""
    passed_over: bool = False
    """Nobody needs this picture: it only shows that the source lives. Its pixels may be left out."""
    still_since_s: float | None = None
    """Frames were left out before this one since the picture stood still, or was frozen: from this time on (monotonic
    seconds) nothing is known of what the belt did."""

    @property
    def picture_size_px(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        height, width = self.image_bgr.shape[:2]
        return (width, height) if self.picture_px is None else self.picture_px


class Box(NamedTuple):
    """A rectangle in whole pixels; ``x1`` and ``y1`` are just outside."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.y1 - self.y0


class Verdict(StrEnum):
    """What was decided of a product."""

    ROUTED = "routed"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    LATE = "late"
    INVALID = "invalid"


class Doubt(StrEnum):
    """Why a product is ambiguous."""

    SEVERAL_BINS = "several_bins_in_reach"
    NOT_CLEARLY_NEAREST = "not_clearly_nearest"
    SAMPLES_DISAGREE = "samples_disagree"
    """Its frames, or disjoint samples of them, say different things."""


class InvalidReason(StrEnum):
    """Why a product could not be judged."""

    CUT_OFF = "cut_off"
    MERGED = "merged"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    NO_COLOR = "no_color"
    """Nothing of it could be sampled: all belt, or transparent."""
    GLARE = "glare"
    """Nearly all that was sampled is as bright as the camera can tell: its color is not known."""


@dataclass(frozen=True, slots=True)
class PaletteColor:
    """One color of a product."""

    lab: Lab
    share: float
    """Part of the sampled product pixels, 0..1."""


Palette = tuple[PaletteColor, ...]
"""Largest share first, never empty; the first is the dominant color."""


@dataclass(frozen=True, slots=True)
class ColorReading:
    """What one sample of a product's pixels says of its color."""

    palette: Palette
    spread: float = 0.0
    """How far the pixels of the dominant color lie from it: root mean square of their CIE94 differences."""
    parts: tuple[Palette, ...] = ()
    """The palette as disjoint parts of the sample show it, for a look at how stable it is."""

    @property
    def dominant(self) -> PaletteColor:
        """The palette's largest color."""
        return self.palette[0]


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The second nearest bin."""

    bin: str
    delta_e: float
    """CIEDE2000."""


@dataclass(frozen=True, slots=True)
class BinMatch:
    """A color against the bins of a recipe."""

    bin: str
    """The nearest bin, whether or not its tolerance reaches the color."""
    branch: str
    delta_e: float
    """CIEDE2000 to the nearest bin."""
    is_in_reach: bool
    """Whether its tolerance reaches the color."""
    runner_up: RunnerUp | None
    """None where no other bin is asked as much as this one, or there is no other."""
    bins_in_reach: int
    """How many bins have the color within their tolerance; where one that asks for more colors does, only those."""

    @property
    def margin(self) -> float | None:
        """How much farther the runner-up is, in CIEDE2000; None where there is none."""
        return None if self.runner_up is None else self.runner_up.delta_e - self.delta_e


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the diverter may act on a product: seconds on the line's monotonic clock."""

    act_after_s: float
    act_before_s: float


@dataclass(frozen=True, slots=True)
class RecipeId:
    """Which recipe decided."""

    name: str
    revision: int
    hash: str
    """First 16 hexadecimal digits of the SHA-256 of the recipe's meaning (not of its bytes)."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a decision was made from, so that it can be made again."""

    samples: tuple[LabPixels, ...]
    """The samples that voted, in their order, to the bit."""
    thumbnail_jpeg: bytes
    """What the product looked like; empty where no picture of it is left."""
    readings: bytes = b""
    """What was read of the samples, as `sorter.readings` packs it: another recipe can judge it without them."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a shadow recipe would have decided; nobody acts on it."""

    recipe: RecipeId
    verdict: Verdict
    branch: str
    bin: str | None
    """The nearest bin; None where no color could be read."""
    delta_e: float | None
    """CIEDE2000 to it."""
    margin: float | None
    """How much farther the runner-up is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One product's decision as the line's pure stages make it; the service adds identity and wall time."""

    product: int
    """Rises by one per product of a line."""
    verdict: Verdict
    branch: str
    captured_at_s: float
    """Monotonic seconds: when the picture was taken that shows it last, in ``box``."""
    decided_at_s: float
    """Monotonic seconds."""
    deadline: Deadline
    frames_used: int
    """Frames that voted; 0 where none could."""
    recipe: RecipeId
    reason: InvalidReason | Doubt | None = None
    """Why it was not routed; None where the verdict says all."""
    match: BinMatch | None = None
    """None where no color could be read."""
    reading: ColorReading | None = None
    stability: float | None = None
    """Part of the product's disjoint samples, over all frames, that say what the decision says, 0..1."""
    box: Box | None = field(default=None)
    """Where the product was in the picture at ``captured_at_s``, in pixels of the whole picture."""
    time_base: TimeBase = TimeBase.ARRIVAL
    """How ``captured_at_s`` is known."""
    crossed_at_s: float | None = None
    """Monotonic seconds: when its middle crossed the decision line, or will, as the pictures tell; None where a
    single picture is decided."""
    evidence: Evidence | None = None
    """None where nobody keeps it."""
    shadow: Opinion | None = None
    """What the shadow recipe says of the product; None where there is none, or nothing of it could be read."""
    diverted_by: str | None = None
    """The cause in the fail-safe table that sent it to a safe branch, whatever was seen of it; None for most."""
