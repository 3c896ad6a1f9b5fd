"""The colors of a sample: MiniBatchKMeans, afresh for every sample, merged by CIEDE2000.

The sample is counted into small cells of Lab first, so that clustering sees some hundred weighted colors instead of
a thousand pixels. Sums are whole numbers, so neither the order of the pixels nor that of an addition can be seen in the
result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import cie94, ciede2000_of_pair
from sorter.color.light import brightened_to
from sorter.records import ColorReading, Lab, LabPixels, Palette, PaletteColor

Color = Sequence[float]
"""L*, a* and b*."""
Steps = NDArray[np.float32]
"""Shape (3, n): L*, a* and b* of each pixel in whole steps of 1/4096."""
_STEPS = 4096
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


@dataclass(frozen=True, slots=True)
class Clustering:
    """How a sample is clustered; the defaults are the ones every command uses."""

    clusters: int = 4
    """At the start; plain products end with fewer."""
    merge_delta_e: float = 10.0
    """Clusters nearer than this (CIEDE2000) are one color, after `shading` is taken out."""
    shading: float = 6.0
    """How many times more light may fall on one side of a product than on another: clusters that differ by light alone
    are one color."""
    plain_deviation: float = 2.0
    """Pixels that lie this near together (root mean square distance in Lab) need no second center."""
    plain_share: float = 0.9
    """A sample of one color on so much of it is not clustered: that stays the largest, and hardly moves."""


DEFAULT_CLUSTERING = Clustering()


class Cells(NamedTuple):
    """A sample, counted."""

    lab: NDArray[np.float64]
    """Mean color of the pixels in each cell, shape (m, 3)."""
    counts: NDArray[np.float64]
    """Pixels in each cell, shape (m,)."""
    of_pixel: NDArray[np.intp]
    """The cell of each pixel, shape (n,)."""

    def of_clusters(self, clusters: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean color, shape (k, 3), and pixels, shape (k,), of clusters of cells; some may be empty."""
        members = (clusters == np.arange(clusters.max() + 1)[:, None]) * self.counts
        counts = members.sum(axis=1)
        return members @ self.lab / np.maximum(counts, 1.0)[:, None], counts


def read_color(pixels_lab: LabPixels, clustering: Clustering = DEFAULT_CLUSTERING) -> ColorReading:
    """Cluster a sample and give its palette, largest share first.

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
    steps = whole_steps(pixels_lab)
    cells = _count(steps)
    return reading_of(steps, cells, _one_color_each(cells, clustering))


def whole_steps(pixels_lab: LabPixels) -> Steps:
    """Pixels of shape (n, 3) in whole steps."""
    return np.asarray(np.rint(pixels_lab.T * np.float32(_STEPS)))


def reading_of(steps: Steps, cells: Cells, groups: NDArray[np.intp]) -> ColorReading:
    """What a sample says, when it is known which cells are one color.

    Args:
        steps: the sample's pixels.
        cells: the same, counted.
        groups: the color of each cell, shape (m,), from 0.
    """
    palette, dominant, parts = _palettes(steps, groups[cells.of_pixel])
    return ColorReading(palette, _spread(cells, groups == dominant, palette[0].lab), parts)


def _one_color_each(cells: Cells, clustering: Clustering) -> NDArray[np.intp]:
    """The color of each cell, shape (m,), from 0 without gaps."""
    clusters = _nearest(cells.lab, _starting_centers(cells, clustering))
    groups = merge_clusters(cells, clusters, clustering)
    if np.bincount(groups, cells.counts).max() >= clustering.plain_share * cells.counts.sum():
        return groups
    centers, counts = cells.of_clusters(clusters)
    return merge_clusters(cells, _nearest(cells.lab, _refine(centers[counts > 0], cells)), clustering)


def merge_clusters(cells: Cells, clusters: NDArray[np.intp], clustering: Clustering) -> NDArray[np.intp]:
    """Join clusters that are one color in more and less light, nearest first (average linkage).

    Args:
        cells: the sample.
        clusters: of each cell, shape (m,), from 0.
        clustering: how near is one color.

    Returns:
        The color of each cell, shape (m,), from 0 without gaps.
    """
    centers, counts = cells.of_clusters(clusters)
    used = np.flatnonzero(counts)
    names = np.zeros(len(counts), np.intp)
    names[used] = _join(centers[used].tolist(), counts[used].tolist(), clustering)
    return names[clusters]


def _join(centers: Sequence[Color], counts: list[float], clustering: Clustering) -> list[int]:
    """Which of the clusters are one color; from 0 without gaps."""
    count = len(centers)
    apart = {
        (one, other): _apart_in_one_light(centers[one], centers[other], clustering.shading)
        for one in range(count)
        for other in range(one + 1, count)
    }
    roots = list(range(count))
    while apart:
        (one, other), nearest = min(apart.items(), key=lambda item: (item[1], item[0]))
        if nearest >= clustering.merge_delta_e:
            break
        roots = [one if root == other else root for root in roots]
        _average(apart, one, other, counts)
    names = sorted(set(roots))
    return [names.index(root) for root in roots]


def _average(apart: dict[tuple[int, int], float], one: int, other: int, counts: list[float]) -> None:
    """Let ``one`` stand for both: its distance to a third is the mean of theirs, by their pixels."""
    del apart[one, other]
    total = counts[one] + counts[other]
    for third in {index for pair in apart for index in pair} - {one, other}:
        to_one, to_other = (min(one, third), max(one, third)), (min(other, third), max(other, third))
        apart[to_one] = (counts[one] * apart[to_one] + counts[other] * apart.pop(to_other)) / total
    counts[one] = total


def _apart_in_one_light(one: Color, other: Color, shading: float) -> float:
    """CIEDE2000 of two colors, the darker one in the lighter one's light, as far as shading goes."""
    dark, light = (one, other) if one[0] < other[0] else (other, one)
    return ciede2000_of_pair(brightened_to(dark, light[0], shading), light)


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


