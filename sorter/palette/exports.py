"""Palettes for other programs: pure functions from a palette to text or bytes."""

from __future__ import annotations

import csv
import json
import struct
from io import StringIO
from typing import Any

from sorter.palette.result import Palette, Swatch

_ASE_COLOR, _ASE_BEGIN, _ASE_END = 0x0001, 0xC001, 0xC002
_ASE_GLOBAL = 0


def swatch_facts(swatch: Swatch) -> dict[str, Any]:
    """One color for JSON."""
    return {
        "hex": swatch.hex,
        "rgb": {"R": swatch.rgb.red, "G": swatch.rgb.green, "B": swatch.rgb.blue},
        "lab": [round(value, 3) for value in swatch.lab],
        "share": round(swatch.share, 6),
        "percentage": swatch.percentage,
        "name": swatch.name,
    }


def palette_facts(palette: Palette) -> dict[str, Any]:
    """A palette for JSON."""
    return {
        "width": palette.width,
        "height": palette.height,
        "pixels": palette.pixels,
        "method": palette.method.value,
        "space": palette.space.value,
        "inertia": round(palette.inertia, 6),
        "colors": [swatch_facts(swatch) for swatch in palette.colors],
    }


def as_json(palette: Palette) -> str:
    """One JSON object."""
    return json.dumps(palette_facts(palette), indent=2) + "\n"


def as_csv(palette: Palette) -> str:
    """A line of names, then one line a color; L, a and b are CIE Lab, share is 0..1."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("hex", "R", "G", "B", "L", "a", "b", "share", "name"))
    for swatch in palette.colors:
        lab = (f"{value:.3f}" for value in swatch.lab)
        writer.writerow((swatch.hex, *swatch.rgb, *lab, f"{swatch.share:.6f}", swatch.name))
    return text.getvalue()


def as_hex_list(palette: Palette) -> str:
    """One "#rrggbb" a line."""
    return "".join(f"{swatch.hex}\n" for swatch in palette.colors)


def as_coolors_url(palette: Palette) -> str:
    """The address at which coolors.co shows the palette."""
    return "https://coolors.co/" + "-".join(swatch.hex[1:] for swatch in palette.colors)


def as_gimp_palette(palette: Palette, name: str) -> str:
    """A GIMP palette (.gpl), which Inkscape and Krita read too."""
    rows = (
        f"{swatch.rgb.red:3d} {swatch.rgb.green:3d} {swatch.rgb.blue:3d}\t{swatch.name} {swatch.percentage}\n"
        for swatch in palette.colors
    )
    return f"GIMP Palette\nName: {_one_line(name)}\nColumns: 0\n#\n{''.join(rows)}"


def as_css(palette: Palette) -> str:
    """CSS custom properties, ``--color-1`` for the largest share."""
    rows = (
        f"  --color-{number}: {swatch.hex}; /* {swatch.name}, {swatch.percentage} */\n"
        for number, swatch in enumerate(palette.colors, 1)
    )
    return f":root {{\n{''.join(rows)}}}\n"


def as_ase(palette: Palette, name: str) -> bytes:
    """An Adobe Swatch Exchange file (.ase), version 1.0: one group of global RGB colors."""
    blocks = [
        _ase_block(_ASE_BEGIN, _ase_text(_one_line(name))),
        *(_ase_block(_ASE_COLOR, _ase_color(swatch)) for swatch in palette.colors),
        _ase_block(_ASE_END, b""),
    ]
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def _ase_block(kind: int, body: bytes) -> bytes:
    return struct.pack(">HI", kind, len(body)) + body


def _ase_color(swatch: Swatch) -> bytes:
    channels = (channel / 255 for channel in swatch.rgb)
    label = _ase_text(f"{swatch.name} {swatch.percentage}")
    return label + b"RGB " + struct.pack(">fffH", *channels, _ASE_GLOBAL)


def _ase_text(text: str) -> bytes:
    """UTF-16, ended by a zero, and before it how many units that is."""
    units = (text + "\0").encode("utf-16-be", "replace")
    return struct.pack(">H", len(units) // 2) + units


def _one_line(name: str) -> str:
    """A name is often a file's, and that may hold anything: no more of it than fits one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:200]
