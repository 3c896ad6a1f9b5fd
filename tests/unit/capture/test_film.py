from __future__ import annotations

import wave
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.capture.clock import SystemClock
from sorter.capture.decoder import RECOVERY_FRAMES, Picture
from sorter.capture.film import FilmPath, FilmSource, Timeline
from sorter.errors import SourceError

PACKS = "belt_videos/threezinedine_conveyor_packs.mp4"
FRUIT = "belt_videos/intel_fruit-and-vegetable-detection_preview.gif"


def play(path: Path, clock: Any, *, realtime: bool = False) -> tuple[FilmSource, list[Any]]:
    source = FilmSource(FilmPath(path, realtime), clock)
    return source, list(source.frames())


def test_a_film_gives_its_frames_at_their_own_times(write_film: Any, bars: Any, clock: Any) -> None:
    path = write_film([bars(n) for n in range(4)], pts_ms=[0, 40, 140, 180])
    source, frames = play(path, clock)
    assert [frame.number for frame in frames] == [0, 1, 2, 3]
    assert [round(frame.captured_at_s, 6) for frame in frames] == [100.0, 100.04, 100.14, 100.18]
    assert source.frames_skipped == 0
    for frame in frames:
        assert np.abs(frame.image_bgr.astype(int) - bars(frame.number)).mean() < 3


def test_a_film_is_played_anew_by_each_call(write_film: Any, bars: Any, clock: Any) -> None:
    source = FilmSource(FilmPath(write_film([bars(n) for n in range(3)])), clock)
    assert len(list(source.frames())) == len(list(source.frames())) == 3


def test_a_film_in_real_time_waits_for_its_time_stamps(write_film: Any, bars: Any, clock: Any) -> None:
    source, frames = play(write_film([bars(n) for n in range(5)]), clock, realtime=True)
    assert source.live
    assert [frame.captured_at_s for frame in frames][-1] == pytest.approx(clock.now_s)
    assert sum(clock.waits_s) == pytest.approx(0.16)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_the_color_matrix_a_film_names_is_used(matrix: str, tmp_path: Path, clock: Any) -> None:
    path = tmp_path / "film.mp4"
    color = np.array([40, 160, 200])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        space = {"bt709": 1, "smpte170m": 6}[matrix]
        stream.codec_context.colorspace = space
        stream.codec_context.color_range = 1
        image = np.tile(color.astype(np.uint8), (64, 64, 1))
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        target = {"bt709": av.video.reformatter.Colorspace.ITU709}.get(matrix, av.video.reformatter.Colorspace.ITU601)
        frame = frame.reformat(format="yuv420p", dst_colorspace=target, dst_color_range=1)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _, frames = play(path, clock)
    assert np.abs(frames[0].image_bgr[32, 32].astype(int) - color).max() <= 3


