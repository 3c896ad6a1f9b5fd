"""``check``: what is wrong, what is doubtful, and what is fine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SIMULATOR = {"kind": "simulator", "width_px": 320, "height_px": 180, "products": [{"name": "red", "hex": "#c8202c"}]}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("path", [".", "sorter.yaml", "recipe.yaml"])
def test_what_is_fine_is_called_fine(run, path):
    told = run("check", path)
    assert (told.code, told.err) == (0, "")
    assert "fine: " in told.out


def test_what_ships_is_fine(run, monkeypatch):
    monkeypatch.chdir(ROOT)
    told = run("check")
    assert (told.code, told.err) == (0, "")
    assert "config/sorter.yaml" in told.out
    assert "warning" not in told.out


def test_every_mistake_of_every_file_is_told_once(run, files):
    files.write_recipe(bins=[{"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-9"}] * 2)
    files.write_settings({}, {"name": "two"}, sit="plant")
    told = run("check", ".")
    assert (told.code, told.out) == (78, "")
    lines = told.err.splitlines()
    assert len(lines) == len(set(lines))
    for sentence in (
        "bins.1.name: another bin has the name 'red': rename one",
        "bins.0.branch: the line 'one' has no branch gate-9, did you mean",
        "unknown key 'sit', did you mean 'site'?",
    ):
        assert sentence in told.err


def test_bins_that_overlap_are_a_warning_not_a_mistake(run, files):
    bins = [
        {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"},
        {"name": "crimson", "hex": "#c0202c", "tolerance": 11, "branch": "gate-2"},
    ]
    files.write_recipe(bins=bins)
    told = run("check", "recipe.yaml")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("warning: recipe.yaml:")
    assert "'red'" in told.out
    assert "'crimson'" in told.out
    assert "  red      crimson  overlap" in told.out


def test_two_bins_of_one_color_are_told_at_the_first(run, files):
    red = {"hex": "#c8202c", "tolerance": 11, "branch": "gate-1"}
    files.write_recipe(bins=[red | {"name": "red"}, red | {"name": "rouge"}])
    told = run("check", "recipe.yaml")
    assert (told.code, told.err) == (0, "")
    place, sentence = told.out.splitlines()[0].split(": bins ")
    assert place.startswith("warning: recipe.yaml:")
    assert files.recipe.read_text().splitlines()[int(place.split(":")[2]) - 1].strip() == '"name": "red"'
    assert sentence.startswith("'red' and 'rouge' have the same color: the two can never be told apart")


def test_each_bin_is_shown_with_the_one_that_is_tightest_against_it(run, files):
    gray = {"tolerance": 2, "branch": "gate-1"}
    bins = [gray | {"name": name, "lab": [lightness, 0, 0]} for name, lightness in (("a", 20), ("b", 40), ("cc", 50))]
    files.write_recipe(bins=bins)
    table = run("check", "recipe.yaml").out.splitlines()
    assert table[:2] == [
        "recipe.yaml: each bin and its nearest other, in CIEDE2000",
        "  bin  nearest   gap  colors  deviations",
    ]
    assert [line.split()[:2] for line in table[2:5]] == [["b", "cc"], ["cc", "b"], ["a", "b"]]
    assert table[-1] == "1 file fine: recipe.yaml"


def test_a_color_that_is_clipped_to_be_shown_is_said_to_be(run, files):
    files.write_recipe(bins=[{"name": "teal", "lab": [50, -60, -20], "tolerance": 20, "branch": "gate-1"}])
    warning, fine = run("check", "recipe.yaml").out.splitlines()
    assert warning.startswith("warning: recipe.yaml:")
    assert ": bin 'teal' has a color outside sRGB; the nearest that a picture can show is #00" in warning
    assert fine == "1 file fine: recipe.yaml"


def test_a_bin_that_no_product_can_be_in_is_a_warning(run, files):
    files.write_recipe(bins=[{"name": "neon", "lab": [50, 128, 128], "tolerance": 1, "branch": "gate-1"}])
    warning, fine = run("check", "recipe.yaml").out.splitlines()
    assert warning.endswith(": no picture can show a color that bin 'neon' reaches: mend its color")
    assert fine == "1 file fine: recipe.yaml"


def test_bins_of_several_colors_are_said_to_be_left_out(run):
    told = run("check", ROOT / "config" / "examples" / "recipes" / "bottles.yaml")
    assert told.out.splitlines()[-2] == "  not compared, of several colors at once: green with white cap"


def test_one_bin_has_no_table(run, files):
    files.write_recipe(bins=[{"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"}])
    assert run("check", "recipe.yaml").out == "1 file fine: recipe.yaml\n"


def test_a_region_outside_the_simulated_picture_is_known_before_anything_starts(run, files):
    region = {"x": 300, "y": 0, "width": 100, "height": 100}
    files.write_settings({"source": SIMULATOR, "region": region})
    told = run("check", "sorter.yaml")
    assert (told.code, told.out) == (78, "")
    assert "lines.0.region: the region (x 300 to 400, y 0 to 100) reaches outside the picture" in told.err
    place = told.err.split(": ")[0].split(":")
    assert files.settings.read_text().splitlines()[int(place[1]) - 1].strip().startswith('"region"')


def test_a_simulated_belt_too_narrow_for_its_products_is_known_too(run, files):
    files.write_settings({"source": {**SIMULATOR, "height_px": 64, "mm_per_px": 0.5}})
    told = run("check", "sorter.yaml")
    assert told.code == 78
    assert "lines.0.source: the simulated belt is 64 px broad, too narrow" in told.err


def test_a_program_gets_everything_as_one_object(run, files):
    files.write_recipe(bins=[])
    told = run("check", ".", "--json")
    assert (told.code, told.err) == (78, "")
    facts = json.loads(told.out)
    assert facts["files"] == ["recipe.yaml", "sorter.yaml"]
    assert facts["mistakes"] == ["recipe.yaml:3:10: bins: must have 1 or more entries, has 0"]
    assert facts["warnings"] == []
    assert facts["separability"] == []


def test_a_program_gets_every_pair_of_bins(run, files):
    taught = {"at": "2026-01-31T10:00:00Z", "samples": 9, "source": "samples", "software": "1", "spread": 2}
    gray = {"tolerance": 4, "branch": "gate-1", "taught": taught}
    bins = [gray | {"name": name, "lab": [lightness, 0, 0]} for name, lightness in (("a", 48), ("b", 52), ("c", 90))]
    files.write_recipe(bins=bins)
    facts = json.loads(run("check", "recipe.yaml", "--json").out)
    (recipe,) = facts["separability"]
    assert (recipe["file"], recipe["recipe"], recipe["sort_mode"]) == (
        "recipe.yaml", "two colors", "nearest_within_tolerance"
    )  # fmt: skip
    assert [pair["bins"] for pair in recipe["pairs"]] == [["a", "b"], ["b", "c"], ["a", "c"]]
    tight, loose, _ = recipe["pairs"]
    assert (tight["gap"], tight["same_color"], tight["deviations"]) == (0, False, 1.0)
    assert tight["disputed"]["hex"].startswith("#7")
    assert len(tight["warnings"]) == 2
    assert [sentence.split(": ", 1)[1] for sentence in facts["warnings"]] == tight["warnings"]
    assert (loose["disputed"], loose["warnings"]) == (None, [])
    assert loose["gap"] < loose["delta_e"]


def test_a_folder_without_settings_and_an_empty_file_are_told(run, tmp_path):
    run("check", tmp_path).refuses(78, f"{tmp_path}: the folder holds no YAML file: name one that does")
    empty = tmp_path / "empty.yaml"
    empty.touch()
    run("check", empty).refuses(78, f"{empty}:1:1: the file is empty: fill it in, or take the example's")
