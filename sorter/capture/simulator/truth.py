"""What lies on the simulated belt, and when: pure, seeded, known without drawing anything."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sorter.capture.simulator.outline import MAX_TURN_DEG, extents_px, largest_extents_px
from sorter.errors import SourceError
from sorter.settings.site import SimulatorSource

# Part of the free width of its lane by which a product may lie beside the lane's middle.
_WANDER = 0.5


class Span(NamedTuple):
    """From when to when, in seconds after the first frame."""

    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class TrueProduct:
    """One product on the simulated belt."""

    index: int
    """Unique; rises along each lane, lanes taking turns. Not the order of arrival between lanes."""
    bin: str
    """Name of the simulated product, which is the bin it belongs in."""
    kind: int
    """Which of the settings' products, from 0; several kinds may belong in one bin."""
    lane: int
    """From 0, across the belt."""
    length_px: float
    """Extent along the belt as it lies."""
    width_px: float
    """Extent across the belt as it lies."""
    turn_deg: float
    """How it lies: its own long axis against the belt's direction."""
    across_px: float
    """Its center beside the middle of the picture; positive 90 degrees clockwise of the belt's direction."""
    enters_s: float
    """When its leading edge reaches the edge of the picture, in seconds after the first frame."""


class BeltFrame:
    """The belt's axes in the picture.

    Args:
        settings: the simulated belt.
        direction_deg: where it moves; 0 to the right, 90 downward.
    """

    def __init__(self, settings: SimulatorSource, direction_deg: float) -> None:
        angle = math.radians(direction_deg)
        self.along = (_exact(math.cos(angle)), _exact(math.sin(angle)))
        self.across = (-self.along[1], self.along[0])
        self.width_px, self.height_px = settings.width_px, settings.height_px
        self.middle_px = ((settings.width_px - 1) / 2, (settings.height_px - 1) / 2)
        self.length_px = abs(self.along[0]) * settings.width_px + abs(self.along[1]) * settings.height_px
        self.breadth_px = abs(self.across[0]) * settings.width_px + abs(self.across[1]) * settings.height_px
        self.speed_px_per_s = settings.belt_speed_mm_per_s / settings.mm_per_px

    def to_picture(self, along_px: float, across_px: float) -> tuple[float, float]:
        """From belt coordinates (0, 0 in the middle of the picture) to the picture's pixels."""
        return (
            self.middle_px[0] + along_px * self.along[0] + across_px * self.across[0],
            self.middle_px[1] + along_px * self.along[1] + across_px * self.across[1],
        )


