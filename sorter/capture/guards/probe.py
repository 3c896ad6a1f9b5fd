"""A few rows of a picture, and what the detectors ask of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.picture import is_grey
from sorter.records import Frame

_PROBE_ROWS = 32
_BLOCK_PX = 16
"""Side of a macroblock, the unit in which a damaged film is wrong."""
_DETAIL = 8
"""A block whose values spread by more shows something: texture, an edge, noise."""
_FILLS_BGR = ((130, 130, 130), (0, 135, 0))
"""What decoders fill in where they know nothing: the middle of YUV, and its zero."""
_FILL_ROOM = 3


class Probe:
    """A few rows of a picture, and what the detectors want to know of them, each worked out once.

    Args:
        frame: the picture.
    """

    def __init__(self, frame: Frame) -> None:
        image = frame.image_bgr
        step = max(2, image.shape[0] // _PROBE_ROWS)
        self.size_px = frame.picture_size_px
        self.rows = np.ascontiguousarray(image[: image.shape[0] - 1 : step])
        """Shape (about 32, width, 3)."""
        self._below = np.ascontiguousarray(image[1::step][: len(self.rows)])
        # Pieces of rows as long as a block, shape (n, block, 3); of a narrower picture the rows themselves.
        block = min(_BLOCK_PX, self.rows.shape[1])
        self._blocks = self.rows[:, : self.rows.shape[1] // block * block].reshape(-1, block, 3)
        self._pixels = np.ascontiguousarray(self.rows[:, ::4])

    def smeared_share(self) -> float:
        """Part of the rows that repeat the row above, though they show something, 0..1."""
        flat = len(self.rows), -1
        differs = cv2.absdiff(self.rows.reshape(flat), self._below.reshape(flat)).max(axis=1, initial=0) > 0
        repeats = self.rows[~differs, :, 1]
        return float((np.ptp(repeats, axis=1) > _DETAIL).sum()) / max(len(self.rows), 1) if repeats.size else 0.0

    def filled_share(self) -> float:
        """Part of the picture that has exactly a color that decoders fill in, 0..1."""
        filled = 0
        first = np.ascontiguousarray(self._blocks[:, :1])
        for fill in _FILLS_BGR:
            low, high = [max(one - _FILL_ROOM, 0) for one in fill], [one + _FILL_ROOM for one in fill]
            near = np.flatnonzero(_within(first, low, high))
            spread = np.ptp(self._blocks[near], axis=1) if near.size else np.empty((0, 3))
            filled += int((spread <= 1).all(axis=1).sum())
        return filled / max(len(self._blocks), 1)

    def detailed_share(self) -> float:
        """Part of the blocks that show something, 0..1."""
        # Every seventh block is enough for a share, and seldom twice in one column of the picture; laid side by side
        # they are reduced all at once.
        green = np.ascontiguousarray(self._blocks[::7, :, 1].T)
        return float((green.max(axis=0) - green.min(axis=0) > _DETAIL).mean()) if green.size else 0.0

    def colored(self) -> bool:
        """Whether any pixel has a color."""
        return not is_grey(self._pixels)

    def dark_share(self, level: int) -> float:
        """Part of the pixels with every channel below ``level`` (1..255), 0..1."""
        return self._share([0] * 3, [level - 1] * 3)

    def clipped_share(self, level: int) -> float:
        """Part of the pixels with every channel at ``level`` (0..255) or above, 0..1."""
        return self._share([level] * 3, [255] * 3)

    def _share(self, low: list[int], high: list[int]) -> float:
        return cv2.countNonZero(_within(self._pixels, low, high)) / max(self._pixels.size // 3, 1)


def _within(pixels: NDArray[np.uint8], low: list[int], high: list[int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.inRange(pixels, np.array(low, np.uint8), np.array(high, np.uint8)), np.uint8)
