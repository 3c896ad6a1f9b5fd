"""Samples of a product's color, from the frames in which it is whole, single, sharp, and somewhere new."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from sorter.color.sample import sample_cells
from sorter.product.belt import LabCells
from sorter.product.blob import Blob, WholeLimits, judge_extent, judge_shape
from sorter.product.region import Grid
from sorter.product.track import Track
from sorter.product.votes import Votes
from sorter.records import BgrImage, InvalidReason, Mask

_EDGE_PART = 0.08
"""Part of a product's smaller side that is taken for its edge, where the belt's color mixes in."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One frame's region, as the stages need it."""

    crop_bgr: BgrImage
    """At full resolution."""
    cells: LabCells
    expected: LabCells
    """The empty belt in this frame's light."""


@dataclass(slots=True, eq=False)
class Samples:
    """What has been sampled of one product."""

    votes: Votes
    last_px: float = -math.inf
    """Where along the belt it was when the last one was taken."""


class Sampler:
    """Takes samples of products.

    A product that has hardly moved shows nothing new: it is sampled again when it has come on by a third of the way
    that an even spread of ``most`` samples over the region leaves between two.

    Args:
        grid: the region.
        limits: what counts as one whole, sharp product.
        most: how many samples of a product vote.
    """

    def __init__(self, grid: Grid, limits: WholeLimits, most: int) -> None:
        self._grid = grid
        self._limits = limits
        self._most = most
        self._spacing_px = grid.length_px / (3 * most)

    def begin(self) -> Samples:
        """For a product that is seen for the first time."""
        return Samples(Votes(self._most))

    def look(self, track: Track, samples: Samples, view: View) -> None:
        """Sample a product if this frame shows it well; note on its track why not, or that it was whole."""
        met = track.merged or track.overgrown
        fault = InvalidReason.MERGED if met else judge_extent(track.blob, self._limits)
        if fault is None and track.center_px - samples.last_px >= self._spacing_px and samples.votes.wants_next():
            fault = self._sample(track, samples, view)
        if fault is None:
            track.whole = track.blob
        else:
            track.note_fault(fault)

    def _sample(self, track: Track, samples: Samples, view: View) -> InvalidReason | None:
        blob = track.blob
        fault = judge_shape(blob, view.cells, view.expected, self._limits)
        if fault is not None:
            return fault
        pixels = sample_cells(
            self._window(blob, view.crop_bgr),
            core_of(blob.mask),
            self._grid.cell_px,
            view.expected[blob.rows, blob.columns],
        )
        if pixels is None:
            return InvalidReason.NO_COLOR
        if not len(pixels):
            return InvalidReason.GLARE
        samples.votes.add(pixels)
        samples.last_px = track.center_px
        return None

    def _window(self, blob: Blob, crop_bgr: BgrImage) -> BgrImage:
        cell, rows, columns = self._grid.cell_px, blob.rows, blob.columns
        return crop_bgr[rows.start * cell : rows.stop * cell, columns.start * cell : columns.stop * cell]


def core_of(mask: Mask) -> Mask:
    """A blob without its edge; the whole of it where nothing would be left."""
    inset = 1 + int(_EDGE_PART * min(mask.shape))
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    core = (depth > inset).astype(np.uint8) * 255
    return core if core.any() else mask
