"""Pictures of the simulated belt: any moment of it, in any order, always the same bytes."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.simulator.sprite import Piece, Sprite, draw
from sorter.capture.simulator.texture import (
    ENCODING_GAMMA,
    LIGHT,
    PERIOD_PX,
    belt_strip,
    blur_kernel,
    reflections,
    three_channels,
    vignette,
)
from sorter.capture.simulator.truth import BeltFrame, Schedule, TrueProduct
from sorter.records import BgrImage
from sorter.settings.site import SimulatorSource

_NOISE_DEVIATION = 8.0
# The noise of a frame is one of 64 x 64 crops of one tile.
_NOISE_ROOM_PX = 64
_VIGNETTE_SCALE = 200
_QUARTER_TURNS = {
    (0.0, 1.0): cv2.ROTATE_90_CLOCKWISE,
    (-1.0, 0.0): cv2.ROTATE_180,
    (0.0, -1.0): cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class Painter:
    """Draws the belt in its own coordinates (moving to the right), then turns it into the picture.

    Args:
        settings: the simulated belt.
        schedule: what lies on it.
    """

    def __init__(self, settings: SimulatorSource, schedule: Schedule) -> None:
        self._settings = settings
        self._schedule = schedule
        self._belt = schedule.belt
        self._canvas_px = _canvas_px(self._belt)
        self._blur_px = self._belt.speed_px_per_s * settings.exposure_s
        self._light = _dot(LIGHT, self._belt.along), _dot(LIGHT, self._belt.across)
        self._strip = belt_strip(settings, self._belt, self._canvas_px)
        self._reflections = reflections(settings, self._canvas_px)
        self._vignette = three_channels(vignette(settings) * _VIGNETTE_SCALE)
        self._noise = _noise_tiles(settings)
        # Bounded: the products in view of one picture, and some more.
        self._sprite = lru_cache(maxsize=64)(self._draw_sprite)

    def paint(self, number: int) -> BgrImage:
        """Draw frame ``number``: shape (height, width, 3), the belt at ``number / frame_rate_hz`` seconds."""
        at_s = number / self._settings.frame_rate_hz
        canvas = self._empty_belt(at_s)
        for product in self._schedule.products_between(at_s, at_s):
            self._lay(canvas, product, at_s)
        scale = self._brightness(at_s) / _VIGNETTE_SCALE
        picture = cv2.multiply(self._into_picture(canvas), self._vignette, scale=scale)
        return self._with_noise(np.asarray(picture, np.uint8), number)

    def _empty_belt(self, at_s: float) -> BgrImage:
        offset = -self._belt.speed_px_per_s * at_s % PERIOD_PX
        whole, width = int(offset), self._canvas_px[0]
        fraction = offset - whole
        left = self._strip[:, whole : whole + width]
        right = self._strip[:, whole + 1 : whole + 1 + width]
        belt = cv2.addWeighted(left, 1 - fraction, right, fraction, 0)
        return np.asarray(cv2.add(belt, self._reflections), np.uint8)

    def _lay(self, canvas: BgrImage, product: TrueProduct, at_s: float) -> None:
        sprite = self._sprite(product)
        column = self._schedule.along_px(product, at_s) + (self._canvas_px[0] - 1) / 2
        row = round(product.across_px + (self._canvas_px[1] - 1) / 2)
        whole = round(column)
        blur = blur_kernel(self._blur_px, column - whole)
        moving = Sprite(*(_filtered(image, blur) for image in sprite))
        height, width = moving.body_bgr.shape[:2]
        _blend(canvas, moving, (whole - width // 2, row - height // 2))

    def _draw_sprite(self, product: TrueProduct) -> Sprite:
        row = product.across_px + (self._canvas_px[1] - 1) / 2
        kind = self._settings.products[product.kind]
        return draw(Piece(product, kind, self._settings, self._light, row - round(row), self._blur_px))

    def _into_picture(self, canvas: BgrImage) -> BgrImage:
        along, across = self._belt.along, self._belt.across
        if along == (1.0, 0.0):
            return canvas
        turn = _QUARTER_TURNS.get(along)
        if turn is not None:
            return np.asarray(cv2.rotate(canvas, turn), np.uint8)
        middle, size = self._belt.middle_px, (self._belt.width_px, self._belt.height_px)
        columns = (*along, (self._canvas_px[0] - 1) / 2 - _dot(along, middle))
        rows = (*across, (self._canvas_px[1] - 1) / 2 - _dot(across, middle))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(canvas, np.array([columns, rows]), size, flags=flags), np.uint8)

    def _brightness(self, at_s: float) -> float:
        """Factor on gray levels by the drift of the light, which stops at a tenth and at ten times."""
        light = min(max(1 + self._settings.light_drift_per_min * at_s / 60, 0.1), 10.0)
        return float(light ** (1 / ENCODING_GAMMA))

    def _with_noise(self, picture: BgrImage, number: int) -> BgrImage:
        if self._noise is None:
            return picture
        random = np.random.default_rng([self._settings.seed % 2**64, 1 << 23, number])
        row, column = random.integers(_NOISE_ROOM_PX, size=2).tolist()
        crop = slice(row, row + picture.shape[0]), slice(column, column + picture.shape[1])
        lighter, darker = self._noise
        return np.asarray(cv2.subtract(cv2.add(picture, lighter[crop]), darker[crop]), np.uint8)


def _dot(left: tuple[float, float], right: tuple[float, float]) -> float:
    return left[0] * right[0] + left[1] * right[1]


def _filtered(image: BgrImage, kernel: NDArray[np.float32]) -> BgrImage:
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _canvas_px(belt: BeltFrame) -> tuple[int, int]:
    """Size of the picture in belt coordinates: the same turned, or for slanted belts what covers it."""
    slanted = 0.0 not in belt.along
    room = 2 if slanted else 0
    return math.ceil(belt.length_px) + room, math.ceil(belt.breadth_px) + room


def _blend(canvas: BgrImage, sprite: Sprite, corner: tuple[int, int]) -> None:
    """Lay a product on the canvas with its upper left at ``corner`` (x, y); what lies outside is cut off."""
    body, through = sprite
    x0, y0 = max(corner[0], 0), max(corner[1], 0)
    x1 = min(corner[0] + body.shape[1], canvas.shape[1])
    y1 = min(corner[1] + body.shape[0], canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = slice(y0 - corner[1], y1 - corner[1]), slice(x0 - corner[0], x1 - corner[0])
    place = canvas[y0:y1, x0:x1]
    seen = cv2.multiply(place, through[part], scale=1 / 255)
    place[...] = cv2.add(seen, body[part])


def _noise_tiles(settings: SimulatorSource) -> tuple[BgrImage, BgrImage] | None:
    """What noise adds and what it takes away; half of its variance is common to the three channels."""
    if settings.noise == 0:
        return None
    random = np.random.default_rng([settings.seed % 2**64, 1 << 24])
    shape = (settings.height_px + _NOISE_ROOM_PX, settings.width_px + _NOISE_ROOM_PX)
    common = random.standard_normal(shape, np.float32)
    lighter, darker = np.empty((*shape, 3), np.uint8), np.empty((*shape, 3), np.uint8)
    for channel in range(3):  # one at a time: a third of the memory
        noise = common + random.standard_normal(shape, np.float32)
        noise = np.rint(noise * np.float32(_NOISE_DEVIATION * settings.noise / math.sqrt(2)))
        lighter[..., channel], darker[..., channel] = np.maximum(noise, 0), np.maximum(-noise, 0)
    return lighter, darker
