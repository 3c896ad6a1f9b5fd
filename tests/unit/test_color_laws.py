"""What must not change a decision: laws over drawn products, from the crop's pixels to the bin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sorter.capture.simulator.painter import Painter
from sorter.capture.simulator.truth import Schedule
from sorter.color.bins import Bins
from sorter.color.dominant import read_color
from sorter.color.lab import lab_to_srgb, srgb_to_lab
from sorter.color.sample import sample_box
from sorter.decision import Outcome, cast, vote
from sorter.pipeline import open_pipeline
from sorter.records import BgrImage, Decision, Frame, Verdict
from sorter.settings.bins import BinSettings
from sorter.settings.load import load_project, load_recipe
from sorter.settings.recipe import Recipe

ROOT = Path(__file__).parents[2]


@cache
def demo_recipe() -> Recipe:
    return load_recipe(ROOT / "config" / "recipes" / "demo.yaml").value


def decide(crop_bgr: BgrImage, recipe: Recipe | None = None) -> Outcome:
    recipe = recipe or demo_recipe()
    return vote([cast(read_color(sample_box(crop_bgr)), Bins.of(recipe))], recipe)


def says(outcome: Outcome) -> tuple[Verdict, str]:
    return outcome.verdict, outcome.ballot.match.bin


@dataclass(frozen=True)
class Drawn:
    """A shaded, noisy, round product on an even ground."""

    bin: str
    crop_bgr: BgrImage


@st.composite
def products(draw: st.DrawFn) -> Drawn:
    bins = Bins.of(demo_recipe())
    index = draw(st.integers(0, len(bins.names) - 1))
    jitter = np.array(draw(st.tuples(*[st.floats(-2.5, 2.5)] * 3)))
    encoded, clipped = lab_to_srgb(bins.colors_lab[index] + jitter)
    assume(not clipped)
    height, width = draw(st.integers(40, 160)), draw(st.integers(40, 160))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 1 + draw(st.floats(0, 0.1)) * (x * np.cos(1.0) + y * np.sin(1.0))
    product = encoded[::-1] * light[..., None] ** (1 / 2.2)
    ground = np.full_like(product, draw(st.sampled_from([0.15, 0.35, 0.9])))
    image = np.where((np.hypot(x, y) < draw(st.floats(0.8, 1.3)))[..., None], product, ground)
    noisy = image * 255 + random.normal(0, draw(st.floats(0, 3)), image.shape)
    return Drawn(bins.names[index], np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


@given(products())
def test_a_product_near_a_bins_color_is_routed_to_it(product: Drawn) -> None:
    assert says(decide(product.crop_bgr)) == (Verdict.ROUTED, product.bin)


@given(products(), st.permutations(range(5)))
def test_the_order_of_the_bins_does_not_matter(product: Drawn, order: list[int]) -> None:
    recipe = demo_recipe()
    shuffled = recipe.model_copy(update={"bins": tuple(recipe.bins[index] for index in order)})
    assert decide(product.crop_bgr, shuffled) == decide(product.crop_bgr)


@given(products(), st.integers(-1, 1), st.integers(0, 3))
def test_mirroring_and_turning_by_quarters_do_not_matter(product: Drawn, flip: int, quarters: int) -> None:
    turned = np.rot90(cv2.flip(product.crop_bgr, flip), quarters)
    assert says(decide(turned)) == (Verdict.ROUTED, product.bin)


@given(products(), st.floats(0, 360))
def test_turning_by_any_angle_does_not_matter(product: Drawn, degrees: float) -> None:
    height, width = product.crop_bgr.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(product.crop_bgr, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    assert says(decide(np.asarray(turned, np.uint8))) == (Verdict.ROUTED, product.bin)


@given(products(), st.floats(0.4, 5), st.sampled_from([cv2.INTER_NEAREST, cv2.INTER_AREA, cv2.INTER_CUBIC]))
def test_scaling_does_not_matter(product: Drawn, factor: float, way: int) -> None:
    scaled = cv2.resize(product.crop_bgr, None, fx=factor, fy=factor, interpolation=way)
    assert says(decide(np.asarray(scaled, np.uint8))) == (Verdict.ROUTED, product.bin)


@given(products(), st.integers(0, 2**16))
def test_one_percent_of_salt_and_pepper_does_not_matter(product: Drawn, seed: int) -> None:
    random = np.random.default_rng(seed)
    crop = product.crop_bgr.copy()
    hit = random.random(crop.shape[:2]) < 0.01
    crop[hit] = random.choice(np.array([0, 255], np.uint8), (np.count_nonzero(hit), 1))
    assert says(decide(crop)) == (Verdict.ROUTED, product.bin)


def tolerant(exposure_range: float) -> Recipe:
    """Four colors that differ by more than light, each in the light of half a white."""
    colors = {"red": "#a03030", "green": "#3a8040", "blue": "#3050a0", "yellow": "#b0a040"}
    bins = tuple(
        BinSettings.model_validate(
            {"name": name, "hex": color, "tolerance": 6, "exposure_range": exposure_range, "branch": "b"}
        )
        for name, color in colors.items()
    )
    return demo_recipe().model_copy(update={"bins": bins})


@given(st.sampled_from(range(4)), st.floats(0.26, 2.0))
def test_identical_colors_at_any_exposure_within_the_lightness_tolerant_mode_are_in_one_bin(
    index: int, light: float
) -> None:
    recipe = tolerant(4.0)
    encoded = np.array([*bytes.fromhex(str(recipe.bins[index].hex)[1:])]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4) * light
    assume(linear.max() <= 1)
    exposed = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    reading = read_color(srgb_to_lab(np.tile(exposed, (200, 1))))
    outcome = vote([cast(reading, Bins.of(recipe))], recipe)
    assert says(outcome) == (Verdict.ROUTED, recipe.bins[index].name)
    assert outcome.ballot.match.delta_e < 0.1
    if not 0.6 < light < 1.6:
        strict = vote([cast(reading, Bins.of(tolerant(1.0)))], tolerant(1.0))
        assert strict.verdict is Verdict.UNKNOWN


def decided(frames: list[Frame], config: Path) -> list[Decision]:
    project = load_project(config)
    line = project.site.value.lines[0]
    pipeline = open_pipeline(line, project.recipes[line.name].value, frames[0], lambda frame: frame.captured_at_s)
    return [decision for frame in frames for decision in pipeline.process(frame)] + pipeline.finish()


def loosened(image_bgr: BgrImage, decision: Decision, margin: float) -> NDArray[np.uint8]:
    box = decision.box
    assert box is not None
    x, y = round(box.width * margin), round(box.height * margin)
    return image_bgr[max(box.y0 - y, 0) : box.y1 + y, max(box.x0 - x, 0) : box.x1 + x]


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.2])
def test_a_loose_box_and_the_belt_agree_on_the_same_product(margin: float) -> None:
    config = ROOT / "config" / "sorter.yaml"
    source = load_project(config).site.value.lines[0].source
    painter = Painter(source, Schedule(source, 0))
    frames = [Frame(painter.paint(number), number, number / source.frame_rate_hz) for number in range(1, 300)]
    images = {frame.captured_at_s: frame.image_bgr for frame in frames}
    decisions = [one for one in decided(frames, config) if one.verdict is Verdict.ROUTED]
    assert len(decisions) >= 8
    for decision in decisions:
        outcome = decide(loosened(images[decision.captured_at_s], decision, margin))
        assert decision.match is not None
        assert says(outcome) == (Verdict.ROUTED, decision.match.bin)
