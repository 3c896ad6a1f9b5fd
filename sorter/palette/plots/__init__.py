"""Figures of a palette: pure functions from colors and a picture to plotly's figures.

Import it only where a figure is wanted: plotly is an extra, and takes a while to load.
"""

from sorter.palette.plots.clusters import clusters_figure
from sorter.palette.plots.flat import colors_figure, image_figure, strip_figure, summary_figure

__all__ = ["clusters_figure", "colors_figure", "image_figure", "strip_figure", "summary_figure"]