def with_display_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a rotation into the track header of an mp4, as a phone does."""
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd") + 4
    place = header + 40
    for offset, value in zip((0, 4, 12, 16), matrix, strict=True):
        content[place + offset : place + offset + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((0, 1, -1, 0), cv2.ROTATE_90_CLOCKWISE),
        ((-1, 0, 0, -1), cv2.ROTATE_180),
        ((0, -1, 1, 0), cv2.ROTATE_90_COUNTERCLOCKWISE),
    ],
)
def test_a_film_held_sideways_is_turned_upright(
    matrix: tuple[int, int, int, int], turn: int, write_film: Any, bars: Any, clock: Any
) -> None:
    path = write_film([bars(0), bars(1)])
    with_display_matrix(path, matrix)
    _, frames = play(path, clock)
    image = frames[0].image_bgr
    upright = cv2.rotate(bars(0), turn)
    assert image.shape == upright.shape
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - upright).mean() < 3


def test_damage_is_counted_and_the_film_goes_on_from_the_next_key_frame(data: Path, tmp_path: Path, clock: Any) -> None:
    clean = data / PACKS
    with av.open(str(clean)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(clean.read_bytes())
    place, size = places[100]
    content[place + size // 3 : place + size // 3 + 60] = np.random.default_rng(0).bytes(60)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    source, frames = play(damaged, clock)
    _, whole = play(clean, clock)
    assert source.frames_skipped == 20  # from frame 100 to the key frame 120
    assert [frame.number for frame in frames] == [*range(100), *range(120, 387)]
    originals = {frame.number: frame.image_bgr for frame in whole}
    assert all(np.array_equal(frame.image_bgr, originals[frame.number]) for frame in frames)


def test_one_packet_of_rubbish_does_not_end_the_film(data: Path, tmp_path: Path, clock: Any) -> None:
    clean = data / PACKS
    with av.open(str(clean)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(clean.read_bytes())
    for number in (90, 91, 200):
        place, size = places[number]
        content[place : place + size] = bytes(size)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    source, frames = play(damaged, clock)
    assert 0 < source.frames_skipped <= 3 * RECOVERY_FRAMES
    assert frames[-1].number >= 380
    assert all(a.number < b.number and a.captured_at_s < b.captured_at_s for a, b in pairwise(frames))


def test_a_film_cut_short_gives_what_is_there(data: Path, tmp_path: Path, clock: Any, caplog: Any) -> None:
    content = (data / FRUIT).read_bytes()
    path = tmp_path / "cut.gif"
    path.write_bytes(content[: len(content) // 2])
    _, frames = play(path, clock)
    assert 30 < len(frames) < 101
    path = tmp_path / "cut.mp4"
    content = (data / PACKS).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    _, frames = play(path, clock)
    assert 100 < len(frames) < 387
    assert "announces 387 frames but holds" in caplog.text


def silence(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("missing.mp4", lambda _: None, "no such film"),
        ("empty.mp4", lambda path: path.touch(), "empty"),
        ("text.mp4", lambda path: path.write_text("not a film\n" * 50), "not a film"),
        ("sound.wav", silence, "no pictures"),
        ("folder.mp4", lambda path: path.mkdir(), "no such film"),
    ],
)
def test_what_is_not_a_film_is_refused_in_one_sentence(
    name: str, make: Callable[[Path], None], sentence: str, tmp_path: Path, clock: Any
) -> None:
    make(tmp_path / name)
    with pytest.raises(SourceError, match=sentence) as refused:
        FilmSource(FilmPath(tmp_path / name), clock)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_greyscale_film_is_refused(write_film: Any, bars: Any, clock: Any) -> None:
    grey = [cv2.cvtColor(cv2.cvtColor(bars(n), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for n in range(3)]
    with pytest.raises(SourceError, match="greyscale"):
        FilmSource(FilmPath(write_film(grey)), clock)
    with pytest.raises(SourceError, match="greyscale"):
        FilmSource(FilmPath(write_film(grey, "gray.mp4", pix_fmt="gray")), clock)


def test_a_film_that_begins_grey_is_not_a_greyscale_film(write_film: Any, bars: Any, clock: Any) -> None:
    _, frames = play(write_film([np.full((48, 64, 3), 60, np.uint8), bars(1)]), clock)
    assert len(frames) == 2


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path, clock: Any) -> None:
    path = tmp_path / "huge.gif"
    side = (20000).to_bytes(2, "little")
    path.write_bytes(
        b"GIF89a" + side + side + b"\xf0\0\0" + bytes(6) + b"," + bytes(4) + side + side + b"\0\x02\x02D\x01\0;"
    )
    with pytest.raises(SourceError, match=r"megapixels|can be decoded|not a film"):
        FilmSource(FilmPath(path), clock)


def test_the_real_films_hold_what_they_announce(data: Path) -> None:
    for name, count in ((PACKS, 387), (FRUIT, 101)):
        source, frames = play(data / name, SystemClock())
        assert (len(frames), source.frames_skipped) == (count, 0)


def test_a_closed_film_ends_before_its_next_frame(write_film: Any, bars: Any, clock: Any) -> None:
    source = FilmSource(FilmPath(write_film([bars(n) for n in range(5)])), clock)
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []


@given(st.lists(st.one_of(st.none(), st.floats(-10, 1000)), min_size=1, max_size=40), st.floats(1, 120))
def test_the_time_of_frames_rises_whatever_the_time_stamps(stamps: list[float | None], rate_hz: float) -> None:
    timeline = Timeline(rate_hz)
    offsets = [timeline.offset_s(Picture(np.zeros((1, 1, 3), np.uint8), n, pts)) for n, pts in enumerate(stamps)]
    assert offsets[0] == 0
    assert all(a < b for a, b in pairwise(offsets))


def test_frames_without_time_stamps_follow_the_frame_rate() -> None:
    timeline = Timeline(10.0)
    image = np.zeros((1, 1, 3), np.uint8)
    offsets = [timeline.offset_s(Picture(image, n, None)) for n in (0, 1, 4)]
    assert offsets == pytest.approx([0.0, 0.1, 0.4])
