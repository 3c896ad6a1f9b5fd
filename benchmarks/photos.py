"""A folder of JPEGs as cameras leave them: crops of real photographs, 1 to 3 megapixels each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images
from tqdm import tqdm

_QUALITY = 90
_NOISE = 4.0
"""Standard deviation of a sensor's noise, in 8-bit steps: what is enlarged has lost its own."""


def make_photos(folder: Path, count: int, data: Path) -> list[Path]:
    """Write so many; the same ones every time.

    Args:
        folder: where to.
        count: how many.
        data: real pictures; scikit-learn's two photographs alone are used where that folder is missing.
    """
    sources = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    found = sorted((data / "candy_plates" / "images").glob("*.jpg"))[:6] + sorted(data.glob("fruit/images/*.jpg"))[:6]
    sources += [Image.open(path).convert("RGB") for path in found]
    chance = np.random.default_rng(1)
    paths = []
    for number in tqdm(range(count), desc="photographs", unit=" files", leave=False, disable=None):
        path = folder / f"{number:05}.jpg"
        _crop(sources[number % len(sources)], chance).save(path, quality=_QUALITY)
        paths.append(path)
    return paths


def _crop(source: Image.Image, chance: np.random.Generator) -> Image.Image:
    part = chance.uniform(0.4, 0.9)
    width, height = source.width * part, source.height * part
    left, top = chance.uniform(0, source.width - width), chance.uniform(0, source.height - height)
    zoom = float(np.sqrt(chance.uniform(1e6, 3e6) / (width * height)))
    size = int(width * zoom), int(height * zoom)
    large = source.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
    noise = chance.normal(0, _NOISE, (large.height, large.width, 1))
    return Image.fromarray(np.clip(np.asarray(large) + noise, 0, 255).astype(np.uint8))
