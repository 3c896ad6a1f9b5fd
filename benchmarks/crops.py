"""Pictures that one product fills: cut out of simulated belts and real photographs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.belt import BenchBelt
from sorter.capture.picture import read_picture
from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.truth import Schedule, TrueProduct
from sorter.records import BgrImage

WIDTH_PX, HEIGHT_PX = 640, 480
_NOISE = 2.0
"""Standard deviation, in steps of 8 bits: a small industrial sensor in fair light. Enlarging leaves none."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A product's rectangle of a picture, and the bin it belongs in."""

    image_bgr: BgrImage
    bin: str


@dataclass(frozen=True, slots=True)
class CropSet:
    """Crops that are measured together."""

    what: str
    """For the table: where they come from."""
    images: Sequence[BgrImage]


def large_crops(data: Path, belt: BenchBelt, count: int) -> CropSet:
    """Crops of 640 x 480, ``count`` of each kind: real ones where the sets are there, otherwise of simulated products.

    Real are boxes of candies, pictures of fruit, and the crops of one product on a running line, all enlarged and given
    a sensor's noise again.
    """
    plates, fruit, line = data / "candy_plates", data / "fruit", data / "candy_line"
    if not (plates.is_dir() and fruit.is_dir() and line.is_dir()):
        simulated = [_enlarged(crop.image_bgr, seed) for seed, crop in enumerate(islice(product_crops(belt), count))]
        return CropSet(f"{len(simulated)} simulated products, enlarged", simulated)
    kinds = {
        "candies": _evenly(_candies(plates), count),
        "fruit": _evenly(_wholes(fruit, "labels.csv"), count),
        "crops from a running line": _evenly(_wholes(line, "crops.csv"), count),
    }
    images = [image for crops in kinds.values() for image in crops]
    return CropSet(", ".join(f"{len(crops)} {kind}" for kind, crops in kinds.items()) + ", enlarged", images)


def belt_crops(belt: BenchBelt, count: int) -> CropSet:
    """Simulated products as large as they lie in the picture of the shipped belt."""
    images = [crop.image_bgr for crop in islice(product_crops(belt), count)]
    return CropSet(f"{count} products of the simulated belt", images)


def product_crops(belt: BenchBelt) -> Iterator[Crop]:
    """Each product of a belt, cut out where it lies in the middle of the picture."""
    schedule = Schedule(belt.source, belt.degrees)
    painter = Painter(belt.source, schedule)
    seen: set[int] = set()
    number = 0
    while True:
        number += 1
        at_s = number / belt.source.frame_rate_hz
        for product in schedule.products_between(at_s, at_s):
            if product.index not in seen and schedule.along_px(product, at_s) >= 0:
                seen.add(product.index)
                yield Crop(_cut_out(painter.paint(number), schedule, product, at_s), product.bin)


def _cut_out(image_bgr: BgrImage, schedule: Schedule, product: TrueProduct, at_s: float) -> BgrImage:
    """The upright rectangle about a product; the belt moves to the right or left."""
    x, y = schedule.center_px(product, at_s)
    half_x, half_y = product.length_px / 2, product.width_px / 2
    rows = slice(max(round(y - half_y), 0), round(y + half_y) + 1)
    return image_bgr[rows, max(round(x - half_x), 0) : round(x + half_x) + 1]


def _evenly(makers: Sequence[Callable[[int], BgrImage]], count: int) -> Sequence[BgrImage]:
    """``count`` crops that lie evenly over all of them; each maker is told which one it makes."""
    places = (np.arange(count) * len(makers)) // count
    return [makers[place](number) for number, place in enumerate(places.tolist())]


def _candies(folder: Path) -> Sequence[Callable[[int], BgrImage]]:
    return [partial(_candy, folder / row["file"], row) for row in _rows(folder / "boxes.csv")]


def _candy(path: Path, row: Mapping[str, str], number: int) -> BgrImage:
    x0, y0, x1, y1 = (int(row[side]) for side in ("x0", "y0", "x1", "y1"))
    return _enlarged(read_picture(path)[y0:y1, x0:x1], number)


def _wholes(folder: Path, table: str) -> Sequence[Callable[[int], BgrImage]]:
    """Pictures that are one product each."""
    return [partial(_whole, folder / row["file"]) for row in _rows(folder / table)]


def _whole(path: Path, number: int) -> BgrImage:
    return _enlarged(read_picture(path), number)


def _rows(table: Path) -> Sequence[Mapping[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _enlarged(image_bgr: BgrImage, seed: int) -> BgrImage:
    large = cv2.resize(image_bgr, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0.0, _NOISE, large.shape)
    return np.clip(np.rint(large + noise), 0, 255).astype(np.uint8)
