"""Real files: those that others test their palettes with, odd ones, hostile ones."""

from __future__ import annotations

import os
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sorter import ColorAnalyzer
from sorter.color.difference import ciede2000
from sorter.color.lab import srgb_to_lab
from sorter.errors import SourceError, UsageError
from sorter.palette.pictures import read_raster

ALL = 10**9
# Of these Pillow's own build here has no decoder, or Pillow does not know the variant.
UNREADABLE = {
    "00r0_gray_l.jp2", "00r1_graya_la.jp2", "bmp__g__rgb32bf.bmp", "bmp__q__pal8os2v2-16.bmp",
    "bmp__q__pal8oversizepal.bmp", "bmp__q__rgb32-111110.bmp", "hopper_webp.tif",
}  # fmt: skip
CLOSED = {".sgi", ".icns", ".dds", ".blp", ".fli", ".psd", ".eps", ".msp", ".bin"}
"""Formats that are not opened at all."""


def pixels(path: Path, frame: int = 0) -> np.ndarray:
    """Red, green, blue and opacity, 0..255."""
    raster = read_raster(path, ALL, frame)
    assert raster.rgb.shape == (raster.height, raster.width, 3)
    return np.dstack([raster.rgb, raster.alpha]) / 257


def hexes(picture: object, *args: object, **settings: object) -> list[str]:
    return [swatch.hex for swatch in ColorAnalyzer(picture, *args, **settings).palette.colors]


def far(one: np.ndarray, other: np.ndarray) -> float:
    """Median CIEDE2000 of two pictures of one size, pixel by pixel."""
    assert one.shape == other.shape
    return float(np.median(ciede2000(*(srgb_to_lab(picture[..., :3] / 255) for picture in (one, other)))))


def encoded(picture: Image.Image, form: str, **settings: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, form, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "expected"), [
    ("black.png", ["#000000"]), ("red.png", ["#ff0000"]), ("white.png", ["#ffffff"]), ("php/white.png", ["#ffffff"]),
    ("php/single_color_PR41.png", ["#b5e61d"]), ("red-transparent-50.png", ["#ff0000"]),
    ("transparent.png", []), ("empty.png", []), ("php/transparent.png", []), ("p3-red.png", ["#ff0000"]),
])  # fmt: skip
def test_the_pictures_that_peers_test_with(name: str, expected: list[str], data: Path) -> None:
    assert hexes(data / "peer_palettes" / name) == expected


def test_the_larger_pictures_that_peers_test_with(data: Path) -> None:
    folder = data / "peer_palettes"
    for name in ("rainbow-horizontal.png", "rainbow-vertical.png"):
        assert len(hexes(folder / name, 8)) == 8
    assert set(hexes(folder / "php/pixels.png", 5)) >= {"#ffffff", "#c83264", "#32c8c8"}
    cases = ColorAnalyzer(folder / "php/covers_cmyk_PR37.jpg", "auto").palette
    assert {swatch.name for swatch in cases.colors} >= {"paleturquoise", "cornflowerblue", "khaki"}
    with pytest.raises(SourceError, match=r"corrupted_PR30\.jpg: not a readable picture"):
        ColorAnalyzer(folder / "php/corrupted_PR30.jpg")


def test_all_that_pillow_reads_is_read(data: Path) -> None:
    refused = set()
    for path in sorted((data / "odd_but_valid").iterdir()):
        if path.name == "LICENSE":
            continue
        try:
            assert pixels(path).size, path.name
        except SourceError:
            refused.add(path.name)
    assert refused == UNREADABLE


def test_pictures_come_upright(data: Path) -> None:
    folder = data / "odd_but_valid"
    hopper = pixels(folder / "hopper.bmp")
    turned = sorted(folder.glob("hopper_orientation_*"))
    assert len(turned) == 5
    for path in turned:
        assert far(pixels(path), hopper) < 4, path.name
    fax, turned_fax = (pixels(folder / f"g4_orientation_{number}.tif") for number in (1, 3))
    assert np.abs(fax - turned_fax).mean() < 0.7 < np.abs(fax - turned_fax[::-1, ::-1]).mean()
    assert far(pixels(folder / "hopper_orientation_2.jpg")[:, ::-1], hopper) > 10  # it would be seen


