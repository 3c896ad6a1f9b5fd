"""Pictures are found by the colors of their palettes, and an index finds what looking at every one finds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.archive.search import PaletteIndex
from sorter.archive.wanted import Wanted, wanted_color, wanted_of
from sorter.color.lab import rgb_to_lab, srgb_to_lab
from sorter.errors import SourceError, UsageError
from sorter.palette.analyzer import ColorAnalyzer
from sorter.records import Lab
from tests.unit.archive.palettes_table import write_palettes

RED, NEAR_RED, TEAL, WHITE = "c0392b", "c53d2a", "008080", "ffffff"


@pytest.fixture
def index(tmp_path):
    return PaletteIndex.load(
        write_palettes(
            tmp_path / "palettes.parquet",
            ("a red.jpg", [(RED, 0.7), (WHITE, 0.3)]),
            ("both.jpg", [(TEAL, 0.5), (NEAR_RED, 0.25), (RED, 0.25)]),
            ("empty.png", []),
            ("hint of red.jpg", [(TEAL, 0.99), (RED, 0.01)]),
            ("0 twin.jpg", [(RED, 0.7), (TEAL, 0.3)]),
            broken="broken.jpg",
        )
    )


def uris(answer):
    return [one.uri for one in answer.found]


def test_pictures_with_a_color_come_best_first_and_equal_ones_by_name(index):
    answer = index.query([wanted_color(RED)], 50)
    assert len(index) == 6
    assert (uris(answer), answer.total) == (["0 twin.jpg", "a red.jpg", "both.jpg"], 3)
    twin, red, both = answer.found
    assert twin.score == red.score == pytest.approx(0.7)
    # 0.25 of the color itself, and 0.25 of one that differs a little.
    (matches,) = both.matches
    assert [(one.color.hex, one.color.share) for one in matches] == [(f"#{RED}", 0.25), (f"#{NEAR_RED}", 0.25)]
    assert matches[0].delta_e == pytest.approx(0, abs=1e-4)
    assert both.score == pytest.approx(0.25 + 0.25 * 2 ** (-matches[1].delta_e / 5))
    assert [color.hex for color in both.palette] == [f"#{TEAL}", f"#{NEAR_RED}", f"#{RED}"]


def test_several_colors_are_all_wanted_each_on_its_share(index):
    assert uris(index.query([wanted_color(RED), wanted_color("teal")], 50)) == ["both.jpg", "0 twin.jpg"]
    assert uris(index.query([wanted_color("teal:40%"), wanted_color(RED)], 50)) == ["both.jpg"]
    assert uris(index.query([wanted_color(f"{RED}:0.01"), wanted_color("teal:.9")], 50)) == ["hint of red.jpg"]
    assert index.query([wanted_color("teal"), wanted_color("white")], 50).found == ()


def test_a_share_that_32_bits_cannot_hold_counts_as_written(index):
    assert uris(index.query([wanted_color(f"{RED}:0.7")], 50)) == ["0 twin.jpg", "a red.jpg"]
    assert index.query([wanted_color(f"{RED}:0.70001")], 50).total == 0


def test_the_limit_keeps_the_best_and_tells_how_many_there_are(index):
    answer = index.query([wanted_color(RED)], 1)
    assert (uris(answer), answer.total) == (["0 twin.jpg"], 3)


def test_a_picture_is_most_like_itself(index):
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:, :5], picture[:, 5:] = tuple(bytes.fromhex(TEAL)), tuple(bytes.fromhex(RED))
    picture[:5, 5:] = tuple(bytes.fromhex(NEAR_RED))
    wanted = wanted_of(ColorAnalyzer(picture).palette, tolerance=3)
    assert [round(one.best_share, 3) for one in wanted] == [0.5, 0.25, 0.25]
    assert all(one.min_share == one.best_share / 2 for one in wanted)
    answer = index.query(wanted, 9)
    assert uris(answer) == ["both.jpg", "0 twin.jpg"]
    itself, other = answer.found
    assert itself.score == pytest.approx(1, abs=1e-5)
    assert other.score < 0.9


def test_an_empty_archive_has_nothing():
    assert PaletteIndex.of([], [], [], []).query([wanted_color(RED)], 3).total == 0
    assert PaletteIndex.of(["a"], [0], [], []).query([wanted_color(RED)], 3).total == 0


@pytest.mark.parametrize(
    ("wanted", "limit"),
    [([], 1), ([wanted_color(RED)] * 17, 1), ([wanted_color(RED)], 0), ([wanted_color(RED)], 10_001)],
)
def test_no_color_too_many_and_no_picture_are_refused(index, wanted, limit):
    with pytest.raises(UsageError):
        index.query(wanted, limit)


def random_index(seed: int, pictures: int) -> tuple[PaletteIndex, np.ndarray]:
    """Palettes of up to seven colors: in the gamut, along the gray axis, in the blue, across the wrap of hues."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 8, pictures)
    count = int(sizes.sum())
    kinds = [
        srgb_to_lab(rng.random((count, 3))),
        rng.normal([50, 0, 0], [30, 2, 2], (count, 3)),
        rng.normal([35, 20, -75], [15, 20, 25], (count, 3)),
        rng.normal([50, 60, 0], [20, 30, 4], (count, 3)),
        np.rint(rng.normal([50, 0, 0], [20, 30, 30], (count, 3)) / 5) * 5,
    ]
    labs = np.choose(rng.integers(0, len(kinds), count)[:, None], kinds)
    labs = np.clip(labs, [0, -128, -128], [100, 128, 128]).astype(np.float32)
    shares = rng.dirichlet(np.ones(4), count)[:, 0] if count else []
    return PaletteIndex.of([f"{rng.integers(1000)}" for _ in sizes], sizes, labs, shares), labs


