from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sorter.color import dominant
from sorter.color.difference import ciede2000
from sorter.color.dominant import Clustering, read_color
from sorter.color.lab import bgr_to_lab, rgb_to_lab, srgb_to_lab
from sorter.color.reference import read_color_exactly
from sorter.color.sample import sample_box
from sorter.records import ColorReading, Lab, LabPixels

RED, GREEN, BLUE, YELLOW = Lab(43, 63, 38), Lab(58, -45, 32), Lab(38, 18, -54), Lab(84, 0, 72)
ORANGE, BLACK = Lab(66, 34, 62), Lab(8, 0, 0)


def pixels(*parts: tuple[Lab, int], deviation: float = 0.0, seed: int = 1) -> LabPixels:
    """So many pixels of each color, shuffled, with noise."""
    random = np.random.default_rng(seed)
    clean = np.concatenate([np.repeat([color], count, axis=0) for color, count in parts])
    noisy = clean + random.normal(0, deviation, clean.shape)
    return random.permutation(noisy).astype(np.float32)


def apart(one: Lab, other: Lab) -> float:
    return float(ciede2000(np.array(one), np.array(other)))


def test_one_color_is_read_as_itself() -> None:
    reading = read_color(pixels((RED, 500)))
    assert len(reading.palette) == 1
    assert reading.dominant.lab == pytest.approx(RED)
    assert reading.dominant.share == 1


def test_of_two_colors_the_larger_is_dominant_and_both_are_told() -> None:
    reading = read_color(pixels((BLUE, 400), (YELLOW, 600), deviation=2))
    larger, smaller = reading.palette
    assert apart(larger.lab, YELLOW) < 0.5
    assert apart(smaller.lab, BLUE) < 0.5
    assert larger.share == pytest.approx(0.6, abs=0.01)
    assert smaller.share == pytest.approx(0.4, abs=0.01)


def test_four_colors_are_told_in_the_order_of_their_shares() -> None:
    reading = read_color(pixels((BLUE, 100), (YELLOW, 200), (RED, 400), (GREEN, 300), deviation=1))
    for found, color, share in zip(reading.palette, (RED, GREEN, YELLOW, BLUE), (0.4, 0.3, 0.2, 0.1), strict=True):
        assert apart(found.lab, color) < 0.5
        assert found.share == pytest.approx(share, abs=0.01)


def test_of_six_colors_the_largest_four_stay_near_themselves() -> None:
    parts = ((RED, 500), (GREEN, 200), (BLUE, 150), (YELLOW, 100), (ORANGE, 30), (BLACK, 20))
    reading = read_color(pixels(*parts, deviation=1))
    assert len(reading.palette) == 4
    assert apart(reading.dominant.lab, RED) < 3
    assert reading.dominant.share == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("color", ["#c8202c", "#f08a24", "#f4d03f", "#2e9e4f", "#2457b5", "#e0ddd4", "#282828"])
def test_a_shaded_disc_stays_one_color(color: str) -> None:
    red, green, blue = bytes.fromhex(color[1:])
    y, x = np.mgrid[-1:1:31j, -1:1:31j]
    lit = np.array([red, green, blue]) * (0.9 + 0.1 * x[..., None])  # a fifth darker on one side than on the other
    reading = read_color(srgb_to_lab(lit[np.hypot(x, y) < 0.9] / 255))
    assert len(reading.palette) == 1
    assert apart(reading.dominant.lab, rgb_to_lab(round(0.9 * red), round(0.9 * green), round(0.9 * blue))) < 1


@pytest.mark.parametrize("deviation", [0.5, 2.0, 3.0])
@pytest.mark.parametrize("color", [RED, GREEN, BLUE, YELLOW])
def test_noise_does_not_move_the_color(color: Lab, deviation: float) -> None:
    reading = read_color(pixels((color, 1000), deviation=deviation))
    assert apart(reading.dominant.lab, color) < 0.5
    assert reading.dominant.share > 0.99


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_so_few_pixels_are_enough(count: int) -> None:
    reading = read_color(pixels((GREEN, count)))
    assert [part.share for part in reading.palette] == [1]
    assert reading.dominant.lab == pytest.approx(GREEN)


def test_every_pixel_of_another_color_is_still_a_palette() -> None:
    reading = read_color(np.array([RED, GREEN, BLUE], np.float32))
    for part, color in zip(sorted(part.lab for part in reading.palette), (BLUE, RED, GREEN), strict=True):
        assert part == pytest.approx(color)


