from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sorter.color.lab import bgr_to_lab
from sorter.product.belt import Belt, Contrast, cells_to_lab
from sorter.product.region import build_grid
from sorter.records import Mask
from sorter.settings.site import Direction, Region

ROWS, COLUMNS = 40, 70
GRID = build_grid(None, Direction.RIGHT, (COLUMNS, ROWS), 4)
DARK, RED, GREEN = (28.0, 0.5, -3.0), (45.0, 60.0, 40.0), (55.0, -45.0, 30.0)
Cells = NDArray[np.float32]


class Box(NamedTuple):
    """A product, in cells."""

    x0: int
    y0: int = 12
    width: int = 18
    height: int = 16
    lab: tuple[float, float, float] = RED

    def __call__(self, cells: NDArray[np.generic]) -> NDArray[np.generic]:
        return cells[self.y0 : self.y0 + self.height, max(self.x0, 0) : max(self.x0 + self.width, 0)]


class Scene:
    """A moving belt with weave, shading toward the corners, and noise; in Lab cells."""

    def __init__(self, lab: tuple[float, float, float] = DARK, texture: float = 1.0, noise: float = 0.5) -> None:
        self._random = np.random.default_rng(1)
        self._lab, self._noise = lab, noise
        weave = cv2.GaussianBlur(self._random.standard_normal((ROWS, 4 * COLUMNS), np.float32), (0, 0), 1.2)
        self._weave = weave / weave.std() * texture
        y, x = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
        self._shading = (4 * (x**2 + y**2)).astype(np.float32)

    def frame(self, number: int, *boxes: Box, gain: float = 1.0, shadow: Box | None = None) -> Cells:
        cells = np.empty((ROWS, COLUMNS, 3), np.float32)
        cells[:] = self._lab
        cells[..., 0] += np.roll(self._weave, 3 * number, axis=1)[:, :COLUMNS] - self._shading
        if shadow is not None:
            shadow(cells)[...] *= np.float32(0.8)
        for box in boxes:
            box(cells)[...] = box.lab
        # Exposure scales L* + 16, a* and b* alike.
        offset = np.float32([16, 0, 0])
        lit = (cells + offset) * gain - offset
        return (lit + self._random.normal(0, self._noise, cells.shape)).astype(np.float32)


def learn(frames: Sequence[Cells], contrast: Contrast | None = None) -> Belt:
    return Belt.learn(frames, GRID.inside, GRID.lanes, contrast or Contrast())


def learned(scene: Scene) -> Belt:
    return learn([scene.frame(number) for number in range(31)])


def covered(mask: Mask, box: Box) -> float:
    return float((box(mask) > 0).mean())


def elsewhere(mask: Mask, *boxes: Box) -> float:
    """What part of the rest is taken for something."""
    rest = mask.copy()
    for box in boxes:
        box(rest)[...] = 0
    return float((rest > 0).mean())


def watch(belt: Belt, frames: Sequence[Cells], step_s: float) -> list[Mask]:
    """As the pipeline does: look, then follow."""
    masks = []
    for cells in frames:
        masks.append(belt.foreground(cells))
        belt.follow(cells, masks[-1], step_s)
    return masks