@pytest.mark.parametrize(("odd", "plain"), [
    ("bmp__g__pal4.bmp", "bmp__html__pal4.png"), ("bmp__g__pal4rle.bmp", "bmp__html__pal4.png"),
    ("bmp__g__pal8w125.bmp", "bmp__html__pal8w125.png"), ("bmp__g__pal8w126.bmp", "bmp__html__pal8w126.png"),
    ("bmp__g__pal8topdown.bmp", "bmp__g__pal8rle.bmp"), ("bmp__g__rgb16-565pal.bmp", "bmp__html__rgb16-565.png"),
    ("tga__common__200x32_rgba_bl_raw.tga", "tga__common__200x32_rgba.png"),
    ("tga__common__200x32_rgba_tl_rle.tga", "tga__common__200x32_rgba.png"),
    ("hopper.png", "hopper.bmp"), ("avif__hopper_avif_write.png", "hopper.bmp"),
    ("hopper_lzma.tif", "hopper.bmp"), ("hopper_bigtiff.tif", "hopper.bmp"),
])  # fmt: skip
def test_one_picture_in_two_formats_is_the_same_but_for_rounding(odd: str, plain: str, data: Path) -> None:
    folder = data / "odd_but_valid"
    assert np.abs(pixels(folder / odd) - pixels(folder / plain)).max() <= 1


@pytest.mark.parametrize("name", [
    "hopper.Lab.tif", "hopper.gif", "hopper.jpg", "hopper_webp.png", "avif__hopper.avif", "hopper_jpg.tif",
    "hopper_rle8.bmp", "hopper.ppm",
])  # fmt: skip
def test_one_picture_in_many_formats_has_the_same_colors(name: str, data: Path) -> None:
    hopper = data / "odd_but_valid" / "hopper.bmp"
    assert far(pixels(hopper.with_name(name)), pixels(hopper)) < 4


def test_grays_of_16_bits_keep_them(data: Path) -> None:
    raster = read_raster(data / "odd_but_valid" / "uint16_1_4660.tif", ALL)
    assert {1, 4660} >= set(np.unique(raster.rgb).tolist())
    gray = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    for form in ("PNG", "TIFF", "PPM"):
        read = read_raster(encoded(Image.fromarray(gray), form), ALL)
        assert np.array_equal(read.rgb, np.repeat(gray[..., None], 3, axis=2)), form
    fractions = Image.fromarray((gray / 65535).astype(np.float32))
    assert np.array_equal(read_raster(fractions, ALL).rgb[..., 0], gray)


def test_profiles_are_converted_to_srgb(data: Path) -> None:
    """Display P3's green is outside sRGB; a color well within both is what the profile says."""
    with Image.open(data / "peer_palettes" / "p3-red.png") as file:
        profile = file.info["icc_profile"]
    content = encoded(Image.new("RGB", (8, 8), (180, 120, 60)), "PNG", icc_profile=profile)
    (swatch,) = ColorAnalyzer(content).palette.colors
    # colour-science: RGB_to_RGB of Display P3 to sRGB, both gamma-encoded, gives 190.3, 116.6, 44.7.
    assert np.abs(np.array(swatch.rgb) - [190, 117, 45]).max() <= 1
    # With transparency, and as a palette, the same.
    seen = Image.new("RGBA", (8, 8), (180, 120, 60, 128))
    assert hexes(encoded(seen, "PNG", icc_profile=profile)) == [swatch.hex]
    assert hexes(encoded(Image.new("RGB", (8, 8), (180, 120, 60)).quantize(4), "PNG", icc_profile=profile)) == [
        swatch.hex
    ]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert hexes(encoded(Image.new("L", (8, 8), 99), "PNG", icc_profile=srgb)) == ["#636363"]
    assert hexes(encoded(Image.new("RGB", (8, 8), (9, 99, 199)), "PNG", icc_profile=b"broken")) == ["#0963c7"]


def test_cmyk_is_the_complement_of_rgb_where_it_has_no_profile() -> None:
    content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "TIFF")
    assert hexes(content) == ["#ff0000"]
    assert hexes(Image.new("CMYK", (16, 16), (255, 0, 0, 0))) == ["#00ffff"]


