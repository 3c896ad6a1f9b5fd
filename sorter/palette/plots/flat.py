"""Figures in two dimensions: the picture, bars, the strip, and the summary of four panels."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sorter.palette.plots.look import (
    EDGE,
    HOVER,
    INK,
    LOW,
    NO_COLOR,
    PAPER,
    ROOM,
    dress,
    empty_figure,
    facts_of,
    ink_on,
    say_instead,
    title_of,
)
from sorter.palette.result import Palette, Swatch
from sorter.palette.shown import Shown

_SHARE = {"text": "share of the pixels that count, %", "standoff": 8}
_NO_PICTURE = "the picture has no pixels"


def image_figure(shown: Shown | None, name: str) -> go.Figure:
    """The picture itself, its axes in its own pixels."""
    high, wide = (shown.height, shown.width) if shown else (1, 3)
    height = 130 + min(max(round(880 * high / wide), 120), 800)
    figure = empty_figure(title_of(name), height)
    if shown is None:
        return say_instead(figure, _NO_PICTURE)
    figure.add_trace(_image(shown))
    figure.add_shape(_frame(shown.width, shown.height))
    figure.update_xaxes(title={"text": "x, pixels", "standoff": 8}, constrain="domain", showgrid=False, zeroline=False)
    figure.update_yaxes(title={"text": "y, pixels", "standoff": 8}, constrain="domain", showgrid=False, zeroline=False)
    return figure


def colors_figure(palette: Palette, name: str) -> go.Figure:
    """A bar for each color, as long as its share, largest first."""
    swatches = palette.colors
    figure = empty_figure(f"Predominant colors of {title_of(name)}", 150 + max(34 * len(swatches), 120))
    if not swatches:
        return say_instead(figure, NO_COLOR)
    figure.add_trace(
        go.Bar(
            orientation="h",
            x=[100 * swatch.share for swatch in swatches],
            y=[f"{swatch.name}  <b>{swatch.hex}</b>" for swatch in swatches],
            marker={"color": [swatch.hex for swatch in swatches], "line": {"color": EDGE, "width": 1}},
            text=[swatch.percentage for swatch in swatches],
            textposition="outside",
            textfont={"color": INK},
            cliponaxis=False,
            customdata=facts_of(swatches),
            hovertemplate=HOVER,
        )
    )
    # Room for the percentage beyond the longest bar.
    most = 112 * swatches[0].share
    figure.update_xaxes(title=_SHARE, range=[0, most], gridcolor=ROOM, zeroline=False)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, dtick=1)
    figure.update_yaxes(ticks="outside", ticklen=8, tickcolor=PAPER)  # only a gap before the bars
    return figure


def strip_figure(palette: Palette, name: str) -> go.Figure:
    """All colors in one strip, each as wide as its share, largest first."""
    figure = empty_figure(f"Colors of {title_of(name)} by their shares", LOW)
    if not palette.colors:
        return say_instead(figure, NO_COLOR)
    figure.add_trace(_strip(palette.colors))
    figure.add_shape(_frame(100, 1))
    figure.update_xaxes(title=_SHARE, range=[0, 100], showgrid=False, zeroline=False)
    figure.update_yaxes(visible=False, range=[0, 1])
    return figure


def summary_figure(palette: Palette, shown: Shown | None, name: str) -> go.Figure:
    """Four panels: the picture, its colors as a strip, the main color, the second color."""
    titles = ("Original", "Dominant colors", "Main color", "Second color")
    figure = make_subplots(2, 2, subplot_titles=titles, horizontal_spacing=0.05, vertical_spacing=0.12)
    dress(figure, f"Colors of {title_of(name)}", 760)
    figure.update_layout(margin={"l": 40, "r": 40, "t": 90, "b": 40})
    figure.update_xaxes(visible=False, range=[0, 1])
    figure.update_yaxes(visible=False, range=[0, 1])
    if shown is None:
        say_instead(figure, _NO_PICTURE, 1)
    else:
        figure.add_trace(_image(shown), 1, 1)
        figure.add_shape(_frame(shown.width, shown.height), row=1, col=1)
        figure.update_xaxes(row=1, col=1, range=None, constrain="domain")
        figure.update_yaxes(row=1, col=1, range=None, constrain="domain", constraintoward="top")
    if palette.colors:
        figure.add_trace(_strip(palette.colors), 1, 2)
        figure.add_shape(_frame(100, 1), row=1, col=2)
        figure.update_xaxes(row=1, col=2, range=[0, 100])
    else:
        say_instead(figure, NO_COLOR, 2)
    for place, swatch in enumerate((palette.dominant, palette.second_dominant)):
        if swatch is None:
            say_instead(figure, "none", 3 + place)
        else:
            figure.add_trace(_block(swatch), 2, 1 + place)
    return figure


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


def _frame(width: int, height: int) -> dict[str, Any]:
    """Else what is white at its edge would have none. In units of the axes."""
    return {"type": "rect", "x0": 0, "y0": 0, "x1": width, "y1": height, "line": {"color": EDGE, "width": 1}}


def _strip(swatches: Sequence[Swatch]) -> go.Bar:
    shares = np.array([swatch.share for swatch in swatches])
    ends = np.cumsum(shares)
    return go.Bar(
        x=(100 * (ends - shares / 2)).tolist(),
        width=(100 * shares).tolist(),
        y=[1] * len(swatches),
        marker={"color": [swatch.hex for swatch in swatches], "line": {"width": 0}},
        text=[f"<b>{swatch.hex}</b><br>{swatch.percentage}" for swatch in swatches],
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": [ink_on(swatch.rgb) for swatch in swatches], "size": 12},
        customdata=facts_of(swatches),
        hovertemplate=HOVER,
    )


def _block(swatch: Swatch) -> go.Bar:
    return go.Bar(
        x=[0.5],
        width=[1],
        y=[1],
        marker={"color": [swatch.hex], "line": {"color": EDGE, "width": 1}},
        text=[f"<b>{swatch.hex}</b><br>{swatch.name}<br>{swatch.percentage}"],
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": ink_on(swatch.rgb), "size": 20},
        customdata=facts_of([swatch]),
        hovertemplate=HOVER,
    )