class Schedule:
    """Every product of a simulated belt, computed as far as it is asked for.

    Two schedules of equal settings agree in every process; only where each product begins is remembered
    (8 bytes), the rest is drawn from the seed again.

    Args:
        settings: the simulated belt.
        direction_deg: where it moves; 0 to the right, 90 downward.

    Raises:
        SourceError: the lanes are too narrow for the products.
    """

    def __init__(self, settings: SimulatorSource, direction_deg: float) -> None:
        self.belt = BeltFrame(settings, direction_deg)
        self._settings = settings
        self._largest_px = largest_extents_px(settings)
        self._lane_px = self._lane_width_px()
        self._fronts_px = [array("d", [self._first_front_px(lane)]) for lane in range(settings.lanes)]
        # Bounded: products in view and some more; the rest is cheap to draw again.
        self._product = lru_cache(maxsize=1024)(self._draw_product)

    def center_px(self, product: TrueProduct, at_s: float) -> tuple[float, float]:
        """Center of a product in the picture, in pixels whose centers are whole numbers.

        Args:
            product: of this schedule.
            at_s: seconds after the first frame: ``captured_at_s`` of a frame less that of the first.
        """
        along_px = self.along_px(product, at_s)
        return self.belt.to_picture(along_px, product.across_px)

    def along_px(self, product: TrueProduct, at_s: float) -> float:
        """Center of a product along the belt, 0 in the middle of the picture."""
        moved_px = self.belt.speed_px_per_s * (at_s - product.enters_s)
        return moved_px - (self.belt.length_px + product.length_px) / 2

    def visible_s(self, product: TrueProduct) -> Span | None:
        """When any of a product's bounding rectangle is in the picture; None where it never is.

        On a slanted belt a little more: the rectangle is taken to be upright in the picture.
        """
        span = self._crossing(product, grow=1)
        if span is None:
            return None
        leaves_s = product.enters_s + (self.belt.length_px + product.length_px) / self.belt.speed_px_per_s
        first_s, last_s = max(span.first_s, product.enters_s), min(span.last_s, leaves_s)
        return Span(first_s, last_s) if first_s <= last_s else None

    def whole_s(self, product: TrueProduct) -> Span | None:
        """When all of a product's bounding rectangle is in the picture; None where it never is."""
        return self._crossing(product, grow=-1)

    def products_between(self, from_s: float, to_s: float) -> tuple[TrueProduct, ...]:
        """The products that are visible at any time from ``from_s`` to ``to_s``, in order of entering."""
        found = [
            product
            for lane in range(self._settings.lanes)
            for product in self._lane_between(lane, from_s, to_s)
            if _overlap(self.visible_s(product), from_s, to_s)
        ]
        return tuple(sorted(found, key=lambda product: (product.enters_s, product.lane)))

    def _lane_between(self, lane: int, from_s: float, to_s: float) -> Iterator[TrueProduct]:
        """The products of a lane whose leading edge can be in view, and perhaps a few more."""
        speed = self.belt.speed_px_per_s
        self._extend(lane, to_s * speed)
        fronts = self._fronts_px[lane]
        low = bisect_left(fronts, from_s * speed - self.belt.length_px - self._largest_px[0])
        for place in range(low, bisect_right(fronts, to_s * speed)):
            yield self._product(lane, place)

    def _extend(self, lane: int, until_px: float) -> None:
        fronts = self._fronts_px[lane]
        while fronts[-1] <= until_px:
            place = len(fronts) - 1
            fronts.append(fronts[-1] + self._product(lane, place).length_px + self._gap_px(lane, place))

    def _random(self, lane: int, place: int) -> np.random.Generator:
        return np.random.default_rng([self._settings.seed % 2**64, lane, place])

    def _gap_px(self, lane: int, place: int) -> float:
        return float(self._random(lane, place).uniform(1, 2)) * self._settings.gap_mm / self._settings.mm_per_px

    def _draw_product(self, lane: int, place: int) -> TrueProduct:
        random = self._random(lane, place)
        random.uniform()  # the gap's
        number = int(random.integers(len(self._settings.products)))
        kind = self._settings.products[number]
        turn_deg = float(random.uniform(-MAX_TURN_DEG, MAX_TURN_DEG))
        length_px, width_px = extents_px(kind, turn_deg, self._settings).tolist()
        free_px = self._lane_px - width_px
        beside_px = float(random.uniform(-0.5, 0.5)) * _WANDER * free_px
        return TrueProduct(
            index=place * self._settings.lanes + lane,
            bin=kind.name,
            kind=number,
            lane=lane,
            length_px=length_px,
            width_px=width_px,
            turn_deg=turn_deg,
            across_px=(lane + 0.5) * self._lane_px - self._lanes_px / 2 + beside_px,
            enters_s=self._fronts_px[lane][place] / self.belt.speed_px_per_s,
        )

    @property
    def _lanes_px(self) -> float:
        return self._lane_px * self._settings.lanes

    def _first_front_px(self, lane: int) -> float:
        """How far the belt has moved when the first product of a lane enters; lanes are staggered."""
        stagger = lane * 0.37 % 1.0 * 2 * self._settings.gap_mm / self._settings.mm_per_px
        return self._settings.lead_in_s * self.belt.speed_px_per_s + stagger

    def _lane_width_px(self) -> float:
        lane_px = self.belt.breadth_px / self._settings.lanes
        widest_px = self._largest_px[1]
        if widest_px > lane_px:
            raise SourceError(
                f"the simulated belt is {self.belt.breadth_px:.0f} px broad, too narrow for "
                f"{self._settings.lanes} lanes of products up to {widest_px:.0f} px wide: set fewer lanes, "
                "smaller products or a larger mm_per_px"
            )
        return lane_px

    def _crossing(self, product: TrueProduct, grow: int) -> Span | None:
        """When a product's center is in the picture grown (1) or shrunk (-1) by the product's half size."""
        belt, first_s, last_s = self.belt, -math.inf, math.inf
        start = self.center_px(product, 0.0)
        half = (product.length_px / 2, product.width_px / 2)
        for axis, size_px in enumerate((belt.width_px, belt.height_px)):
            reach = abs(belt.along[axis]) * half[0] + abs(belt.across[axis]) * half[1]
            low, high = -0.5 - grow * reach, size_px - 0.5 + grow * reach
            speed = belt.along[axis] * belt.speed_px_per_s
            if speed == 0.0:
                if not low <= start[axis] <= high:
                    return None
                continue
            times = sorted(((low - start[axis]) / speed, (high - start[axis]) / speed))
            if low > high:
                return None
            first_s, last_s = max(first_s, times[0]), min(last_s, times[1])
        return Span(first_s, last_s) if first_s <= last_s else None


def truth(settings: SimulatorSource, direction_deg: float) -> Schedule:
    """What lies on the belt of these settings; equal settings give the same answer in every process.

    Raises:
        SourceError: the lanes are too narrow for the products.
    """
    return Schedule(settings, direction_deg)


def _overlap(span: Span | None, from_s: float, to_s: float) -> bool:
    return span is not None and span.first_s <= to_s and span.last_s >= from_s


def _exact(value: float) -> float:
    """Cosine and sine of whole quarter turns, freed from rounding."""
    return round(value) + 0.0 if abs(value - round(value)) < 1e-12 else value
