"""Reels: the simulated belt, or a film, as a network camera would send it, with faults where they are wanted.

Whatever a picture shows, its number tells where the belt is, so the truth holds through every fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.camera.units import AccessUnit, ReelHeader, write_reel
from benchmarks.film import Encoding, set_up
from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.truth import Schedule
from sorter.errors import SourceError
from sorter.records import BgrImage
from sorter.settings.site import SimulatorSource

REELS = Path(__file__).resolve().parents[2] / ".build" / "reels"
_DRAWN_AS = 1
"""Raise it when pictures are drawn, encoded or damaged in another way: older reels are then not used again."""
_SLICES = (1, 5)
"""NAL unit types that hold a picture, in a key frame or another."""
_KEPT_BYTES = 16
"""Of a slice: its header tells the decoder which picture this is."""


class Fault(StrEnum):
    """What is wrong with a part of a reel."""

    REPEAT = "repeat"
    """The picture before it, encoded again and again: a camera whose sensor hangs."""
    BLACK = "black"
    WHITE = "white"
    GREY = "grey"
    """No color, as with an infrared lamp at night."""
    RESIZE = "resize"
    """Pictures of another size, with parameter sets of their own."""
    DAMAGE_LIGHT = "damage, light"
    """A few bytes in every third picture."""
    DAMAGE_HEAVY = "damage, heavy"
    """One byte of fifty in every picture."""
    DAMAGE_BETWEEN_KEYS = "damage between key frames"
    """As heavy, but key frames come whole, so each second begins with a good picture."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a reel with a fault."""

    fault: Fault
    first: int
    """Number of its first picture."""
    until: int
    """Number of the picture just after its last."""
    size_px: tuple[int, int] = (1280, 720)
    """Width and height; of `Fault.RESIZE` only."""

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.until


@dataclass(frozen=True, slots=True)
class BeltReel:
    """A reel of the simulated belt from its first picture on: the description that its file is found by."""

    source: SimulatorSource
    degrees: float
    """Where the belt moves in the picture."""
    frames: int
    encoding: Encoding
    segments: tuple[Segment, ...] = ()
    """They do not overlap."""

    def key(self) -> str:
        """The same for equal reels only."""
        facts = (_DRAWN_AS, self.source.model_dump_json(), self.degrees, self.frames, self.encoding, self.segments)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def belt_encoding(source: SimulatorSource, bit_rate: int) -> Encoding:
    """As a network camera encodes that belt: a key frame a second."""
    rate_hz = round(source.frame_rate_hz)
    return Encoding(bit_rate, frame_rate_hz=rate_hz, key_frame_every=rate_hz)


def make_belt_reel(plan: BeltReel, folder: Path = REELS) -> Path:
    """Draw and encode a reel, unless it is in the folder; at 1080p a picture takes some 30 ms."""
    path = folder / f"{plan.key()}.reel"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        units = encode_units(_pictures(plan), plan.encoding)
        _write(path, plan.source.frame_rate_hz, plan.encoding, _damaged(units, plan.segments), plan.frames)
    return path


def make_film_reel(film: Path, folder: Path = REELS, bit_rate: int = 8_000_000) -> Path:
    """Cut a film or an animated GIF into a reel, unless it is in the folder; pictures are cut to even sizes.

    Raises:
        SourceError: there is no film in the file.
    """
    key = hashlib.sha256(repr((_DRAWN_AS, bit_rate)).encode() + film.read_bytes()).hexdigest()[:24]
    path = folder / f"{key}.reel"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or Fraction(25)
            encoding = Encoding(bit_rate, frame_rate_hz=max(round(rate), 1), key_frame_every=max(round(rate), 1))
            pictures = (frame.to_ndarray(format="bgr24") for frame in container.decode(stream))
            units = encode_units(map(_even, pictures), encoding)
            _write(path, float(rate), encoding, units, stream.frames or None)
    return path


def make_reel(name: str, pictures: Iterable[BgrImage], encoding: Encoding, folder: Path) -> Path:
    """A reel of any pictures, written anew; the name is without its ending."""
    path = folder / f"{name}.reel"
    _write(path, encoding.frame_rate_hz, encoding, encode_units(pictures, encoding), None)
    return path


def _write(path: Path, rate_hz: float, encoding: Encoding, units: Iterator[AccessUnit], frames: int | None) -> None:
    shown = tqdm(units, desc="reel", unit=" frames", total=frames, leave=False, disable=None)
    first = next(units, None)
    if first is None:
        raise SourceError("a reel must have at least one picture")
    width, height = _size_of(first)
    with shown:
        write_reel(path, ReelHeader(width, height, rate_hz, encoding.key_frame_every), _chained(first, shown))