class TestLearning:
    def test_what_is_not_belt_is_found_and_the_belt_is_not(self) -> None:
        scene = Scene()
        box = Box(30)
        mask = learned(scene).foreground(scene.frame(40, box))
        assert covered(mask, box) > 0.99
        assert elsewhere(mask, box) == 0

    @pytest.mark.parametrize("length", [1, 2, 3, 31])
    def test_a_few_frames_are_enough(self, length: int) -> None:
        scene = Scene(texture=0.5)
        belt = learn([scene.frame(number) for number in range(length)])
        box = Box(30)
        mask = belt.foreground(scene.frame(40, box))
        assert covered(mask, box) > 0.99
        assert elsewhere(mask, box) < 0.01

    @pytest.mark.parametrize("gap", [40, 60])
    def test_products_that_pass_leave_no_trace(self, gap: int) -> None:
        # Up to nearly half of the middle of the belt is covered at any time.
        scene = Scene()
        frames = [
            scene.frame(number, *(Box(x) for x in range(3 * number % gap - gap, COLUMNS, gap))) for number in range(31)
        ]
        belt = learn(frames)
        assert elsewhere(belt.foreground(scene.frame(40))) == 0
        box = Box(30, lab=GREEN)
        assert covered(belt.foreground(scene.frame(41, box)), box) > 0.99

    @pytest.mark.parametrize(("texture", "noise"), [(0.0, 0.0), (0.5, 0.3), (1.5, 0.5), (1.0, 1.5)])
    def test_weave_and_noise_are_belt(self, texture: float, noise: float) -> None:
        scene = Scene(texture=texture, noise=noise)
        masks = watch(learned(scene), [scene.frame(number) for number in range(40, 140)], 1 / 30)
        # Single cells may stick out; what is cleaned away later is no product.
        assert max(elsewhere(mask) for mask in masks) < 0.01

    @pytest.mark.parametrize("lab", [DARK, (92.0, 0.0, 2.0), (5.0, 0.0, 0.0), (50.0, -40.0, 25.0), (35.0, 15.0, -45.0)])
    def test_a_belt_of_any_color_is_learned(self, lab: tuple[float, float, float]) -> None:
        scene = Scene(lab)
        box = Box(30, lab=(70.0, 30.0, 60.0))
        mask = learned(scene).foreground(scene.frame(40, box))
        assert covered(mask, box) > 0.99
        assert elsewhere(mask, box) < 0.01

    def test_a_fixed_thing_seen_all_the_time_is_belt(self) -> None:
        scene = Scene()
        rail = Box(0, 0, COLUMNS, 3, (70.0, 0.0, 0.0))
        patch = Box(50, 20, 8, 8, (80.0, 0.0, 0.0))
        belt = learn([scene.frame(number, rail, patch) for number in range(31)])
        box = Box(20)
        mask = belt.foreground(scene.frame(40, box, rail, patch))
        assert covered(mask, box) > 0.99
        assert elsewhere(mask, box) == 0

    def test_nothing_is_seen_outside_the_region_and_the_rest_of_the_picture_does_not_count(self) -> None:
        scene = Scene()
        corners = ((0, 8), (COLUMNS, 8), (COLUMNS, 32), (0, 32))
        grid = build_grid(Region(polygon=((0, 0), *corners[1:3], (0, ROWS))), Direction.RIGHT, (COLUMNS, ROWS), 4)
        outside = grid.inside == 0
        assert outside.any()
        random = np.random.default_rng(1)

        def picture(number: int, *boxes: Box) -> Cells:
            cells = scene.frame(number, *boxes)
            cells[outside] = random.uniform(0, 100, (int(outside.sum()), 3))
            return cells

        belt = Belt.learn([picture(number) for number in range(31)], grid.inside, grid.lanes, Contrast())
        mask = belt.foreground(picture(40, Box(30)))
        assert not mask[outside].any()
        assert covered(mask, Box(30)) > 0.99
        assert elsewhere(mask, Box(30)) == 0


class TestLight:
    def test_a_slow_drift_is_followed(self) -> None:
        scene = Scene()
        belt = learned(scene)
        # A third brighter in half a minute: the light of a morning, but faster.
        frames = [scene.frame(number, gain=1 + number / 30 / 90) for number in range(900)]
        masks = watch(belt, frames, 1 / 30)
        assert max(elsewhere(mask) for mask in masks) == 0
        box = Box(30)
        assert covered(belt.foreground(scene.frame(3, box, gain=1.33)), box) > 0.99

    def test_a_drift_of_color_is_followed(self) -> None:
        scene = Scene()
        belt = learned(scene)
        frames = [scene.frame(number) + np.float32([0, number / 60, -number / 60]) for number in range(900)]
        assert max(elsewhere(mask) for mask in watch(belt, frames, 1 / 30)) < 0.01

    @pytest.mark.parametrize("gain", [0.6, 0.8, 1.25, 1.6])
    def test_a_sudden_gain_is_forgiven_and_told(self, gain: float) -> None:
        scene = Scene()
        belt = learned(scene)
        box = Box(30)
        mask = belt.foreground(scene.frame(40, box, gain=gain))
        assert belt.light_gain == pytest.approx(gain, rel=0.03)
        assert covered(mask, box) > 0.99
        assert elsewhere(mask, box) < 0.01

    @pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
    def test_the_expected_belt_is_the_belt_under_the_newest_light(self, gain: float) -> None:
        scene = Scene(texture=0.3, noise=0.1)
        belt = learned(scene)
        cells = scene.frame(40, gain=gain)
        belt.foreground(cells)
        assert np.abs(belt.expected - cells).mean() < 0.5

    def test_a_cast_shadow_is_forgiven_and_a_dark_product_is_not(self) -> None:
        scene = Scene((60.0, 2.0, 8.0), texture=0.5)
        belt = learned(scene)
        box, shadow = Box(20), Box(38, 14, 8, 16)
        mask = belt.foreground(scene.frame(40, box, shadow=shadow))
        assert covered(mask, box) > 0.99
        assert covered(mask, shadow) < 0.05
        black = Box(20, lab=(8.0, 0.0, 0.0))
        assert covered(belt.foreground(scene.frame(41, black)), black) > 0.99

    def test_how_deep_a_shadow_is_forgiven_is_a_setting(self) -> None:
        scene = Scene((60.0, 2.0, 8.0), texture=0.2)
        frames = [scene.frame(number) for number in range(31)]
        shadow = Box(30)
        dark = scene.frame(40, shadow=shadow)
        assert covered(learn(frames, Contrast(shadow_lightness=0)).foreground(dark), shadow) > 0.9
        assert covered(learn(frames, Contrast(shadow_lightness=18)).foreground(dark), shadow) < 0.05

    def test_the_least_contrast_is_a_setting(self) -> None:
        scene = Scene(texture=0.2, noise=0.2)
        frames = [scene.frame(number) for number in range(31)]
        faint = Box(30, lab=(DARK[0] + 6, *DARK[1:]))
        assert covered(learn(frames, Contrast(min_contrast=4)).foreground(scene.frame(40, faint)), faint) > 0.9
        assert covered(learn(frames, Contrast(min_contrast=12)).foreground(scene.frame(40, faint)), faint) == 0


