"""Things in one frame that are not belt, and whether each can be judged as a whole product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.product.belt import LabCells
from sorter.product.region import DOWNSTREAM, SIDE, UPSTREAM, Grid
from sorter.records import InvalidReason, Lab, Mask
from sorter.settings.site import ProductSettings

_NECK = 0.6
"""Two touching discs meet in a neck under this part of the smaller one's width; a stalk or a shaft does not."""
_SEAM = 0.06
"""A stripe across the belt that is thinner than this part of the belt's breadth is a joint of the belt."""
_LOBE = 0.3
"""The smaller of two products that touch is at least this part of the larger one's area."""
_COARSEST_LOBE = 3.0
"""Cells from rim to middle: with fewer, a neck cannot be told from the raggedness of the outline ..."""
_RAGGED = 2.0
"""... which makes notches so deep in thin arms."""


@dataclass(frozen=True, slots=True)
class WholeLimits:
    """What counts as one whole product, in pixels of the picture."""

    min_length_px: float
    max_length_px: float | None = None
    max_width_px: float | None = None
    detect_merged: bool = True
    max_blur: float = 0.35

    @classmethod
    def of(cls, product: ProductSettings) -> WholeLimits:
        """As a line's settings say."""
        return cls(
            min_length_px=product.min_length_px,
            max_length_px=product.max_length_px,
            max_width_px=product.max_width_px,
            detect_merged=product.detect_merged,
            max_blur=product.max_blur,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """One thing in one frame; positions are the belt's own (`Grid`), in pixels of the picture."""

    rear_px: float
    """Along the belt: where it begins."""
    front_px: float
    near_px: float
    """Across the belt: from here ..."""
    far_px: float
    """... to here."""
    area_px: float
    edges: frozenset[int]
    """Edges of the region that it touches: UPSTREAM, DOWNSTREAM, SIDE."""
    color: Lab
    """Mean color, to tell neighbors apart; not the product's dominant color."""
    columns: slice
    rows: slice
    mask: Mask
    """Shape (rows, columns) of the two slices: 255 where the blob is."""

    @property
    def length_px(self) -> float:
        """Extent along the belt."""
        return self.front_px - self.rear_px

    @property
    def width_px(self) -> float:
        """Extent across the belt."""
        return self.far_px - self.near_px

    @property
    def center_px(self) -> float:
        """Middle along the belt."""
        return (self.front_px + self.rear_px) / 2

    @property
    def middle_px(self) -> float:
        """Middle across the belt."""
        return (self.near_px + self.far_px) / 2


def clean(foreground: Mask, cell_px: int, min_length_px: float) -> Mask:
    """Drop what is thinner than a quarter of the smallest product, join what lies within half of it."""
    # Nothing larger than the region can be whole in it; a brush of thousands of cells took 0.6 s a frame.
    smallest = min(min_length_px / cell_px, *foreground.shape)
    opening, closing = _odd(smallest / 4), _odd(smallest / 2)
    opened = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, _round_kernel(opening))
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, _round_kernel(closing)), np.uint8)


def _odd(cells: float) -> int:
    return max(3, 2 * int(cells / 2) + 1)


def _round_kernel(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def find_blobs(foreground: Mask, cells: LabCells, grid: Grid, min_length_px: float) -> list[Blob]:
    """Find the things in a cleaned foreground; seams and specks under half the smallest product's size are none."""
    smallest = 0.25 * (min_length_px / grid.cell_px) ** 2
    outlines = [outline for outline in _outlines(foreground) if cv2.contourArea(outline) >= smallest]
    blobs = [_describe(outline, cells, grid) for outline in outlines]
    blobs = [part for blob in blobs for part in _without_seam(blob, cells, grid)]
    blobs = [blob for blob in blobs if blob.edges or min(blob.length_px, blob.width_px) >= min_length_px / 2]
    # OpenCV finds outlines from below; readers of a log expect them from above.
    return sorted(blobs, key=lambda blob: (blob.rows.start, blob.columns.start))


def _outlines(mask: Mask, offset: tuple[int, int] = (0, 0)) -> Sequence[cv2.typing.MatLike]:
    return cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=offset)[0]


def _without_seam(blob: Blob, cells: LabCells, grid: Grid) -> list[Blob]:
    """What remains of a thing without a joint of the belt: a stripe from side to side of the region, also slanted."""
    if blob.width_px < 0.95 * grid.breadth_px:
        return [blob]
    thickest = int(_SEAM * grid.breadth_px / grid.cell_px)
    # In a frame of its own: at the rim of the picture a stripe must be worn down from outside, too.
    padded = cv2.copyMakeBorder(blob.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    kernel = _round_kernel(thickest + 1 + thickest % 2)
    opened = np.asarray(cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel), np.uint8)[1:-1, 1:-1]
    offset = (blob.columns.start, blob.rows.start)
    return [_describe(outline, cells, grid) for outline in _outlines(opened, offset)]


