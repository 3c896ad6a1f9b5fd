"""What was read of a product's samples, in few bytes and exact: to be judged again under another recipe. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.records import ColorReading, Lab, Palette, PaletteColor

_VERSION = 1
_HEAD = struct.Struct("<BB")
"""Version, and number of readings."""
_SPREAD = struct.Struct("<dB")
"""Spread, and number of palettes: the sample's own, then those of its parts. The number of colors of each follows."""
_DOUBLE = struct.Struct("<d")
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
    outline = _outline(packed)
    colors = iter(_palette(outline.colors))
    readings = []
    for (spread,), sizes in zip(_DOUBLE.iter_unpack(outline.spreads), outline.sizes, strict=True):
        first, *parts = (tuple(islice(colors, size)) for size in sizes)
        readings.append(ColorReading(first, spread, tuple(parts)))
    return tuple(readings)


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """The palettes of many products, one after the other: each reading's own, then those of its parts."""

    colors: NDArray[np.float64]
    """Shape (colors, 4): L*, a*, b* and the share, palette after palette."""
    sizes: NDArray[np.intp]
    """Shape (palettes,): colors of each palette, at least one."""
    palettes: NDArray[np.intp]
    """Shape (readings,): palettes of each reading, at least one."""
    readings: NDArray[np.intp]
    """Shape (products,): readings of each product."""


def stack_readings(packed: Sequence[bytes]) -> Stacked:
    """The readings of many products, at least one, as arrays: some hundred times quicker than one by one.

    Raises:
        ValueError: one of them is nothing that `pack_readings` made.
    """
    outlines = [_outline(one) for one in packed]
    sizes = [some for outline in outlines for some in outline.sizes]
    return Stacked(
        colors=np.frombuffer(b"".join([outline.colors for outline in outlines]), "<f8").reshape(-1, _NUMBERS),
        sizes=np.frombuffer(b"".join(sizes), np.uint8).astype(np.intp),
        palettes=np.array(list(map(len, sizes)), np.intp),
        readings=np.array([len(outline.sizes) for outline in outlines], np.intp),
    )


class _Outline(NamedTuple):
    spreads: bytes
    """Of the readings."""
    sizes: list[bytes]
    """For each reading the number of colors of each of its palettes."""
    colors: bytes


def _outline(packed: bytes) -> _Outline:
    try:
        version, count = _HEAD.unpack_from(packed)
        if version != _VERSION:
            raise ValueError(f"readings of the format {version} are of a newer version of the sorter")
        spreads, sizes, at = [], [], _HEAD.size
        for _ in range(count):
            first = at + _SPREAD.size
            spreads.append(packed[at : first - 1])
            at = first + packed[first - 1]
            sizes.append(packed[first:at])
    except (struct.error, IndexError) as error:
        raise ValueError("these are no readings of a product") from error
    if len(packed) != at + sum(map(sum, sizes)) * _NUMBERS * 8:
        raise ValueError("these readings of a product are cut short")
    if not all(sizes) or any(0 in some for some in sizes):
        raise ValueError("these are no readings of a product: one of them has no color")
    return _Outline(b"".join(spreads), sizes, packed[at:])


def _palette(data: bytes) -> Palette:
    numbers = np.frombuffer(data, "<f8").reshape(-1, _NUMBERS).tolist()
    return tuple(PaletteColor(Lab(lightness, a, b), share) for lightness, a, b, share in numbers)