@pytest.mark.parametrize("tolerance", [0.0, 0.5, 2.0, 8.0, 20.0, 30.0])
def test_the_index_answers_as_the_scan_does_in_every_region(tolerance):
    index, labs = random_index(3, 6000)
    rng = np.random.default_rng(4)
    for _ in range(12):
        wanted = [
            Wanted(Lab(*map(float, lab)), tolerance, share)
            for lab, share in zip(rng.choice(labs, rng.integers(1, 4)), (0.0, 0.1, 0.3), strict=False)
        ]
        answer = index.query(wanted, 40)
        assert answer == index.scan(wanted, 40)
        assert answer.total or len(wanted) > 1 or wanted[0].min_share


labs = st.builds(Lab, st.floats(0, 100), st.floats(-128, 128), st.floats(-128, 128))


@given(
    st.lists(
        st.builds(Wanted, labs, st.floats(0, 30), st.sampled_from([0, 0.05, 0.5]), st.sampled_from([0.3, 1])),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 5),
    st.integers(1, 300),
)
def test_the_index_answers_as_the_scan_does_whatever_is_asked(wanted, seed, limit):
    index, _ = random_index(seed, 200)
    assert index.query(wanted, limit) == index.scan(wanted, limit)


def test_what_the_scan_finds_is_what_the_definition_says():
    """Picture by picture, in plain Python."""
    index, _ = random_index(11, 300)
    one = Wanted(rgb_to_lab(60, 60, 200), 25, 0.2)
    answer = index.query([one], 300)
    assert answer.total == len(answer.found) > 5
    for found in answer.found:
        (matches,) = found.matches
        assert sum(match.color.share for match in matches) >= one.min_share - 1e-6
        assert all(match.delta_e <= one.tolerance for match in matches)
        weighed = sum(match.color.share * 2 ** (-match.delta_e / 5) for match in matches)
        assert found.score == pytest.approx(min(weighed, 1))
    assert list(answer.found) == sorted(answer.found, key=lambda one: (-one.score, one.uri))


def test_a_missing_file_and_one_that_is_no_table_are_told_in_a_sentence(tmp_path):
    with pytest.raises(SourceError, match=r"none.parquet: no such file"):
        PaletteIndex.load(tmp_path / "none.parquet")
    path = tmp_path / "text.parquet"
    path.write_text("uri,lab\n" * 100)
    with pytest.raises(SourceError, match=r"text.parquet: not a readable table of palettes \(.*\): make it again"):
        PaletteIndex.load(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lab": None}, "it has no column lab"),
        ({"lab": [[50.0, 0.0, 0.0], [50.0, 0.0]]}, "picture 2 of the table is unsound, for it has not three numbers"),
        ({"lab": [[50.0, 0.0, 0.0], [50.0, float("nan"), 0.0]]}, "picture 2 .* a color is outside Lab"),
        ({"lab": [[50.0, 0.0, None], [50.0, 0.0, 0.0]]}, "picture 1 .* a color is outside Lab"),
        ({"share": [[1.0], [1.5]]}, "picture 2 .* share outside 0 to 1"),
        ({"share": [[1.0], ["much"]]}, "not a readable table"),
        ({"uri": ["a", None]}, "picture 2 .* it has no uri"),
    ],
)
def test_a_table_that_is_unsound_is_told_by_its_picture(tmp_path, changes, sentence):
    sound = {"uri": ["a", "b"], "lab": [[50.0, 0.0, 0.0]] * 2, "share": [[1.0]] * 2}
    columns = {}
    for name, values in (sound | changes).items():
        if values is not None:
            columns[name] = pa.array([[str(one) for one in row] for row in values]) if "much" in str(values) else values
    pq.write_table(pa.table(columns), tmp_path / "odd.parquet")
    with pytest.raises(SourceError, match=sentence):
        PaletteIndex.load(tmp_path / "odd.parquet")
