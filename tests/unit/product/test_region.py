from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sorter.product.region import (
    DOWNSTREAM,
    SIDE,
    UPSTREAM,
    Grid,
    RegionOutsideError,
    build_grid,
    direction_deg,
)
from sorter.records import Box
from sorter.settings.site import Direction, Region

Size = tuple[int, int]


def rectangle(x: int, y: int, width: int, height: int) -> Region:
    return Region(x=x, y=y, width=width, height=height)


def test_the_whole_picture_is_cut_into_cells_that_products_cover_four_of() -> None:
    grid = build_grid(None, Direction.RIGHT, (960, 540), 16)
    assert grid.box == Box(0, 0, 960, 540)
    assert (grid.cell_px, grid.inside.shape) == (4, (135, 240))
    assert (grid.inside == 255).all()
    assert grid.length_px == 960


def test_along_and_across_are_measured_from_the_upstream_end_and_one_side() -> None:
    grid = build_grid(rectangle(100, 50, 64, 32), Direction.RIGHT, (320, 180), 16)
    cell = grid.cell_px
    assert grid.along_px[0, :3].tolist() == [cell / 2, 1.5 * cell, 2.5 * cell]
    assert grid.across_px[:3, 0].tolist() == [cell / 2, 1.5 * cell, 2.5 * cell]


@pytest.mark.parametrize(
    ("direction", "along", "across"),
    [
        (Direction.RIGHT, (0, 1), (1, 0)),
        (Direction.DOWN, (1, 0), (0, -1)),
        (Direction.LEFT, (0, -1), (-1, 0)),
        (Direction.UP, (-1, 0), (0, 1)),
    ],
)
def test_coordinates_rise_with_the_belt_and_a_quarter_turn_clockwise_of_it(
    direction: Direction, along: Size, across: Size
) -> None:
    grid = build_grid(None, direction, (80, 60), 4)
    for coordinates, (down, right) in ((grid.along_px, along), (grid.across_px, across)):
        assert np.diff(coordinates, axis=0).mean() == pytest.approx(down * grid.cell_px, abs=1e-3)
        assert np.diff(coordinates, axis=1).mean() == pytest.approx(right * grid.cell_px, abs=1e-3)


@pytest.mark.parametrize(
    ("direction", "left", "right", "top", "bottom"),
    [
        (Direction.RIGHT, UPSTREAM, DOWNSTREAM, SIDE, SIDE),
        (Direction.DOWN, SIDE, SIDE, UPSTREAM, DOWNSTREAM),
        (Direction.LEFT, DOWNSTREAM, UPSTREAM, SIDE, SIDE),
        (Direction.UP, SIDE, SIDE, DOWNSTREAM, UPSTREAM),
        (30.0, UPSTREAM, DOWNSTREAM, SIDE, SIDE),
        (45.0, UPSTREAM, DOWNSTREAM, UPSTREAM, DOWNSTREAM),
        (240.0, SIDE, SIDE, DOWNSTREAM, UPSTREAM),
    ],
)
def test_each_edge_is_an_end_or_a_side_by_where_it_faces(
    direction: Direction | float, left: int, right: int, top: int, bottom: int
) -> None:
    border = build_grid(None, direction, (320, 180), 16).border
    middle_row, middle_column = border.shape[0] // 2, border.shape[1] // 2
    assert (border[middle_row, 0], border[middle_row, -1]) == (left, right)
    assert (border[0, middle_column], border[-1, middle_column]) == (top, bottom)
    assert (border[1:-1, 1:-1] == 0).all()
    assert (np.concatenate([border[0], border[-1], border[:, 0], border[:, -1]]) > 0).all()


def test_the_corners_of_a_rectangle_belong_to_its_ends() -> None:
    border = build_grid(None, Direction.RIGHT, (320, 180), 16).border
    assert (border[:, 0] == UPSTREAM).all()
    assert (border[:, -1] == DOWNSTREAM).all()


@given(
    st.floats(-360, 360),
    st.integers(8, 400),
    st.integers(8, 300),
    st.floats(1, 500),
)
def test_any_direction_and_size_gives_a_grid_that_keeps_its_laws(
    direction: float, width: int, height: int, min_length_px: float
) -> None:
    grid = build_grid(None, direction, (width, height), min_length_px)
    check_laws(grid, (width, height))
    angle = math.radians(direction)
    # The extent of a rectangle in any direction.
    box = grid.box
    extent = abs(box.width * math.cos(angle)) + abs(box.height * math.sin(angle))
    corner = grid.cell_px * (abs(math.cos(angle)) + abs(math.sin(angle)) - 1)
    assert grid.length_px == pytest.approx(extent - corner, abs=0.01)


def check_laws(grid: Grid, size: Size) -> None:
    rows, columns = grid.inside.shape
    assert grid.box.width == columns * grid.cell_px
    assert grid.box.height == rows * grid.cell_px
    assert 0 <= grid.box.x0 < grid.box.x1 <= size[0]
    assert 0 <= grid.box.y0 < grid.box.y1 <= size[1]
    within = grid.inside > 0
    for coordinates in (grid.along_px, grid.across_px):
        assert coordinates[within].min() == pytest.approx(grid.cell_px / 2, abs=0.01)
    assert grid.along_px[within].max() + grid.cell_px / 2 == pytest.approx(grid.length_px, abs=0.01)
    assert set(np.unique(grid.border)) <= {0, UPSTREAM, DOWNSTREAM, SIDE}
    assert not grid.border[~within].any()
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    assert grid.cells_bgr(grid.crop(picture)).shape == (rows, columns, 3)


