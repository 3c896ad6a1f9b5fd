"""Reels: what is in them, faults included, seen by a decoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.belt import BenchBelt
from benchmarks.camera.reel import (
    BeltReel,
    Fault,
    Segment,
    _damaged,
    _pictures,
    belt_encoding,
    encode_units,
    make_belt_reel,
    make_film_reel,
    make_reel,
)
from benchmarks.camera.units import Reel
from benchmarks.film import Encoding
from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.truth import Schedule
from sorter.errors import SourceError
from sorter.records import BgrImage

SOURCE = BenchBelt.of_config().with_source(width_px=160, height_px=96, mm_per_px=3, frame_rate_hz=10).source
PLAIN = BeltReel(SOURCE, 0.0, 40, belt_encoding(SOURCE, 600_000))


def decoded(path: Path) -> list[BgrImage]:
    """Each access unit's picture; decoded as damaged as it is."""
    reel, decoder = Reel(path), av.CodecContext.create("h264", "r")
    pictures = []
    for number in range(len(reel)):
        pictures += [frame.to_ndarray(format="bgr24") for frame in decoder.decode(av.Packet(reel.unit(number)))]
    return [*pictures, *(frame.to_ndarray(format="bgr24") for frame in decoder.decode(None))]


def with_fault(folder: Path, fault: Fault) -> list[BgrImage]:
    """A reel whose pictures 12 to 27 are faulty."""
    size = (96, 64)
    return decoded(make_belt_reel(replace(PLAIN, segments=(Segment(fault, 12, 28, size),)), folder))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[BgrImage]:
    return decoded(make_belt_reel(PLAIN, tmp_path_factory.mktemp("reels")))


def apart(left: BgrImage, right: BgrImage) -> float:
    return float(np.abs(left.astype(int) - right.astype(int)).mean())


def test_each_access_unit_is_the_picture_of_its_number_with_a_key_frame_a_second(tmp_path: Path) -> None:
    path = make_belt_reel(PLAIN, tmp_path)
    reel = Reel(path)
    assert (reel.header.width_px, reel.header.height_px, reel.header.frame_rate_hz) == (160, 96, 10)
    assert reel.keys == [0, 10, 20, 30]
    assert [reel.key_from(number) for number in (0, 1, 30, 31)] == [0, 10, 30, None]
    painter, pictures = Painter(SOURCE, Schedule(SOURCE, 0.0)), decoded(path)
    assert len(pictures) == len(reel) == 40
    for number, picture in enumerate(pictures):
        away = [apart(picture, painter.paint(max(number + shift, 0))) for shift in (-3, 0, 3)]
        assert number < 3 or away[1] == min(away)
    # Parameter sets come with each key frame, so that a client may begin there.
    assert all(b"\0\0\1\x67" in reel.unit(key) for key in reel.keys)
    assert all(b"\0\0\1\x67" not in reel.unit(key + 1) for key in reel.keys)


def test_an_equal_reel_is_not_drawn_again_and_a_changed_one_is(tmp_path: Path) -> None:
    first = make_belt_reel(PLAIN, tmp_path)
    drawn_at = first.stat().st_mtime_ns
    assert make_belt_reel(replace(PLAIN), tmp_path) == first
    assert first.stat().st_mtime_ns == drawn_at
    assert make_belt_reel(replace(PLAIN, frames=12), tmp_path) != first


def test_a_repeated_picture_stands_still_and_the_belt_has_gone_on_after_it(plain, tmp_path) -> None:
    pictures = with_fault(tmp_path, Fault.REPEAT)
    assert max(apart(pictures[number], pictures[11]) for number in range(12, 28)) < 3
    assert apart(pictures[33], plain[33]) < 3


@pytest.mark.parametrize(("fault", "level"), [(Fault.BLACK, 0), (Fault.WHITE, 255)])
def test_a_dark_or_blinded_camera_shows_one_level(fault, level, tmp_path) -> None:
    pictures = with_fault(tmp_path, fault)
    assert apart(pictures[25], np.full_like(pictures[25], level)) < 5
    assert apart(pictures[11], pictures[25]) > 20


def test_a_grey_camera_has_no_color(plain, tmp_path) -> None:
    pictures = with_fault(tmp_path, Fault.GREY)
    assert np.ptp(pictures[25].astype(int), axis=2).mean() < 4 < np.ptp(plain[25].astype(int), axis=2).mean()


def test_another_size_comes_with_its_own_parameter_sets_and_goes_again(tmp_path) -> None:
    pictures = with_fault(tmp_path, Fault.RESIZE)
    assert {picture.shape for picture in pictures[12:28]} == {(64, 96, 3)}
    assert {picture.shape for picture in (*pictures[:12], *pictures[28:])} == {(96, 160, 3)}


@pytest.mark.parametrize("fault", [Fault.DAMAGE_LIGHT, Fault.DAMAGE_HEAVY, Fault.DAMAGE_BETWEEN_KEYS])
def test_damage_stays_in_its_segment_and_is_always_the_same(fault) -> None:
    # One encoding for both: an encoder need not give the same bytes twice.
    units = list(encode_units(_pictures(PLAIN), PLAIN.encoding))
    damaged = list(_damaged(iter(units), (Segment(fault, 12, 28),)))
    differs = [number for number, pair in enumerate(zip(units, damaged, strict=True)) if pair[0].data != pair[1].data]
    assert differs
    assert set(differs) <= set(range(12, 28))
    assert 20 not in differs or fault is not Fault.DAMAGE_BETWEEN_KEYS
    assert [one.data for one in damaged] == [one.data for one in _damaged(iter(units), (Segment(fault, 12, 28),))]


def test_a_film_is_cut_into_a_reel(data, tmp_path) -> None:
    reel = Reel(make_film_reel(data / "belt_videos" / "intel_fruit-and-vegetable-detection_preview.gif", tmp_path))
    assert (len(reel), reel.header.width_px, reel.header.height_px) == (101, 480, 270)
    assert reel.header.frame_rate_hz == pytest.approx(16.67, abs=0.01)


def test_a_reel_without_pictures_is_refused(tmp_path) -> None:
    with pytest.raises(SourceError, match="at least one picture"):
        make_reel("none", [], Encoding(100_000), tmp_path)
