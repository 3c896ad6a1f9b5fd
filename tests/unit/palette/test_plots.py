"""Figures of palettes: what they show, apart from any browser."""

from __future__ import annotations

import base64
import subprocess
import sys
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sorter import ColorAnalyzer
from sorter.color.lab import decode_gamma
from sorter.errors import SorterError, SourceError, UsageError
from sorter.palette.cloud import cloud_of
from sorter.palette.plots.look import ink_on, title_of
from sorter.palette.result import Rgb
from sorter.palette.sample import Raster, count_pixels
from sorter.palette.shown import LONGEST_SIDE, make_fit_to_show

WHITE, GREEN, TOMATO = (255, 255, 255), (0, 128, 0), (255, 99, 71)
BYTE = st.integers(0, 255)


def flag() -> np.ndarray:
    """Ten by ten pixels: half of it white, four tenths green, one tenth tomato."""
    return np.repeat(np.array([[WHITE, GREEN, TOMATO]], np.uint8), (5, 4, 1), axis=1).repeat(10, axis=0)


@pytest.fixture
def analyzer() -> ColorAnalyzer:
    return ColorAnalyzer(flag(), "auto")


def trace(figure: Any, place: int = 0) -> dict:
    return figure.to_dict()["data"][place]


def test_bars_are_as_long_as_shares_and_say_what_they_are(analyzer):
    figure = analyzer.plot_predominant_colors()
    bars = trace(figure)
    assert bars["x"] == pytest.approx((50, 40, 10))
    assert tuple(bars["y"]) == ("white  <b>#ffffff</b>", "green  <b>#008000</b>", "tomato  <b>#ff6347</b>")
    assert tuple(bars["text"]) == ("50.00%", "40.00%", "10.00%")
    assert tuple(bars["marker"]["color"]) == ("#ffffff", "#008000", "#ff6347")
    assert figure.layout.xaxis.title.text == "share of the pixels that count, %"
    assert figure.layout.xaxis.range[1] > 50 * 1.1  # room for the percentage
    assert figure.layout.title.text == "Predominant colors of the picture"


def test_the_strip_is_filled_from_end_to_end(analyzer):
    strip = trace(analyzer.plot_strip())
    middles, widths = np.array(strip["x"]), np.array(strip["width"])
    assert (middles - widths / 2).tolist() == pytest.approx([0, 50, 90])
    assert (middles + widths / 2).tolist() == pytest.approx([50, 90, 100])
    assert strip["text"][0] == "<b>#ffffff</b><br>50.00%"
    assert tuple(strip["textfont"]["color"]) == ("#000000", "#ffffff", "#000000")


def test_clusters_are_pixels_in_their_own_colors_and_marked_centers(analyzer):
    figure = analyzer.plot_3d_clusters()
    pixels, centers = trace(figure), trace(figure, 1)
    assert sorted(zip(pixels["x"], pixels["y"], pixels["z"], strict=True)) == [GREEN, TOMATO, WHITE]
    assert sorted(pixels["marker"]["color"]) == ["#008000", "#ff6347", "#ffffff"]
    assert tuple(pixels["text"]) == tuple(pixels["marker"]["color"])  # each is counted to itself
    assert list(zip(centers["x"], centers["y"], centers["z"], strict=True)) == [WHITE, GREEN, TOMATO]
    assert list(centers["marker"]["size"]) == sorted(centers["marker"]["size"], reverse=True)
    assert figure.layout.scene.xaxis.title.text == "red, 0 to 255"
    assert {sign.text for sign in figure.layout.scene.annotations} == {
        "<b>#ffffff</b>  50.00%", "<b>#008000</b>  40.00%", "<b>#ff6347</b>  10.00%"
    }  # fmt: skip


