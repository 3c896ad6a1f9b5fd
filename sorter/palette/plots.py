"""Figures of a palette: pure functions from colors and a picture to plotly's figures.

Import it only where a figure is wanted: plotly is an extra, and takes a while to load.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from sorter.color.lab import decode_gamma
from sorter.palette.cloud import Cloud
from sorter.palette.result import Palette, Rgb, Swatch
from sorter.palette.shown import Shown

ClusterSpace = Literal["rgb", "lab"]

_PAPER, _INK, _EDGE, _ROOM = "#f7f7f7", "#222222", "#777777", "#dedede"
"""Opaque, so that a figure reads alike on light pages and on dark ones; neutral, so that colors look as they are."""
_SHARE = {"text": "share of the pixels that count, %", "standoff": 8}
_NO_COLOR = "no color: every pixel<br>is transparent or ignored"
_NO_PICTURE = "the picture has no pixels"
_LONGEST_NAME = 60
_LOW = 260
"""Height of a figure that shows little, pixels."""

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


def ink_on(color: Rgb) -> str:
    """Black or white, whichever is read more easily on a color: the contrast is at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    light = float(decode_gamma(np.array(color) / 255) @ [0.2126, 0.7152, 0.0722])
    return "#000000" if (light + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff"


def title_of(name: str) -> str:
    """A picture's name as plotly shows it: no markup, no control characters, not longer than a line."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return html.escape(plain if len(plain) <= _LONGEST_NAME else plain[: _LONGEST_NAME - 1] + "…", quote=False)


def image_figure(shown: Shown | None, name: str) -> go.Figure:
    """The picture itself, its axes in its own pixels."""
    high, wide = (shown.height, shown.width) if shown else (1, 3)
    height = 130 + min(max(round(880 * high / wide), 120), 800)
    figure = _empty(title_of(name), height)
    if shown is None:
        return _say(figure, _NO_PICTURE)
    figure.add_trace(_image(shown))
    figure.add_shape(_frame(shown))
    figure.update_xaxes(title={"text": "x, pixels", "standoff": 8}, constrain="domain", showgrid=False, zeroline=False)
    figure.update_yaxes(title={"text": "y, pixels", "standoff": 8}, constrain="domain", showgrid=False, zeroline=False)
    return figure


def colors_figure(palette: Palette, name: str) -> go.Figure:
    """A bar for each color, as long as its share, largest first."""
    swatches = palette.colors
    figure = _empty(f"Predominant colors of {title_of(name)}", 150 + max(34 * len(swatches), 120))
    if not swatches:
        return _say(figure, _NO_COLOR)
    figure.add_trace(
        go.Bar(
            orientation="h",
            x=[100 * swatch.share for swatch in swatches],
            y=[f"{swatch.name}  <b>{swatch.hex}</b>" for swatch in swatches],
            marker={"color": [swatch.hex for swatch in swatches], "line": {"color": _EDGE, "width": 1}},
            text=[swatch.percentage for swatch in swatches],
            textposition="outside",
            textfont={"color": _INK},
            cliponaxis=False,
            customdata=_facts(swatches),
            hovertemplate=_HOVER,
        )
    )
    # Room for the percentage beyond the longest bar.
    most = 112 * swatches[0].share
    figure.update_xaxes(title=_SHARE, range=[0, most], gridcolor=_ROOM, zeroline=False)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, dtick=1)
    figure.update_yaxes(ticks="outside", ticklen=8, tickcolor=_PAPER)  # only a gap before the bars
    return figure


def strip_figure(palette: Palette, name: str) -> go.Figure:
    """All colors in one strip, each as wide as its share, largest first."""
    figure = _empty(f"Colors of {title_of(name)} by their shares", _LOW)
    if not palette.colors:
        return _say(figure, _NO_COLOR)
    figure.add_trace(_strip(palette.colors))
    figure.update_xaxes(title=_SHARE, range=[0, 100], showgrid=False, zeroline=False)
    figure.update_yaxes(visible=False, range=[0, 1])
    return figure


def clusters_figure(palette: Palette, cloud: Cloud, space: ClusterSpace, name: str) -> go.Figure:
    """Pixels as points in RGB or Lab, each in its own color, and the palette's colors as large marks among them."""
    where = "L*a*b*" if space == "lab" else "RGB"
    figure = _empty(f"Colors of {title_of(name)} in {where}", 760)
    if not palette.colors:
        return _say(figure, _NO_COLOR)
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


def summary_figure(palette: Palette, shown: Shown | None, name: str) -> go.Figure:
    """Four panels: the picture, its colors as a strip, the main color, the second color."""
    titles = ("Original", "Dominant colors", "Main color", "Second color")
    figure = make_subplots(2, 2, subplot_titles=titles, horizontal_spacing=0.05, vertical_spacing=0.12)
    _dress(figure, f"Colors of {title_of(name)}", 760)
    figure.update_layout(margin={"l": 40, "r": 40, "t": 90, "b": 40})
    figure.update_xaxes(visible=False, range=[0, 1])
    figure.update_yaxes(visible=False, range=[0, 1])
    if shown is None:
        _say(figure, _NO_PICTURE, 1)
    else:
        figure.add_trace(_image(shown), 1, 1)
        figure.add_shape(_frame(shown), row=1, col=1)
        figure.update_xaxes(row=1, col=1, range=None, constrain="domain")
        figure.update_yaxes(row=1, col=1, range=None, constrain="domain", constraintoward="top")
    if palette.colors:
        figure.add_trace(_strip(palette.colors), 1, 2)
        figure.update_xaxes(row=1, col=2, range=[0, 100])
    else:
        _say(figure, _NO_COLOR, 2)
    for place, swatch in enumerate((palette.dominant, palette.second_dominant)):
        if swatch is None:
            _say(figure, "none", 3 + place)
        else:
            figure.add_trace(_block(swatch), 2, 1 + place)
    return figure


_HOVER = "<b>%{customdata[0]}</b> %{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>"
"""Of what `_facts` gives."""


def _facts(swatches: Sequence[Swatch]) -> list[tuple[str, str, str, str]]:
    return [
        (swatch.hex, swatch.name, swatch.percentage, "L* {:.1f}, a* {:.1f}, b* {:.1f}".format(*swatch.lab))
        for swatch in swatches
    ]


def _image(shown: Shown) -> go.Image:
    step_x, step_y = shown.width / shown.columns, shown.height / shown.rows
    return go.Image(
        source="data:image/png;base64," + base64.b64encode(shown.png).decode("ascii"),
        # Its first pixel's middle, so that the picture begins at 0.
        x0=step_x / 2,
        y0=step_y / 2,
        dx=step_x,
        dy=step_y,
        hovertemplate="x %{x:.0f}, y %{y:.0f}<br>RGB %{color[0]}, %{color[1]}, %{color[2]}<extra></extra>",
    )


def _frame(shown: Shown) -> dict[str, Any]:
    """Else a picture that is white at its edge would have none."""
    return {
        "type": "rect",
        "x1": shown.width,
        "y1": shown.height,
        "x0": 0,
        "y0": 0,
        "line": {"color": _EDGE, "width": 1},
    }


def _strip(swatches: Sequence[Swatch]) -> go.Bar:
    shares = np.array([swatch.share for swatch in swatches])
    ends = np.cumsum(shares)
    return go.Bar(
        x=(100 * (ends - shares / 2)).tolist(),
        width=(100 * shares).tolist(),
        y=[1] * len(swatches),
        marker={"color": [swatch.hex for swatch in swatches], "line": {"color": _EDGE, "width": 0.5}},
        text=[f"<b>{swatch.hex}</b><br>{swatch.percentage}" for swatch in swatches],
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": [ink_on(swatch.rgb) for swatch in swatches], "size": 12},
        customdata=_facts(swatches),
        hovertemplate=_HOVER,
    )


def _block(swatch: Swatch) -> go.Bar:
    return go.Bar(
        x=[0.5],
        width=[1],
        y=[1],
        marker={"color": [swatch.hex], "line": {"color": _EDGE, "width": 1}},
        text=[f"<b>{swatch.hex}</b><br>{swatch.name}<br>{swatch.percentage}"],
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": ink_on(swatch.rgb), "size": 20},
        customdata=_facts([swatch]),
        hovertemplate=_HOVER,
    )


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
            "backgroundcolor": _ROOM,
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
        customdata=_facts(swatches),
        hovertemplate=_HOVER,
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
        "bordercolor": _EDGE,
        "borderpad": 4,
        "arrowcolor": _INK,
        "arrowhead": 6,
        "arrowwidth": 1.5,
        "ax": offset[0],
        "ay": offset[1],
    }


