from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.clock import WrittenClock

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

Images = Sequence[NDArray[np.uint8]]
WriteFilm = Callable[..., Path]


@pytest.fixture
def clock() -> WrittenClock:
    return WrittenClock()


@pytest.fixture
def data() -> Path:
    if not DATA.is_dir():
        assert os.environ.get("CI") != "true", f"{DATA} must be there on the build machine"
        pytest.skip(f"the real data is not at {DATA}")
    return DATA


def color_bars(number: int, height_px: int = 48, width_px: int = 64) -> NDArray[np.uint8]:
    """Bars in six colors; a white block moves 4 px per picture."""
    colors = np.array([(30, 30, 200), (30, 190, 40), (210, 60, 30), (40, 200, 220), (190, 60, 180), (180, 170, 60)])
    image = np.repeat(colors[np.arange(width_px) * 6 // width_px][None], height_px, axis=0).astype(np.uint8)
    x = 4 * number % (width_px - 8)
    image[4:12, x : x + 8] = 250
    return image


@pytest.fixture
def bars() -> Callable[..., NDArray[np.uint8]]:
    return color_bars


@pytest.fixture
def write_film(tmp_path: Path) -> WriteFilm:
    def write(  # noqa: PLR0913 - each test names the one it is about
        images: Images,
        name: str = "film.mp4",
        *,
        codec: str = "libx264",
        pix_fmt: str = "yuv444p",
        pts_ms: Sequence[int] | None = None,
        key_every: int = 10,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            options = {"crf": "4", "bf": "0"} if codec == "libx264" else {}
            stream = container.add_stream(codec, rate=25, options=options)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pix_fmt
            stream.codec_context.gop_size = key_every
            stream.codec_context.time_base = Fraction(1, 1000)
            for number, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
                frame.pts = pts_ms[number] if pts_ms else 40 * number
                frame.time_base = Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write
