from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sorter.capture.folder import FolderSource, PictureFolder, natural_order
from sorter.capture.picture import ColorWatch, GreyscaleError, is_grey, read_picture
from sorter.errors import SourceError


def play(path: Path, clock: Any, rate_hz: float = 10.0) -> tuple[FolderSource, list[Any]]:
    source = FolderSource(PictureFolder(path, rate_hz), clock)
    return source, list(source.frames())


def test_pictures_come_in_the_natural_order_of_their_names(tmp_path: Path, bars: Any, clock: Any) -> None:
    for number in (10, 9, 1, 2):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), bars(number))
    (tmp_path / "notes.txt").write_text("not a picture")
    _, frames = play(tmp_path, clock)
    assert [frame.captured_at_s for frame in frames] == pytest.approx([100.0, 100.1, 100.2, 100.3])
    assert all(np.array_equal(frame.image_bgr, bars(n)) for frame, n in zip(frames, (1, 2, 9, 10), strict=True))


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=20))
def test_numbered_names_sort_by_their_numbers(numbers: list[int]) -> None:
    names = [f"Cam1_{number}.jpg" for number in numbers]
    assert sorted(sorted(names), key=natural_order) == [f"Cam1_{number}.jpg" for number in sorted(numbers)]


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".bmp", ".tif", ".tiff", ".webp"])
def test_every_kind_of_picture_is_read(suffix: str, tmp_path: Path, bars: Any, clock: Any) -> None:
    Image.fromarray(bars(0)[:, :, ::-1]).save(tmp_path / f"a{suffix}")
    _, frames = play(tmp_path, clock)
    assert np.abs(frames[0].image_bgr.astype(int) - bars(0)).mean() < 12
    assert frames[0].image_bgr.flags.c_contiguous


def test_an_unreadable_picture_is_skipped_counted_and_leaves_a_gap(tmp_path: Path, bars: Any, clock: Any) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), bars(number))
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])  # OpenCV would decode it without a word
    (tmp_path / "2.jpg").write_bytes(b"rubbish")
    source, frames = play(tmp_path, clock)
    assert [frame.number for frame in frames] == [0, 3]
    assert frames[1].captured_at_s == pytest.approx(100.3)
    assert source.frames_skipped == 2


def test_a_picture_held_sideways_is_turned_upright(tmp_path: Path, bars: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise
    Image.fromarray(bars(0)[:, :, ::-1]).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png"), cv2.rotate(bars(0), cv2.ROTATE_90_CLOCKWISE))


def test_a_folder_without_readable_pictures_is_refused(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        play(tmp_path / "missing", clock)
    with pytest.raises(SourceError, match="holds no pictures"):
        play(tmp_path, clock)
    (tmp_path / "a.png").touch()
    with pytest.raises(SourceError, match="no picture in the folder can be read"):
        play(tmp_path, clock)


def test_a_greyscale_file_is_refused(tmp_path: Path, bars: Any, clock: Any) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), cv2.cvtColor(bars(0), cv2.COLOR_BGR2GRAY))
    with pytest.raises(GreyscaleError, match="greyscale"):
        play(tmp_path, clock)


def test_the_greyscale_camera_of_a_real_line_is_refused(data: Path, clock: Any) -> None:
    with pytest.raises(GreyscaleError, match="greyscale"):
        play(data / "candy_line" / "mono_frames", clock)


def test_pictures_of_two_sizes_are_refused(tmp_path: Path, bars: Any, clock: Any) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), bars(0))
    cv2.imwrite(str(tmp_path / "b.png"), bars(0, 60, 80))
    with pytest.raises(SourceError, match=r"b\.png: the picture is 80 x 60 pixels, those before it are 64 x 48"):
        play(tmp_path, clock)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("P", (12000, 12000)).save(tmp_path / "bomb.png")
    with pytest.raises(SourceError, match="64 megapixels"):
        read_picture(tmp_path / "bomb.png")


def outcome(path: Path) -> str:
    try:
        return f"{path}: {read_picture(path).shape}"
    except SourceError as error:
        return str(error)


def test_hostile_pictures_give_one_sentence_or_a_picture(data: Path) -> None:
    paths = sorted((data / "malformed").iterdir())
    assert len(paths) > 40
    for path in paths:
        sentence = outcome(path)
        assert sentence.startswith(str(path))
        assert "\n" not in sentence


def test_a_camera_without_color_is_told_after_its_first_pictures(bars: Any) -> None:
    grey = np.full((20, 20, 3), 90, np.uint8)
    watch = ColorWatch("camera 3")
    for _ in range(ColorWatch.PATIENCE - 1):
        watch.see(grey)
    with pytest.raises(GreyscaleError, match="camera 3: the picture is greyscale"):
        watch.see(grey)
    watch = ColorWatch("camera 3")
    watch.see(bars(0))
    for _ in range(ColorWatch.PATIENCE + 1):
        watch.see(grey)


def test_grey_is_told_from_color(bars: Any) -> None:
    grey = np.full((20, 20, 3), 90, np.uint8)
    assert is_grey(grey)
    assert not is_grey(bars(0))
    grey[3, 4] = (90, 90, 120)
    assert not is_grey(grey)
