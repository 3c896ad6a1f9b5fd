"""The belt's look: weave, stains, scuffs and seams on an endless strip, and what light does to the picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.simulator.truth import BeltFrame
from sorter.records import BgrImage
from sorter.settings.site import SimulatorSource

PERIOD_PX = 2048
"""After this many pixels of belt its texture repeats, as a real belt's does after one turn."""
LIGHT = (-0.6, -0.8)
"""Unit vector in the picture toward the lamp."""
ENCODING_GAMMA = 2.2
"""A factor on light is this root of it on gray levels."""

FloatImage = NDArray[np.float32]


def hex_to_bgr(color: str) -> NDArray[np.float32]:
    """``#rrggbb`` as three floats 0..255, blue first."""
    return np.array([int(color[place : place + 2], 16) for place in (5, 3, 1)], np.float32)


def blur_kernel(length_px: float, shift_px: float) -> NDArray[np.float32]:
    """One row that smears a picture over ``length_px`` and moves it right by ``shift_px``, for filter2D.

    The exact integral of linear interpolation over the exposure, so that any fraction of a pixel is drawn.
    """
    radius = math.ceil(length_px / 2 + abs(shift_px)) + 1
    offsets = np.arange(radius, -radius - 1, -1, dtype=np.float64) - shift_px
    half = max(length_px, 1e-3) / 2
    weights = _triangle_integral(offsets + half) - _triangle_integral(offsets - half)
    return np.asarray((weights / weights.sum())[None, :], np.float32)


def _triangle_integral(x: NDArray[np.floating]) -> NDArray[np.float64]:
    x = np.clip(x, -1, 1)
    return np.where(x < 0, (x + 1) ** 2 / 2, 1 - (1 - x) ** 2 / 2)


def belt_strip(settings: SimulatorSource, belt: BeltFrame, canvas_px: tuple[int, int]) -> BgrImage:
    """The belt's surface, rows across and columns along it, blurred by its motion.

    Args:
        settings: the simulated belt.
        belt: its axes.
        canvas_px: width and height of the picture of the belt in belt coordinates.

    Returns:
        ``PERIOD_PX`` and one more picture's width of columns, so that every crop is in one piece.
    """
    detail = _detail(settings, canvas_px[1])
    blur = blur_kernel(belt.speed_px_per_s * settings.exposure_s, 0.0)
    reach = blur.shape[1]
    columns = np.arange(-reach, PERIOD_PX + canvas_px[0] + 1 + reach) % PERIOD_PX
    moving = cv2.filter2D(detail[:, columns], -1, blur)[:, reach:-reach]
    strip = np.empty((*moving.shape, 3), np.uint8)
    for channel, level in enumerate(hex_to_bgr(settings.belt_hex)):  # one at a time: a third of the memory
        strip[..., channel] = np.clip(level * (1 + moving) + 0.5, 0, 255)
    return strip


def _detail(settings: SimulatorSource, breadth_px: int) -> FloatImage:
    """Relative brightness of the belt's surface about 0, shape (breadth, `PERIOD_PX`)."""
    random = np.random.default_rng([settings.seed % 2**64, 1 << 20])
    shape = (breadth_px, PERIOD_PX)
    rough = 0.05 * _smooth_noise(random, shape, 96) + 0.04 * _smooth_noise(random, shape, 16)
    grain = 0.05 * random.standard_normal(shape, np.float32)
    surface = rough + grain + _weave(shape) + _scuffs(random, shape) + _stains(random, shape)
    seams = (0.1 + 0.3 * settings.texture) * _seams(shape)
    return np.asarray(settings.texture * surface + seams, np.float32)


def _smooth_noise(random: np.random.Generator, shape: tuple[int, int], cell_px: int) -> FloatImage:
    """Cloudy noise of unit deviation whose right end meets its left."""
    rows, columns = shape[0] // cell_px + 4, shape[1] // cell_px
    coarse = random.standard_normal((rows, columns), np.float32)
    wrapped = np.concatenate([coarse[:, -2:], coarse, coarse[:, :2]], axis=1)
    fine = cv2.resize(wrapped, None, fx=cell_px, fy=cell_px, interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine[cell_px : cell_px + shape[0], 2 * cell_px : 2 * cell_px + shape[1]], np.float32)