class TestTime:
    def test_a_product_that_stops_is_never_taken_for_belt(self) -> None:
        scene = Scene()
        belt = learned(scene)
        box = Box(30)
        frames = [scene.frame(0, box)] * 100  # the belt stands still, too
        for _ in range(12):  # ten minutes
            masks = watch(belt, frames, 0.5)
            assert min(covered(mask, box) for mask in masks) > 0.99
            assert max(elsewhere(mask, box) for mask in masks) < 0.01
        gone = belt.foreground(scene.frame(1))
        assert elsewhere(gone) < 0.01

    def test_a_ghost_is_taken_for_belt_when_it_is_absorbed(self) -> None:
        scene = Scene(texture=0.5)
        stood = Box(30)
        belt = learn([scene.frame(number, stood) for number in range(31)])
        cells = scene.frame(40)
        ghost = belt.foreground(cells)
        assert covered(ghost, stood) > 0.9
        in_frame, in_model = belt.contour_contrast(cells, ghost)
        assert in_frame < 0.5 * in_model
        belt.absorb(cells, ghost)
        assert elsewhere(belt.foreground(scene.frame(41))) < 0.01
        box = Box(28, lab=GREEN)
        assert covered(belt.foreground(scene.frame(42, box)), box) > 0.95

    def test_a_product_that_stopped_has_its_outline_in_the_frame(self) -> None:
        scene = Scene()
        belt = learned(scene)
        cells = scene.frame(40, Box(30))
        in_frame, in_model = belt.contour_contrast(cells, belt.foreground(cells))
        assert in_frame > 2 * in_model

    def test_the_outline_of_nothing_has_no_contrast(self) -> None:
        scene = Scene()
        assert learned(scene).contour_contrast(scene.frame(40), np.zeros_like(GRID.inside)) == (0, 0)

    @given(st.lists(st.sampled_from([0.0, 1e-9, 0.02, 0.5, 100.0]), min_size=1, max_size=8))
    def test_no_step_of_time_spoils_the_model(self, steps_s: list[float]) -> None:
        scene = Scene(texture=0.5)
        belt = learned(scene)
        for number, step_s in enumerate(steps_s):
            cells = scene.frame(number)
            belt.follow(cells, belt.foreground(cells), step_s)
        assert elsewhere(belt.foreground(scene.frame(40))) < 0.01
        assert np.isfinite(belt.expected).all()

    def test_frames_are_not_written_to(self) -> None:
        scene = Scene()
        frames = [scene.frame(number) for number in range(5)]
        before = [cells.copy() for cells in frames]
        belt = learn(frames)
        for cells in frames:
            belt.follow(cells, belt.foreground(cells), 1.0)
        belt.absorb(frames[0], GRID.inside)
        belt.follow(frames[1], belt.foreground(frames[1]), 1.0)
        assert all(np.array_equal(one, other) for one, other in zip(frames, before, strict=True))

    def test_a_region_covered_all_over_keeps_the_light_it_knew(self) -> None:
        scene = Scene()
        belt = learned(scene)
        belt.foreground(scene.frame(40, gain=1.2))
        belt.follow(scene.frame(40, gain=1.2), np.full_like(GRID.inside, 255), 0.1)
        belt.foreground(scene.frame(41, Box(0, 0, COLUMNS, ROWS)))
        assert belt.light_gain == pytest.approx(1.2, rel=0.03)


def test_the_lab_of_cells_is_near_the_exact_one() -> None:
    cells = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    assert np.abs(cells_to_lab(cells) - bgr_to_lab(cells)).max() < 0.5


@pytest.mark.parametrize("lightness", [30.0, 60.0, 33.0])
@pytest.mark.parametrize("gap", [60, 50, 40])
def test_products_that_pass_on_a_gray_belt_leave_no_trace(lightness: float, gap: int) -> None:
    scene = Scene((lightness, 0.0, 0.0), texture=1.0, noise=0.5)
    frames = [scene.frame(n, *(Box(x) for x in range(3 * n % gap - gap, COLUMNS, gap))) for n in range(31)]
    belt = learn(frames)
    assert elsewhere(belt.foreground(scene.frame(40))) < 0.01
    assert covered(belt.foreground(scene.frame(41, Box(30))), Box(30)) > 0.99
