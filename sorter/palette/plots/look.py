"""How all figures look: paper, ink, titles, and what hovering tells."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from sorter.color.lab import decode_gamma
from sorter.palette.result import Rgb, Swatch

PAPER, INK, EDGE, ROOM = "#f7f7f7", "#222222", "#777777", "#dedede"
"""Opaque, so that a figure reads alike on light pages and on dark ones; neutral, so that colors look as they are."""
NO_COLOR = "no color: every pixel<br>is transparent or ignored"
LOW = 260
"""Height of a figure that shows little, pixels."""
HOVER = "<b>%{customdata[0]}</b> %{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>"
"""Of what `facts_of` gives."""
_LONGEST_NAME = 60


def ink_on(color: Rgb) -> str:
    """Black or white, whichever is read more easily on a color: the contrast is at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    light = float(decode_gamma(np.array(color) / 255) @ [0.2126, 0.7152, 0.0722])
    return "#000000" if (light + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff"


def title_of(name: str) -> str:
    """A picture's name as plotly shows it: no markup, no control characters, not longer than a line."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return html.escape(plain if len(plain) <= _LONGEST_NAME else plain[: _LONGEST_NAME - 1] + "…", quote=False)


def facts_of(swatches: Sequence[Swatch]) -> list[tuple[str, str, str, str]]:
    """What `HOVER` shows of each color: hex, name, percentage, Lab."""
    return [
        (swatch.hex, swatch.name, swatch.percentage, "L* {:.1f}, a* {:.1f}, b* {:.1f}".format(*swatch.lab))
        for swatch in swatches
    ]


def empty_figure(title: str, height: int) -> go.Figure:
    """A figure with nothing in it yet but its title; ``height`` in pixels."""
    figure = go.Figure()
    dress(figure, title, height)
    return figure


def dress(figure: go.Figure, title: str, height: int) -> None:
    """Give a figure the look that all have; ``height`` in pixels, and as wide as there is room."""
    figure.update_layout(
        template="none",
        height=height,
        title={"text": title, "x": 0.5, "xanchor": "center", "font": {"size": 20}},
        font={"family": "system-ui, Helvetica, Arial, sans-serif", "size": 14, "color": INK},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        margin={"l": 60, "r": 40, "t": 80, "b": 70},
        showlegend=False,
        # A label that does not fit its color is left out: hovering tells it.
        uniformtext={"minsize": 10, "mode": "hide"},
        hoverlabel={"font": {"size": 14}},
        # It would send the figure to a server.
        modebar={"remove": ["sendChartToCloud"]},
    )


def say_instead(figure: go.Figure, words: str, panel: int | None = None) -> go.Figure:
    """Words where a plot would be: in a panel of several, counted from 1, or alone in a low figure."""
    x = y = (0.0, 1.0)
    if panel is None:
        figure.update_layout(height=LOW)
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
