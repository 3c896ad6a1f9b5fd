"""The file of a reel: what its pictures are, in JSON, then each picture's H.264 access unit.

The server that plays it runs in the system's own Python, so only the standard library is used here.
"""

from __future__ import annotations

import json
import mmap
import struct
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

_HEADER_LENGTH = struct.Struct(">I")
_UNIT_HEAD = struct.Struct(">IIB")


@dataclass(frozen=True)
class ReelHeader:
    """What all pictures of a reel have in common."""

    width_px: int
    height_px: int
    frame_rate_hz: float
    key_frame_every: int
    """At most so many pictures from one key frame to the next."""


class AccessUnit(NamedTuple):
    """One picture as it is sent: Annex B, with its parameter sets where it is a key frame."""

    number: int
    """Of the picture, from 0: the belt is then ``number / frame_rate_hz`` seconds old."""
    is_key: bool
    data: bytes


def write_reel(path: Path, header: ReelHeader, units: Iterable[AccessUnit]) -> None:
    """Write a reel; it appears under its name only when it is whole."""
    growing = path.with_name(f".{path.name}.growing")
    head = json.dumps(asdict(header)).encode()
    with growing.open("wb") as file:
        file.write(_HEADER_LENGTH.pack(len(head)) + head)
        for unit in units:
            file.write(_UNIT_HEAD.pack(len(unit.data), unit.number, unit.is_key) + unit.data)
    growing.replace(path)


class Reel:
    """A reel's access units by the number of their picture; the file is mapped, not read into memory."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        (length,) = _HEADER_LENGTH.unpack_from(self._bytes)
        at = _HEADER_LENGTH.size + length
        self.header = ReelHeader(**json.loads(self._bytes[_HEADER_LENGTH.size : at]))
        self._places: list[tuple[int, int]] = []
        self._keys: list[int] = []
        self._index(at)

    def _index(self, at: int) -> None:
        while at < len(self._bytes):
            length, number, is_key = _UNIT_HEAD.unpack_from(self._bytes, at)
            if number != len(self._places):
                raise ValueError(f"picture {number} stands at place {len(self._places)} of the reel")
            at += _UNIT_HEAD.size
            self._places.append((at, at + length))
            if is_key:
                self._keys.append(number)
            at += length

    def __len__(self) -> int:
        return len(self._places)

    def unit(self, number: int) -> bytes:
        """The access unit of a picture."""
        first, end = self._places[number]
        return self._bytes[first:end]

    @property
    def keys(self) -> list[int]:
        """The numbers of the key frames."""
        return list(self._keys)

    def key_from(self, number: int) -> int | None:
        """The first key frame that is not before a picture; None where none follows."""
        place = bisect_left(self._keys, number)
        return self._keys[place] if place < len(self._keys) else None
