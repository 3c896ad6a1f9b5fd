from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sorter.capture.decoder import Decoder, Picture
from sorter.errors import SourceError
from sorter.records import Box


def pictures(path: Path, part: Box | None = None, *, one_size: bool = True) -> list[Picture]:
    with av.open(str(path)) as container:
        decoder = Decoder(container.streams.video[0], "the film", part, one_size=one_size)
        return [picture for packet in container.demux(video=0) for picture in decoder.pictures(packet)]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
@pytest.mark.parametrize(
    ("part", "origin_px", "size_px"),
    [
        (Box(8, 6, 40, 30), (8, 6), (32, 24)),
        (Box(7, 5, 41, 31), (6, 4), (36, 28)),
        (Box(20, 10, 64, 48), (20, 10), (44, 38)),
        (Box(40, 40, 900, 900), (40, 40), (24, 8)),
        (Box(0, 0, 64, 48), (0, 0), (64, 48)),
        (Box(100, 100, 200, 200), (0, 0), (64, 48)),
    ],
)
def test_a_part_has_the_pixels_of_the_whole(  # noqa: PLR0913, PLR0917 - a table
    write_film: Any, bars: Any, pix_fmt: str, part: Box, origin_px: tuple[int, int], size_px: tuple[int, int]
) -> None:
    film = write_film([bars(number) for number in range(4)], pix_fmt=pix_fmt)
    for whole, cut in zip(pictures(film), pictures(film, part), strict=True):
        (x, y), (width, height) = origin_px, size_px
        assert (cut.origin_px, cut.picture_px) == (origin_px, (64, 48))
        assert np.array_equal(cut.image_bgr, whole.image_bgr[y : y + height, x : x + width])


def test_a_stream_that_changes_its_size_gives_each_size_where_that_is_wanted(write_film: Any, bars: Any) -> None:
    films = [write_film([bars(n, *size) for n in range(3)], f"{size[0]}.h264") for size in ((48, 64), (96, 128))]
    both = films[0].with_name("both.h264")
    both.write_bytes(b"".join(film.read_bytes() for film in films))
    sizes = [picture.image_bgr.shape[:2] for picture in pictures(both, one_size=False)]
    assert sizes == [(48, 64)] * 3 + [(96, 128)] * 3
    with pytest.raises(SourceError, match="changes from 64 x 48 to 128 x 96 pixels"):
        pictures(both)
