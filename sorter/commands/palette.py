"""``palette``: the colors of any pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sorter.commands.palette_table import make_table
from sorter.commands.screen import printable, say, say_json, swatch
from sorter.errors import SourceError, UsageError
from sorter.palette.analyzer import ColorAnalyzer
from sorter.palette.exports import (
    as_ase,
    as_coolors_url,
    as_css,
    as_csv,
    as_gimp_palette,
    palette_facts,
    swatch_facts,
)
from sorter.palette.names import color_of
from sorter.palette.plot_files import load_plots, write_whole
from sorter.palette.result import Palette, Swatch

_FILES: dict[str, Callable[[Palette, str], str | bytes]] = {
    "gpl": as_gimp_palette,
    "ase": as_ase,
    "css": lambda palette, _: as_css(palette),
    "csv": lambda palette, _: as_csv(palette),
}
"""What each option writes, of a palette and the picture's name."""


def execute(options: argparse.Namespace) -> int:
    """Tell the colors of each picture; 1 where one could not be read. With ``--out``, make a table of them."""
    if options.out is not None:
        return make_table(options)
    wanted = {kind: path for kind in _FILES if (path := getattr(options, kind)) is not None}
    _check_files(wanted, options)
    for color in options.ignore:
        color_of(color)
    failures = 0
    for image in options.images:
        try:
            analyzer = _analyzer(image, options)
        except SourceError as error:
            sys.stderr.write(f"{printable(str(error))}\n")
            failures += 1
            continue
        _show(analyzer, _name(image), options)
        for kind, path in wanted.items():
            write_whole(path, _text_or_bytes(_FILES[kind](analyzer.palette, Path(_name(image)).stem)))
        if options.plot is not None:
            _plot(analyzer, options)
    return SourceError.exit_code if failures else 0


def _check_files(wanted: Mapping[str, Path], options: argparse.Namespace) -> None:
    """All of it before the first picture is read."""
    named = [*wanted, *(["plot"] if options.plot is not None else [])]
    if named and len(options.images) > 1:
        raise UsageError(f"--{named[0]} writes the palette of one picture: name one, or leave it out")
    for path in wanted.values():
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no such folder to write into: make it first")
    if options.plot is not None:
        load_plots(options.plot, options.images[0])


def _analyzer(image: str, options: argparse.Namespace) -> ColorAnalyzer:
    return ColorAnalyzer(
        image,
        options.colors,
        method=options.method,
        space=options.space,
        ignore_white=options.ignore_white,
        ignore=options.ignore,
        frame=options.frame,
    )


def _name(image: str) -> str:
    # A file's name may hold bytes that are no text at all.
    return image.encode("utf-8", "backslashreplace").decode()


def _show(analyzer: ColorAnalyzer, name: str, options: argparse.Namespace) -> None:
    if options.json:
        say_json(json.dumps(_facts(analyzer, name), ensure_ascii=False, separators=(",", ":")).encode())
    elif options.coolors:
        say(as_coolors_url(analyzer.palette))
    else:
        for line in _table(analyzer, name):
            say(line)


def _facts(analyzer: ColorAnalyzer, name: str) -> dict[str, Any]:
    roles = {"foreground": analyzer.foreground, "background": analyzer.background, "accent": analyzer.accent}
    told = {role: None if one is None else swatch_facts(one) for role, one in roles.items()}
    return {"file": name} | palette_facts(analyzer.palette) | told | {"coolors": as_coolors_url(analyzer.palette)}


def _table(analyzer: ColorAnalyzer, name: str) -> Iterator[str]:
    palette = analyzer.palette
    yield f"{printable(name)}: {palette.width} x {palette.height} pixels, {palette.pixels} of them counted"
    if not palette.colors:
        yield "  no color: every pixel is transparent or ignored"
        return
    room = " " * len(swatch(None))
    yield f"  {room}{'color':<7}  {'share':>7}  {'L*':>5}  {'a*':>6}  {'b*':>6}  {'name':<20}  remark"
    for color in palette.colors:
        roles = {"background": analyzer.background, "foreground": analyzer.foreground, "accent": analyzer.accent}
        yield _row(color, ", ".join(role for role, one in roles.items() if one is not None and one.rgb == color.rgb))
    if analyzer.accent is not None and all(analyzer.accent.rgb != color.rgb for color in palette.colors):
        yield _row(analyzer.accent, "accent, not one of these")


def _row(color: Swatch, remark: str) -> str:
    lightness, a, b = color.lab
    return (
        f"  {swatch(color.hex)}{color.hex}  {color.percentage:>7}  {lightness:5.1f}  {a:6.1f}  {b:6.1f}"
        f"  {color.name:<20}  {remark}"
    ).rstrip()


def _text_or_bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "replace") if isinstance(content, str) else content


def _plot(analyzer: ColorAnalyzer, options: argparse.Namespace) -> None:
    figures: dict[str, Callable[..., object]] = {
        "summary": analyzer.plot_summary,
        "colors": analyzer.plot_predominant_colors,
        # Of the two spaces in which they can be shown, the one that is nearer to the one they were found in.
        "clusters": partial(analyzer.plot_3d_clusters, "rgb" if options.space == "rgb" else "lab"),
        "strip": analyzer.plot_strip,
        "image": analyzer.plot_image,
    }
    figures[options.plot_kind](to=options.plot)
