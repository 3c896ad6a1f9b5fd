"""The commands about pictures apart from any line."""

from __future__ import annotations

from pathlib import Path

from sorter.arguments.parts import (
    Commands,
    Parser,
    add_command,
    add_verbosity,
    colors,
    count,
)


def add_palette(commands: Commands[Parser]) -> None:
    """``palette``."""
    palette = add_command(
        commands, "palette", "The colors of any pictures, with their shares; for people and other programs."
    )
    palette.add_argument("images", nargs="+", metavar="IMAGE", help="picture's file; of several one after the other")
    palette.add_argument(
        "--colors",
        type=colors,
        default=4,
        metavar="N",
        help="how many, or auto: as many as people would tell apart (4)",
    )
    palette.add_argument("--method", default="minibatch", help="minibatch (if not said), kmeans, opencv, agglomerative")
    palette.add_argument(
        "--space", default="lab", help="where distances are measured: lab (if not said), rgb, hsv, oklab"
    )
    palette.add_argument("--ignore-white", action="store_true", help="pixels near white do not count")
    palette.add_argument(
        "--ignore", action="append", default=[], metavar="HEX", help="nor do those near this color; more than once"
    )
    palette.add_argument("--frame", type=int, default=0, metavar="N", help="of an animation, from 0 (0)")
    shown = palette.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="one JSON object a picture")
    shown.add_argument("--coolors", action="store_true", help="the address of the palette at coolors.co, and no more")
    for kind, what in (("gpl", "a GIMP palette"), ("ase", "Adobe swatches"), ("css", "CSS variables"), ("csv", "CSV")):
        palette.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"write {what} there")
    add_verbosity(palette)


def add_search(commands: Commands[Parser]) -> None:
    """``search``."""
    search = add_command(commands, "search", "Pictures of an archive that have certain colors, best first.")
    search.add_argument(
        "colors",
        nargs="*",
        metavar="COLOR",
        help="all are wanted: #c0392b, teal, 'rgb(192, 57, 43)' or 'lab(45 54 36)'; teal:20%% has its own least share",
    )
    search.add_argument(
        "--in", dest="table", type=Path, required=True, metavar="FILE", help="the palettes, as Parquet (palette --out)"
    )
    search.add_argument("--like", metavar="IMAGE", help="want the colors of this picture, each at half its share")
    search.add_argument(
        "--tolerance", type=float, default=8.0, metavar="N", help="CIEDE2000 that a color may be away, 0 to 30 (8)"
    )
    search.add_argument(
        "--min-share", type=float, default=0.05, metavar="N", help="least part of the picture, 0 to 1 (0.05)"
    )
    search.add_argument("--limit", type=count, default=50, metavar="N", help="pictures shown, up to 10000 (50)")
    search.add_argument("--html", type=Path, metavar="FILE", help="write a contact sheet there")
    search.add_argument("--json", action="store_true", help="one JSON object")
    add_verbosity(search)
