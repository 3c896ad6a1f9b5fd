"""The part of the picture where products are judged, and the belt's own coordinates in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.records import BgrImage, Box, Mask
from sorter.settings.site import Direction, Region

_DEGREES = {Direction.RIGHT: 0.0, Direction.DOWN: 90.0, Direction.LEFT: 180.0, Direction.UP: 270.0}
_MAX_CELLS = 36_000
"""Belt and products are told apart on this many cells at most, 240 x 135, say: the time of a frame goes with it."""
_CELLS_ACROSS_PRODUCT = 4.0
UPSTREAM, DOWNSTREAM, SIDE = 1, 2, 3
"""Which edge of the region a cell of the border belongs to; 0 is no border."""


def direction_deg(direction: Direction | float) -> float:
    """Degrees in the picture: 0 to the right, 90 downward."""
    return _DEGREES[direction] if isinstance(direction, Direction) else float(direction)


class RegionOutsideError(ValueError):
    """The region does not lie within the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The region cut into square cells, and the belt's coordinates: along (with the belt) and across, in px."""

    box: Box
    """The region's bounding rectangle in the picture, trimmed to whole cells."""
    cell_px: int
    inside: Mask
    """Shape (rows, columns) of cells: 255 within the region."""
    border: NDArray[np.uint8]
    """Shape (rows, columns): UPSTREAM, DOWNSTREAM, SIDE or 0."""
    along_px: NDArray[np.float32]
    """Shape (rows, columns): each cell center's position along the belt, 0 at the upstream end."""
    across_px: NDArray[np.float32]
    """Likewise across the belt, 0 at one side."""
    length_px: float
    """The region's extent along the belt."""
    breadth_px: float
    """The region's extent across the belt."""

    @property
    def lanes(self) -> NDArray[np.int32]:
        """Shape (rows, columns): cells with one number are passed by the same line of the belt."""
        return np.maximum(self.across_px / self.cell_px, 0).astype(np.int32)

    def crop(self, image_bgr: BgrImage, origin_px: tuple[int, int] = (0, 0)) -> BgrImage:
        """The region's rectangle of a picture, or of a part of it whose corner is at ``origin_px``, as a view."""
        box, (x, y) = self.box, origin_px
        return image_bgr[box.y0 - y : box.y1 - y, box.x0 - x : box.x1 - x]

    def cells_bgr(self, crop_bgr: BgrImage) -> BgrImage:
        """Mean color of each cell, shape (rows, columns, 3): averaging also takes the sensor's noise down."""
        step = self.cell_px
        cells = crop_bgr
        # Halving is the one case OpenCV has a fast path for: 960 x 540 by 4 takes a third of the time.
        while step % 2 == 0:
            cells, step = _shrink(cells, 2), step // 2
        return cells if step == 1 else _shrink(cells, step)


def _shrink(image_bgr: BgrImage, by: int) -> BgrImage:
    height, width = image_bgr.shape[:2]
    return np.asarray(cv2.resize(image_bgr, (width // by, height // by), interpolation=cv2.INTER_AREA), np.uint8)


def build_grid(
    region: Region | None,
    direction: Direction | float,
    picture_size_px: tuple[int, int],
    min_length_px: float,
) -> Grid:
    """Lay the grid over a picture.

    Args:
        region: None for the whole picture.
        direction: where the belt moves.
        picture_size_px: width and height.
        min_length_px: the smallest product, which is to cover some cells.

    Raises:
        RegionOutsideError: with a sentence that gives the picture's size.
    """
    width, height = picture_size_px
    box = bounding_box(region) or Box(0, 0, width, height)
    _check_inside(box, width, height)
    cell = _cell_size(box, min_length_px)
    rows, columns = box.height // cell, box.width // cell
    box = Box(box.x0, box.y0, box.x0 + columns * cell, box.y0 + rows * cell)
    inside = _inside_mask(region, box, (rows, columns), cell)
    angle = math.radians(direction_deg(direction))
    heading = (math.cos(angle), math.sin(angle))
    along, across = _belt_coordinates(inside, heading, cell)
    return Grid(
        box=box,
        cell_px=cell,
        inside=inside,
        border=_classify_border(inside, heading),
        along_px=along,
        across_px=across,
        length_px=float(along[inside > 0].max()) + cell / 2,
        breadth_px=float(across[inside > 0].max()) + cell / 2,
    )


def bounding_box(region: Region | None) -> Box | None:
    """The smallest rectangle around a region; None for the whole picture."""
    if region is None:
        return None
    if region.polygon is not None:
        corners = np.array(region.polygon)
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return Box(x0, y0, x1, y1)
    x, y = int(region.x or 0), int(region.y or 0)
    return Box(x, y, x + int(region.width or 0), y + int(region.height or 0))


def _check_inside(box: Box, width: int, height: int) -> None:
    if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
        msg = (
            f"the region (x {box.x0} to {box.x1}, y {box.y0} to {box.y1}) reaches outside the picture, "
            f"which is {width} x {height} pixels: make it fit"
        )
        raise RegionOutsideError(msg)
    if box.width < 8 or box.height < 8:
        msg = f"the region is {box.width} x {box.height} pixels: it needs at least 8 x 8"
        raise RegionOutsideError(msg)


def _cell_size(box: Box, min_length_px: float) -> int:
    wanted = math.ceil(math.sqrt(box.width * box.height / _MAX_CELLS))
    finest = max(1, int(min_length_px / _CELLS_ACROSS_PRODUCT))
    return max(1, min(wanted, finest))


def _inside_mask(region: Region | None, box: Box, shape: tuple[int, int], cell: int) -> Mask:
    if region is None or region.polygon is None:
        return np.full(shape, 255, np.uint8)
    mask = np.zeros(shape, np.uint8)
    corners = (np.array(region.polygon, np.float64) - (box.x0, box.y0)) / cell
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], (255,))
    # Beyond its rim, where a product is cut off: corners in one line give a mask, too.
    if not cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,)).any():
        msg = "the region's polygon encloses nothing: its corners must go round an area"
        raise RegionOutsideError(msg)
    return mask


def _belt_coordinates(
    inside: Mask, heading: tuple[float, float], cell: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows, columns = inside.shape
    y, x = np.mgrid[0:rows, 0:columns] * float(cell) + cell / 2
    along = x * heading[0] + y * heading[1]
    across = y * heading[0] - x * heading[1]
    within = inside > 0
    along -= along[within].min() - cell / 2
    across -= across[within].min() - cell / 2
    return along.astype(np.float32), across.astype(np.float32)


def _classify_border(inside: Mask, heading: tuple[float, float]) -> NDArray[np.uint8]:
    """Mark the cells on the region's rim by where the rim faces."""
    padded = cv2.copyMakeBorder(inside, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(0,))
    rim = (padded > 0) & (cv2.erode(padded, np.ones((3, 3), np.uint8)) == 0)
    soft = cv2.GaussianBlur(padded.astype(np.float32), (7, 7), 0)
    outward_x, outward_y = -cv2.Sobel(soft, cv2.CV_32F, 1, 0), -cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    steep = np.hypot(outward_x, outward_y) + 1e-6
    facing = (outward_x * heading[0] + outward_y * heading[1]) / steep
    # cos 55 degrees: corners of a rectangle count as its ends, where products come and go.
    kind = np.where(facing > 0.57, DOWNSTREAM, np.where(facing < -0.57, UPSTREAM, SIDE))
    return np.where(rim, kind, 0).astype(np.uint8)[3:-3, 3:-3]
