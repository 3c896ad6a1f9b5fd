"""The samples that a decision was made from, small enough to be kept, and exact. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sorter.color.lab import bgr_to_lab, lab_to_srgb
from sorter.records import LabPixels

_VERSION = 1
_HEAD = struct.Struct("<BII")
"""Version, number of samples, and the CRC-32 of all their Lab values."""
_SAMPLE = struct.Struct("<II")
"""Pixels, and how many of them are told as they are."""
_EXCEPTION = np.dtype([("pixel", "<u4"), ("lab", "<f4", (3,))])


class Unpacked(NamedTuple):
    """Samples that were kept."""

    samples: tuple[LabPixels, ...]
    is_exact: bool
    """Whether they are what voted, to the bit; if not, this machine's arithmetic rounds otherwise than theirs did."""


def pack_samples(samples: Sequence[LabPixels]) -> bytes:
    """Samples in a few bytes a pixel, exact.

    Lab was made of 8-bit pixels, so these are found again and kept, as differences from pixel to pixel. Where making
    Lab of them anew gives other bits (its matrix product rounds the last pixels of an array in another way than those
    before, and a sample was cut out of a longer array) the pixel's Lab is kept beside them.
    """
    crc = 0
    parts: list[bytes] = []
    for sample in samples:
        lab = np.asarray(sample, np.float32)
        crc = zlib.crc32(_bytes_of(lab), crc)
        pixels = _to_bgr(lab)
        differs = (_bits(bgr_to_lab(pixels)) != _bits(lab)).any(axis=1)
        exceptions = np.empty(np.count_nonzero(differs), _EXCEPTION)
        exceptions["pixel"], exceptions["lab"] = np.flatnonzero(differs), lab[differs]
        parts += [_SAMPLE.pack(len(lab), len(exceptions)), _in_differences(pixels), exceptions.tobytes()]
    return _HEAD.pack(_VERSION, len(samples), crc) + zlib.compress(b"".join(parts), 6)


def unpack_samples(packed: bytes) -> Unpacked:
    """The samples again.

    Raises:
        ValueError: this is nothing that `pack_samples` made.
    """
    try:
        version, count, crc = _HEAD.unpack_from(packed)
        samples = tuple(_samples(zlib.decompress(packed[_HEAD.size :]), count)) if version == _VERSION else ()
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise ValueError(f"damaged samples ({error})") from error
    if version != _VERSION:
        raise ValueError(f"samples of version {version}, where {_VERSION} is known")
    again = 0
    for sample in samples:
        again = zlib.crc32(_bytes_of(sample), again)
    return Unpacked(samples, again == crc)


def _samples(data: bytes, count: int) -> list[LabPixels]:
    found: list[LabPixels] = []
    at = 0
    for _ in range(count):
        pixels, exceptions = _SAMPLE.unpack_from(data, at)
        at += _SAMPLE.size
        lab = bgr_to_lab(_of_differences(np.frombuffer(data, np.uint8, 3 * pixels, at)))
        at += 3 * pixels
        told = np.frombuffer(data, _EXCEPTION, exceptions, at)
        at += told.nbytes
        lab[told["pixel"]] = told["lab"]
        found.append(lab)
    return found


def _to_bgr(lab: LabPixels) -> NDArray[np.uint8]:
    """The 8-bit pixels that Lab was made of, shape (n, 3)."""
    encoded, _ = lab_to_srgb(np.nan_to_num(lab))
    return np.rint(encoded[:, ::-1] * 255).astype(np.uint8)


def _in_differences(pixels_bgr: NDArray[np.uint8]) -> bytes:
    """Blue and red less green, then each less the one before it: smaller by a fifth when compressed."""
    planes = pixels_bgr.T.copy()
    planes[0] -= planes[1]
    planes[2] -= planes[1]
    return np.diff(planes, axis=1, prepend=np.uint8(0)).astype(np.uint8).tobytes()


def _of_differences(differences: NDArray[np.uint8]) -> NDArray[np.uint8]:
    planes = np.cumsum(differences.reshape(3, -1), axis=1, dtype=np.uint8)
    planes[0] += planes[1]
    planes[2] += planes[1]
    return planes.T


def _bits(lab: LabPixels) -> NDArray[np.uint32]:
    return np.ascontiguousarray(lab).view(np.uint32)


def _bytes_of(lab: LabPixels) -> bytes:
    return np.ascontiguousarray(lab).tobytes()