def _describe(outline: cv2.typing.MatLike, cells: LabCells, grid: Grid) -> Blob:
    """The thing within an outline, without holes: print in the belt's own color is part of the product."""
    x, y, width, height = cv2.boundingRect(outline)
    window = (slice(y, y + height), slice(x, x + width))
    mask = np.zeros((height, width), np.uint8)
    cv2.drawContours(mask, [outline], 0, (255,), cv2.FILLED, offset=(-x, -y))
    spot = mask > 0
    along, across = grid.along_px[window][spot], grid.across_px[window][spot]
    half = grid.cell_px / 2
    return Blob(
        rear_px=float(along.min()) - half,
        front_px=float(along.max()) + half,
        near_px=float(across.min()) - half,
        far_px=float(across.max()) + half,
        area_px=float(spot.sum() * grid.cell_px**2),
        edges=frozenset(np.unique(grid.border[window][spot]).tolist()) - {0},
        color=Lab(*cells[window][spot].mean(axis=0).tolist()),
        rows=window[0],
        columns=window[1],
        mask=mask,
    )


def judge_extent(blob: Blob, limits: WholeLimits) -> InvalidReason | None:
    """Say why a blob's place and size forbid to judge it; None where they do not."""
    if blob.edges & {UPSTREAM, DOWNSTREAM, SIDE}:
        return InvalidReason.CUT_OFF
    if min(blob.length_px, blob.width_px) < limits.min_length_px:
        return InvalidReason.TOO_SMALL
    return InvalidReason.MERGED if _too_large(blob, limits) else None


def judge_shape(blob: Blob, cells: LabCells, belt: LabCells, limits: WholeLimits) -> InvalidReason | None:
    """Say why a blob is not one sharp product; None where it is.

    Args:
        blob: of a size and at a place that can be judged.
        cells: the frame's cells.
        belt: the empty belt's cells in the same light.
        limits: what counts as whole.
    """
    if limits.detect_merged and has_neck(blob.mask):
        return InvalidReason.MERGED
    return InvalidReason.BLURRED if blur_part(blob, cells, belt) > limits.max_blur else None


def _too_large(blob: Blob, limits: WholeLimits) -> bool:
    too_long = limits.max_length_px is not None and blob.length_px > limits.max_length_px
    return too_long or (limits.max_width_px is not None and blob.width_px > limits.max_width_px)


def has_neck(mask: Mask) -> bool:
    """Whether a shape is two lobes of similar size joined by a neck clearly narrower than either.

    The shape is worn down from its rim. Where it falls apart, each part's own depth tells how wide it is, and the
    depth at which they parted tells how wide the neck was.
    """
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32) - 0.5
    deepest = float(depth.max())
    if deepest < _COARSEST_LOBE:
        return False
    for level in np.arange(0.1, _NECK, 0.05) * deepest:
        count, labels = cv2.connectedComponents((depth > level).astype(np.uint8), connectivity=4)
        if count > 2 and _two_lobes(depth, np.asarray(labels, np.int32), count, float(level)):
            return True
    return False


def _two_lobes(depth: NDArray[np.float32], labels: NDArray[np.int32], count: int, level: float) -> bool:
    areas = []
    for label in range(1, count):
        lobe = labels == label
        deep = float(depth[lobe].max())
        if deep >= _COARSEST_LOBE and level < min(_NECK * deep, deep - _RAGGED):
            # A round lobe's own area, not what is left of it: wearing down takes more of the smaller one.
            areas.append(float(lobe.sum()) * (deep / (deep - level)) ** 2)
    areas.sort(reverse=True)
    return len(areas) > 1 and areas[1] >= _LOBE * areas[0]


def blur_part(blob: Blob, cells: LabCells, belt: LabCells) -> float:
    """Width of the blob's edge as a part of the blob's smaller extent: 0 is a knife's edge.

    A sharp edge goes from belt to product in one step, so its steepest step is the whole contrast; an edge smeared
    over n cells has steps of an n-th. Motion smears the edges at its two ends alone: the softer direction counts.
    """
    rows = slice(max(blob.rows.start - 2, 0), blob.rows.stop + 2)
    columns = slice(max(blob.columns.start - 2, 0), blob.columns.stop + 2)
    away = np.linalg.norm(cells[rows, columns] - belt[rows, columns], axis=2)
    contrast = float(np.percentile(away, 80))
    # The steepest steps: glare and print inside are steep too, but an unsharp picture has no steep step at all.
    steepest = min(
        _steepest_step(np.abs(np.diff(away, axis=1)), blob.mask.shape[0]),
        _steepest_step(np.abs(np.diff(away, axis=0)), blob.mask.shape[1]),
    )
    return float(contrast / max(steepest, 1e-6) / max(min(blob.mask.shape), 1))


def _steepest_step(steps: NDArray[np.float32], lines: int) -> float:
    """The step that a twentieth of all exceed, or three for every four lines: each line crosses the edge twice.

    The edge is under a twentieth of a product of a hundred cells. One of its two sides may be softened by a shadow.
    """
    exceeding = min(steps.size // 20, 3 * lines // 4)
    return float(np.partition(steps, -exceeding - 1, axis=None)[-exceeding - 1])


def mask_on_grid(blob: Blob, grid: Grid) -> Mask:
    """Where a blob lies, in the shape of the grid."""
    mask = np.zeros_like(grid.inside)
    mask[blob.rows, blob.columns] = blob.mask
    return mask
