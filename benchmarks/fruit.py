"""Real fruit on a white ground: the dominant color must be the fruit's, and stay so while it turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.regions import Reading
from benchmarks.table import Table
from sorter.capture.picture import read_picture
from sorter.color.difference import ciede2000
from sorter.color.lab import bgr_to_lab
from sorter.records import LabPixels

_NEAR_DELTA_E = 10.0
_WHITE_LEVEL = 230
_LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class FruitResult:
    """What the dominant colors were."""

    pictures: int
    ground_won: int
    """Dominant color within 10 (CIEDE2000) of the white ground."""
    not_of_the_fruit: int
    """Dominant color within 10 of less than a tenth of the fruit's own pixels."""
    median_share: float
    """Of the fruit's pixels that lie within 10 of the dominant color."""
    least_share: float
    least_picture: str
    turning_delta_e: Mapping[str, float]
    """For each variety, the 95th percentile of its pictures' differences from their median color."""

    def table(self) -> Table:
        """For people."""
        turning = self.turning_delta_e
        widest = max(turning, key=lambda name: turning[name])
        rows = [
            ("pictures", f"{self.pictures}"),
            ("the white ground won", f"{self.ground_won}"),
            ("dominant color on less than a tenth of the fruit", f"{self.not_of_the_fruit}"),
            ("part of the fruit within 10 of its dominant color, median", f"{self.median_share:.0%}"),
            ("the same, least", f"{self.least_share:.0%} ({self.least_picture})"),
            ("one variety turning: p95 of differences, median variety", f"{np.median(list(turning.values())):.1f}"),
            ("the same, widest variety", f"{turning[widest]:.1f} ({widest})"),
        ]
        return Table("fruit, this sorter: on a white ground (differences are CIEDE2000)", ("what", "measured"), rows)


@dataclass(frozen=True, slots=True, eq=False)
class FruitPixels:
    """What a picture shows, cut apart by another way than the sorter's."""

    fruit_lab: LabPixels
    """Without its rim, shape (n, 3)."""
    ground_lab: LabPixels
    """The ground's median color, shape (3,)."""


def cut_out_fruit(path: Path) -> FruitPixels:
    """The ground is what is nearly white and reaches the picture's edge; the rest is fruit."""
    image = read_picture(path)
    white = (image.min(axis=2) >= _WHITE_LEVEL).astype(np.uint8)
    _, labels = cv2.connectedComponents(white)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    ground = np.isin(labels, rim[rim > 0])
    fruit = cv2.erode((~ground).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return FruitPixels(bgr_to_lab(image[fruit]), np.median(bgr_to_lab(image[ground]), axis=0))


def judge_fruit(readings: Sequence[Reading], pixels: Sequence[FruitPixels], way: str) -> FruitResult:
    """Hold each dominant color that a way read against the fruit's own pixels; at least one reading."""
    shares, ground_won = [], 0
    for reading, shown in zip(readings, pixels, strict=True):
        dominant = np.array(reading.colors[way].dominant.lab)
        shares.append(float((ciede2000(shown.fruit_lab, dominant) <= _NEAR_DELTA_E).mean()))
        ground_won += bool(ciede2000(shown.ground_lab, dominant) <= _NEAR_DELTA_E)
    least = int(np.argmin(shares))
    return FruitResult(
        pictures=len(readings),
        ground_won=ground_won,
        not_of_the_fruit=sum(share < _LEAST_SHARE for share in shares),
        median_share=float(np.median(shares)),
        least_share=shares[least],
        least_picture=Path(readings[least].picture).stem,
        turning_delta_e=_turning(readings, way),
    )


def _turning(readings: Sequence[Reading], way: str) -> dict[str, float]:
    varieties = defaultdict(list)
    for reading in readings:
        varieties[reading.row["variety"]].append(reading.colors[way].dominant.lab)
    found = {}
    for name, colors in varieties.items():
        lab = np.array(colors)
        found[name] = float(np.percentile(ciede2000(lab, np.median(lab, axis=0)), 95))
    return found