def _starting_centers(cells: Cells, clustering: Clustering) -> NDArray[np.float64]:
    """Cells that leave the least variance, one after another: deterministic, and as many as there are colors."""
    heaviest = np.argsort(-cells.counts, kind="stable")[:_MOST_STARTS]
    starts = cells.lab[heaviest]
    squares = (cells.lab * cells.lab).sum(axis=1)
    squared = squares[:, None] - 2 * (cells.lab @ starts.T) + squares[heaviest]
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
    return starts[chosen]


def _nearest(lab: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """The center nearest to each color, shape (m,)."""
    # The colors' own squares are the same for every center, and would only be added to all.
    return np.asarray(((centers * centers).sum(axis=1) - 2 * (lab @ centers.T)).argmin(axis=1))


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


def _palettes(steps: Steps, groups: NDArray[np.intp]) -> tuple[Palette, int, tuple[Palette, ...]]:
    """The palette of groups of pixels, its dominant group, and the palette as disjoint parts of the sample show it.

    Parts are every eighth pixel; there are fewer of them, or none, where they would be too small.
    """
    parts = max(min(_PARTS, len(groups) // _PART_PIXELS), 1)
    colors = int(groups.max()) + 1
    places = groups + np.arange(len(groups)) % parts * colors
    counts = np.bincount(places, minlength=parts * colors).reshape(parts, colors)
    sums = _sums(steps, places, parts * colors).reshape(parts, colors, 3)
    if parts == 1:
        return *_palette(counts[0], sums[0]), ()
    # Sums of whole numbers: how the pixels were parted does not show in them.
    whole = _palette(counts.sum(axis=0), sums.sum(axis=0))
    return *whole, tuple(_palette(*part)[0] for part in zip(counts, sums, strict=True))


def _palette(counts: NDArray[np.intp], sums: NDArray[np.float64]) -> tuple[Palette, int]:
    """Colors and shares of groups that have pixels, largest first, equal sizes by color; and the first one's place.

    Args:
        counts: shape (k,).
        sums: of the steps of their pixels, shape (k, 3).
    """
    total = int(counts.sum())
    labs = (sums / (np.maximum(counts, 1) * _STEPS)[:, None]).tolist()
    rows = sorted((-count, lab, place) for place, (count, lab) in enumerate(zip(counts.tolist(), labs, strict=True)))
    colors = tuple(PaletteColor(Lab(*lab), -count / total) for count, lab, _ in rows if count)
    return colors, rows[0][2]


def _spread(cells: Cells, members: NDArray[np.bool_], center: Lab) -> float:
    """Root mean square of the CIE94 differences of a color's pixels from it."""
    squared = cie94(np.array(center), cells.lab[members]) ** 2
    counts = cells.counts[members]
    return float(np.sqrt(counts @ squared / counts.sum()))
