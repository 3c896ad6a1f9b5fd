"""Pixels and the colors of a palette in three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from sorter.palette.cloud import Cloud
from sorter.palette.plots.look import (
    EDGE,
    HOVER,
    INK,
    NO_COLOR,
    ROOM,
    empty_figure,
    facts_of,
    ink_on,
    say_instead,
    title_of,
)
from sorter.palette.result import Palette, Swatch

ClusterSpace = Literal["rgb", "lab"]

_MOST_LABELS = 12
"""Colors that are named among the clusters; of the others hovering tells."""
_SIGN_HEIGHT = 32
"""Pixels, with a gap."""
_AXES = {
    "rgb": ("red, 0 to 255", "green, 0 to 255", "blue, 0 to 255"),
    "lab": ("a*, green to red", "b*, blue to yellow", "L*, 0 to 100"),
}
_UPWARD_L = [1, 2, 0]
"""Of L*, a* and b*, so that L* is upward."""


def clusters_figure(palette: Palette, cloud: Cloud, space: ClusterSpace, name: str) -> go.Figure:
    """Pixels as points in RGB or Lab, each in its own color, and the palette's colors as large marks among them."""
    where = "L*a*b*" if space == "lab" else "RGB"
    figure = empty_figure(f"Colors of {title_of(name)} in {where}", 760)
    if not palette.colors:
        return say_instead(figure, NO_COLOR)
    figure.add_trace(_points(palette.colors, cloud, space))
    figure.add_trace(_centers(palette.colors, space))
    figure.update_layout(
        scene=_axes(cloud, space)
        | {
            "aspectmode": "cube",
            "camera": {"eye": {"x": 1.38, "y": 1.38, "z": 0.8}, "center": {"x": 0, "y": 0, "z": -0.12}},
            "annotations": _labels(palette.colors[:_MOST_LABELS], space),
        },
        margin={"l": 10, "r": 10, "t": 60, "b": 50},
        showlegend=True,
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.02, "itemsizing": "constant"},
    )
    return figure


def _axes(cloud: Cloud, space: ClusterSpace) -> dict[str, Any]:
    """Axes of one length, so that distances in the figure are those of the space."""
    ends = [[0.0, 255.0]] * 3
    if space == "lab":
        low, high = cloud.lab[:, _UPWARD_L].min(axis=0), cloud.lab[:, _UPWARD_L].max(axis=0)
        low[2], high[2] = 0, 100
        half = 0.5 * max((high - low).max(), 100)
        ends = [[middle - half, middle + half] for middle in (low + high) / 2]
    return {
        f"{letter}axis": {
            "title": {"text": title, "font": {"size": 14}},
            "range": [round(float(end), 2) for end in reach],
            "showbackground": True,
            "backgroundcolor": ROOM,
            "gridcolor": "#bbbbbb",
            "tickfont": {"size": 11},
        }
        for letter, title, reach in zip("xyz", _AXES[space], ends, strict=True)
    }


def _points(swatches: Sequence[Swatch], cloud: Cloud, space: ClusterSpace) -> go.Scatter3d:
    x, y, z = (cloud.lab[:, _UPWARD_L] if space == "lab" else cloud.rgb).round(2).T
    return go.Scatter3d(
        x=x.tolist(),
        y=y.tolist(),
        z=z.tolist(),
        mode="markers",
        marker={"size": 1.6, "color": _as_css(cloud.rgb)},
        name=f"{len(cloud.rgb)} colors of pixels",
        text=[swatches[place].hex for place in cloud.of_color],
        hovertemplate="(%{x}, %{y}, %{z})<br>counted to <b>%{text}</b><extra></extra>",
    )


def _centers(swatches: Sequence[Swatch], space: ClusterSpace) -> go.Scatter3d:
    x, y, z = _coordinates(swatches, space).T
    return go.Scatter3d(
        x=x.tolist(),
        y=y.tolist(),
        z=z.tolist(),
        mode="markers",
        marker={
            # An area as large as the share, but none too small to be seen.
            "size": [6 + 18 * swatch.share**0.5 for swatch in swatches],
            "color": [swatch.hex for swatch in swatches],
            "line": {"color": "#000000", "width": 3},
            "symbol": "diamond",
            "opacity": 1,
        },
        name="colors of the palette, larger by share",
        customdata=facts_of(swatches),
        hovertemplate=HOVER,
    )


def _coordinates(swatches: Sequence[Swatch], space: ClusterSpace) -> NDArray[np.float64]:
    """Shape (k, 3)."""
    given = [[swatch.lab[axis] for axis in _UPWARD_L] if space == "lab" else swatch.rgb for swatch in swatches]
    return np.array(given, np.float64).round(2)


def _labels(swatches: Sequence[Swatch], space: ClusterSpace) -> list[dict[str, Any]]:
    """A sign for each color, pointing at its center: that often lies deep inside its cluster.

    As the figure is first seen, the signs of the left half stand left and the others right, in the order of height, so
    that none covers another.
    """
    places = _coordinates(swatches, space)
    across = places[:, 1] - places[:, 0]
    height = places[:, 2] - 0.35 * (places[:, 0] + places[:, 1])
    from_left = np.argsort(across, kind="stable")
    half = (len(swatches) + 1) // 2
    signs = []
    for side, chosen in ((-1, from_left[:half]), (1, from_left[half:])):
        upward = chosen[np.argsort(height[chosen], kind="stable")]
        for rank, place in enumerate(upward.tolist()):
            rise = _SIGN_HEIGHT * (rank - (len(upward) - 1) / 2) + 20
            signs.append(_sign(swatches[place], places[place].tolist(), (150 * side, -rise)))
    return signs


def _sign(swatch: Swatch, place: Sequence[float], offset: tuple[int, float]) -> dict[str, Any]:
    return {
        **dict(zip("xyz", place, strict=True)),
        "text": f"<b>{swatch.hex}</b>  {swatch.percentage}",
        "font": {"size": 12, "color": ink_on(swatch.rgb)},
        "bgcolor": swatch.hex,
        "bordercolor": EDGE,
        "borderpad": 4,
        "arrowcolor": INK,
        "arrowhead": 6,
        "arrowwidth": 1.5,
        "ax": offset[0],
        "ay": offset[1],
    }


def _as_css(rgb: NDArray[np.float64]) -> list[str]:
    return ["#{:02x}{:02x}{:02x}".format(*color) for color in np.rint(rgb).astype(int).tolist()]