def _weave(shape: tuple[int, int]) -> FloatImage:
    """A twill: fine diagonal ribs, crossed by finer ones."""
    turns = 2 * math.pi * np.arange(shape[1], dtype=np.float32) / shape[1]
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    ribs = np.sin(340 * turns + 0.9 * rows) + 0.6 * np.sin(340 * turns - 0.9 * rows)
    return np.asarray(0.08 * ribs, np.float32)


def _scuffs(random: np.random.Generator, shape: tuple[int, int]) -> FloatImage:
    """Long scratches along the belt, rubbed in by guides and products."""
    scuffs = np.zeros(shape, np.float32)
    for _ in range(40):
        row = int(random.integers(shape[0]))
        first, length = int(random.integers(shape[1])), int(random.integers(80, 700))
        columns = np.arange(first, first + length) % shape[1]
        fade = np.sin(np.linspace(0, math.pi, length, dtype=np.float32))
        scuffs[row, columns] += fade * np.float32(random.uniform(-0.3, 0.35))
    return np.asarray(cv2.GaussianBlur(scuffs, (0, 0), 0.8), np.float32)


def _stains(random: np.random.Generator, shape: tuple[int, int]) -> FloatImage:
    """Soft blots, darker and lighter than the belt."""
    stains = np.zeros(shape, np.float32)
    for _ in range(14):
        size = random.uniform(8, 45, 2)
        blot = _blot(size, float(random.uniform(0, math.pi))) * np.float32(random.uniform(-0.4, 0.2))
        row = int(random.integers(-blot.shape[0] // 2, shape[0]))
        columns = (int(random.integers(shape[1])) + np.arange(blot.shape[1])) % shape[1]
        rows = slice(max(row, 0), min(row + blot.shape[0], shape[0]))
        stains[rows, columns] += blot[rows.start - row : rows.stop - row]
    return stains


def _blot(size_px: NDArray[np.float64], angle: float) -> FloatImage:
    reach = math.ceil(size_px.max() * 2)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    u = (x * math.cos(angle) + y * math.sin(angle)) / size_px[0]
    v = (y * math.cos(angle) - x * math.sin(angle)) / size_px[1]
    return np.asarray(np.exp(-((u * u + v * v) ** 1.5)), np.float32)


def _seams(shape: tuple[int, int]) -> FloatImage:
    """Slanted splices: a dark line with a light edge where the belt's end is glued on its beginning."""
    columns = np.arange(shape[1], dtype=np.float32)
    seams = np.zeros(shape, np.float32)
    for place, slant in ((300.0, 0.18), (1180.0, -0.12)):
        line = place + slant * np.arange(shape[0], dtype=np.float32)[:, None]
        gap = (columns - line + shape[1] / 2) % shape[1] - shape[1] / 2
        seams += 0.45 * np.exp(-((gap - 3.5) ** 2) / 5) - np.exp(-(gap**2) / 3)
    return seams


def reflections(settings: SimulatorSource, canvas_px: tuple[int, int]) -> BgrImage:
    """What lamps add to the belt in fixed places: soft patches in belt coordinates, to be added."""
    random = np.random.default_rng([settings.seed % 2**64, 1 << 21])
    y, x = np.mgrid[0 : canvas_px[1], 0 : canvas_px[0]].astype(np.float32)
    light = np.zeros(x.shape, np.float32)
    for strength in (60, 35):
        middle = random.uniform(0.15, 0.85, 2) * canvas_px
        size = random.uniform((0.05, 0.12), (0.12, 0.3)) * canvas_px
        light += strength * np.exp(-(((x - middle[0]) / size[0]) ** 2) - ((y - middle[1]) / size[1]) ** 2)
    return three_channels(light * settings.glare)


def three_channels(gray: NDArray[np.floating]) -> BgrImage:
    """Gray levels 0..255, shape (h, w), as a gray BGR picture."""
    single = np.asarray(gray + 0.5, np.uint8)
    return np.asarray(cv2.merge([single, single, single]), np.uint8)


def vignette(settings: SimulatorSource) -> FloatImage:
    """Factor on gray levels, 1 in the middle of the picture, falling toward the corners; shape (h, w)."""
    size = np.array([settings.width_px, settings.height_px])
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    middle = (size - 1) / 2
    squared = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / float((middle**2).sum())
    return np.asarray((1 - 0.95 * settings.shading * squared) ** (1 / ENCODING_GAMMA), np.float32)