def test_clusters_in_lab_stand_on_axes_of_one_length_with_lightness_upward(analyzer):
    figure = analyzer.plot_3d_clusters("lab")
    white = analyzer.palette.colors[0].lab
    centers = trace(figure, 1)
    assert (centers["x"][0], centers["y"][0], centers["z"][0]) == pytest.approx(
        (white.a, white.b, white.lightness), abs=0.01
    )
    scene = figure.layout.scene
    ranges = [scene.xaxis.range, scene.yaxis.range, scene.zaxis.range]
    lengths = [high - low for low, high in ranges]
    assert lengths == pytest.approx([lengths[0]] * 3, abs=0.02)
    assert lengths[0] >= 100
    points = trace(figure)
    for axis, (low, high) in zip("xyz", ranges, strict=True):
        assert low - 0.01 <= min(points[axis]) <= max(points[axis]) <= high + 0.01
    with pytest.raises(UsageError, match="space is 'hsv': clusters are shown in rgb or lab"):
        analyzer.plot_3d_clusters("hsv")


def test_signs_on_one_side_do_not_cover_each_other_as_first_seen():
    picture = np.random.default_rng(5).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    signs = ColorAnalyzer(picture, 30).plot_3d_clusters().layout.scene.annotations
    assert len(signs) == 12
    for side in (-150, 150):
        same = sorted((sign for sign in signs if sign.ax == side), key=lambda sign: sign.z - 0.35 * (sign.x + sign.y))
        assert all(lower.ay - higher.ay >= 30 for lower, higher in combinations(same, 2))


def test_the_summary_has_the_picture_its_colors_the_first_and_the_second(analyzer):
    figure = analyzer.plot_summary()
    image, strip, main, second = figure.to_dict()["data"]
    assert (image["type"], image["xaxis"]) == ("image", "x")
    assert len(strip["x"]) == 3
    assert tuple(main["marker"]["color"]) + tuple(second["marker"]["color"]) == ("#ffffff", "#008000")
    assert (main["text"][0], main["textfont"]["color"]) == ("<b>#ffffff</b><br>white<br>50.00%", "#000000")
    assert [one.text for one in figure.layout.annotations] == [
        "Original", "Dominant colors", "Main color", "Second color"
    ]  # fmt: skip


def test_a_picture_of_one_color_has_no_second():
    figure = ColorAnalyzer(np.full((4, 4, 3), GREEN, np.uint8)).plot_summary()
    assert len(figure.data) == 3
    assert figure.layout.annotations[-1].text == "none"


@pytest.mark.parametrize("picture", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 4), np.uint8)])
def test_where_no_pixel_counts_each_figure_says_so(picture):
    analyzer = ColorAnalyzer(picture)
    for figure in (analyzer.plot_predominant_colors(), analyzer.plot_strip(), analyzer.plot_3d_clusters()):
        assert [one.text for one in figure.layout.annotations] == ["no color: every pixel<br>is transparent or ignored"]
        assert not figure.data
    assert len(analyzer.plot_image().data) == len(analyzer.plot_summary().data) == min(picture.size, 1)


def test_the_picture_is_shown_whole_upright_and_no_larger_than_needed(tmp_path):
    picture = Image.new("RGB", (2000, 50), GREEN)
    picture.paste(TOMATO, (0, 0, 1000, 50))
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    picture.save(tmp_path / "on side.png", exif=exif)
    analyzer = ColorAnalyzer(tmp_path / "on side.png")
    figure = analyzer.plot_image()
    image = trace(figure)
    shown = Image.open(BytesIO(base64.b64decode(image["source"].partition(",")[2])))
    assert shown.size == (20, LONGEST_SIDE)
    assert (shown.getpixel((10, 10)), shown.getpixel((10, LONGEST_SIDE - 10))) == (TOMATO, GREEN)
    # In the picture's own pixels, from 0 to 50 and to 2000.
    assert (image["x0"] - image["dx"] / 2, image["dx"] * 20) == pytest.approx((0, 50))
    assert (image["y0"] - image["dy"] / 2, image["dy"] * LONGEST_SIDE) == pytest.approx((0, 2000))
    assert figure.layout.title.text == "on side.png"
    with Image.open(tmp_path / "on side.png") as opened:
        assert ColorAnalyzer(opened).plot_image().layout.title.text == "on side.png"
    (tmp_path / "on side.png").unlink()
    with pytest.raises(SourceError, match="no such file"):
        analyzer.plot_image()