@given(st.floats(0, 180), st.integers(60, 400), st.integers(60, 300))
def test_turning_the_belt_round_swaps_its_ends(direction: float, width: int, height: int) -> None:
    there = build_grid(None, direction, (width, height), 16)
    back = build_grid(None, direction - 180, (width, height), 16)
    assert np.array_equal(there.border == UPSTREAM, back.border == DOWNSTREAM)
    assert np.array_equal(there.border == SIDE, back.border == SIDE)
    np.testing.assert_allclose(there.along_px + back.along_px, there.length_px, atol=0.01)


POINTS = st.tuples(st.integers(0, 320), st.integers(0, 180))


@given(st.lists(POINTS, min_size=3, max_size=8), st.floats(0, 360), st.floats(1, 100))
def test_any_polygon_gives_a_lawful_grid_or_a_sentence(corners: list[Size], direction: float, min_px: float) -> None:
    try:
        grid = build_grid(Region(polygon=tuple(corners)), direction, (320, 180), min_px)
    except RegionOutsideError as error:
        assert "the region" in str(error)  # noqa: PT017 - either answer is right, and both are held to something
        return
    check_laws(grid, (320, 180))
    assert ((grid.inside > 0) & (grid.border == 0)).any()


def test_a_polygon_that_is_a_rectangle_is_that_rectangle() -> None:
    corners = ((40, 20), (200, 20), (200, 120), (40, 120))
    polygon = build_grid(Region(polygon=corners), 30.0, (320, 180), 16)
    box = build_grid(rectangle(40, 20, 160, 100), 30.0, (320, 180), 16)
    assert polygon.box == box.box
    for part in ("inside", "border", "along_px", "across_px"):
        assert np.array_equal(getattr(polygon, part), getattr(box, part))


def test_a_triangle_is_laid_over_the_cells_within_it() -> None:
    grid = build_grid(Region(polygon=((10, 10), (210, 10), (110, 110))), Direction.RIGHT, (320, 180), 4)
    assert grid.inside.mean() / 255 == pytest.approx(0.5, abs=0.02)
    assert grid.inside[0, 0] == 255
    assert grid.inside[-1, 0] == 0
    assert set(np.unique(grid.border)) == {0, UPSTREAM, DOWNSTREAM, SIDE}


@pytest.mark.parametrize(
    "corners",
    [
        ((10, 10), (100, 100), (50, 50)),  # in one line: as long as a region, and nowhere inside
        ((10, 10), (300, 11), (150, 10)),
        ((20, 20), (20, 20), (20, 20)),
    ],
)
def test_a_polygon_round_nothing_is_refused(corners: tuple[Size, ...]) -> None:
    with pytest.raises(RegionOutsideError, match=r"encloses nothing|needs at least 8 x 8"):
        build_grid(Region(polygon=corners), Direction.RIGHT, (320, 180), 16)


@pytest.mark.parametrize(
    "region",
    [
        rectangle(0, 0, 321, 180),
        rectangle(313, 0, 8, 180),
        rectangle(0, 173, 320, 8),
        Region(polygon=((-1, 0), (100, 0), (100, 100))),
        Region(polygon=((0, 0), (10**12, 0), (100, 100))),
    ],
)
def test_a_region_outside_the_picture_is_refused_with_both_sizes(region: Region) -> None:
    with pytest.raises(RegionOutsideError, match=r"outside the picture, which is 320 x 180 pixels: make it fit"):
        build_grid(region, Direction.RIGHT, (320, 180), 16)


@pytest.mark.parametrize("size", [(7, 100), (100, 7), (1, 1)])
def test_a_picture_too_small_for_any_region_is_refused(size: Size) -> None:
    with pytest.raises(RegionOutsideError, match="at least 8 x 8"):
        build_grid(None, Direction.RIGHT, size, 16)


@pytest.mark.parametrize("direction", [0.0, 30.0, 90.0])
def test_the_smallest_region_has_a_rim_and_an_inside(direction: float) -> None:
    grid = build_grid(rectangle(3, 5, 8, 8), direction, (320, 180), 16)
    assert grid.box == Box(3, 5, 11, 13)
    assert (grid.border == 0).sum() == 36
    check_laws(grid, (320, 180))


def test_what_does_not_fill_a_cell_is_left_out() -> None:
    grid = build_grid(None, Direction.RIGHT, (1921, 1083), 16)
    assert (grid.cell_px, grid.box) == (4, Box(0, 0, 1920, 1080))


def test_a_smallest_product_larger_than_the_picture_changes_nothing_but_the_cells() -> None:
    grid = build_grid(None, Direction.RIGHT, (960, 540), 5000)
    assert grid.cell_px == 4
    check_laws(grid, (960, 540))


def test_a_crop_is_a_view_and_a_cell_the_mean_of_its_pixels() -> None:
    image = np.random.default_rng(1).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    grid = build_grid(rectangle(10, 20, 200, 100), Direction.RIGHT, (320, 180), 16)
    crop = grid.crop(image)
    assert np.shares_memory(crop, image)
    rows, columns = grid.inside.shape
    cell = grid.cell_px
    means = crop.reshape(rows, cell, columns, cell, 3).mean(axis=(1, 3))
    assert np.abs(grid.cells_bgr(crop) - means).max() <= 0.5 + 1e-6


@given(st.floats(-360, 360))
def test_degrees_stay_as_they_are_and_words_have_theirs(degrees: float) -> None:
    assume(math.isfinite(degrees))
    assert direction_deg(degrees) == degrees
    assert [direction_deg(one) for one in (Direction.RIGHT, Direction.DOWN, Direction.LEFT, Direction.UP)] == [
        0,
        90,
        180,
        270,
    ]
