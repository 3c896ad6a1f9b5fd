"""Outlines of the simulated products: how far each reaches along and across the belt as it lies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sorter.settings.site import Shape, SimulatedProduct, SimulatorSource

MAX_TURN_DEG = 15.0
"""Products lie turned by up to this much from straight along the belt."""


def extents_px(kind: SimulatedProduct, turn_deg: float, settings: SimulatorSource) -> NDArray[np.float64]:
    """Extent along and across the belt of a product turned by ``turn_deg``."""
    half = np.array([kind.length_mm, kind.width_mm]) / settings.mm_per_px / 2
    angle = math.radians(turn_deg)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    match kind.shape:
        case Shape.DISC:
            extent = np.array([half[0], half[0]])
        case Shape.ELLIPSE:
            extent = np.hypot([half[0] * cos, half[0] * sin], [half[1] * sin, half[1] * cos])
        case Shape.BOX:
            extent = np.array([half[0] * cos + half[1] * sin, half[0] * sin + half[1] * cos])
        case Shape.HEXAGON:
            extent = np.abs(hexagon_corners(half) @ _turn(angle)).max(axis=0)
    return 2 * extent


def largest_extents_px(settings: SimulatorSource) -> tuple[float, float]:
    """Largest extents along and across of any product as it may lie, to a fraction of a pixel."""
    turns_deg = np.linspace(0, MAX_TURN_DEG, 61).tolist()
    extents = [extents_px(kind, turn, settings) for kind in settings.products for turn in turns_deg]
    along_px, across_px = np.max(extents, axis=0).tolist()
    return along_px + 1.0, across_px


def hexagon_corners(half: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (6, 2) of a hexagon with points at both ends, stretched to half its length and half its width."""
    angles = np.arange(6) * math.pi / 3
    return np.stack([np.cos(angles), np.sin(angles) / math.sin(math.pi / 3)], axis=1) * half


def _turn(angle: float) -> NDArray[np.float64]:
    """Matrix that turns row vectors by ``angle``, from the belt's direction toward its across axis."""
    return np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