def _as_css(rgb: NDArray[np.float64]) -> list[str]:
    return ["#{:02x}{:02x}{:02x}".format(*color) for color in np.rint(rgb).astype(int).tolist()]


def _empty(title: str, height: int) -> go.Figure:
    figure = go.Figure()
    _dress(figure, title, height)
    return figure


def _dress(figure: go.Figure, title: str, height: int) -> None:
    figure.update_layout(
        template="none",
        height=height,
        title={"text": title, "x": 0.5, "xanchor": "center", "font": {"size": 20}},
        font={"family": "system-ui, Helvetica, Arial, sans-serif", "size": 14, "color": _INK},
        paper_bgcolor=_PAPER,
        plot_bgcolor=_PAPER,
        margin={"l": 60, "r": 40, "t": 80, "b": 70},
        showlegend=False,
        # A label that does not fit its color is left out: hovering tells it.
        uniformtext={"minsize": 10, "mode": "hide"},
        hoverlabel={"font": {"size": 14}},
        # It would send the figure to a server.
        modebar={"remove": ["sendChartToCloud"]},
    )


def _say(figure: go.Figure, words: str, panel: int | None = None) -> go.Figure:
    """Words where a plot would be: in a panel of several, counted from 1, or alone in a low figure."""
    x = y = (0.0, 1.0)
    if panel is None:
        figure.update_layout(height=_LOW)
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
    else:
        number = "" if panel == 1 else str(panel)
        x, y = figure.layout[f"xaxis{number}"].domain, figure.layout[f"yaxis{number}"].domain
    figure.add_annotation(
        text=words,
        showarrow=False,
        xref="paper",
        yref="paper",
        x=sum(x) / 2,
        y=sum(y) / 2,
        xanchor="center",
        yanchor="middle",
    )
    return figure
