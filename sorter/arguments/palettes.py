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
    jobs,
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
