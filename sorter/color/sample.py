"""Which pixels speak for a product: not its edge, not glare, not shadow, not the ground around it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import bgr_to_lab
from sorter.records import BgrImage, LabPixels, Mask

SAMPLE_PIXELS = 1024
"""Pixels read of one product in one frame: doubling it moved no dominant color by 0.3 on real crops."""
_GLARE_LIGHTNESS = 96.0
_GLARE_CHROMA = 12.0
_GROUND_DELTA_E = 6.0
_DARKEST_SHADOW = 0.6
"""A cast shadow leaves at least this part of the ground's L*; what is darker than that is a dark product."""
_MOST_GROUND = 0.7
"""Ground on more than this part of the pixels is the product itself, of the ground's color: it is not left out."""
_MOST_OTHER = 0.5
"""So is glare or shadow on more than this part of what is left: a body of another color under a label, say."""


def pick(mask: Mask, count: int = SAMPLE_PIXELS) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of at most ``count`` set pixels of a mask, evenly spread in reading order."""
    rows, columns = np.nonzero(mask)
    if len(rows) > count:
        chosen = (np.arange(count) * len(rows)) // count
        rows, columns = rows[chosen], columns[chosen]
    return rows, columns


def speaking(pixels_lab: LabPixels, ground_lab: LabPixels | None) -> LabPixels:
    """The pixels that are neither ground, nor ground in a cast shadow, nor a highlight.

    Each is looked for in what the one before has left: a white product is not taken for a highlight because there
    is much ground around it.

    Args:
        pixels_lab: shape (n, 3), n at least 1.
        ground_lab: the ground's color at each pixel, shape (n, 3), or one for all, shape (1, 3); None where unknown.

    Returns:
        Shape (m, 3), m at least 1.
    """
    if ground_lab is not None:
        lit, shaded = _ground_and_shadow(pixels_lab, ground_lab)
        keep = _unless_most(lit, _MOST_GROUND)
        pixels_lab, shaded = pixels_lab[keep], shaded[keep]
        pixels_lab = pixels_lab[_unless_most(shaded, _MOST_OTHER)]
    return pixels_lab[_unless_most(_is_glare(pixels_lab), _MOST_OTHER)]


def _is_glare(pixels_lab: LabPixels) -> NDArray[np.bool_]:
    chroma = np.hypot(pixels_lab[:, 1], pixels_lab[:, 2])
    return (pixels_lab[:, 0] >= _GLARE_LIGHTNESS) & (chroma <= _GLARE_CHROMA)


def _ground_and_shadow(pixels_lab: LabPixels, ground_lab: LabPixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels show the ground as it is, and which show it in shadow."""
    dimming = np.clip(pixels_lab[:, :1] / np.maximum(ground_lab[:, :1], 1.0), _DARKEST_SHADOW, 1.0)
    # Less light on the same surface scales lightness and chroma alike, to a good approximation.
    ground = ciede2000(pixels_lab, ground_lab * dimming) <= _GROUND_DELTA_E
    lit = pixels_lab[:, 0] > ground_lab[:, 0] - _GROUND_DELTA_E
    return ground & lit, ground & ~lit


def _unless_most(unwanted: NDArray[np.bool_], most: float) -> NDArray[np.bool_]:
    """True where a pixel is kept; all are where more than ``most`` of them would go."""
    return ~unwanted if unwanted.mean() <= most else np.ones_like(unwanted)


def sample_cells(crop_bgr: BgrImage, core: Mask, cell_px: int, ground_lab: NDArray[np.float32]) -> LabPixels | None:
    """Sample a product that was found on the belt.

    Args:
        crop_bgr: the pixels of the product's window, shape (rows * cell_px, columns * cell_px, 3).
        core: the product without its edge, in cells, shape (rows, columns).
        cell_px: edge of a cell.
        ground_lab: the empty belt's color in each cell, shape (rows, columns, 3).

    Returns:
        Shape (n, 3), n from 1 to about `SAMPLE_PIXELS`; None where the core is empty.
    """
    rows, columns = pick(core)
    if not len(rows):
        return None
    # A small product has few cells: then several pixels of each are read, never an average of them.
    steps = min(cell_px, max(1, math.isqrt(SAMPLE_PIXELS // len(rows))))
    offsets = (2 * np.arange(steps) + 1) * cell_px // (2 * steps)
    inner_y, inner_x = (grid.ravel() for grid in np.meshgrid(offsets, offsets, indexing="ij"))
    y = (rows[:, None] * cell_px + inner_y).ravel()
    x = (columns[:, None] * cell_px + inner_x).ravel()
    pixels = bgr_to_lab(crop_bgr[y, x])
    ground = ground_lab[rows, columns].repeat(steps * steps, axis=0)
    return speaking(pixels, ground)


def sample_box(image_bgr: BgrImage) -> LabPixels:
    """Sample a picture that is filled by one product, loosely or tightly.

    Pixels are taken from the ellipse that touches the four sides. What the corners outside it show in one even
    color is ground, and is left out wherever else it shows; so are highlights.

    Args:
        image_bgr: shape (height, width, 3), at least one pixel.

    Returns:
        Shape (n, 3), n from 1 to about `SAMPLE_PIXELS`.
    """
    height, width = image_bgr.shape[:2]
    inside = ellipse_mask(height, width, 0.9)
    return speaking(bgr_to_lab(image_bgr[pick(inside)]), _corner_color(image_bgr))


def ellipse_mask(height: int, width: int, scale: float) -> Mask:
    """A mask of the ellipse centered in a box, ``scale`` times the size that touches its sides; never empty."""
    rows = (np.arange(height) - (height - 1) / 2) / (height / 2)
    columns = (np.arange(width) - (width - 1) / 2) / (width / 2)
    inside = (rows[:, None] ** 2 + columns[None] ** 2) <= scale**2
    return inside.astype(np.uint8) * 255


def _corner_color(image_bgr: BgrImage) -> LabPixels | None:
    """The even color of the corners, shape (1, 3); None where they show no one color."""
    height, width = image_bgr.shape[:2]
    rows, columns = pick(255 - ellipse_mask(height, width, 1.08), 256)
    if len(rows) < 8:
        return None
    pixels = bgr_to_lab(image_bgr[rows, columns])
    center = np.median(pixels, axis=0, keepdims=True)
    even = (ciede2000(pixels, center) < _GROUND_DELTA_E).mean() > 0.6
    return center.astype(np.float32) if even else None
