"""The colors of a sample: MiniBatchKMeans, afresh for every sample, merged by CIEDE2000.

The sample is counted into small cells of Lab first, so that clustering sees some two hundred weighted colors instead of
a thousand pixels. Sums are whole numbers, so neither the order of the pixels nor that of an addition can be seen in the
result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import cie94, ciede2000
from sorter.color.exposure import in_light_of
from sorter.records import ColorReading, Lab, LabPixels, Palette, PaletteColor

Steps = NDArray[np.float32]
"""Shape (3, n): L*, a* and b* of each pixel in whole steps of 1/256."""
_STEPS = 256
"""Steps of one Lab unit that sums are counted in: whole numbers, which a float of 64 bits holds exactly."""
_CELL = 5
"""Edge of the Lab cells that pixels are counted in; from this size on the number of a cell fits 16 bits."""
_CELLS_AB = 52
_FIRST_CELL = np.array([[2], [26], [26]], np.float32)
"""Where zero lies along L*, a* and b*: cells reach from L* -10 to 110 and from a* and b* -130 to 130."""
_LAST_CELL = np.array([[23], [_CELLS_AB - 1], [_CELLS_AB - 1]], np.float32)
"""What lies beyond is counted in the last cells, so that 16 bits number them all."""
_MOST_STARTS = 32
"""Heaviest cells that a cluster may start from."""
_PARTS = 8
"""Disjoint parts of a sample that are looked at for its stability."""
_PART_PIXELS = 8
"""A part of fewer pixels than this says nothing."""
_SHADOW_LIGHTNESS = 16.0
"""A color darker than this may be a shadow."""
_SHADOW_LIGHT = 4 ** (1 / 3)
"""So much larger is L* + 16 where there is four times the light."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """How a sample is clustered; the defaults are the ones every command uses."""

    clusters: int = 4
    """At the start; plain products end with fewer."""
    merge_delta_e: float = 10.0
    """Clusters nearer than this (CIEDE2000) are one color, after `shading` is taken out."""
    shading: float = 3.0
    """How many times more light may fall on one side of a product than on another: clusters that differ by light alone
    are one color."""
    plain_deviation: float = 2.0
    """Pixels that lie this near together (root mean square distance in Lab) are one color without clustering."""


DEFAULT_CLUSTERING = Clustering()


class Cells(NamedTuple):
    """A sample, counted."""

    lab: NDArray[np.float64]
    """Mean color of the pixels in each cell, shape (m, 3)."""
    counts: NDArray[np.float64]
    """Pixels in each cell, shape (m,)."""
    of_pixel: NDArray[np.intp]
    """The cell of each pixel, shape (n,)."""


def read_color(pixels_lab: LabPixels, clustering: Clustering = DEFAULT_CLUSTERING) -> ColorReading:
    """Cluster a sample and give its palette, the dominant color first.

    The same pixels give the same bytes, in any order, on any number of cores. The parts are every eighth pixel.

    Args:
        pixels_lab: shape (n, 3), n at least 1, finite.
        clustering: how.

    Raises:
        ValueError: the sample is empty.
    """
    if not len(pixels_lab):
        msg = "a sample needs at least one pixel"
        raise ValueError(msg)
    steps = np.rint(pixels_lab.T * np.float32(_STEPS))
    cells = _count(steps)
    groups = _one_color_each(cells, clustering)
    of_pixel = groups[cells.of_pixel]
    palette, dominant = _palette(steps, of_pixel)
    return ColorReading(palette, _spread(cells, groups == dominant, palette[0].lab), _parts(steps, of_pixel))


def _one_color_each(cells: Cells, clustering: Clustering) -> NDArray[np.intp]:
    """The color of each cell, shape (m,), from 0 without gaps."""
    centers = _starting_centers(cells, clustering)
    clusters = _nearest(cells.lab, centers)
    groups = merge_clusters(cells, clusters, clustering)
    if not groups.any():  # one color already: refined centers would only be nearer to each other
        return groups
    return merge_clusters(cells, _nearest(cells.lab, _refine(centers, cells)), clustering)


def merge_clusters(cells: Cells, clusters: NDArray[np.intp], clustering: Clustering) -> NDArray[np.intp]:
    """Join clusters that are one color in more and less light, nearest first (average linkage).

    Args:
        cells: the sample.
        clusters: of each cell, shape (m,), from 0.
        clustering: how near is one color.

    Returns:
        The color of each cell, shape (m,), from 0 without gaps.
    """
    centers, counts = _centers(cells, clusters)
    used = np.flatnonzero(counts)
    names = np.zeros(len(counts), np.intp)
    names[used] = np.arange(len(used))
    if len(used) > 1:
        centers, counts = centers[used], counts[used]
        lifted = in_light_of(centers[:, None], centers[None], clustering.shading)
        apart = ciede2000(lifted, centers[None])
        names[used] = _join(np.maximum(apart, apart.T), counts.tolist(), clustering.merge_delta_e)
    return names[clusters]


def _join(apart: NDArray[np.float64], counts: list[float], nearest: float) -> list[int]:
    """Which of the clusters are one, by their distances, shape (k, k), and sizes."""
    distances = apart.tolist()
    members = [[index] for index in range(len(counts))]
    alive = list(range(len(counts)))
    while len(alive) > 1:
        distance, one, other = min((distances[i][j], i, j) for i in alive for j in alive if i < j)
        if distance >= nearest:
            break
        total = counts[one] + counts[other]
        for third in alive:
            mean = (counts[one] * distances[one][third] + counts[other] * distances[other][third]) / total
            distances[one][third] = distances[third][one] = mean
        counts[one] = total
        members[one] += members[other]
        alive.remove(other)
    return [next(name for name, root in enumerate(alive) if index in members[root]) for index in range(len(counts))]


def _count(steps: Steps) -> Cells:
    """Count pixels into cells of Lab."""
    where = steps * np.float32(1 / (_CELL * _STEPS)) + _FIRST_CELL
    lightness, a, b = np.minimum(np.maximum(where, 0, out=where), _LAST_CELL, out=where).astype(np.uint16)
    keys = (lightness * _CELLS_AB + a) * _CELLS_AB + b
    order = keys.argsort(kind="stable")  # of 16 bits: a radix sort
    in_order = keys[order]
    edges = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1], [True])))
    counts = (edges[1:] - edges[:-1]).astype(np.float64)
    of_pixel = np.empty(len(keys), np.intp)
    of_pixel[order] = np.arange(len(edges) - 1).repeat(edges[1:] - edges[:-1])
    return Cells(_sums(steps, of_pixel, len(counts)) / (counts * _STEPS)[:, None], counts, of_pixel)


def _sums(steps: Steps, groups: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Sum of the steps in each group, shape (count, 3); exact, since they are whole numbers."""
    return np.stack([np.bincount(groups, channel, count) for channel in steps], axis=1)


