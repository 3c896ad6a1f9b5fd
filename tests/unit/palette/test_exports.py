"""Palettes for other programs, read back as those would."""

from __future__ import annotations

import csv
import json
import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import GimpPaletteFile

from sorter import ColorAnalyzer
from sorter.palette.exports import as_ase, as_coolors_url, as_css, as_csv, as_gimp_palette, as_hex_list, as_json
from sorter.palette.result import Palette

RGB = [(70, 130, 180), (255, 99, 71), (0, 0, 0)]


@pytest.fixture
def palette() -> Palette:
    return ColorAnalyzer(np.repeat(np.array([RGB], np.uint8), (4, 3, 1), axis=1)).palette


@pytest.fixture
def nothing() -> Palette:
    return ColorAnalyzer(np.zeros((0, 0, 3), np.uint8)).palette


def read_ase(content: bytes) -> tuple[list[str], list[tuple[str, list[float]]]]:
    """An independent reader, after the format's description: names of groups, and colors by name."""
    magic, major, minor, blocks = struct.unpack_from(">4sHHI", content)
    assert (magic, major, minor) == (b"ASEF", 1, 0)
    groups, colors, place = [], [], 12
    for _ in range(blocks):
        kind, size = struct.unpack_from(">HI", content, place)
        body, place = content[place + 6 : place + 6 + size], place + 6 + size
        if kind == 0xC002:
            assert body == b""
            continue
        (units,) = struct.unpack_from(">H", body)
        name, rest = body[2 : 2 + 2 * units].decode("utf-16-be"), body[2 + 2 * units :]
        assert name.endswith("\0")
        if kind == 0xC001:
            groups.append(name[:-1])
            continue
        model, *channels, use = struct.unpack(">4sfffH", rest)
        assert (kind, model, use) == (1, b"RGB ", 0)
        colors.append((name[:-1], channels))
    assert place == len(content)
    return groups, colors


def test_adobe_swatches_are_read_back(palette: Palette) -> None:
    groups, colors = read_ase(as_ase(palette, "a photo"))
    assert groups == ["a photo"]
    assert [name for name, _ in colors] == ["steelblue 50.00%", "tomato 37.50%", "black 12.50%"]
    assert [tuple(round(255 * channel) for channel in channels) for _, channels in colors] == RGB


def test_a_gimp_palette_is_read_back_by_pillow(palette: Palette, tmp_path) -> None:
    path = tmp_path / "photo.gpl"
    path.write_text(as_gimp_palette(palette, "photo"))
    with path.open("rb") as file:
        raw, mode = GimpPaletteFile.GimpPaletteFile(file).getpalette()
    assert mode == "RGB"
    assert raw[:9] == bytes(channel for color in RGB for channel in color)
    assert path.read_text().startswith("GIMP Palette\nName: photo\nColumns: 0\n#\n 70 130 180\tsteelblue 50.00%\n")


def test_json_and_csv_have_every_color_with_its_share_and_name(palette: Palette) -> None:
    told = json.loads(as_json(palette))
    assert (told["pixels"], told["method"], told["space"], told["inertia"]) == (8, "minibatch", "lab", 0.0)
    assert told["colors"][1] == {
        "hex": "#ff6347", "rgb": {"R": 255, "G": 99, "B": 71}, "lab": [62.204, 57.847, 46.418], "share": 0.375,
        "percentage": "37.50%", "name": "tomato",
    }  # fmt: skip
    rows = list(csv.DictReader(as_csv(palette).splitlines()))
    assert [(int(row["R"]), int(row["G"]), int(row["B"])) for row in rows] == RGB
    assert (rows[0]["hex"], rows[0]["share"], rows[0]["name"]) == ("#4682b4", "0.500000", "steelblue")
    assert [float(rows[1][axis]) for axis in "Lab"] == told["colors"][1]["lab"]


def test_addresses_lists_and_style_sheets(palette: Palette) -> None:
    assert as_coolors_url(palette) == "https://coolors.co/4682b4-ff6347-000000"
    assert as_hex_list(palette) == "#4682b4\n#ff6347\n#000000\n"
    declared = re.findall(r"^  (--color-\d): (#[0-9a-f]{6}); /\* [a-z]+, [0-9.]+% \*/$", as_css(palette), re.MULTILINE)
    assert declared == [("--color-1", "#4682b4"), ("--color-2", "#ff6347"), ("--color-3", "#000000")]
    assert as_css(palette).startswith(":root {\n")
    assert as_css(palette).endswith("}\n")


def test_a_palette_of_nothing_is_a_valid_file_of_nothing(nothing: Palette) -> None:
    assert read_ase(as_ase(nothing, "")) == ([""], [])
    assert as_css(nothing) == ":root {\n}\n"
    assert as_gimp_palette(nothing, "") == "GIMP Palette\nName: \nColumns: 0\n#\n"
    assert as_csv(nothing).count("\n") == 1
    assert json.loads(as_json(nothing))["colors"] == []
    assert as_hex_list(nothing) == ""


@given(st.text(st.characters()))
def test_a_name_may_hold_anything_and_stays_one_line(name: str) -> None:
    palette = ColorAnalyzer(np.zeros((1, 1), np.uint8)).palette
    assert as_gimp_palette(palette, name).count("\n") == 5
    groups, _ = read_ase(as_ase(palette, name))
    assert len(groups) == 1
    assert groups[0].isprintable()
