"""``teach``: bins from pictures, into a recipe file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorter.settings.load import load_recipe

RECIPE = """\
name: two colors
revision: 4  # mine
bins:
  - name: red
    hex: "#c8202c"  # by hand
    tolerance: 11
    branch: gate-1
  - {name: green, hex: "#2e9e4f", tolerance: 11, branch: gate-2}
fallback: {unknown: reject, ambiguous: reject, late: reject, invalid: reject}
"""
GREYSCALE = "the picture is greyscale and has no color to sort by: use a camera set to color"


@pytest.fixture
def recipe(files) -> Path:
    files.recipe.write_text(RECIPE, "utf-8")
    return files.recipe


@pytest.fixture
def blues(files) -> list[Path]:
    """Ten pictures of a blue product, each a little different."""
    return [files.write_picture(f"blue{number}.png", (36 + number, 87, 181 - 2 * number)) for number in range(10)]


def teach(run, *arguments: object):
    return run("teach", "--recipe", "recipe.yaml", *arguments)


def test_a_new_bin_is_learned_and_everything_else_stays(run, recipe, blues):
    told = teach(run, "--bin", "blue", *blues, "--branch", "gate-3", "--camera", "cam 1")
    heading, row, last = told.out.splitlines()
    assert (told.code, told.err) == (0, "")
    assert heading.split() == ["bin", "color", "lab", "tolerance", "spread", "samples", "branch"]
    assert (row.split()[0], row.split()[-4], row.split()[-2:]) == ("blue", "10.0", ["10", "gate-3"])
    assert row.split()[1].startswith("#2")
    assert last == "recipe.yaml: revision 5 written, 1 bin taught"
    blue = load_recipe(recipe).value.bins[2]
    assert (blue.name, blue.branch, blue.tolerance.delta_e) == ("blue", "gate-3", 10)
    assert blue.taught is not None
    assert (blue.taught.samples, blue.taught.camera, blue.taught.source) == (10, "cam 1", ", ".join(map(str, blues)))
    beginning, rest = RECIPE.replace("revision: 4", "revision: 5").split("fallback")
    assert recipe.read_text("utf-8").startswith(beginning)
    assert recipe.read_text("utf-8").endswith(rest)


def test_many_files_are_not_all_written_down(run, recipe, blues):
    teach(run, "--bin", "blue", *blues * 5)
    source = load_recipe(recipe).value.bins[2].taught.source
    assert source == "50 pictures: blue0.png ..."


def test_a_bin_that_is_there_keeps_its_branch(run, recipe, blues):
    told = teach(run, "--bin", "red", *blues, "--branch", "elsewhere")
    assert "warning: bin 'red' keeps its branch 'gate-1': --branch is only for new bins" in told.out.splitlines()
    red = load_recipe(recipe).value.bins[0]
    assert (red.branch, red.hex) == ("gate-1", None)
    assert "  # by hand" in recipe.read_text()


def test_a_new_bin_without_a_branch_goes_where_unknown_products_go(run, recipe, blues):
    told = teach(run, "--bin", "blue", *blues)
    assert load_recipe(recipe).value.bins[2].branch == "reject"
    (warning,) = [line for line in told.out.splitlines() if line.startswith("warning")]
    assert warning.startswith("warning: new bins (blue) go to 'reject', where unknown products go, until")


def test_what_was_taught_is_then_decided(run, recipe, blues):
    assert recipe.exists()
    teach(run, "--bin", "blue", *blues, "--branch", "gate-3")
    told = run("decide", blues[0], "red.png", "--recipe", "recipe.yaml", "--json")
    assert [(row["bin"], row["branch"]) for row in told.rows] == [("blue", "gate-3"), ("red", "gate-1")]


def test_a_csv_teaches_one_bin_for_each_color_into_a_new_recipe(run, files):
    both = np.full((60, 120, 3), (44, 32, 200), np.uint8)
    both[:, 60:] = (79, 158, 46)
    cv2.imwrite("both.png", both)
    files.write_csv("file,color,x0,y0,x1,y1\nboth.png,dark red,0,0,60,60\nboth.png,green,60,0,120,60\n")
    told = run("teach", "--recipe", "new.yaml", "--boxes", "boxes.csv", "--json")
    (row,) = told.rows
    assert (told.code, told.err, row["written"], row["diff"]) == (0, "", True, None)
    assert row["recipe"]["revision"] == 1
    assert [(one["bin"], one["branch"], one["hex"]) for one in row["bins"]] == [
        ("dark red", "dark red", "#c8202c"),
        ("green", "green", "#2e9e4f"),
    ]
    assert all(one["warnings"] == ["only 1 sample: give at least 8, of different products, or the tolerance is a guess"]
               for one in row["bins"])  # fmt: skip
    assert "warning" not in run("check", "new.yaml").out


def test_a_csv_without_boxes_takes_whole_pictures_beside_it(run, files):
    (files.folder / "samples").mkdir()
    cv2.imwrite("samples/a.png", np.full((30, 40, 3), (44, 32, 200), np.uint8))
    Path("samples/all.csv").write_text("file,color\na.png,red\n")
    told = run("teach", "--recipe", "new.yaml", "--boxes", "samples/all.csv", "--json")
    assert told.rows[0]["bins"][0]["hex"] == "#c8202c"


def test_a_dry_run_shows_the_changes_and_writes_nothing(run, recipe, blues):
    told = teach(run, "--bin", "red", *blues, "--dry-run")
    assert recipe.read_text() == RECIPE
    assert "-revision: 4  # mine" in told.out.splitlines()
    assert "+revision: 5  # mine" in told.out.splitlines()
    assert told.out.splitlines()[-1] == (
        "recipe.yaml: revision 5 would be written (--dry-run: nothing was), 1 bin taught"
    )
    facts = teach(run, "--bin", "red", *blues, "--dry-run", "--json").rows[0]
    assert facts["written"] is False
    assert "-    tolerance: 11" in facts["diff"]


def test_outliers_are_named(run, recipe, blues):
    assert recipe.exists()
    told = teach(run, "--bin", "blue", *blues, "red.png", "--branch", "gate-3")
    assert "  1 left out, unlike the others: red.png" in told.out.splitlines()


def test_a_bin_that_is_in_the_way_is_told_and_stays(run, recipe, files):
    reddish = [files.write_picture(f"r{number}.png", (200, 40 + number, 60)) for number in range(9)]
    told = teach(run, "--bin", "reddish", *reddish, "--branch", "gate-3")
    assert any("bin 'red' is in the way and stays as it is" in line for line in told.out.splitlines())
    assert any(line.startswith("warning: bins 're") and "overlap" in line for line in told.out.splitlines())
    assert load_recipe(recipe).value.bins[0].tolerance.delta_e == 11


@pytest.mark.usefixtures("recipe")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "teach needs its samples from one place: give either --bin NAME IMAGE... or --boxes CSV"),
        (
            ["--bin", "a", "red.png", "--boxes", "a.csv"],
            "teach needs its samples from one place: give either --bin NAME IMAGE... or --boxes CSV",
        ),
        (["--bin", "a"], "pictures and --bin NAME belong together: the CSV of --boxes names its own pictures"),
        (
            ["--boxes", "a.csv", "red.png"],
            "pictures and --bin NAME belong together: the CSV of --boxes names its own pictures",
        ),
        (["--bin", " ", "red.png"], "--bin is no good: it is empty"),
        (["--bin", "x" * 65, "red.png"], "--bin is no good: it has more than 64 characters"),
        (
            ["--bin", "a", "--branch", "b#", "red.png"],
            "--branch is no good: the name 'b#' holds '#': use letters, digits, spaces and . _ : -",
        ),
    ],
)
def test_wrong_usage_is_told(run, arguments, sentence):
    teach(run, *arguments).refuses(2, sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file\nred.png\n", "boxes.csv:1:1: the CSV has no column 'color'; its columns are 'file'"),
        ("file,color\nred.png,red\nred.png,\n", "boxes.csv:3:1: the column 'color' does not name a bin: it is empty"),
        (
            "file,color\nred.png,a/b\n",
            "boxes.csv:2:1: the column 'color' does not name a bin: the name 'a/b' holds '/': "
            "use letters, digits, spaces and . _ : -",
        ),
    ],
)
def test_a_csv_without_good_colors_is_told_with_its_line(run, files, recipe, text, sentence):
    files.write_csv(text)
    teach(run, "--boxes", "boxes.csv").refuses(78, sentence)
    assert recipe.read_text() == RECIPE


def test_what_cannot_be_used_is_told_and_the_rest_is_learned(run, files, recipe, blues):
    cv2.imwrite("grey.png", np.repeat(np.arange(0, 250, 5, np.uint8)[None, :], 30, axis=0))
    files.write_picture("tiny.png", (36, 87, 181), (2, 9))
    Path("text.png").write_text("no picture")
    told = teach(run, "--bin", "blue", *blues, "grey.png", "text.png", "none.png", "tiny.png", "--branch", "gate-3")
    assert told.code == 1
    assert told.err.splitlines() == [
        f"grey.png: {GREYSCALE}",
        "text.png: not a readable picture (unknown format): replace or remove it",
        "none.png: no such file",
        "tiny.png: the sample is 2 x 9 pixels: too small to be read",
    ]
    assert load_recipe(recipe).value.bins[2].taught.samples == 10


def test_without_any_usable_sample_of_a_color_nothing_is_written(run, files, recipe):
    files.write_csv("file,color\nred.png,red\nnone.png,blue\n")
    told = teach(run, "--boxes", "boxes.csv")
    assert (told.code, told.out) == (1, "")
    assert told.err.splitlines() == [
        "none.png: no such file",
        "there is no usable sample of bin 'blue': nothing was written",
    ]
    assert recipe.read_text() == RECIPE


@pytest.mark.usefixtures("recipe")
def test_of_samples_that_do_not_agree_all_count_and_it_is_said(run):
    told = teach(run, "--bin", "red", "red.png", "red.png", "red.png", "green.png", "green.png")
    assert told.code == 0
    assert "the samples do not agree on a color: 2 of 5 lie apart from the others" in told.out + told.err


def test_a_broken_recipe_is_told_before_a_picture_is_read(run, recipe):
    recipe.write_text(RECIPE.replace("tolerance: 11", "tolerance: eleven", 1))
    told = teach(run, "--bin", "red", "none.png")
    assert (told.code, told.out) == (78, "")
    assert told.err.startswith("recipe.yaml:6:16: ")


def test_a_bin_of_several_colors_at_once_cannot_be_taught(run, recipe):
    several = "all_of: [{hex: '#c8202c', min_share: 0.2}, {hex: '#2e9e4f', min_share: 0.2}]"
    recipe.write_text(RECIPE.replace('hex: "#c8202c"  # by hand', several))
    teach(run, "--bin", "red", "red.png").refuses(
        78, "recipe.yaml: bin 'red' asks for several colors at once (all_of), which cannot be taught: edit it"
    )


def test_a_folder_that_cannot_be_written_is_told_and_the_recipe_is_whole(run, recipe, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    teach(run, "--bin", "red", "red.png").refuses(
        1,
        "recipe.yaml: cannot be written (Permission denied): mend the folder's rights, or make room; the recipe is as "
        "it was",
    )
    assert recipe.read_text() == RECIPE


@pytest.mark.usefixtures("files")
def test_a_new_recipe_in_a_folder_that_is_not_there_is_told(run):
    told = run("teach", "--recipe", "none/new.yaml", "--bin", "red", "red.png")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("none/new.yaml: cannot be written (No such file or directory)")


def test_a_full_disk_is_told_and_leaves_nothing_behind(run, recipe, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(os.listdir())  # noqa: PTH208 - names are what is compared
    monkeypatch.setattr("os.fsync", full)
    told = teach(run, "--bin", "red", "red.png")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert "No space left on device" in told.err
    assert recipe.read_text() == RECIPE
    assert sorted(os.listdir()) == before  # noqa: PTH208 - likewise


def test_json_is_one_object(run, recipe, blues):
    assert recipe.exists()
    (facts,) = teach(run, "--bin", "blue", *blues, "--branch", "gate-3", "--json").rows
    assert json.dumps(facts["bins"][0]["outliers"]) == "[]"
    assert facts["recipe"]["name"] == "two colors"
    assert facts["file"] == "recipe.yaml"
