"""What every source of frames promises, over each that can run here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sorter.capture.clock import SystemClock
from sorter.capture.source import open_source
from sorter.ports import FrameSource
from sorter.settings.site import LineSettings

FRAMES = 6
WIDTH_PX, HEIGHT_PX = 128, 100
SIZE = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}


def picture(number: int) -> NDArray[np.uint8]:
    """Flat areas in plain colors, and a bar that tells the picture's number."""
    image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image[:48, :64], image[:48, 64:] = (40, 40, 200), (60, 180, 60)
    image[48:, :64], image[48:, 64:] = (200, 80, 40), (60, 200, 220)
    image[40:56, : 16 * (number + 1)] = 255
    return image


def encode(path: Path, codec: str, pix_fmt: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, pix_fmt
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def mp4(folder: Path) -> dict[str, object]:
    encode(folder / "film.mp4", "libx264", "yuv420p")
    return {"kind": "file", "path": "film.mp4"}


def mp4_in_real_time(folder: Path) -> dict[str, object]:
    return mp4(folder) | {"realtime": True}


def gif(folder: Path) -> dict[str, object]:
    encode(folder / "film.gif", "gif", "rgb8")
    return {"kind": "file", "path": "film.gif"}


def pictures(folder: Path) -> dict[str, object]:
    (folder / "frames").mkdir()
    for number in range(FRAMES):
        cv2.imwrite(str(folder / "frames" / f"frame{number}.png"), picture(number))
    return {"kind": "folder", "path": "frames", "frame_rate_hz": 25}


def simulator(_: Path) -> dict[str, object]:
    product = {"name": "red", "hex": "#b02a30", "length_mm": 20, "width_mm": 20}
    return {"kind": "simulator", **SIZE, "products": [product], "frame_rate_hz": 200}


def genicam(_: Path) -> dict[str, object]:
    spec = find_spec("genicam")
    if spec is None or spec.origin is None:
        assert os.environ.get("CI") != "true", "genicam must be installed on the build machine"
        pytest.skip("genicam is not installed")
    producer = str(Path(spec.origin).with_name("viky.cti"))  # simulated cameras, which the package brings
    return {"kind": "genicam", "producer": producer, "serial": "0", **SIZE, "frame_rate_hz": 100}


def open_line(source: dict[str, object], folder: Path) -> FrameSource:
    line = LineSettings.model_validate(
        {
            "name": "line1",
            "source": source,
            "recipe": "recipe.yaml",
            "belt": {"direction": "right"},
            "branches": {"left": {"distance_mm": 100}},
            "timing": {"belt_speed_mm_per_s": 100},
        }
    )
    return open_source(line, folder, SystemClock())


@pytest.mark.parametrize("make", [mp4, mp4_in_real_time, gif, pictures, simulator, genicam])
class TestFrameSource:
    @pytest.fixture
    def source(self, make: Callable[[Path], dict[str, object]], tmp_path: Path) -> Iterator[FrameSource]:
        opened = open_line(make(tmp_path), tmp_path)
        yield opened
        opened.close()

    def test_numbers_and_times_rise(self, source: FrameSource) -> None:
        frames = list(islice(source.frames(), FRAMES))
        assert len(frames) == FRAMES
        assert all(a.number < b.number for a, b in pairwise(frames))
        assert all(a.captured_at_s < b.captured_at_s for a, b in pairwise(frames))
        assert source.frames_skipped == 0

    def test_pictures_are_bgr_bytes_in_one_piece(self, source: FrameSource) -> None:
        for frame in islice(source.frames(), FRAMES):
            assert frame.image_bgr.shape == (HEIGHT_PX, WIDTH_PX, 3)
            assert frame.image_bgr.dtype == np.uint8
            assert frame.image_bgr.flags.c_contiguous

    def test_each_picture_has_memory_of_its_own(self, source: FrameSource) -> None:
        first, second = islice(source.frames(), 2)
        kept = second.image_bgr.copy()
        first.image_bgr[:] = 0
        assert np.array_equal(second.image_bgr, kept)

    def test_closing_twice_is_safe_and_ends_the_frames(self, source: FrameSource) -> None:
        frames = source.frames()
        next(frames)
        source.close()
        source.close()
        assert list(frames) == []


@pytest.mark.parametrize(("make", "tolerance"), [(mp4, 12), (mp4_in_real_time, 12), (gif, 48), (pictures, 0)])
def test_the_pictures_are_those_put_in(
    make: Callable[[Path], dict[str, object]], tolerance: int, tmp_path: Path
) -> None:
    frames = list(open_line(make(tmp_path), tmp_path).frames())
    assert len(frames) == FRAMES
    began_s = frames[0].captured_at_s
    for number, frame in enumerate(frames):
        assert frame.captured_at_s - began_s == pytest.approx(number / 25, abs=0.005)
        difference = np.abs(frame.image_bgr.astype(int) - picture(number))
        assert np.percentile(difference, 90) <= tolerance
