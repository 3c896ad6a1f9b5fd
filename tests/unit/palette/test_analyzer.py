"""The class that people use: worked examples."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from sorter import ColorAnalyzer
from sorter.errors import UsageError
from sorter.palette.result import Method, Space

RED, GREEN, BLUE, WHITE, ORANGE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255), (255, 128, 0)
WAYS = [(method, space) for method in Method for space in Space]


def flag(*parts: tuple[tuple[int, int, int], int]) -> np.ndarray:
    """Stripes, each of a color and so many rows of ten pixels."""
    return np.concatenate([np.full((rows, 10, 3), color, np.uint8) for color, rows in parts])


def speckled(seed: int = 0) -> np.ndarray:
    """A picture of many colors, with three that stand out."""
    chance = np.random.default_rng(seed)
    middles = np.array([[200, 40, 40], [40, 160, 60], [240, 230, 200]])[chance.integers(0, 3, (60, 80))]
    return np.clip(middles + chance.normal(0, 9, (60, 80, 3)), 0, 255).astype(np.uint8)


def test_predominant_colors_are_plain_data_largest_first() -> None:
    told = ColorAnalyzer(flag((RED, 2), (GREEN, 5), (BLUE, 3)), num_colors=3).get_predominant_colors()
    assert told == [
        {"color": {"R": 0, "G": 128, "B": 0}, "percentage": "50.00%"},
        {"color": {"R": 0, "G": 0, "B": 255}, "percentage": "30.00%"},
        {"color": {"R": 255, "G": 0, "B": 0}, "percentage": "20.00%"},
    ]


@pytest.mark.parametrize(("method", "space"), WAYS)
def test_a_single_color_is_exact_in_every_way(method: Method, space: Space) -> None:
    palette = ColorAnalyzer(np.full((9, 7, 3), (181, 230, 29), np.uint8), method=method, space=space).palette
    (swatch,) = palette.colors
    assert (swatch.rgb, swatch.hex, swatch.share, swatch.name) == ((181, 230, 29), "#b5e61d", 1.0, "greenyellow")
    assert palette.inertia == pytest.approx(0.0, abs=1e-12)
    assert (palette.width, palette.height, palette.pixels) == (7, 9, 63)
    assert (palette.dominant, palette.second_dominant) == (swatch, None)


@pytest.mark.parametrize(("method", "space"), WAYS)
def test_every_way_finds_three_colors_under_noise(method: Method, space: Space) -> None:
    palette = ColorAnalyzer(speckled(), num_colors=3, method=method, space=space).palette
    found = sorted(swatch.rgb for swatch in palette.colors)
    # Noise makes the largest channel larger, and in the cone that is what counts.
    assert np.abs(np.array(found) - [[40, 160, 60], [200, 40, 40], [238, 230, 200]]).max() <= 5
    assert (palette.method, palette.space) == (method, space)


@pytest.mark.parametrize("method", Method)
def test_the_same_picture_gives_the_same_answer_to_the_bit(method: Method) -> None:
    first, second = (ColorAnalyzer(speckled(), method=method).palette for _ in range(2))
    assert first == second


def test_more_starts_never_leave_more_inertia() -> None:
    few, many = (ColorAnalyzer(speckled(3), num_colors=7, n_init=starts).palette.inertia for starts in (1, 6))
    assert 0 < many <= few


@pytest.mark.parametrize(("colors", "count"), [((RED,), 1), ((RED, GREEN), 2), ((RED, GREEN, BLUE, WHITE, ORANGE), 5)])
@pytest.mark.parametrize("asked", ["auto", None])
def test_auto_counts_what_people_tell_apart(colors: tuple, count: int, asked: str | None) -> None:
    picture = flag(*((color, 5) for color in colors)).astype(int)
    noisy = np.clip(picture + np.random.default_rng(1).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    assert len(ColorAnalyzer(noisy, asked).palette.colors) == count


def test_white_and_other_backgrounds_are_ignored_within_a_tolerance() -> None:
    picture = flag(((253, 252, 250), 6), (RED, 1), ((120, 200, 120), 3))
    assert [one.hex for one in ColorAnalyzer(picture, ignore_white=True).palette.colors] == ["#78c878", "#ff0000"]
    only_red = ColorAnalyzer(picture, ignore_white=True, ignore=["#7ac87a"])
    assert only_red.get_predominant_colors() == [{"color": {"R": 255, "G": 0, "B": 0}, "percentage": "100.00%"}]
    assert only_red.palette.pixels == 10
    assert len(ColorAnalyzer(picture, ignore="white", tolerance=0.1).palette.colors) == 3
    assert ColorAnalyzer(picture, ignore=[(255, 0, 0)]).palette.colors[0].share == pytest.approx(6 / 9)


def test_foreground_is_at_the_center_and_background_at_the_edge() -> None:
    picture = np.full((40, 60, 3), BLUE, np.uint8)
    picture[12:28, 15:45] = ORANGE
    picture[:4, :4] = GREEN
    analyzer = ColorAnalyzer(picture, 3)
    assert analyzer.background == analyzer.palette.dominant
    assert analyzer.foreground == analyzer.palette.second_dominant
    assert (analyzer.background.hex, analyzer.foreground.hex) == ("#0000ff", "#ff8000")
    plain = ColorAnalyzer(np.full((4, 4, 3), BLUE, np.uint8))
    assert (plain.background.hex, plain.foreground) == ("#0000ff", None)


def test_the_accent_is_small_saturated_and_apart() -> None:
    picture = flag(((90, 90, 95), 60), ((200, 195, 190), 36), ((70, 60, 110), 2), (ORANGE, 2))
    accent = ColorAnalyzer(picture, 4).accent
    assert (accent.hex, accent.share) == ("#ff8000", 0.02)
    # A palette of two has no room for it: it is found all the same, with its own share.
    alone = ColorAnalyzer(picture, 2)
    assert (alone.accent.hex, alone.accent.share) == ("#ff8000", pytest.approx(0.02))
    assert all(one.hex != "#ff8000" for one in alone.palette.colors)
    # Half of the picture is no accent, and neither is a gray, or a shade of the main color.
    assert ColorAnalyzer(flag((ORANGE, 50), ((90, 90, 95), 50))).accent is None
    assert ColorAnalyzer(flag((ORANGE, 97), ((245, 125, 8), 3))).accent is None


@pytest.mark.parametrize("picture", [
    np.zeros((5, 6, 4), np.uint8), np.zeros((0, 6, 3), np.uint8), np.zeros((5, 0), np.uint16),
    Image.new("LA", (3, 3)), np.full((3, 3, 3), 255, np.uint8),
])  # fmt: skip
def test_where_no_pixel_counts_there_are_no_colors(picture: np.ndarray | Image.Image) -> None:
    analyzer = ColorAnalyzer(picture, "auto", ignore_white=True)
    assert analyzer.get_predominant_colors() == []
    assert (analyzer.palette.colors, analyzer.palette.pixels, analyzer.palette.inertia) == ((), 0, 0.0)
    assert analyzer.accent is analyzer.foreground is analyzer.background is analyzer.palette.dominant is None


def test_a_pixel_counts_by_its_opacity() -> None:
    picture = np.zeros((1, 3, 4), np.uint8)
    picture[0] = [(255, 0, 0, 255), (0, 0, 255, 127), (0, 255, 0, 0)]
    red, blue = ColorAnalyzer(picture).palette.colors
    assert (red.rgb, blue.rgb) == (RED, BLUE)
    assert (red.share, blue.share) == (255 / 382, 127 / 382)


@pytest.mark.parametrize(("settings", "told"), [
    ({"num_colors": 0}, "num_colors is 0: give a whole number from 1 to 256"),
    ({"num_colors": True}, "num_colors is True"), ({"num_colors": 2.5}, "num_colors is 2.5"),
    ({"num_colors": "many"}, "num_colors is 'many'"), ({"n_init": 0}, "n_init"), ({"max_pixels": 10}, "max_pixels"),
    ({"frame": -1}, "frame is -1"), ({"tolerance": float("nan")}, "tolerance is nan"),
    ({"method": "median"}, "method is 'median': give one of minibatch, kmeans, opencv, agglomerative"),
    ({"space": "cmyk"}, "space is 'cmyk': give one of lab, rgb, hsv, oklab"),
    ({"ignore": ["#12"]}, "'#12' is no color"), ({"ignore": [(1, 2, 300)]}, "(1, 2, 300) is no color"),
    ({"ignore": (255, 0, 0)}, "255 is no color: write each as #rrggbb"), ({"num_colors": [4]}, "num_colors is [4]"),
    ({"frame": 1}, "an array has one frame"),
])  # fmt: skip
def test_a_setting_that_makes_no_sense_is_told(settings: dict, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        ColorAnalyzer(flag((RED, 1)), **settings)
    assert told in str(refused.value)


def test_the_package_itself_stays_light() -> None:
    """Whoever imports `sorter` for its version alone loads neither numpy nor scikit-learn."""
    program = (
        "import sys, sorter; print(sorted({'numpy', 'cv2', 'sklearn', 'PIL'} & set(sys.modules)), 'ColorAnalyzer' in "
        "sorter.__all__)\ntry: sorter.Analyzer\nexcept AttributeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[] True\nmodule 'sorter' has no attribute 'Analyzer'\n"
