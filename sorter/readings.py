"""What was read of a product's samples, in few bytes and exact: to be judged again under another recipe. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import islice

import numpy as np

from sorter.records import ColorReading, Lab, Palette, PaletteColor

_VERSION = 1
_HEAD = struct.Struct("<BB")
"""Version, and number of readings."""
_SPREAD = struct.Struct("<dB")
"""Spread, and number of palettes: the sample's own, then those of its parts. The number of colors of each follows."""
_NUMBERS = 4
"""Of a color: L*, a*, b* and its share."""


def pack_readings(readings: Sequence[ColorReading]) -> bytes:
    """Readings, at most 255, in 32 bytes a color: numbers keep all their bits."""
    parts = [_HEAD.pack(_VERSION, len(readings))]
    numbers: list[float] = []
    for reading in readings:
        palettes = (reading.palette, *reading.parts)
        parts += [_SPREAD.pack(reading.spread, len(palettes)), bytes(map(len, palettes))]
        numbers += [number for palette in palettes for color in palette for number in (*color.lab, color.share)]
    return b"".join([*parts, np.array(numbers, "<f8").tobytes()])


def unpack_readings(packed: bytes) -> tuple[ColorReading, ...]:
    """The readings again.

    Raises:
        ValueError: this is nothing that `pack_readings` made.
    """
    try:
        return _unpacked(packed)
    except (struct.error, IndexError, StopIteration, RuntimeError) as error:
        raise ValueError("these are no readings of a product") from error


def _unpacked(packed: bytes) -> tuple[ColorReading, ...]:
    version, count = _HEAD.unpack_from(packed)
    if version != _VERSION:
        raise ValueError(f"readings of the format {version} are of a newer version of the sorter")
    heads: list[tuple[float, bytes]] = []
    at = _HEAD.size
    for _ in range(count):
        spread, palettes = _SPREAD.unpack_from(packed, at)
        at += _SPREAD.size
        heads.append((spread, packed[at : at + palettes]))
        at += palettes
    colors = iter(_colors(packed[at:], sum(sum(sizes) for _, sizes in heads)))
    readings = []
    for spread, sizes in heads:
        first, *parts = (tuple(islice(colors, size)) for size in sizes)
        readings.append(ColorReading(first, spread, tuple(parts)))
    return tuple(readings)


def _colors(data: bytes, count: int) -> Palette:
    if len(data) != count * _NUMBERS * 8:
        raise ValueError("these readings of a product are cut short")
    numbers = np.frombuffer(data, "<f8").reshape(-1, _NUMBERS).tolist()
    return tuple(PaletteColor(Lab(lightness, a, b), share) for lightness, a, b, share in numbers)