def test_no_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        read_color(np.empty((0, 3), np.float32))


def test_the_same_bytes_give_the_same_bytes_whatever_was_read_in_between() -> None:
    sample = pixels((BLUE, 400), (YELLOW, 450), (RED, 100), deviation=4)
    first = read_color(sample)
    for seed in range(100):
        read_color(pixels((ORANGE, 60), (BLACK, 50 + seed), deviation=3, seed=seed))
        assert read_color(sample.copy()) == first


def test_the_sample_is_not_written_to_and_no_global_randomness_is_used() -> None:
    sample = pixels((BLUE, 400), (YELLOW, 450), deviation=4)
    before = sample.copy()
    state = pickle.dumps(np.random.get_state())  # noqa: NPY002 - the global generator is what must be left alone
    read_color(sample)
    assert np.array_equal(sample, before)
    assert pickle.dumps(np.random.get_state()) == state  # noqa: NPY002 - likewise


def check_laws(reading: ColorReading, sample: LabPixels) -> None:
    shares = [part.share for part in reading.palette]
    assert 1 <= len(shares) <= Clustering().clusters
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0
    assert shares == sorted(shares, reverse=True)
    colors = np.array([part.lab for part in reading.palette])
    assert (colors >= sample.min(axis=0) - 1e-3).all()
    assert (colors <= sample.max(axis=0) + 1e-3).all()
    # The mean of the sample is the mean of its parts: no pixel counts twice or not at all.
    np.testing.assert_allclose(np.array(shares) @ colors, sample.mean(axis=0, dtype=np.float64), atol=1e-2)
    assert 0 <= reading.spread < 100
    # Disjoint parts are all of it together.
    assert len(reading.parts) in {0, *range(2, 9)}
    for part in reading.parts:
        assert sum(color.share for color in part) == pytest.approx(1)


@st.composite
def samples(draw: st.DrawFn) -> LabPixels:
    """Mixtures of up to eight sRGB colors with noise; every warning of scikit-learn is an error."""
    channel = st.integers(0, 255)
    colors = draw(st.lists(st.tuples(channel, channel, channel), min_size=1, max_size=8))
    parts = tuple((rgb_to_lab(*rgb), draw(st.integers(1, 200))) for rgb in colors)
    return pixels(*parts, deviation=draw(st.sampled_from([0, 0.5, 4, 15])), seed=draw(st.integers(0, 99)))


@given(samples())
def test_a_palette_of_anything_keeps_its_laws(sample: LabPixels) -> None:
    check_laws(read_color(sample), sample)


@given(samples(), st.integers(0, 99))
def test_a_palette_does_not_hang_on_the_order_of_the_pixels_to_the_last_bit(sample: LabPixels, seed: int) -> None:
    one = read_color(sample)
    other = read_color(np.random.default_rng(seed).permutation(sample))
    assert (one.palette, one.spread) == (other.palette, other.spread)


def test_the_same_pixels_give_the_same_bytes_a_thousand_times() -> None:
    sample = pixels((BLUE, 400), (YELLOW, 450), (RED, 100), (BLACK, 74), deviation=5)
    assert len({pickle.dumps(read_color(sample.copy())) for _ in range(1000)}) == 1


_READ_ELSEWHERE = """
import pickle, sys, numpy as np
from sorter.color.dominant import read_color
random = np.random.default_rng(4)
for _ in range(50):
    count = int(random.integers(200, 4000))
    centers = random.uniform((10, -60, -60), (95, 60, 60), (5, 3))
    sample = centers[random.integers(0, 5, count)] + random.normal(0, 5, (count, 3))
    sys.stdout.buffer.write(pickle.dumps(read_color(sample.astype(np.float32))))
"""


def test_the_same_pixels_give_the_same_bytes_in_any_process_on_any_number_of_cores() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", _READ_ELSEWHERE],
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            cwd=Path(__file__).parents[3],
        ).stdout
        for threads in ("1", "2", "7")
    }
    assert len(told) == 1
    assert len(next(iter(told))) > 10_000


def test_clustering_with_scikit_learn_leaves_nothing_to_chance() -> None:
    sample = pixels((BLUE, 400), (YELLOW, 450), (RED, 100), deviation=5)
    read_color(sample)
    assert (dominant._UNUSED_RANDOMNESS.get_state()[1] == np.random.RandomState(0).get_state()[1]).all()


