"""The commands that set up, run and try lines."""

from __future__ import annotations

from pathlib import Path

from sorter.arguments.parts import (
    Commands,
    Parser,
    add_command,
    add_verbosity,
    seconds,
)


def add_run(commands: Commands[Parser]) -> None:
    """``run``."""
    run = add_command(commands, "run", "The service: all lines, MQTT and metrics, until stopped.")
    run.add_argument(
        "--config", type=Path, default=Path("config"), metavar="PATH", help="settings file, or its folder (config)"
    )
    add_verbosity(run)


def add_demo(commands: Commands[Parser]) -> None:
    """``demo``."""
    demo = add_command(
        commands,
        "demo",
        "The service on a simulated belt, with a broker and a simulated diverter of its own, held against the truth.",
    )
    demo.add_argument("--seconds", type=seconds, metavar="N", help="stop after N seconds (until Ctrl-C)")
    demo.add_argument("--json", action="store_true", help="one decision a line, then one line with the summary")
    demo.add_argument(
        "--config", type=Path, metavar="PATH", help="settings of simulated lines (the ones that come with the sorter)"
    )
    demo.add_argument(
        "--broker", choices=("mosquitto", "amqtt"), help="which broker to start (mosquitto where it is installed)"
    )
    demo.add_argument("--journal", type=Path, metavar="FILE", help="keep the journal there (a temporary folder)")
    add_verbosity(demo)


def add_sort(commands: Commands[Parser]) -> None:
    """``sort``."""
    sort = add_command(
        commands, "sort", "Decide every product in a film, folder or stream, from start to end; no broker."
    )
    sort.add_argument("source", metavar="SOURCE", help="film, animated GIF, folder of pictures, rtsp://..., usb:0")
    sort.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings file with the line")
    sort.add_argument("--line", metavar="NAME", help="which line's settings, where the file has several")
    sort.add_argument("--json", action="store_true", help="one decision a line, exactly as on the wire")
    add_verbosity(sort)


def add_decide(commands: Commands[Parser]) -> None:
    """``decide``."""
    decide = add_command(commands, "decide", "Decide pictures, or boxes of pictures, each as one product.")
    decide.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="each is one product")
    decide.add_argument(
        "--boxes",
        type=Path,
        metavar="CSV",
        help="columns file,x0,y0,x1,y1 (pixels; files relative to the CSV); without box columns the whole image",
    )
    decide.add_argument("--config", type=Path, metavar="FILE", help="settings file: its line's recipe")
    decide.add_argument("--recipe", type=Path, metavar="FILE", help="recipe file")
    decide.add_argument("--line", metavar="NAME", help="which line of --config, where it has several")
    decide.add_argument("--json", action="store_true", help="one decision a line; the CSV's row comes back as ref")
    add_verbosity(decide)


def add_teach(commands: Commands[Parser]) -> None:
    """``teach``."""
    teach = add_command(commands, "teach", "Learn a bin's color and tolerance from pictures into a recipe file.")
    teach.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="with --bin: each shows one product")
    teach.add_argument(
        "--recipe", type=Path, required=True, metavar="FILE", help="recipe file; one that is not there is made"
    )
    teach.add_argument("--bin", metavar="NAME", help="the bin that the pictures belong in")
    teach.add_argument(
        "--boxes",
        type=Path,
        metavar="CSV",
        help="columns file,x0,y0,x1,y1,color, as for decide: one bin for each color",
    )
    teach.add_argument("--branch", metavar="NAME", help="where new bins go; bins that are there keep theirs")
    teach.add_argument("--camera", metavar="NAME", help="written down with what was taught")
    teach.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")
    teach.add_argument("--json", action="store_true", help="one JSON object with bins and warnings")
    add_verbosity(teach)


def add_check(commands: Commands[Parser]) -> None:
    """``check``."""
    check = add_command(
        commands, "check", "Validate settings and recipes: line and column of each mistake; bins that overlap."
    )
    check.add_argument(
        "path", nargs="?", type=Path, default=Path("config"), metavar="PATH", help="file or folder (config)"
    )
    check.add_argument("--json", action="store_true", help="one JSON object with mistakes and warnings")
    add_verbosity(check)


def add_selftest(commands: Commands[Parser]) -> None:
    """``selftest``."""
    selftest = add_command(
        commands, "selftest", "Walk every row of each line's fail-safe table on a simulated belt: pass or fail."
    )
    selftest.add_argument(
        "--config", type=Path, default=Path("config"), metavar="PATH", help="settings file, or its folder (config)"
    )
    selftest.add_argument("--rows", metavar="CAUSES", help="only these, with commas between (all)")
    selftest.add_argument("--json", action="store_true", help="one row a line, then one line with the summary")
    add_verbosity(selftest)
