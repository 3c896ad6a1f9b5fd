"""Pictures that a contact sheet shows: small, upright, and nothing that is no picture."""

from __future__ import annotations

import os
from io import BytesIO

import pytest
from PIL import Image

from sorter.archive.thumbnails import SIDE_PX, local_file, thumbnail


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg))


def test_a_picture_is_shrunk_and_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (1600, 800), "teal").save(tmp_path / "a photo.jpg", exif=exif)
    small = opened(thumbnail((tmp_path / "a photo.jpg").as_uri()))
    assert (small.format, small.size) == ("JPEG", (SIDE_PX // 2, SIDE_PX))


def test_what_is_transparent_is_paper_and_small_pictures_stay_small(tmp_path):
    Image.new("RGBA", (8, 8)).save(tmp_path / "clear.png")
    small = opened(thumbnail(str(tmp_path / "clear.png")))
    assert (small.size, small.getpixel((4, 4))) == ((8, 8), (255, 255, 255))
    Image.new("I;16", (8, 8)).save(tmp_path / "deep.png")
    assert opened(thumbnail(str(tmp_path / "deep.png"))).size == (8, 8)


@pytest.mark.parametrize(
    "uri", ["s3://b/a.jpg", "https://host/a.jpg", "file://host/a.jpg", "http://[", "x" * 5000, "a\0b"]
)
def test_what_is_no_file_of_this_machine_is_not_shown(uri):
    assert thumbnail(uri) == b""


def test_what_is_no_sound_picture_is_not_shown(tmp_path):
    (tmp_path / "secret.jpg").write_text("password")
    bomb = BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    (tmp_path / "bomb.png").write_bytes(bomb.getvalue())
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("secret.jpg", "bomb.png", "pipe.jpg", "none.jpg", "."):
        assert thumbnail(str(tmp_path / name)) == b""


def test_a_uri_of_a_file_is_its_path():
    assert str(local_file("file:///a%20b/c.jpg")) == "/a b/c.jpg"
    assert str(local_file("a/b%20c.jpg")) == "a/b%20c.jpg"
    assert local_file("s3://bucket/c.jpg") is None
