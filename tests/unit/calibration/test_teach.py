"""From samples of known color to bins."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calibration.separability import examine
from calibration.teach import LEAST_SCATTER, MOST_TOLERANCE, REACH, Lesson, teach
from calibration.teach_color import Sample
from calibration.teach_picture import edge_width, glare_share
from sorter.color.difference import ciede2000
from sorter.errors import SourceError
from sorter.records import ColorReading, Lab, PaletteColor
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.recipe import FallbackBranches, Recipe

RED, ORANGE, GREEN = Lab(45, 60, 40), Lab(60, 40, 60), Lab(50, -40, 30)
FALLBACK = FallbackBranches(unknown="out", ambiguous="out", late="out", invalid="out")


def around(center: Lab, count: int = 30, width: float = 2.0, seed: int = 0) -> list[Sample]:
    colors = np.random.default_rng(seed).normal(center, width, (count, 3))
    return [sample(f"{index}.png", Lab(*color)) for index, color in enumerate(colors.tolist())]


def sample(name: str, lab: Lab, share: float = 0.9, **facts: float) -> Sample:
    return Sample(name, ColorReading((PaletteColor(lab, share), PaletteColor(Lab(1, 0, 0), 1 - share))), **facts)


def recipe_of(*bins: tuple[str, Lab, Tolerance]) -> Recipe:
    made = tuple(BinSettings(name=name, lab=tuple(lab), tolerance=far, branch="out") for name, lab, far in bins)
    return Recipe(name="r", bins=made, fallback=FALLBACK)


def ball(delta_e: float) -> Tolerance:
    return Tolerance(delta_e=delta_e)


def only(lessons: list[Lesson]) -> Lesson:
    (lesson,) = lessons
    return lesson


def test_a_bin_takes_the_median_of_its_samples_and_twice_their_scatter():
    samples = around(RED, 200, width=4.0)
    lesson = only(teach({"red": samples}))
    labs = np.array([one.reading.dominant.lab for one in samples])
    differences = ciede2000(labs, np.array(lesson.color))
    assert lesson.color == pytest.approx(np.median(labs, axis=0), abs=0.006)
    assert lesson.tolerance == pytest.approx(REACH * np.percentile(differences, 95), abs=0.1)
    assert lesson.spread == pytest.approx(np.sqrt((differences**2).mean()))
    assert (lesson.used, lesson.outliers, lesson.warnings) == (200, (), ())


def test_one_batch_does_not_make_a_bin_too_narrow():
    assert only(teach({"red": around(RED, width=0.5)})).tolerance == REACH * LEAST_SCATTER


def test_no_bin_reaches_for_ever():
    lesson = only(teach({"red": around(RED, 200, width=20.0)}))
    assert lesson.tolerance == MOST_TOLERANCE
    assert any(warning.startswith("the bin reaches only") for warning in lesson.warnings)


def test_a_sample_apart_from_the_others_is_named_and_left_out():
    samples = [*around(RED, 10), sample("mixed up.png", GREEN)]
    lesson = only(teach({"red": samples}))
    assert (lesson.used, lesson.outliers) == (10, ("mixed up.png",))
    assert lesson.color == only(teach({"red": samples[:10]})).color


def test_samples_of_two_colors_do_not_agree():
    lesson = only(teach({"red": [*around(RED, 12), *around(GREEN, 8)]}))
    assert (lesson.used, lesson.outliers) == (20, ())
    assert any(
        warning.startswith("the samples do not agree on a color: 8 of 20 lie apart") for warning in lesson.warnings
    )


def test_neighbors_share_the_way_by_their_scatter():
    near, far = Lab(50, 30, 0), Lab(50, 45, 20)
    narrow, wide = teach({"narrow": around(near, 100, 0.5), "wide": around(far, 100, 7.0)})
    gap = float(ciede2000(np.array(narrow.color), np.array(wide.color)))
    assert narrow.tolerance + wide.tolerance == pytest.approx(gap, abs=0.35)
    assert narrow.tolerance < wide.tolerance


CENTERS = arrays(np.float64, st.tuples(st.integers(2, 5), st.just(3)), elements=st.floats(-60, 60)).map(
    lambda centers: centers * (0.8, 1, 1) + (50, 0, 0)
)


@settings(deadline=None)
@given(CENTERS, st.integers(0, 9))
def test_bins_that_are_taught_together_never_reach_each_other(centers, seed):
    samples = {str(index): around(Lab(*center), 9, 1.0, seed) for index, center in enumerate(centers.tolist())}
    try:
        lessons = teach(samples)
    except SourceError as error:
        assert "give them one bin" in str(error)  # noqa: PT017 - raised only where two centers meet
        return
    taught = recipe_of(*((one.bin, one.color, ball(one.tolerance)) for one in lessons))
    assert [pair for pair in examine(taught).pairs if pair.disputed] == []


def test_two_bins_of_one_color_are_refused():
    with pytest.raises(SourceError, match="'a' have the color of bin 'b'"):
        teach({"a": around(RED), "b": around(RED)})


def test_a_bin_of_the_recipe_that_has_room_is_kept_out_of():
    recipe = recipe_of(("orange", ORANGE, ball(10)), ("red", GREEN, ball(3)))
    lesson = only(teach({"red": around(RED, 50)}, recipe))
    gap = float(ciede2000(np.array(lesson.color), np.array(ORANGE)))
    assert lesson.tolerance <= gap - 10
    assert lesson.warnings == ()


def test_a_bin_of_the_recipe_that_is_in_the_way_stays_and_is_told():
    gap = float(ciede2000(np.array(RED), np.array(ORANGE)))
    lesson = only(teach({"red": around(RED, 50)}, recipe_of(("orange", ORANGE, ball(gap - 1)))))
    assert lesson.tolerance > 1
    (warning,) = [one for one in lesson.warnings if "in the way" in one]
    least = float(warning.split("lower its tolerance to ")[1].split()[0])
    assert least + lesson.tolerance <= gap + 0.5


def test_a_box_reaches_as_far_as_its_corners():
    box = Tolerance(delta_l=20, delta_a=30, delta_b=30)
    lesson = only(teach({"red": around(RED, 50)}, recipe_of(("orange", ORANGE, box))))
    assert any("'orange' is in the way" in warning for warning in lesson.warnings)


@pytest.mark.parametrize(
    ("samples", "beginning"),
    [
        (around(RED, 7), "only 7 samples: "),
        (around(RED, 1), "only 1 sample: "),
        (around(RED, 9, width=0.01), "the samples hardly differ"),
        ([*around(RED, 9), sample("a", RED, glare_share=0.3)], "1 of 10 samples (a) is glary"),
        ([*around(RED, 9), sample("a", RED, edge_width=0.5)], "1 of 10 samples (a) is blurred"),
        ([sample(str(n), one.reading.dominant.lab, 0.3) for n, one in enumerate(around(RED, 9))],
         "9 of 9 samples (0, 1, 2, ...) are of many colors, none on 40% of it"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_said_in_one_sentence(samples, beginning):
    (warning,) = only(teach({"red": samples})).warnings
    assert warning.startswith(beginning)


def product_picture(size: int, blur: float = 0.0) -> np.ndarray:
    picture = np.full((size, size, 3), 210, np.uint8)
    cv2.circle(picture, (size // 2, size // 2), size * 2 // 5, (40, 60, 180), -1, cv2.LINE_AA)
    return picture if not blur else cv2.GaussianBlur(picture, (0, 0), blur * size)


@pytest.mark.parametrize("size", [40, 160, 640])
def test_a_blurred_picture_has_wide_edges_whatever_its_size(size):
    assert edge_width(product_picture(size)) < 0.15
    assert edge_width(product_picture(size, blur=0.15)) > 0.25


def test_sharpness_does_not_depend_on_contrast():
    picture = product_picture(160, blur=0.05)
    faint = (picture // 2 + 60).astype(np.uint8)
    assert edge_width(faint) == pytest.approx(edge_width(picture), rel=0.1)


def test_an_even_picture_does_not_tell_whether_it_is_sharp():
    assert edge_width(np.full((40, 40, 3), 90, np.uint8)) is None


def test_glare_is_the_white_on_what_is_not_white():
    picture = product_picture(100)
    picture[40:60, 40:60] = 255
    assert 0.1 < glare_share(picture, Lab(45, 50, 30)) < 0.3
    assert glare_share(picture, Lab(98, 0, 0)) == 0
