"""The palette of a picture, and what people ask of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from sorter.color.difference import ciede2000
from sorter.color.lab import srgb_to_lab
from sorter.errors import UsageError
from sorter.palette.cloud import cloud_of
from sorter.palette.clustering import Clusters, cluster
from sorter.palette.names import color_of, nearest_name
from sorter.palette.pictures import Picture, read_raster
from sorter.palette.plot_files import load_plots, write_plot
from sorter.palette.result import Method, Palette, Rgb, Space, Swatch
from sorter.palette.roles import (
    ONE_COLOR,
    DistinctColors,
    accent,
    background_and_foreground,
    count_of_colors,
    distinct_colors,
)
from sorter.palette.sample import Sample, count_pixels, sums_by, without
from sorter.palette.shown import make_fit_to_show
from sorter.palette.spaces import Colors, to_space, to_srgb
from sorter.records import Lab

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_CLUSTERS = 256
MOST_PIXELS = 4_000_000
WHITE = Rgb(255, 255, 255)

_Choice = TypeVar("_Choice", Method, Space)


class PredominantColor(TypedDict):
    """One color, as plain data."""

    color: dict[str, int]
    """``R``, ``G`` and ``B``, 0..255."""
    percentage: str
    """Such as "54.56%"."""


class _Found(NamedTuple):
    """A palette, and which of its colors each color of the sample is."""

    palette: Palette
    of_color: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ColorAnalyzer:
    """Finds the predominant colors of a picture; the same picture gives the same answer every time.

    Args:
        image: a path, a file's bytes, an array (RGB, RGBA or gray; uint8, uint16 or float 0..1), or a Pillow image.
        num_colors: 1 to 256; "auto" or None: as many as people would tell apart, see `roles.count_of_colors`. A picture
            of fewer colors gives fewer.
        method: "minibatch", "kmeans", "opencv" or "agglomerative", see `Method`.
        space: "lab", "rgb", "hsv" or "oklab", see `Space`.
        n_init: starts, 1 to 100, of which the one with the least inertia is kept.
        max_pixels: pixels looked at, 1,000 to 4,000,000; of a larger picture every s-th row and column.
        ignore_white: pixels near white do not count.
        ignore: nor do those near one of these colors: "#rrggbb", a CSS name, or (red, green, blue), 0..255.
        tolerance: how near that is, by CIEDE2000; 0 to 100.
        frame: of an animation or a file of several pages, from 0.

    Raises:
        UsageError: one of these is not as said here.
        SourceError: the picture is missing, unreadable, truncated, without that frame, or larger than 64 megapixels.
    """

    image: InitVar[Picture]
    num_colors: int | Literal["auto"] | None = 4
    method: Method | str = Method.MINIBATCH
    space: Space | str = Space.LAB
    n_init: int = 4
    max_pixels: int = 65_536
    ignore_white: bool = False
    ignore: Sequence[str | Sequence[int]] = ()
    tolerance: float = 5.0
    frame: int = 0
    _sample: Sample = field(init=False, repr=False)
    _picture: Picture = field(init=False, repr=False)
    """As it was given; looked at again only where it is shown."""

    def __post_init__(self, image: Picture) -> None:
        object.__setattr__(self, "method", _one_of(Method, self.method, "method"))
        object.__setattr__(self, "space", _one_of(Space, self.space, "space"))
        if self.num_colors is not None and self.num_colors != "auto":
            _within(self.num_colors, 1, MOST_CLUSTERS, "num_colors")
        _within(self.n_init, 1, 100, "n_init")
        _within(self.max_pixels, 1000, MOST_PIXELS, "max_pixels")
        _within(self.frame, 0, 10**9, "frame")
        if not 0 <= self.tolerance <= 100:
            raise UsageError(f"tolerance is {self.tolerance}: give a CIEDE2000 difference from 0 to 100")
        ignored = [WHITE] if self.ignore_white else []
        ignored += [_color(one) for one in ([self.ignore] if isinstance(self.ignore, str) else self.ignore)]
        sample = count_pixels(read_raster(image, self.max_pixels, self.frame))
        object.__setattr__(self, "_sample", without(sample, ignored, self.tolerance))
        object.__setattr__(self, "_picture", image)

    def get_predominant_colors(self) -> list[PredominantColor]:
        """The colors as plain data, largest share first; none where no pixel counts."""
        return [
            {
                "color": {"R": swatch.rgb.red, "G": swatch.rgb.green, "B": swatch.rgb.blue},
                "percentage": swatch.percentage,
            }
            for swatch in self.palette.colors
        ]

    @property
    def palette(self) -> Palette:
        """The colors with all that is known of them."""
        return self._found.palette

    @property
    def background(self) -> Swatch | None:
        """The color that weighs most near the picture's edge."""
        return self._ground[0]

    @property
    def foreground(self) -> Swatch | None:
        """Of the other colors, the one that weighs most near the picture's center; None where there is no other."""
        return self._ground[1]

    @cached_property
    def accent(self) -> Swatch | None:
        """A small, saturated color that stands out, see `roles.accent`.

        It is given as the palette has it where that has a color within 12 of it (CIEDE2000), else with its own share.
        """
        found = accent(self._distinct) if len(self._sample.rgb) else None
        if found is None:
            return None
        lab, share = found
        away = ciede2000(lab, np.array([swatch.lab for swatch in self.palette.colors]))
        if away.min() <= ONE_COLOR:
            return self.palette.colors[int(away.argmin())]
        return _swatch(lab, to_srgb(lab[None], Space.LAB)[0], share)

    def plot_image(self, to: Path | str | None = None) -> go.Figure:
        """The picture itself, read again where it was given by its path.

        This and the other figures need plotly; they show themselves in notebooks.

        Args:
            to: also write it there: ".html", a page that needs no network, or ".png", for which Chrome or Chromium
                must be installed.

        Raises:
            UsageError: ``to`` ends otherwise, its folder does not exist, or it is the picture itself.
            SourceError: the picture can no longer be read.
            SorterError: what is needed is not installed, the browser fails, or the file cannot be written.
        """
        plots = load_plots(to, self._picture)
        return self._written(plots.image_figure(make_fit_to_show(self._picture, self.frame), self._name), to)

    def plot_predominant_colors(self, to: Path | str | None = None) -> go.Figure:
        """A bar for each color, as long as its share; ``to`` and errors as for `plot_image`."""
        return self._written(load_plots(to, self._picture).colors_figure(self.palette, self._name), to)

    def plot_3d_clusters(self, space: Literal["rgb", "lab"] = "rgb", to: Path | str | None = None) -> go.Figure:
        """Some 4,000 pixels, each in its own color, and the palette's colors among them, in three dimensions.

        Args:
            space: that the axes are of; whichever the clusters were found in.
            to: as for `plot_image`, and so are the errors.
        """
        if space not in {"rgb", "lab"}:
            raise UsageError(f"space is {space!r}: clusters are shown in rgb or lab")
        plots = load_plots(to, self._picture)
        cloud = cloud_of(self._sample, self._found.of_color)
        return self._written(plots.clusters_figure(self.palette, cloud, space, self._name), to)

    def plot_strip(self, to: Path | str | None = None) -> go.Figure:
        """All colors in one strip, each as wide as its share; ``to`` and errors as for `plot_image`."""
        return self._written(load_plots(to, self._picture).strip_figure(self.palette, self._name), to)

    def plot_summary(self, to: Path | str | None = None) -> go.Figure:
        """The picture, its colors, the main and the second color; ``to`` and errors as for `plot_image`."""
        plots = load_plots(to, self._picture)
        shown = make_fit_to_show(self._picture, self.frame)
        return self._written(plots.summary_figure(self.palette, shown, self._name), to)

    def _written(self, figure: go.Figure, to: Path | str | None) -> go.Figure:
        if to is not None:
            write_plot(figure, Path(to), self.palette, self._name)
        return figure

    @property
    def _name(self) -> str:
        # Pillow knows where it opened an image.
        of_file = (
            self._picture if isinstance(self._picture, str | os.PathLike) else getattr(self._picture, "filename", "")
        )
        return Path(of_file).name or "the picture"

    @cached_property
    def _distinct(self) -> DistinctColors:
        return distinct_colors(to_space(self._sample.rgb, Space.LAB), self._sample.weights)

    @cached_property
    def _ground(self) -> tuple[Swatch | None, Swatch | None]:
        colors, of_color = self.palette.colors, self._found.of_color
        if not colors:
            return None, None
        at_edge, at_center = (
            sums_by(of_color, weights, len(colors)) for weights in (self._sample.at_edge, self._sample.at_center)
        )
        background, foreground = background_and_foreground(at_edge, at_center)
        return colors[background], None if foreground is None else colors[foreground]

    @cached_property
    def _found(self) -> _Found:
        sample, method, space = self._sample, Method(self.method), Space(self.space)
        if not len(sample.rgb):
            return _Found(self._palette_of((), 0.0), np.zeros(0, np.intp))
        count = self.num_colors if isinstance(self.num_colors, int) else count_of_colors(self._distinct)
        clusters = cluster(to_space(sample.rgb, space), sample.weights, count, method, self.n_init)
        swatches, of_color = _swatches(clusters, sample, space)
        return _Found(self._palette_of(swatches, clusters.inertia), of_color)

    def _palette_of(self, swatches: tuple[Swatch, ...], inertia: float) -> Palette:
        return Palette(
            colors=swatches,
            inertia=inertia,
            pixels=int(self._sample.pixels.sum()),
            width=self._sample.width,
            height=self._sample.height,
            method=Method(self.method),
            space=Space(self.space),
        )