def _centers(cells: Cells, clusters: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean color, shape (k, 3), and pixels, shape (k,), of each cluster of cells."""
    counts = np.bincount(clusters, cells.counts)
    sums = [np.bincount(clusters, cells.counts * cells.lab[:, axis]) for axis in range(3)]
    return np.stack(sums, axis=1) / np.maximum(counts, 1.0)[:, None], counts


def _starting_centers(cells: Cells, clustering: Clustering) -> NDArray[np.float64]:
    """Cells that leave the least variance, one after another: deterministic, and as many as there are colors."""
    heaviest = np.argsort(-cells.counts, kind="stable")[:_MOST_STARTS]
    squared = _squared_distances(cells.lab, cells.lab[heaviest])
    plain = clustering.plain_deviation**2 * cells.counts.sum()
    left = np.full((len(cells.lab), 1), np.inf)
    chosen: list[int] = []
    while len(chosen) < clustering.clusters:
        inertia = cells.counts @ np.minimum(left, squared)
        best = int(inertia.argmin())
        if best in chosen:
            break
        chosen.append(best)
        left = np.minimum(left, squared[:, best : best + 1])
        if inertia[best] <= plain:
            break
    return cells.lab[heaviest[chosen]]


def _nearest(lab: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """The center nearest to each color, shape (m,)."""
    return np.asarray(_squared_distances(lab, centers).argmin(axis=1))


def _squared_distances(lab: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (m, k)."""
    squares = (lab * lab).sum(axis=1)[:, None] + (centers * centers).sum(axis=1)
    return np.asarray(squares - 2 * (lab @ centers.T))


def _refine(centers: NDArray[np.float64], cells: Cells) -> NDArray[np.float64]:
    """Centers after one pass of MiniBatchKMeans over the sample, which moves each to the mean of its pixels."""
    # Imported when first needed: it takes a second, which a line spends learning its belt anyway.
    import sklearn  # noqa: PLC0415 - see above
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - see above

    # Each product starts from nothing: partial_fit would carry one product's color into the next.
    model = MiniBatchKMeans(
        n_clusters=len(centers),
        init=centers,
        n_init=1,
        reassignment_ratio=0,
        # Given centers and no reassignment leave nothing to chance; an integer here would cost a third of the call.
        random_state=_UNUSED_RANDOMNESS,
        compute_labels=False,
    )
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        model.partial_fit(cells.lab, sample_weight=cells.counts)
    return np.asarray(model.cluster_centers_, np.float64)


_UNUSED_RANDOMNESS = np.random.RandomState(0)


def _palette(steps: Steps, groups: NDArray[np.intp]) -> tuple[Palette, int]:
    """Colors and shares of groups of pixels; and the dominant group."""
    counts = np.bincount(groups)
    sums = _sums(steps, groups, len(counts))
    rows = _rows(counts.tolist(), sums.tolist())
    return _colors(rows), rows[0][2]


def _parts(steps: Steps, groups: NDArray[np.intp]) -> tuple[Palette, ...]:
    """The palette as each of the disjoint parts of the sample shows it; none where there are too few pixels."""
    parts = min(_PARTS, steps.shape[1] // _PART_PIXELS)
    if parts < 2:
        return ()
    colors = int(groups.max()) + 1
    groups = groups + np.arange(len(groups)) % parts * colors
    counts = np.bincount(groups, minlength=parts * colors).reshape(parts, colors)
    sums = _sums(steps, groups, parts * colors).reshape(parts, colors, 3)
    return tuple(_colors(_rows(*part)) for part in zip(counts.tolist(), sums.tolist(), strict=True))


_Row = tuple[int, tuple[float, ...], int]
"""Negative count, Lab and number of a group."""


def _rows(counts: list[int], sums: list[list[float]]) -> list[_Row]:
    """Each group that has pixels: the dominant one, then the largest first, equal sizes by color."""
    rows = [
        (-count, tuple(value / (count * _STEPS) for value in row), group)
        for group, (count, row) in enumerate(zip(counts, sums, strict=True))
        if count
    ]
    rows.sort()
    return _dominant_first(rows)


def _dominant_first(rows: list[_Row]) -> list[_Row]:
    """Put the largest color that is no shadow first.

    Pits, folds and the side away from the light are dark, and take up much of a rough product. A color that dark is a
    shadow where it is less than half of the product and another one has several times its light.
    """
    total = sum(count for count, _, _ in rows)
    count, (darkest, _, _), _ = rows[0]
    if darkest < _SHADOW_LIGHTNESS and 2 * count > total:  # counts are negative
        lit = _SHADOW_LIGHT * (darkest + 16)
        for index, (_, (lightness, _, _), _) in enumerate(rows):
            if lightness + 16 >= lit:
                return [rows[index], *rows[:index], *rows[index + 1 :]]
    return rows


def _colors(rows: list[_Row]) -> Palette:
    total = sum(row[0] for row in rows)
    return tuple(PaletteColor(Lab(*lab), count / total) for count, lab, _ in rows)


def _spread(cells: Cells, members: NDArray[np.bool_], center: Lab) -> float:
    """Root mean square of the CIE94 differences of a color's pixels from it."""
    squared = cie94(np.array(center), cells.lab[members]) ** 2
    counts = cells.counts[members]
    return float(np.sqrt(counts @ squared / counts.sum()))
