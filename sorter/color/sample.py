"""Which pixels speak for a product: not its edge, not glare, not shadow, not the ground around it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import cie94
from sorter.color.lab import bgr_to_lab
from sorter.records import BgrImage, LabPixels, Mask

SAMPLE_PIXELS = 1024
"""Pixels read of one product in one frame: of twice as many the dominant color was no nearer to a converged one."""
GLARE_LIGHTNESS = 96.0
"""From here on a pixel without color is a highlight."""
_GLARE_CHROMA = 12.0
_BLINDED_LIGHTNESS = 99.5
"""All three channels at their end: what is there cannot be told."""
_MOST_BLINDED = 0.95
_GROUND_DELTA_E = 6.0
_DARKEST_SHADOW = 0.6
"""A cast shadow leaves at least this part of the ground's L*; what is darker than that is a dark product."""
_MOST_GROUND = 0.7
"""Ground on more than this part of the pixels is the product itself, of the ground's color: it is not left out."""
_MOST_OTHER = 0.5
"""So is glare or shadow on more than this part of what is left: a body of another color under a label, say."""
_INSIDE = 0.9
"""Of the ellipse that touches the four sides: what lies within is mostly product."""
_OUTSIDE = 1.08
"""What lies beyond is mostly ground."""
_LEAST_CORNER = 8
_WELL_LIT = 0.85
"""Part of the corners that is darker than the ground where it is well lit; the rest may be its own highlights."""
_GOLDEN = (math.sqrt(5) - 1) / 2


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
        Shape (m, 3); none where nearly all that is not ground is glare in which no color is left.
    """
    if ground_lab is not None:
        lit, shaded = _ground_and_shadow(pixels_lab, ground_lab)
        keep = _unless_most(lit, _MOST_GROUND)
        pixels_lab = _only(pixels_lab, keep)
        pixels_lab = _only(pixels_lab, _unless_most(shaded[keep], _MOST_OTHER))
    if pixels_lab[:, 0].max() < GLARE_LIGHTNESS:
        return pixels_lab
    if np.count_nonzero(pixels_lab[:, 0] >= _BLINDED_LIGHTNESS) >= _MOST_BLINDED * len(pixels_lab):
        return pixels_lab[:0]
    return _only(pixels_lab, _unless_most(is_glare(pixels_lab), _MOST_OTHER))


def _only(pixels_lab: LabPixels, keep: NDArray[np.bool_]) -> LabPixels:
    """Some of the pixels, each channel in one piece as `bgr_to_lab` lays it."""
    return pixels_lab if keep.all() else pixels_lab.T[:, keep].T


def is_glare(pixels_lab: LabPixels) -> NDArray[np.bool_]:
    """Which pixels are as bright and colorless as a highlight, shape (n,)."""
    bright: NDArray[np.bool_] = pixels_lab[:, 0] >= GLARE_LIGHTNESS
    if bright.any():
        bright[bright] = np.hypot(pixels_lab[bright, 1], pixels_lab[bright, 2]) <= _GLARE_CHROMA
    return bright


def _ground_and_shadow(pixels_lab: LabPixels, ground_lab: LabPixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels show the ground as it is, and which show it in shadow."""
    ground = _is_ground(pixels_lab, ground_lab)
    lit = pixels_lab[:, 0] > ground_lab[:, 0] - _GROUND_DELTA_E
    return ground & lit, ground & ~lit


def _is_ground(pixels_lab: LabPixels, ground_lab: LabPixels) -> NDArray[np.bool_]:
    """Which pixels show the ground, lit or in shadow."""
    dimming = np.clip(pixels_lab[:, :1] / np.maximum(ground_lab[:, :1], 1.0), _DARKEST_SHADOW, 1.0)
    # Less light on the same surface scales lightness and chroma alike, to a good approximation.
    return cie94(ground_lab * dimming, pixels_lab) <= _GROUND_DELTA_E