def _chained(first: AccessUnit, rest: Iterable[AccessUnit]) -> Iterator[AccessUnit]:
    yield first
    yield from rest


def _size_of(unit: AccessUnit) -> tuple[int, int]:
    """Of the picture in a key frame."""
    decoder = av.CodecContext.create("h264", "r")
    frames = [*decoder.decode(av.Packet(unit.data)), *decoder.decode(None)]
    return frames[0].width, frames[0].height


def _even(image_bgr: BgrImage) -> BgrImage:
    height, width = image_bgr.shape[:2]
    return np.ascontiguousarray(image_bgr[: height // 2 * 2, : width // 2 * 2])


def _pictures(plan: BeltReel) -> Iterator[BgrImage]:
    painter = Painter(plan.source, Schedule(plan.source, plan.degrees))
    for number in range(plan.frames):
        segment = next((one for one in plan.segments if number in one), None)
        repeats = segment is not None and segment.fault is Fault.REPEAT
        picture = painter.paint(max(segment.first - 1, 0) if segment is not None and repeats else number)
        yield picture if segment is None else _faulty(picture, segment)


def _faulty(picture: BgrImage, segment: Segment) -> BgrImage:
    match segment.fault:
        case Fault.BLACK:
            return np.zeros_like(picture)
        case Fault.WHITE:
            return np.full_like(picture, 255)
        case Fault.GREY:
            return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
        case Fault.RESIZE:
            return np.asarray(cv2.resize(picture, segment.size_px, interpolation=cv2.INTER_AREA), np.uint8)
        case _:
            return picture


def encode_units(pictures: Iterable[BgrImage], encoding: Encoding) -> Iterator[AccessUnit]:
    """One access unit for each picture, in their order; a change of size begins with a key frame."""
    encoder: av.VideoCodecContext | None = None
    for number, image in enumerate(pictures):
        size = image.shape[1], image.shape[0]
        if encoder is None or (encoder.width, encoder.height) != size:
            yield from [] if encoder is None else _units(encoder, None)
            encoder = _encoder(encoding, size)
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = number, 1 / Fraction(encoding.frame_rate_hz)
        yield from _units(encoder, frame)
    yield from [] if encoder is None else _units(encoder, None)


def _encoder(encoding: Encoding, size_px: tuple[int, int]) -> av.VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = size_px
    context.framerate = Fraction(encoding.frame_rate_hz)
    context.time_base = 1 / Fraction(encoding.frame_rate_hz)
    # Without a container there is no global header: parameter sets come in each key frame, as Annex B.
    set_up(context, encoding)
    return context


def _units(encoder: av.VideoCodecContext, frame: av.VideoFrame | None) -> Iterator[AccessUnit]:
    for packet in encoder.encode(frame):
        yield AccessUnit(packet.pts, packet.is_keyframe, bytes(packet))


def _damaged(units: Iterable[AccessUnit], segments: tuple[Segment, ...]) -> Iterator[AccessUnit]:
    for unit in units:
        segment = next((one for one in segments if unit.number in one), None)
        yield unit if segment is None else unit._replace(data=_damage(unit, segment.fault))


def _damage(unit: AccessUnit, fault: Fault) -> bytes:
    random = np.random.default_rng(unit.number)
    first = _first_byte_to_damage(unit.data)
    room = len(unit.data) - first
    match fault:
        case Fault.DAMAGE_LIGHT if unit.number % 3 == 0:
            count = 3
        case Fault.DAMAGE_HEAVY:
            count = room // 50 + 1
        case Fault.DAMAGE_BETWEEN_KEYS if not unit.is_key:
            count = room // 50 + 1
        case _:
            return unit.data
    data = bytearray(unit.data)
    for place in random.integers(first, len(data), min(count, max(room, 0))) if room > 0 else ():
        # Never 0 to 3, so that no start code comes to be; never what it was.
        data[place] = 4 + (data[place] - 4 + int(random.integers(1, 252))) % 252
    return bytes(data)


def _first_byte_to_damage(data: bytes) -> int:
    """Behind the parameter sets and the head of the first slice."""
    at = data.find(b"\0\0\1")
    while at >= 0 and data[at + 3] & 31 not in _SLICES:
        at = data.find(b"\0\0\1", at + 3)
    return len(data) if at < 0 else at + 4 + _KEPT_BYTES
