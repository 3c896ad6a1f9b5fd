"""The dominant color that clustering comes to when nothing is spared: the measure of what sampling and haste cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from benchmarks.regions import Reading
from benchmarks.table import Limit, Table
from benchmarks.ways import OURS, Way, timed
from sorter.color.difference import ciede2000
from sorter.color.dominant import DEFAULT_CLUSTERING, _merge
from sorter.color.lab import bgr_to_lab
from sorter.color.sample import _corner_color, ellipse_mask, speaking
from sorter.records import BgrImage, ColorReading, Lab, LabPixels, PaletteColor

_ATTEMPTS = 10
_MOST_MEDIAN = 0.5
_MOST_P95 = 2.0


def _read_exactly(image_bgr: BgrImage) -> ColorReading:
    """Cluster every product pixel until nothing moves, from ten beginnings, and merge as the sorter does."""
    pixels = _product_pixels(image_bgr)
    clusters = min(DEFAULT_CLUSTERING.clusters, len(np.unique(pixels, axis=0)))
    model = KMeans(clusters, n_init=_ATTEMPTS, max_iter=1000, tol=0, random_state=0).fit(pixels)
    counts = np.bincount(model.labels_, minlength=clusters).astype(np.float64)
    merged = _merge(model.cluster_centers_.astype(np.float64), counts, DEFAULT_CLUSTERING.merge_delta_e)
    return ColorReading(tuple(PaletteColor(Lab(*center), count / len(pixels)) for center, count in merged))


def _product_pixels(image_bgr: BgrImage) -> LabPixels:
    """Every pixel that `sorter.color.sample.sample_box` would choose from, shape (n, 3), n at least 1."""
    inside = ellipse_mask(*image_bgr.shape[:2], 0.9) > 0
    return speaking(bgr_to_lab(image_bgr[inside]), _corner_color(image_bgr))


CONVERGED = Way("converged", timed(_read_exactly), slow=True, compared=False)


@dataclass(frozen=True, slots=True)
class SetDistance:
    """How far our dominant color lies from the converged one, over the regions of a set (CIEDE2000)."""

    what: str
    regions: int
    median_delta_e: float
    p95_delta_e: float
    worst_delta_e: float

    def cells(self) -> Sequence[str]:
        """For the table."""
        figures = (self.median_delta_e, self.p95_delta_e, self.worst_delta_e)
        return self.what, f"{self.regions}", *(f"{figure:.2f}" for figure in figures)


@dataclass(frozen=True, slots=True)
class ConvergedResult:
    """Each set, and all together."""

    sets: Sequence[SetDistance]
    """The last is all of them."""

    def table(self) -> Table:
        """For people."""
        title = "this sorter's dominant color beside a converged KMeans on every product pixel (CIEDE2000)"
        return Table(title, ("set", "regions", "median", "p95", "worst"), [one.cells() for one in self.sets])

    def limits(self) -> Iterator[Limit]:
        """Of all sets together."""
        total = self.sets[-1]
        yield Limit("to the converged color, median", total.median_delta_e, _MOST_MEDIAN, "dE00")
        yield Limit("to the converged color, p95", total.p95_delta_e, _MOST_P95, "dE00")


def compare_converged(sets: Mapping[str, Sequence[Reading]]) -> ConvergedResult:
    """Hold our color against the converged one of the same regions; at least one set, none of them empty."""
    differences = {name: _differences(readings) for name, readings in sets.items()}
    everything = np.concatenate(list(differences.values()))
    return ConvergedResult([_distance(name, found) for name, found in (differences | {"all": everything}).items()])


def _differences(readings: Sequence[Reading]) -> NDArray[np.float64]:
    ours, converged = (
        np.array([reading.colors[way.name].dominant.lab for reading in readings]) for way in (OURS, CONVERGED)
    )
    return np.asarray(ciede2000(ours, converged))


def _distance(name: str, differences: NDArray[np.float64]) -> SetDistance:
    return SetDistance(
        what=name,
        regions=len(differences),
        median_delta_e=float(np.median(differences)),
        p95_delta_e=float(np.percentile(differences, 95)),
        worst_delta_e=float(differences.max()),
    )
