"""Figures as files: a page that needs no network, or a PNG that a browser on this machine draws."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

from sorter.errors import SorterError, UsageError
from sorter.pages import render
from sorter.palette.result import Palette

if TYPE_CHECKING:
    import plotly.graph_objects as go

ENDINGS = (".html", ".png")
WIDTH = 1000
"""Pixels of a PNG; on a page a figure takes the width that there is."""
LIMIT_S = 60
"""For drawing a PNG."""
_GRACE_S = 15
"""For the program that draws to start, and to end its browser."""
_INSTALL = 'pip install "conveyor-color-sorter[plots]"'
_BROWSER = Path(__file__).with_name("browser.py")
# Its exit codes.
_NO_BROWSER, _TOO_SLOW = 3, 4


def load_plots(to: Path | str | None, picture: object = None) -> ModuleType:
    """The module that makes figures, `sorter.palette.plots`, before any other work is done.

    Args:
        to: where the figure is to be written, if anywhere.
        picture: that it is of, in whatever form.

    Raises:
        UsageError: it ends neither in .html nor in .png, its folder does not exist, or it is the picture itself.
        SorterError: plotly, or what a PNG needs, is not installed.
    """
    if to is not None:
        _check(Path(to), picture)
    try:
        return import_module("sorter.palette.plots")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("plotly"):
            raise
        raise SorterError(f"plots need plotly, which is not installed: install it with {_INSTALL}") from error


def _check(path: Path, picture: object) -> None:
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: a plot is written as .html or .png: let the file's name end so")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no such folder to write into: make it first")
    if isinstance(picture, str | os.PathLike) and path.exists() and Path(picture).exists() and path.samefile(picture):
        raise UsageError(f"{path}: the plot would be written over the picture itself: name another file")
    if path.suffix.lower() == ".png" and find_spec("kaleido") is None:
        raise SorterError(
            f"{path}: PNG needs kaleido, which is not installed: install it with {_INSTALL}, or name .html"
        )


def write_plot(figure: go.Figure, path: Path, palette: Palette, name: str) -> None:
    """Write a figure.

    Args:
        figure: with its height set.
        path: ending in .html or .png.
        palette: for those who do not see the figure: the page tells it as a table too.
        name: of the picture.

    Raises:
        SorterError: there is no browser, or it fails or hangs, or the file cannot be written.
    """
    if path.suffix.lower() == ".html":
        content = plot_page(figure, palette, name).encode("utf-8", "replace")
    else:
        content = draw_png(figure, path)
    write_whole(path, content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one go: whoever looks meanwhile sees the old one, or none.

    Raises:
        SorterError: it cannot be written.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise SorterError(f"{path}: it cannot be written ({error.strerror}): name another file") from error


def plot_page(figure: go.Figure, palette: Palette, name: str) -> str:
    """A page with the figure, plotly.js inside; its policy forbids it to load anything."""
    interactive = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        include_mathjax=False,
        config={"responsive": True, "displaylogo": False, "showSendToCloud": False, "plotlyServerURL": ""},
    )
    return render("plot.html.j2", figure=interactive, palette=palette, name=name)


def draw_png(figure: go.Figure, path: Path, limit_s: int = LIMIT_S) -> bytes:
    """Have a figure drawn, in a process of its own.

    Args:
        figure: with its height set.
        path: what it is for: named where it fails.
        limit_s: seconds until the browser is ended.

    Raises:
        SorterError: there is no browser, or it fails, or it takes longer.
    """
    size = (str(WIDTH), str(figure.layout.height), str(limit_s))
    # Browsers leave files behind when they are ended.
    with TemporaryDirectory(prefix="sorter-plot-", ignore_cleanup_errors=True) as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_BROWSER), *size],
                input=figure.to_json().encode(),
                capture_output=True,
                timeout=limit_s + _GRACE_S,
                env={**os.environ, "TMPDIR": folder},
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SorterError(_slow(path, limit_s)) from error
    return _png_of(done, path, limit_s)


def _png_of(done: subprocess.CompletedProcess[bytes], path: Path, limit_s: int) -> bytes:
    code = done.returncode
    if code == _NO_BROWSER:
        raise SorterError(
            f"{path}: PNG needs Chrome or Chromium, and neither was found: install one (Debian: apt install chromium), "
            "name it in BROWSER_PATH, or write .html"
        )
    if code == _TOO_SLOW:
        raise SorterError(_slow(path, limit_s))
    if code or not done.stdout:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it told nothing"]
        raise SorterError(f"{path}: the browser could not draw it ({last[0][:200]}): write .html instead")
    return done.stdout


def _slow(path: Path, limit_s: int) -> str:
    return f"{path}: the browser had not drawn it after {limit_s} s, and was ended: try again, or write .html"
