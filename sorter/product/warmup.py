"""The first frames, kept until the empty belt is known, so that products among them are decided too."""

from __future__ import annotations

import numpy as np

from sorter.records import Frame

_MAX_BYTES = 64_000_000


class Warmup:
    """Keeps the frames of the learning time within bounded memory.

    When they would take more than ``max_bytes``, every other one goes and from then on only every second (fourth, ...)
    frame is kept: products are followed through fewer pictures, but none is lost.
    """

    def __init__(self, duration_s: float, max_bytes: int = _MAX_BYTES) -> None:
        self._duration_s = duration_s
        self._max_bytes = max_bytes
        self._stride = 1
        self._offered = 0
        self._kept: list[Frame] = []
        self._bytes = 0
        self._span_s = 0.0

    @property
    def empty(self) -> bool:
        """Whether no frame came yet."""
        return not self._kept

    @property
    def complete(self) -> bool:
        """Whether the learning time is over."""
        return self._span_s >= self._duration_s

    def add(self, frame: Frame) -> None:
        """Keep a frame, if it is its turn."""
        self._span_s = frame.captured_at_s - self._kept[0].captured_at_s if self._kept else 0.0
        if self._offered % self._stride == 0:
            self._kept.append(frame)
            self._bytes += frame.image_bgr.nbytes
        self._offered += 1
        if self._bytes > self._max_bytes and len(self._kept) > 1:
            self._kept = self._kept[::2]
            self._stride *= 2
            self._bytes = sum(one.image_bgr.nbytes for one in self._kept)

    def take(self) -> list[Frame]:
        """Hand over the frames."""
        kept, self._kept = self._kept, []
        return kept


def spread(frames: list[Frame], count: int = 31) -> list[Frame]:
    """At most ``count`` frames, evenly spread."""
    picked = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int))
    return [frames[index] for index in picked]
