"""The commands about pictures apart from any line."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from sorter.arguments.parts import (
    Commands,
    Parser,
    add_command,
    add_verbosity,
    colors,
    count,
    jobs,
    seconds,
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
    palette.add_argument(
        "--plot", type=Path, metavar="FILE", help="write a plot there: .html, or .png, which needs Chrome or Chromium"
    )
    palette.add_argument(
        "--plot-kind",
        choices=("summary", "colors", "clusters", "strip", "image"),
        default="summary",
        metavar="KIND",
        help="summary (if not said), colors, clusters, strip, image",
    )
    _add_table(palette)
    add_verbosity(palette)


def _add_table(palette: ArgumentParser) -> None:
    """Of any number of pictures, wherever they are."""
    table = palette.add_argument_group(
        "a table of many pictures", 'IMAGE is then also a folder, a pattern ("photos/**/*.jpg"), or an address'
    )
    table.add_argument(
        "--out", type=Path, metavar="FILE.parquet", help="write the table there; goes on where it broke off"
    )
    table.add_argument("--jobs", type=jobs, metavar="N", help="processes (as many as there are cores)")
    table.add_argument(
        "--engine", choices=("local", "daft"), default="local", help="local (if not said), or daft: also on a cluster"
    )
    table.add_argument("--ray-address", metavar="ADDRESS", help="of the Ray cluster that daft is to use")
    table.add_argument(
        "--endpoint-url", metavar="URL", help="of the server that s3:// and oci:// mean (AWS_ENDPOINT_URL)"
    )


def add_palette_server(commands: Commands[Parser]) -> None:
    """``palette-server``."""
    server = add_command(commands, "palette-server", "Palettes of any pictures over HTTP, until stopped.")
    server.set_defaults(module="sorter.commands.palette_server")
    server.add_argument("--host", default="127.0.0.1", help="where to listen; 0.0.0.0: on every network (127.0.0.1)")
    server.add_argument("--port", type=int, default=8092, metavar="N", help="0 takes any free one, and logs it (8092)")
    server.add_argument("--folder", type=Path, metavar="DIR", help="pictures under it can be named by their paths")
    server.add_argument("--index", type=Path, metavar="FILE", help="palettes, as Parquet, to search by color")
    server.add_argument("--allow-urls", action="store_true", help="fetch pictures from public addresses that are named")
    server.add_argument(
        "--url-ports", nargs="+", type=int, default=[80, 443], metavar="N", help="that such addresses have (80 443)"
    )
    server.add_argument(
        "--cors", nargs="+", default=[], metavar="ORIGIN", help="web sites whose pages may ask; * is every one"
    )
    server.add_argument("--max-mb", type=int, default=20, metavar="N", help="largest picture file, in MB (20)")
    server.add_argument("--workers", type=int, metavar="N", help="processes that read pictures (one a core, up to 8)")
    server.add_argument("--max-requests", type=int, default=16, metavar="N", help="at a time; more are told 503 (16)")
    server.add_argument("--deadline", type=seconds, default=20.0, metavar="S", help="seconds a request may take (20)")
    add_verbosity(server)


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
