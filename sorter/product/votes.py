"""The samples of one product that will vote, evenly spread over the frames in which it was whole."""

from __future__ import annotations

from sorter.records import LabPixels


class Votes:
    """Keeps a bounded, even spread of samples from a run of unknown length.

    Every ``stride``-th sample is kept; when there are twice as many as may vote, every other one goes and the stride
    doubles. So the first and the last frames of a product count alike, however long it was in view.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._stride = 1
        self._offered = 0
        self._kept: list[LabPixels] = []

    def wants_next(self) -> bool:
        """Count one more whole frame; whether its sample is to be added."""
        self._offered += 1
        return (self._offered - 1) % self._stride == 0

    def add(self, sample: LabPixels) -> None:
        """Keep a sample."""
        self._kept.append(sample)
        # With fewer than two, the first frame would be all that is left, when the product had only just come in.
        if len(self._kept) >= 2 * max(self._most, 2):
            self._kept = self._kept[::2]
            self._stride *= 2

    def samples(self) -> list[LabPixels]:
        """At most ``most`` samples, evenly spread over those kept."""
        count = min(self._most, len(self._kept))
        return [self._kept[(2 * index + 1) * len(self._kept) // (2 * count)] for index in range(count)]
