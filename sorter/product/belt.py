"""The look of the empty belt, and what in a frame is not it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.records import BgrImage, Lab, Mask

LabCells = NDArray[np.float32]
"""Shape (rows, columns, 3): the Lab color of each cell."""
_FADE_S = 8.0
"""Time constant by which the model follows the belt: slow light is followed, a product's halo is not."""
_LANE_SHADING = np.array([25.0, 12.0, 12.0], np.float32)
"""How far from its lane's color (L*, a*, b*) shading and a lamp's tint take a cell of the belt."""
_LANE_STEP = 6.0
_LANE_PART = 0.1
"""A cell that shows its lane's color in this part of the frames shows the belt then."""
_FOLLOW_EVERY_S = 0.1
_TIMES_BARE = 3
_DEVIATIONS = 4.0
_CHROMA_PART = 0.75
"""Light changes lightness more than it changes color, so a smaller difference of color tells."""
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


@dataclass(slots=True, eq=False)
class Covered:
    """Cells that never showed their lane's color while the belt was learned: something stood there."""

    lane_colors: LabCells
    """Shape (rows, columns, 3)."""
    cells: NDArray[np.bool_]
    times_bare: NDArray[np.uint8]
    """How often a cell has shown its lane's color since."""


class Belt:
    """A model of the empty belt: mean and deviation of every cell, in Lab.

    It is learned as the median over frames spread in time, so that products passing meanwhile do not leave
    a trace. Then it follows what is belt, slowly, and never what is not: a product that stops stays a product.
    """

    def __init__(
        self, mean: LabCells, deviation: LabCells, inside: Mask, contrast: Contrast, covered: Covered | None = None
    ) -> None:
        self._mean = mean
        self._deviation = deviation
        self._inside = inside
        self._contrast = contrast
        self._was_belt = inside.copy()
        self._covered = covered
        self._owed_s = 0.0
        self._expected = mean
        self.light_gain = 1.0
        """How the light of the newest frame compares with the model's: 1.0 is equal."""
        self._weigh()

    @classmethod
    def learn(cls, frames: Sequence[LabCells], inside: Mask, lanes: NDArray[np.int32], contrast: Contrast) -> Belt:
        """Learn the empty belt from frames that may show products, too.

        A belt moves, so it has one color all along a lane, but for shading: the one that the lane's cells and frames
        show most often. Where a cell shows that color now and then, it is the belt's; where it never does, something
        fixed is seen there (a rail, a reflection), and the cell's own median holds.

        Args:
            frames: evenly spread in time.
            inside: the region.
            lanes: shape (rows, columns): which lane a cell is in, from 0.
            contrast: what it will take not to be belt.
        """
        stack = np.stack(frames)
        mean = _median(stack)
        lane_colors = _lane_colors(stack, lanes)[lanes]
        near = np.abs(stack - lane_colors) < _LANE_SHADING
        belt_like = near.all(axis=3)
        seen = belt_like.sum(axis=0)
        chosen = np.where(belt_like[..., None], stack, np.float32(np.inf))
        often = seen >= max(1, _LANE_PART * len(stack))
        mean[often] = _nth(np.sort(chosen, axis=0), seen // 2)[often]
        spread = np.sort(np.where(belt_like[..., None], np.abs(stack - mean), np.float32(np.inf)), axis=0)
        deviation = np.where(often[..., None], np.float32(1.4826) * _nth(spread, seen // 2), np.float32(1.0))
        covered = Covered(lane_colors, ~often & (inside > 0), np.zeros(often.shape, np.uint8))
        return cls(mean, np.asarray(cv2.blur(deviation, (5, 5)), np.float32), inside, contrast, covered)

    @property
    def expected(self) -> LabCells:
        """The empty belt under the newest frame's light."""
        return self._expected

    def color(self) -> Lab:
        """The mean color of the empty belt under the newest frame's light."""
        return Lab(*cv2.mean(self._expected, mask=self._inside)[:3])

    def foreground(self, cells: LabCells) -> Mask:
        """What of a frame is not belt: 255 there."""
        self.light_gain = self._measure_light(cells)
        # Exposure scales L* + 16, a* and b* alike (CIE 15:2004, 8.2.1).
        self._expected = np.asarray(cv2.transform(self._mean, _scaling(self.light_gain)), np.float32)
        lightness, a, b = cv2.split(cv2.subtract(cells, self._expected))
        # A darkening is forgiven up to the depth of a shadow.
        unforgiven = np.maximum(lightness, np.minimum(lightness + self._shadow, 0))
        score = (unforgiven * self._per_lightness) ** 2 + (a * a + b * b) * self._per_chroma_squared
        return np.where(score > 1, self._inside, np.uint8(0))

    def follow(self, cells: LabCells, foreground: Mask, elapsed_s: float) -> None:
        """Let the model follow the belt where a frame shows it; ten times a second is often enough."""
        halo = cv2.dilate(foreground, np.ones((5, 5), np.uint8))
        self._was_belt = np.where(halo > 0, np.uint8(0), self._inside)
        self._owed_s += elapsed_s
        if self._owed_s < _FOLLOW_EVERY_S:
            return
        rate = min(self._owed_s / _FADE_S, 0.5)
        self._owed_s = 0.0
        self._uncover(cells)
        apart = cv2.absdiff(cells, self._mean)
        cv2.accumulateWeighted(1.25 * apart, self._deviation, rate / 2, mask=self._was_belt)
        cv2.accumulateWeighted(cells, self._mean, rate, mask=self._was_belt)
        self._weigh()

    def _uncover(self, cells: LabCells) -> None:
        """Where something stood while learning, and the lane's color shows now, it has gone: that is the belt."""
        covered = self._covered
        if covered is None or not covered.cells.any():
            return
        away = np.abs(cells - cv2.transform(covered.lane_colors, _scaling(self.light_gain)))
        covered.times_bare[covered.cells & (away < _LANE_SHADING).all(axis=2)] += 1
        bare = covered.cells & (covered.times_bare >= _TIMES_BARE)
        self._mean[bare] = cells[bare]
        covered.cells &= ~bare

    def absorb(self, cells: LabCells, where: Mask) -> None:
        """Take what a frame shows in and around ``where`` for belt: what stood there while learning has gone."""
        spot = cv2.dilate(where, np.ones((5, 5), np.uint8)) > 0
        self._mean[spot] = cells[spot]
        self._weigh()

    def contour_contrast(self, cells: LabCells, blob: Mask) -> tuple[float, float]:
        """How sharply a blob's outline stands out: in the frame, and in the model (mean Lab steps)."""
        rim = np.asarray(cv2.morphologyEx(blob, cv2.MORPH_GRADIENT, _KERNEL), np.uint8)
        return _steepness(cells, rim), _steepness(self._mean, rim)

    def _measure_light(self, cells: LabCells) -> float:
        """The median of belt cells tells how much brighter the frame is than the model."""
        step = max(1, int(np.sqrt(cells.shape[0] * cells.shape[1] / _LIGHT_SAMPLES)))
        belt = self._was_belt[::step, ::step] > 0
        if belt.sum() < 20:
            return self.light_gain
        now, model = cells[::step, ::step, 0][belt], self._mean[::step, ::step, 0][belt]
        return float(np.median((now + 16) / (model + 16)))

    def _weigh(self) -> None:
        """What a difference counts in each cell: 1 is the least that is not belt."""
        contrast = self._contrast
        lightness, a, b = cv2.split(self._deviation)
        self._per_lightness = 1 / np.maximum(contrast.min_contrast, _DEVIATIONS * lightness)
        chroma = np.maximum(contrast.min_contrast * _CHROMA_PART, _DEVIATIONS * np.maximum(a, b))
        self._per_chroma_squared = chroma**-2
        self._shadow = np.minimum(contrast.shadow_lightness, _SHADOW_PART * self._mean[..., 0])


def _median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the first axis, the upper one of an even number; a sort takes a seventh of np.median's time here."""
    return np.asarray(np.sort(stack, axis=0)[len(stack) // 2], np.float32)


def _nth(ordered: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float32]:
    """From each cell's ordered values, shape (n, rows, columns, 3), the one at the cell's index."""
    return np.asarray(np.take_along_axis(ordered, index[None, ..., None], axis=0)[0], np.float32)


def _lane_colors(stack: NDArray[np.float32], lanes: NDArray[np.int32]) -> NDArray[np.float32]:
    """The color that each lane shows most often, shape (lanes, 3)."""
    quantized = np.floor(stack / _LANE_STEP).astype(np.int64) + 64
    keys = (quantized[..., 0] * 256 + quantized[..., 1]) * 256 + quantized[..., 2]
    colors = np.empty((int(lanes.max()) + 1, 3), np.float32)
    for lane in range(len(colors)):
        within = lanes == lane
        lane_keys = keys[:, within].ravel()
        values, counts = np.unique(lane_keys, return_counts=True)
        most = np.isin(lane_keys, _heaviest_neighborhood(values, counts))
        colors[lane] = stack[:, within].reshape(-1, 3)[most].mean(axis=0)
    return colors


def _heaviest_neighborhood(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bin that weighs most together with those that touch it, and them.

    A belt's color may lie on a corner where eight bins meet (a gray one does: a* and b* are 0 there), and then an
    even product of a third of the belt's size outweighs each of the eight.
    """
    bins = np.stack([keys >> 16, (keys >> 8) & 255, keys & 255], axis=1)
    candidates = np.argsort(counts)[-16:]
    touching = (np.abs(bins[candidates][:, None] - bins[None]) <= 1).all(axis=2)
    return np.asarray(keys[touching[int((touching @ counts).argmax())]])


def _scaling(gain: float) -> NDArray[np.float32]:
    """As the 3 x 4 matrix that scales L* + 16, a* and b*."""
    return np.array([[gain, 0, 0, 16 * (gain - 1)], [0, gain, 0, 0], [0, 0, gain, 0]], np.float32)


def _steepness(cells: LabCells, rim: Mask) -> float:
    step_x = cv2.Sobel(cells, cv2.CV_32F, 1, 0, scale=0.25)
    step_y = cv2.Sobel(cells, cv2.CV_32F, 0, 1, scale=0.25)
    steep = np.sqrt((step_x**2 + step_y**2).sum(axis=2))
    return float(steep[rim > 0].mean()) if (rim > 0).any() else 0.0