def test_a_frame_of_an_animation_is_chosen(tmp_path: Path, data: Path) -> None:
    frames = [Image.new("RGB", (6, 4), color) for color in ("red", "lime", "blue")]
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        content = encoded(
            frames[0], form, save_all=True, append_images=frames[1:], **{"lossless": True} if form == "WEBP" else {}
        )
        assert [hexes(content, frame=number)[0] for number in range(3)] == ["#ff0000", "#00ff00", "#0000ff"], form
        with pytest.raises(SourceError, match="there is no frame 3, counted from 0: ask for an earlier one"):
            ColorAnalyzer(content, frame=3)
    (tmp_path / "one.png").write_bytes(encoded(frames[0], "PNG"))
    with pytest.raises(SourceError, match=r"one\.png: there is no frame 9"):
        ColorAnalyzer(tmp_path / "one.png", frame=9)
    with pytest.raises(SourceError, match="too far"):
        ColorAnalyzer(data / "odd_but_valid" / "dispose_none.gif", frame=900_000)


def test_a_path_its_bytes_an_array_and_an_image_are_one_picture(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (30, 40, 4)).astype(np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(array).save(path)
    with Image.open(path) as image:
        ways = [path, str(path), path.read_bytes(), bytearray(path.read_bytes()), array, Image.fromarray(array), image]
        palettes = [ColorAnalyzer(way).palette for way in ways]
    assert all(palette == palettes[0] for palette in palettes)


def test_a_large_picture_is_looked_at_here_and_there_alike_in_every_form() -> None:
    array = np.random.default_rng(0).integers(0, 256, (301, 403, 3)).astype(np.uint8)
    forms = [array, Image.fromarray(array), encoded(Image.fromarray(array), "PNG")]
    rasters = [read_raster(form, 5000) for form in forms]
    assert all(np.array_equal(raster.rgb, rasters[0].rgb) for raster in rasters)
    # None but the picture's own colors: nothing is averaged.
    assert np.array_equal(rasters[0].rgb[1, 2] // 257, array[2 + 5, 3 + 10])
    assert 4000 < rasters[0].alpha.size <= 5000
    assert (rasters[0].width, rasters[0].height) == (403, 301)


def outcome(path: Path) -> str:
    try:
        return f"{path}: {len(ColorAnalyzer(path).palette.colors)} colors"
    except SourceError as error:
        return str(error)


def test_hostile_pictures_give_one_sentence_unless_pillow_reads_them_whole(data: Path) -> None:
    paths = [path for path in sorted((data / "malformed").iterdir()) if path.name != "LICENSE"]
    assert len(paths) > 40
    for path in paths:
        told = outcome(path)
        assert told.startswith(str(path))
        assert "\n" not in told
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
                image.load()
            whole = path.suffix not in CLOSED
        except Exception:  # noqa: BLE001 - whatever Pillow may raise
            whole = False
        assert told.endswith("colors") == whole, told


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.png").write_bytes(b"")
    Image.new("P", (12000, 12000)).save(tmp_path / "bomb.png")
    for name, told in (
        ("none.png", "no such file"), (".", "a folder, not a picture"), ("pipe", "not a file"),
        ("a" * 300, "it cannot be read (File name too long)"), ("empty.png", "not a readable picture (unknown format)"),
        ("bomb.png", "12000 x 12000 pixels, more than 64"),
    ):  # fmt: skip
        with pytest.raises(SourceError) as refused:
            ColorAnalyzer(tmp_path / name)
        assert str(refused.value).startswith(str(tmp_path / name).removesuffix("/."))
        assert told in str(refused.value)
    with pytest.raises(SourceError, match="the picture's bytes: not a readable picture"):
        ColorAnalyzer(b"GIF89a")
    for given, told in (
        ("https://example.org/a.png", "addresses are not read: download the picture"),
        ("s3://bucket/a.png", "addresses are not read"),
        (7, "a int is no picture: give a path, a file's bytes, an array or an image of Pillow's"),
        (np.zeros((2, 2, 2), np.uint8), "an array of shape (2, 2, 2) is no picture"),
        (np.zeros(4, np.uint8), "an array of shape (4,) is no picture"),
        (np.zeros((2, 2), np.int64), "an array of int64 is no picture"),
        (np.full((2, 2), 1.5), "floats must lie in 0..1"),
        (np.full((2, 2), np.nan), "floats must lie in 0..1"),
    ):
        with pytest.raises(UsageError) as refused:
            ColorAnalyzer(given)
        assert told in str(refused.value)
        assert "\n" not in str(refused.value)
