"""The look of the empty belt, and what in a frame is not it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.records import BgrImage, Mask

LabCells = NDArray[np.float32]
"""Shape (rows, columns, 3): the Lab color of each cell."""
_FADE_S = 8.0
"""Time constant by which the model follows the belt: slow light is followed, a product's halo is not."""
_DEVIATIONS = 4.0
_SHADOW_PART = 0.3
"""A cast shadow takes at most this part of the belt's own L*."""
_LIGHT_SAMPLES = 3000
_KERNEL = np.ones((3, 3), np.uint8)


def cells_to_lab(cells_bgr: BgrImage) -> LabCells:
    """Lab of a cell picture. OpenCV's float conversion: within 0.3 of the exact one, and an eighth of its time."""
    return np.asarray(cv2.cvtColor(cells_bgr.astype(np.float32) / 255, cv2.COLOR_BGR2Lab), np.float32)


@dataclass(frozen=True, slots=True)
class Contrast:
    """What it takes not to be belt."""

    min_contrast: float = 8.0
    """Lab distance."""
    shadow_lightness: float = 18.0
    """L*: how much darkening without a change of hue is forgiven, at most."""


class Belt:
    """A model of the empty belt: mean and deviation of every cell, in Lab.

    It is learned as the median over frames spread in time, so that products passing meanwhile do not leave
    a trace. Then it follows what is belt, slowly, and never what is not: a product that stops stays a product.
    """

    def __init__(self, mean: LabCells, deviation: LabCells, inside: Mask, contrast: Contrast) -> None:
        self._mean = mean
        self._deviation = deviation
        self._inside = inside
        self._contrast = contrast
        self._was_belt = inside > 0
        self.light_gain = 1.0
        """How the light of the newest frame compares with the model's: 1.0 is equal."""

    @classmethod
    def learn(cls, frames: Sequence[LabCells], inside: Mask, contrast: Contrast) -> Belt:
        """Learn the empty belt from frames spread in time; more than half of them must show it in every cell."""
        stack = np.stack(frames)
        mean = np.median(stack, axis=0).astype(np.float32)
        spread = 1.4826 * np.median(np.abs(stack - mean), axis=0)
        return cls(mean, cv2.blur(spread.astype(np.float32), (5, 5)), inside, contrast)

    def expected(self) -> LabCells:
        """The empty belt under the newest frame's light."""
        scaled = self._mean * np.float32(self.light_gain)
        scaled[..., 0] += np.float32(16 * (self.light_gain - 1))
        return scaled

    def foreground(self, cells: LabCells) -> Mask:
        """What of a frame is not belt: 255 there."""
        self.light_gain = self._measure_light(cells)
        difference = cells - self.expected()
        mask = (self._score(difference) > 1).astype(np.uint8) * 255
        return mask & self._inside

    def follow(self, cells: LabCells, foreground: Mask, elapsed_s: float) -> None:
        """Let the model follow the belt where a frame shows it."""
        halo = cv2.dilate(foreground, np.ones((5, 5), np.uint8))
        self._was_belt = (halo == 0) & (self._inside > 0)
        rate = np.float32(min(elapsed_s / _FADE_S, 0.5))
        weight = (self._was_belt * rate)[..., None]
        residual = cells - self._mean
        self._mean += weight * residual
        self._deviation += weight * 0.5 * (1.25 * np.abs(residual) - self._deviation)

    def absorb(self, cells: LabCells, where: Mask) -> None:
        """Take what a frame shows in and around ``where`` for belt: what stood there while learning has gone."""
        spot = cv2.dilate(where, np.ones((5, 5), np.uint8)) > 0
        self._mean[spot] = cells[spot]

    def contour_contrast(self, cells: LabCells, blob: Mask) -> tuple[float, float]:
        """How sharply a blob's outline stands out: in the frame, and in the model (mean Lab steps)."""
        rim = np.asarray(cv2.morphologyEx(blob, cv2.MORPH_GRADIENT, _KERNEL), np.uint8)
        return _steepness(cells, rim), _steepness(self._mean, rim)

    def _measure_light(self, cells: LabCells) -> float:
        """Exposure scales L* + 16, a* and b* alike (CIE 15:2004, 8.2.1); the median of belt cells tells by how much."""
        step = max(1, int(np.sqrt(cells.shape[0] * cells.shape[1] / _LIGHT_SAMPLES)))
        belt = self._was_belt[::step, ::step]
        if belt.sum() < 20:
            return self.light_gain
        now, model = cells[::step, ::step, 0][belt], self._mean[::step, ::step, 0][belt]
        return float(np.median((now + 16) / (model + 16)))

    def _score(self, difference: LabCells) -> NDArray[np.float32]:
        """Above 1 where a cell is not belt."""
        lightness = difference[..., 0]
        shadow = np.minimum(self._contrast.shadow_lightness, _SHADOW_PART * self._mean[..., 0])
        unforgiven = np.where(lightness < 0, np.minimum(lightness + shadow, 0), lightness)
        limit_l = np.maximum(self._contrast.min_contrast, _DEVIATIONS * self._deviation[..., 0])
        spread_ab = _DEVIATIONS * np.maximum(self._deviation[..., 1], self._deviation[..., 2])
        limit_ab = np.maximum(self._contrast.min_contrast * 0.75, spread_ab)
        chroma_squared = difference[..., 1] ** 2 + difference[..., 2] ** 2
        return np.asarray((unforgiven / limit_l) ** 2 + chroma_squared / limit_ab**2, np.float32)


def _steepness(cells: LabCells, rim: Mask) -> float:
    step_x = cv2.Sobel(cells, cv2.CV_32F, 1, 0, scale=0.25)
    step_y = cv2.Sobel(cells, cv2.CV_32F, 0, 1, scale=0.25)
    steep = np.sqrt((step_x**2 + step_y**2).sum(axis=2))
    return float(steep[rim > 0].mean()) if (rim > 0).any() else 0.0