@pytest.mark.parametrize("color", ["#c8202c", "#f4d03f", "#2e9e4f", "#2457b5", "#7a4a24"])
def test_a_lit_and_a_shaded_side_are_one_color(color: str) -> None:
    linear = (np.array([*bytes.fromhex(color[1:])]) / 255) ** 2.2
    light = np.linspace(0.3, 1, 400)[:, None]
    reading = read_color(srgb_to_lab((linear * light) ** (1 / 2.2)))
    assert [part.share for part in reading.palette] == [1]


def test_black_and_white_print_are_two_colors() -> None:
    reading = read_color(pixels((Lab(12, 0, 0), 400), (Lab(92, 0, 2), 600), deviation=2))
    assert [round(part.share, 2) for part in reading.palette] == [0.6, 0.4]


def test_parts_tell_two_halves_of_nearly_the_same_size_from_one_color() -> None:
    even = read_color(pixels((BLUE, 505), (YELLOW, 495), deviation=2))
    clear = read_color(pixels((BLUE, 1000), (YELLOW, 100), deviation=2))
    assert len({apart(part[0].lab, BLUE) < 10 for part in even.parts}) == 2
    assert all(apart(part[0].lab, BLUE) < 10 for part in clear.parts)


def test_parts_show_what_disjoint_samples_show_when_each_is_read_alone() -> None:
    sample = pixels((BLUE, 700), (YELLOW, 300), deviation=3)
    parts = read_color(sample).parts
    assert len(parts) == 8
    for number, part in enumerate(parts):
        alone = read_color(sample[number::8])
        assert apart(part[0].lab, alone.dominant.lab) < 0.5
        assert part[0].share == pytest.approx(alone.dominant.share, abs=0.01)


def test_the_spread_is_that_of_the_dominant_color() -> None:
    narrow, wide = (read_color(pixels((GREEN, 1000), deviation=deviation)).spread for deviation in (0.5, 3))
    assert narrow < 1 < wide
    assert read_color(pixels((GREEN, 50))).spread == pytest.approx(0, abs=1e-3)


def test_real_pictures_are_read_as_a_converged_clustering_of_every_pixel_reads_them(data: Path) -> None:
    # All 2,077 regions of the shared sets: `python -m benchmarks accuracy`. Here every fifteenth picture of the
    # hardest set.
    differences = []
    for path in sorted((data / "fruit" / "images").glob("*.jpg"))[::15]:
        image = picture(path)
        exact = read_color_exactly(sample_box(image, count=image[..., 0].size))
        differences.append(apart(read_color(sample_box(image)).dominant.lab, exact.dominant.lab))
    assert np.median(differences) <= 0.5
    assert np.percentile(differences, 90) <= 3


@pytest.mark.parametrize("count", [2, 1024])
@pytest.mark.parametrize("lab", [(0, -128, -128), (100, 128, 128), (100, -128, 128), (0, 0, 0), (100, 0, 0)])
def test_the_corners_of_lab_are_colors_like_others(lab: tuple[float, ...], count: int) -> None:
    reading = read_color(np.full((count, 3), lab, np.float32))
    assert reading.dominant.lab == pytest.approx(lab)


def test_noise_of_every_byte_is_read_without_a_warning() -> None:
    sample = bgr_to_lab(np.random.default_rng(3).integers(0, 256, (1024, 3), dtype=np.uint8))
    check_laws(read_color(sample), sample)


def picture(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


def test_real_fruit_keeps_the_laws(data: Path) -> None:
    paths = sorted((data / "fruit" / "images").glob("*.jpg"))
    assert len(paths) == 580
    for path in paths[::10]:
        sample = sample_box(picture(path))
        check_laws(read_color(sample), sample)


@pytest.mark.parametrize("variety", ["Cherry_2", "Cherry_4", "Tomato_Cherry_Red_2", "Cherry_5", "Apple_18"])
def test_a_turning_fruit_of_one_color_keeps_its_color(data: Path, variety: str) -> None:
    paths = sorted((data / "fruit" / "images").glob(f"{variety}__*.jpg"))
    assert len(paths) == 20
    colors = np.array([read_color(sample_box(picture(path))).dominant.lab for path in paths])
    assert ciede2000(colors, np.median(colors, axis=0)).max() < 7.5
