"""One product, drawn once: its body with light on it, and its shadow, to be laid on the belt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.simulator.outline import hexagon_corners
from sorter.capture.simulator.texture import hex_to_bgr
from sorter.capture.simulator.truth import TrueProduct
from sorter.color.lab import lab_to_srgb, rgb_to_lab
from sorter.records import BgrImage
from sorter.settings.site import Shape, SimulatedProduct, SimulatorSource

FloatImage = NDArray[np.float32]

# Pieces of one kind differ by about this in each of L*, a* and b*.
_PIECE_DEVIATION_LAB = 0.5
_SHADOW_STRENGTH = 0.42


class Sprite(NamedTuple):
    """Pixels to lay on the belt: belt * through / 255 + body."""

    body_bgr: BgrImage
    """The product's own light, multiplied by how much of the pixel it covers."""
    through_bgr: BgrImage
    """How much of the belt is seen through, 0..255: none under the product, less in its shadow."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be drawn."""

    product: TrueProduct
    kind: SimulatedProduct
    settings: SimulatorSource
    light: tuple[float, float]
    """Unit vector toward the lamp, along and across the belt."""
    across_fraction_px: float
    """By how much its center lies below the sprite's middle row."""
    blur_px: float
    """Motion blur, for which room is left at both ends."""


def draw(piece: Piece) -> Sprite:
    """Draw a product in belt coordinates; its center is the middle pixel, moved by its across fraction."""
    half = _half_size_px(piece)
    x, y = _grid(piece, half)
    u, v = _turned(x, y, math.radians(piece.product.turn_deg))
    distance = _outline_distance(piece.kind.shape, u, v, half)
    cover = np.clip(0.5 - distance, 0, 1)
    random = np.random.default_rng([piece.settings.seed % 2**64, 1 << 22, piece.product.index])
    bgr = _piece_color(piece.kind, random) * _body_light(piece, distance, half, random)[..., None]
    bgr += (252 - bgr) * _glare(piece, x, y, half)[..., None]
    through = (1 - cover) * (1 - _shadow(piece, cover, half))
    return Sprite(_bytes(bgr * cover[..., None]), _bytes(255 * np.repeat(through[..., None], 3, axis=2)))


def _half_size_px(piece: Piece) -> tuple[float, float]:
    scale = 2 * piece.settings.mm_per_px
    length = piece.kind.length_mm / scale
    return length, length if piece.kind.shape is Shape.DISC else piece.kind.width_mm / scale


def _grid(piece: Piece, half: tuple[float, float]) -> tuple[FloatImage, FloatImage]:
    """Coordinates about the product's center, with room for shadow and blur."""
    room = 0.5 * min(half) + 8
    reach_x = math.ceil(piece.product.length_px / 2 + room + piece.blur_px)
    reach_y = math.ceil(piece.product.width_px / 2 + room)
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1].astype(np.float32)
    return x, y - np.float32(piece.across_fraction_px)


def _turned(x: FloatImage, y: FloatImage, angle: float) -> tuple[FloatImage, FloatImage]:
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _outline_distance(shape: Shape, u: FloatImage, v: FloatImage, half: tuple[float, float]) -> FloatImage:
    """Signed distance to the outline in pixels, negative inside; near enough at the edge to antialias."""
    match shape:
        case Shape.DISC | Shape.ELLIPSE:
            distance = _ellipse_distance(u, v, half)
        case Shape.BOX:
            distance = _box_distance(u, v, half)
        case Shape.HEXAGON:
            distance = _polygon_distance(u, v, hexagon_corners(np.array(half)))
    return np.asarray(distance, np.float32)


def _ellipse_distance(u: FloatImage, v: FloatImage, half: tuple[float, float]) -> FloatImage:
    """First-order distance: the implicit function over the length of its gradient."""
    level = np.hypot(u / half[0], v / half[1])
    steepness = np.hypot(u / half[0] ** 2, v / half[1] ** 2)
    middle = (level < 1e-6) * min(half)
    return np.asarray(level * (level - 1) / np.maximum(steepness, 1e-6) - middle, np.float32)


def _box_distance(u: FloatImage, v: FloatImage, half: tuple[float, float]) -> FloatImage:
    corner = 0.06 * min(half)
    over_u, over_v = abs(u) - half[0] + corner, abs(v) - half[1] + corner
    outside = np.hypot(np.maximum(over_u, 0), np.maximum(over_v, 0))
    return np.asarray(outside + np.minimum(np.maximum(over_u, over_v), 0) - corner, np.float32)


def _polygon_distance(u: FloatImage, v: FloatImage, corners: NDArray[np.float64]) -> FloatImage:
    """Distance to a convex polygon whose corners run from the u axis toward the v axis."""
    distance = np.full(u.shape, -np.inf, np.float32)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = (end - start) / np.hypot(*(end - start))
        side = (u - start[0]) * edge[1] - (v - start[1]) * edge[0]
        distance = np.maximum(distance, side)
    return distance


def _piece_color(kind: SimulatedProduct, random: np.random.Generator) -> NDArray[np.float32]:
    """The kind's color with this piece's small difference, blue first, 0..255."""
    blue, green, red = hex_to_bgr(kind.hex).astype(int).tolist()
    change = np.clip(random.standard_normal(3), -2, 2) * _PIECE_DEVIATION_LAB
    rgb, _ = lab_to_srgb(np.array(rgb_to_lab(red, green, blue)) + change)
    return (rgb[::-1] * 255).astype(np.float32)


def _body_light(
    piece: Piece, distance: FloatImage, half: tuple[float, float], random: np.random.Generator
) -> FloatImage:
    """Factor on gray levels: 1 on top, lighter toward the lamp and darker away from it, slightly mottled."""
    domed = piece.kind.shape in {Shape.DISC, Shape.ELLIPSE}
    slope_px = min(half) * (0.85 if domed else 0.16)
    slope = np.clip(1 + distance / slope_px, 0, 1) ** (1.6 if domed else 1.0)
    across, along = np.gradient(distance)
    facing = along * piece.light[0] + across * piece.light[1]
    coarse = random.standard_normal((6, 6), np.float32)
    mottle = cv2.resize(coarse, distance.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(1 + 0.14 * facing * slope - 0.06 * slope + 0.008 * mottle, np.float32)


def _glare(piece: Piece, x: FloatImage, y: FloatImage, half: tuple[float, float]) -> FloatImage:
    """How much of each pixel is the lamp's mirror image, 0..1."""
    size = 0.17 * min(half)
    dx = x - piece.light[0] * 0.38 * half[0]
    dy = y - piece.light[1] * 0.38 * half[1]
    # Longer across the light's direction, as a lamp's tube is.
    toward = dx * piece.light[0] + dy * piece.light[1]
    beside = dy * piece.light[0] - dx * piece.light[1]
    blob = np.exp(-((toward / size) ** 2) - (beside / (1.7 * size)) ** 2)
    return np.asarray(np.clip(2.6 * piece.settings.glare * blob, 0, 1), np.float32)


def _shadow(piece: Piece, cover: FloatImage, half: tuple[float, float]) -> FloatImage:
    offset = 0.16 * min(half) + 1
    shift = np.array([[1, 0, -piece.light[0] * offset], [0, 1, -piece.light[1] * offset]], np.float32)
    moved = cv2.warpAffine(cover, shift, cover.shape[::-1])
    soft = cv2.GaussianBlur(moved, (0, 0), 0.09 * min(half) + 1)
    return np.asarray(_SHADOW_STRENGTH * soft, np.float32)


def _bytes(image: NDArray[np.floating]) -> BgrImage:
    return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)
