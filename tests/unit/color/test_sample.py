from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from sorter.color.difference import ciede2000
from sorter.color.dominant import read_color
from sorter.color.lab import bgr_to_lab
from sorter.color.sample import SAMPLE_PIXELS, lattice, pick, sample_box, sample_cells, speaking
from sorter.records import BgrImage, LabPixels

Bgr = tuple[int, int, int]
RED, WHITE, GRAY, GREEN, BLACK = (40, 30, 200), (250, 250, 250), (128, 128, 128), (60, 120, 60), (16, 16, 16)
GROUNDS = {"white": WHITE, "gray": GRAY, "green": GREEN, "light gray": (200, 200, 200), "black": BLACK}


def lab_of(color: Bgr) -> LabPixels:
    return bgr_to_lab(np.array(color, np.uint8))


def away(sample: LabPixels, color: Bgr) -> NDArray[np.float64]:
    return ciede2000(sample, lab_of(color))


def dominant_away(sample: LabPixels, color: Bgr) -> float:
    return float(ciede2000(np.array(read_color(sample).dominant.lab), lab_of(color)))


def canvas(color: Bgr, height: int = 80, width: int = 80) -> BgrImage:
    return np.full((height, width, 3), color, np.uint8)


def lay_disc(image: BgrImage, color: Bgr, part: float, middle: tuple[float, float] = (0.5, 0.5)) -> BgrImage:
    """Draw an ellipse over ``part`` of the picture's sides."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    inside = np.hypot((x + 0.5) / width - middle[0], (y + 0.5) / height - middle[1]) < part / 2
    image[inside] = color
    return image


def disc_on(ground: Bgr, color: Bgr, part: float) -> BgrImage:
    return lay_disc(canvas(ground), color, part)


def are_among(sample: LabPixels, pixels: LabPixels) -> bool:
    # The last bits of a pixel's Lab hang on how many are converted at once.
    return bool((cdist(sample, pixels).min(axis=1) < 1e-3).all())


class TestBox:
    """A picture that is filled by one product."""

    def test_a_loose_box_on_white_is_read_as_its_product(self) -> None:
        sample = sample_box(disc_on(WHITE, RED, 0.6))
        assert (away(sample, RED) == 0).all()

    def test_a_tight_box_is_read_as_its_product(self) -> None:
        assert (away(sample_box(canvas(RED)), RED) == 0).all()
        assert (away(sample_box(disc_on(WHITE, RED, 1.0)), RED) == 0).all()

    @pytest.mark.parametrize("part", [0.52, 0.6, 0.7, 0.85, 1.0, 1.2])
    @pytest.mark.parametrize("ground", GROUNDS)
    @pytest.mark.parametrize("color", [RED, WHITE, (220, 235, 245), GRAY, (20, 15, 90), (60, 200, 220)])
    def test_a_product_on_any_other_ground_is_read_as_itself(self, color: Bgr, ground: str, part: float) -> None:
        if away(lab_of(color)[None], GROUNDS[ground])[0] > 7:
            assert dominant_away(sample_box(disc_on(GROUNDS[ground], color, part)), color) < 0.5

    @pytest.mark.parametrize("color", [RED, WHITE, GRAY, BLACK])
    def test_a_product_of_the_grounds_own_color_is_read_as_that_color(self, color: Bgr) -> None:
        assert len(sample_box(disc_on(color, color, 0.7))) == pytest.approx(SAMPLE_PIXELS, rel=0.03)
        assert dominant_away(sample_box(disc_on(color, color, 0.7)), color) < 0.5

    def test_glare_and_a_cast_shadow_are_left_out(self) -> None:
        image = canvas((205, 210, 200))
        lay_disc(image, (115, 118, 112), 0.7, (0.56, 0.56))  # the ground at 0.56 of its light
        lay_disc(image, RED, 0.7)
        lay_disc(image, (252, 253, 255), 0.2, (0.42, 0.42))
        assert (away(sample_box(image), RED) == 0).all()

    @pytest.mark.parametrize("ground", [RED, GRAY, BLACK])
    def test_of_a_product_that_is_all_glare_nothing_is_known(self, ground: Bgr) -> None:
        assert len(sample_box(disc_on(ground, (255, 255, 255), 0.9))) == 0
        assert len(sample_box(canvas((255, 255, 255)))) == 0

    def test_uneven_corners_are_no_ground(self) -> None:
        image = canvas(RED)
        image[:40, :40], image[40:, 40:] = GREEN, BLACK
        lay_disc(image, (200, 60, 40), 0.9)
        assert dominant_away(sample_box(image), (200, 60, 40)) < 0.5

    @pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 40), (40, 1), (2, 2), (3, 3), (2, 700), (900, 3)])
    def test_the_smallest_pictures_have_a_sample(self, size: tuple[int, int]) -> None:
        sample = sample_box(canvas(RED, *size))
        assert 1 <= len(sample) <= 1.1 * SAMPLE_PIXELS
        assert (away(sample, RED) == 0).all()

    @given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
    def test_every_sampled_pixel_is_one_of_the_picture(self, height: int, width: int, seed: int) -> None:
        image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        sample = sample_box(image)
        assert 1 <= len(sample) <= 1.1 * SAMPLE_PIXELS
        assert are_among(sample, bgr_to_lab(image).reshape(-1, 3))

    def test_a_read_only_picture_is_sampled(self) -> None:
        image = disc_on(WHITE, RED, 0.6)
        image.flags.writeable = False
        sample_box(image)


class TestCells:
    """A product that was found on the belt."""

    BELT = (70, 64, 60)

    def sample(self, image: BgrImage, cell_px: int = 2, core: NDArray[np.uint8] | None = None) -> LabPixels | None:
        rows, columns = image.shape[0] // cell_px, image.shape[1] // cell_px
        ground = np.broadcast_to(lab_of(self.BELT), (rows, columns, 3))
        core = np.full((rows, columns), 255, np.uint8) if core is None else core
        return sample_cells(image, core, cell_px, ground)

    def found(self, image: BgrImage) -> LabPixels:
        sample = self.sample(image)
        assert sample is not None
        return sample

    def test_the_belt_a_shadow_and_glare_are_left_out(self) -> None:
        image = canvas(self.BELT)
        lay_disc(image, (42, 38, 36), 0.8, (0.55, 0.55))
        lay_disc(image, RED, 0.75)
        lay_disc(image, (252, 253, 255), 0.2, (0.45, 0.45))
        assert (away(self.found(image), RED) == 0).all()

    @pytest.mark.parametrize("color", [WHITE, (20, 18, 17), (68, 64, 62)])
    def test_a_product_that_looks_like_glare_or_shadow_or_belt_all_over_is_read_as_itself(self, color: Bgr) -> None:
        assert (away(self.found(canvas(color)), color) == 0).all()

    @pytest.mark.parametrize("body", [(20, 18, 17), (35, 32, 30), (45, 41, 39), WHITE])
    def test_a_body_that_looks_like_shadow_or_glare_is_not_lost_to_its_label(self, body: Bgr) -> None:
        # Seen: a dark body with a red label over 40 % of it was read as all red.
        image = canvas(body)
        image[:32] = RED
        sample = self.found(image)
        assert dominant_away(sample, body) < 0.5
        assert read_color(sample).dominant.share == pytest.approx(0.6, abs=0.01)

    def test_only_the_core_is_read(self) -> None:
        image = canvas(GREEN)
        image[20:60, 20:60] = RED
        core = np.zeros((40, 40), np.uint8)
        core[10:30, 10:30] = 255
        sample = self.sample(image, core=core)
        assert sample is not None
        assert (away(sample, RED) == 0).all()

    def test_an_empty_core_gives_no_sample(self) -> None:
        assert self.sample(canvas(RED), core=np.zeros((40, 40), np.uint8)) is None

    @pytest.mark.parametrize("cell_px", [1, 2, 3, 5, 8])
    @pytest.mark.parametrize("cells", [1, 2, 7, 40])
    def test_small_products_give_several_pixels_of_each_cell(self, cell_px: int, cells: int) -> None:
        image = canvas(RED, cells * cell_px, cells * cell_px)
        sample = self.sample(image, cell_px)
        assert sample is not None
        assert min(image[..., 0].size, SAMPLE_PIXELS) / 5 <= len(sample) <= SAMPLE_PIXELS

    @given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
    def test_pixels_are_read_never_an_average_of_them(self, cell_px: int, rows: int, columns: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        image = random.integers(0, 256, (rows * cell_px, columns * cell_px, 3), dtype=np.uint8)
        core = (random.random((rows, columns)) < 0.5).astype(np.uint8) * 255
        sample = self.sample(image, cell_px, core)
        if not core.any():
            assert sample is None
            return
        assert sample is not None
        spot = core.repeat(cell_px, axis=0).repeat(cell_px, axis=1) > 0
        assert are_among(sample, bgr_to_lab(image[spot]))


LAB_PIXELS = st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=40).map(
    lambda colors: bgr_to_lab(np.array(colors, np.uint8))
)


@given(LAB_PIXELS, st.none() | st.tuples(*[st.integers(0, 255)] * 3))
def test_something_speaks_unless_all_is_glare_and_nothing_is_made_up(pixels: LabPixels, ground: Bgr | None) -> None:
    kept = speaking(pixels, None if ground is None else lab_of(ground)[None])
    assert len(kept) <= len(pixels)
    assert len(kept) or (pixels[:, 0] >= 99.5).any()
    assert are_among(kept, pixels)


@given(st.tuples(*[st.integers(0, 255)] * 3), st.none() | st.tuples(*[st.integers(0, 255)] * 3))
def test_a_product_of_one_color_keeps_all_of_its_pixels(color: Bgr, ground: Bgr | None) -> None:
    pixels = np.repeat(lab_of(color)[None], 50, axis=0)
    if pixels[0, 0] >= 99.5:
        return
    assert len(speaking(pixels, None if ground is None else lab_of(ground)[None])) == 50


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 500))
def test_picked_pixels_are_set_different_and_in_reading_order(rows: int, columns: int, count: int) -> None:
    mask = (np.random.default_rng(rows * columns).random((rows, columns)) < 0.6).astype(np.uint8) * 255
    y, x = pick(mask, count)
    assert len(y) == min(count, np.count_nonzero(mask))
    assert (mask[y, x] > 0).all()
    assert (np.diff(y * columns + x) > 0).all()


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 3000))
def test_a_lattice_lies_in_the_picture_evenly_and_has_about_the_size_asked_for(
    height: int, width: int, count: int
) -> None:
    rows, columns = lattice(height, width, count)
    assert rows.min() >= 0
    assert columns.min() >= 0
    assert rows.max() < height
    assert columns.max() < width
    if min(height, width) >= 30 and count >= 100:
        assert len(rows) == pytest.approx(min(count, height * width), rel=0.2)
        assert rows.mean() == pytest.approx((height - 1) / 2, abs=0.1 * height)
        assert columns.mean() == pytest.approx((width - 1) / 2, abs=0.1 * width)


def test_a_lattice_of_as_many_as_there_are_is_all_pixels_once() -> None:
    rows, columns = lattice(40, 70, 10**9)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows) == 40 * 70


def test_stripes_as_wide_as_the_lattice_do_not_keep_time_with_it() -> None:
    _, columns = lattice(480, 640, 1600)
    period = round(640 / 46)
    share = ((columns % period) < period / 2).mean()
    assert share == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("learned_on", [0, 1])
def test_real_candies_are_sorted_by_bins_taught_on_other_plates(data: Path, learned_on: int) -> None:
    folder = data / "candy_plates"
    with (folder / "boxes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # A quarter of the plates: all 64 were tried, and none of their 1,344 candies was in the wrong bin.
    plates = sorted({row["file"] for row in rows})[::4]
    colors: dict[tuple[int, str], list[tuple[float, ...]]] = {}
    for number, plate in enumerate(plates):
        image = np.asarray(cv2.imread(str(folder / plate)), np.uint8)
        for row in (row for row in rows if row["file"] == plate):
            x0, y0, x1, y1 = (int(row[key]) for key in ("x0", "y0", "x1", "y1"))
            lab = read_color(sample_box(image[y0:y1, x0:x1])).dominant.lab
            colors.setdefault((number % 2, row["color"]), []).append(lab)
    names = sorted({name for _, name in colors})
    centers = np.array([np.median(colors[learned_on, name], axis=0) for name in names])
    for name in names:
        others = np.array(colors[1 - learned_on, name])
        nearest = ciede2000(others[:, None], centers[None]).argmin(axis=1)
        assert [names[index] for index in nearest] == [name] * len(others)