def _unless_most(unwanted: NDArray[np.bool_], most: float) -> NDArray[np.bool_]:
    """True where a pixel is kept; all are where more than ``most`` of them would go."""
    return ~unwanted if np.count_nonzero(unwanted) <= most * len(unwanted) else np.ones_like(unwanted)


def sample_cells(crop_bgr: BgrImage, core: Mask, cell_px: int, ground_lab: NDArray[np.float32]) -> LabPixels | None:
    """Sample a product that was found on the belt.

    Args:
        crop_bgr: the pixels of the product's window, shape (rows * cell_px, columns * cell_px, 3).
        core: the product without its edge, in cells, shape (rows, columns).
        cell_px: edge of a cell.
        ground_lab: the empty belt's color in each cell, shape (rows, columns, 3).

    Returns:
        Shape (n, 3), n up to about `SAMPLE_PIXELS`, none where it is all glare; None where the core is empty.
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


def sample_box(image_bgr: BgrImage, count: int = SAMPLE_PIXELS) -> LabPixels:
    """Sample a picture that is filled by one product, loosely or tightly.

    Pixels are taken from the ellipse that touches the four sides. What the corners outside it show in one even
    color is ground, and is left out wherever else it shows; so are highlights.

    Args:
        image_bgr: shape (height, width, 3), at least one pixel.
        count: about how many pixels are read; all of a picture that has fewer in its ellipse.

    Returns:
        Shape (n, 3); none where it is all glare.
    """
    height, width = image_bgr.shape[:2]
    places, inside = _places(height, width, count)
    pixels = bgr_to_lab(image_bgr[places])
    return speaking(pixels[:inside], _even_color(pixels[inside:]))


def sample_cut_out(image_bgr: BgrImage, opaque: Mask) -> LabPixels | None:
    """Sample a product whose surroundings are transparent: from all that is not.

    Args:
        image_bgr: shape (height, width, 3).
        opaque: set where the picture shows something, shape (height, width).

    Returns:
        Shape (n, 3), none where it is all glare; None where nothing is opaque.
    """
    places = pick(opaque)
    return speaking(bgr_to_lab(image_bgr[places]), None) if len(places[0]) else None


@lru_cache(maxsize=64)
def _places(height: int, width: int, count: int) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], int]:
    """Rows and columns of a sample: first those in the ellipse, and how many these are, then those in the corners."""
    rows, columns = lattice(height, width, count / (math.pi / 4 * _INSIDE**2))
    radius = ((rows + 0.5) * (2 / height) - 1) ** 2 + ((columns + 0.5) * (2 / width) - 1) ** 2
    inside = np.flatnonzero(radius <= max(_INSIDE**2, radius.min()))
    wanted = np.concatenate((inside, np.flatnonzero(radius > _OUTSIDE**2)))
    return (rows[wanted], columns[wanted]), len(inside)


def lattice(height: int, width: int, count: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of about ``count`` pixels evenly spread over a picture; of all where it has no more.

    Each row is shifted against the one before by the golden section, so that no print or weave keeps time with them.
    """
    step = max(1.0, math.sqrt(height * width / count))
    rows = ((np.arange(max(1, round(height / step))) + 0.5) * step).astype(np.intp).clip(max=height - 1)
    shifts = np.arange(len(rows)) * _GOLDEN % 1
    across = np.arange(max(1, round(width / step))) + shifts[:, None]
    columns = (across * step).astype(np.intp).clip(max=width - 1)
    return rows.repeat(across.shape[1]), columns.ravel()


def _even_color(pixels_lab: LabPixels) -> LabPixels | None:
    """The one color of most of some pixels where it is well lit, shape (1, 3); None where they show no one color."""
    count = len(pixels_lab)
    if count < _LEAST_CORNER:
        return None
    in_order = np.sort(pixels_lab, axis=0)
    middle = in_order[count // 2][None]
    lit = middle * (in_order[int(_WELL_LIT * count), 0] / max(middle[0, 0], 1.0))
    even = _is_ground(pixels_lab, lit).mean() > 0.6
    return lit if even else None