def _swatches(clusters: Clusters, sample: Sample, space: Space) -> tuple[tuple[Swatch, ...], NDArray[np.intp]]:
    """The colors of a palette, largest share first, and which of them each color of the sample is.

    Clusters that are one color in 8 bits are one.
    """
    srgb = to_srgb(clusters.centers, space)
    lab = clusters.centers if space is Space.LAB else srgb_to_lab(srgb).astype(np.float64)
    _, first, one_of = np.unique(np.rint(srgb * 255), axis=0, return_index=True, return_inverse=True)
    masses = sums_by(one_of[clusters.of_point], sample.weights, len(first))
    order = np.argsort(-masses, kind="stable")  # equal ones stay in the order of red, green, blue
    total = sample.weights.sum()
    swatches = tuple(_swatch(lab[first[place]], srgb[first[place]], float(masses[place] / total)) for place in order)
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    return swatches, rank[one_of[clusters.of_point]]


def _swatch(lab: Colors, srgb: Colors, share: float) -> Swatch:
    red, green, blue = np.rint(srgb * 255).astype(int).tolist()
    exact = Lab(*lab.tolist())
    return Swatch(Rgb(red, green, blue), exact, share, nearest_name(exact))


def _one_of(kind: type[_Choice], given: str, name: str) -> _Choice:
    try:
        return kind(given)
    except ValueError as error:
        raise UsageError(f"{name} is {given!r}: give one of {', '.join(kind)}") from error


def _within(given: object, least: int, most: int, name: str) -> None:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise UsageError(f"{name} is {given!r}: give a whole number from {least} to {most}")


def _color(given: str | Sequence[int]) -> Rgb:
    if isinstance(given, str):
        return color_of(given)
    try:
        channels = tuple(int(channel) for channel in given)
    except (TypeError, ValueError):  # such as a color where a list of colors is asked for
        channels = ()
    if len(channels) != 3 or not all(0 <= channel <= 255 for channel in channels):
        raise UsageError(f"{given!r} is no color: write each as #rrggbb, or as (red, green, blue) from 0 to 255")
    return Rgb(*channels)