def test_what_is_transparent_stays_so():
    picture = np.full((3, 4, 4), 255, np.uint8)
    picture[0, 0, 3] = 0
    shown = make_fit_to_show(picture, 0)
    assert Image.open(BytesIO(shown.png)).getpixel((0, 0))[3] == 0
    assert Image.open(BytesIO(make_fit_to_show(picture[1:], 0).png)).mode == "RGB"


@given(color=st.tuples(BYTE, BYTE, BYTE))
def test_text_on_a_color_is_always_read(color):
    ink = 0.0 if ink_on(Rgb(*color)) == "#000000" else 1.0
    light = float(decode_gamma(np.array(color) / 255) @ [0.2126, 0.7152, 0.0722])
    bright, dark = max(light, ink), min(light, ink)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


@given(name=st.text(max_size=90))
def test_a_name_is_shown_as_it_is_and_never_as_markup(name):
    title = title_of(name)
    assert title.isprintable()
    assert "<" not in title
    assert ">" not in title
    if name.isprintable() and len(name) <= 60:
        assert title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == name


@given(
    rgb=arrays(
        np.uint16, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)), elements=st.integers(0, 65535)
    ),
    most=st.integers(1, 60),
)
def test_points_are_colors_of_the_picture_few_and_by_weight(rgb, most):
    sample = count_pixels(Raster(rgb, np.full(rgb.shape[:2], 65535, np.uint16), rgb.shape[1], rgb.shape[0]))
    places = np.arange(len(sample.rgb))
    cloud = cloud_of(sample, places, most)
    assert len(cloud.rgb) <= most
    assert np.array_equal(cloud.rgb, sample.rgb[cloud.of_color] * 255)
    # A color that has a share of 1 / most or more is never passed over.
    much = np.flatnonzero(sample.weights * most >= sample.weights.sum())
    assert np.isin(much, cloud.of_color).all()
    assert len(sample.rgb) > most or len(cloud.rgb) == len(sample.rgb)


def test_the_page_tells_its_colors_without_a_script_and_loads_nothing(analyzer, tmp_path):
    analyzer.plot_strip(tmp_path / "a.HTML")
    page = (tmp_path / "a.HTML").read_text("utf-8")
    assert "default-src 'none'" in page
    assert page.count('<span class="swatch"') == 3
    assert "The largest share: #ffffff, white, 50.00%." in page
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.mark.parametrize("to", ["a.svg", "a", "no/a.png"])
def test_a_file_that_makes_no_sense_is_refused_before_any_work(analyzer, tmp_path, monkeypatch, to):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"as \.html or \.png|no such folder"):
        analyzer.plot_image(to)


def test_what_is_not_installed_is_told_in_one_sentence(analyzer, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("sorter.palette.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    remedy = r'not installed: install it with pip install "conveyor-color-sorter\[plots\]"'
    with pytest.raises(SorterError, match=rf"plots need plotly, which is {remedy}"):
        analyzer.plot_strip()
    monkeypatch.setattr("sorter.palette.plot_files.find_spec", lambda _: None)
    with pytest.raises(SorterError, match=rf"PNG needs kaleido, which is {remedy}, or name \.html"):
        analyzer.plot_strip(tmp_path / "a.png")


def test_nothing_of_plotly_is_loaded_before_a_plot_is_asked_for(tmp_path):
    Image.fromarray(flag()).save(tmp_path / "flag.png")
    program = (
        "import sys\nfrom sorter import ColorAnalyzer\nfrom sorter.cli import main\n"
        f"main(['palette', {str(tmp_path / 'flag.png')!r}, '--coolors'])\n"
        "print(sorted({'plotly', 'kaleido', 'choreographer'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "https://coolors.co/ffffff-008000-ff6347\n[]\n"
