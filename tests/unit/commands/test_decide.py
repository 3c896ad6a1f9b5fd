"""``decide``: pictures and boxes of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[3] / "config/schema/decision.schema.json").read_text("utf-8"))
GREYSCALE = "the picture is greyscale and has no color to sort by: use a camera set to color"


def test_each_picture_is_one_product_and_gets_its_decision(run, files):
    files.write_picture("blue.png", (36, 87, 181))
    told = run("decide", "red.png", "green.png", "blue.png", "--recipe", "recipe.yaml", "--json")
    assert (told.code, told.err) == (0, "")
    assert [(row["product"], row["verdict"], row["bin"], row["branch"], row["ref"]) for row in told.rows] == [
        (1, "routed", "red", "gate-1", {"file": "red.png"}),
        (2, "routed", "green", "gate-2", {"file": "green.png"}),
        (3, "unknown", None, "reject", {"file": "blue.png"}),
    ]


def test_each_line_of_json_is_the_wires_decision_with_the_row_as_ref(run, files):
    files.write_csv("file,x0,y0,x1,y1,note\nred.png,0,0,40,30,ä\nred.png,1,1,3,2,too small\n")
    told = run("decide", "--boxes", "boxes.csv", "--config", "sorter.yaml", "--json")
    for row in told.rows:
        Draft202012Validator(SCHEMA).validate(row)
        assert (row["site"], row["line"], row["simulated"], row["act_before"]) == ("plant", "one", False, None)
    assert told.rows[0]["ref"] == {"file": "red.png", "x0": "0", "y0": "0", "x1": "40", "y1": "30", "note": "ä"}
    assert [row["seq"] for row in told.rows] == [1, 2]
    assert len({row["decision_id"] for row in told.rows}) == 2
    assert (told.rows[1]["verdict"], told.rows[1]["reason"], told.rows[1]["lab"]) == ("invalid", "too_small", None)


@pytest.mark.usefixtures("files")
def test_people_get_a_table_with_the_totals(run):
    told = run("decide", "red.png", "green.png", "--recipe", "recipe.yaml")
    heading, red, green, totals = told.out.splitlines()
    assert heading.split() == ["#", "verdict", "bin", "branch", "color", "share", "dE00", "margin", "stable", "remark"]
    assert red.split()[:6] == ["1", "routed", "red", "gate-1", "#c8202c", "100%"]
    assert red.endswith("red.png")
    assert red.index("gate-1") == green.index("gate-2") == heading.index("branch")
    assert totals == "2 products decided: 2 routed"


def test_a_box_decides_only_what_lies_in_it(run, files):
    both = np.full((60, 120, 3), (44, 32, 200), np.uint8)
    both[:, 60:] = (79, 158, 46)
    cv2.imwrite("both.png", both)
    files.write_csv("file,x0,y0,x1,y1\nboth.png,0,0,60,60\nboth.png,60,0,120,60\n")
    told = run("decide", "--boxes", "boxes.csv", "--recipe", "recipe.yaml", "--json")
    assert [row["bin"] for row in told.rows] == ["red", "green"]


@pytest.mark.usefixtures("files")
def test_only_what_is_opaque_is_the_product(run):
    picture = np.zeros((60, 60, 4), np.uint8)
    picture[..., :3] = (181, 87, 36)
    cv2.imwrite("clear.png", picture)
    picture[10:30, 20:50] = (44, 32, 200, 255)
    cv2.imwrite("cut-out.png", picture)
    told = run("decide", "clear.png", "cut-out.png", "--recipe", "recipe.yaml", "--json")
    assert [(row["verdict"], row["reason"], row["bin"]) for row in told.rows] == [
        ("invalid", "no_color", None),
        ("routed", None, "red"),
    ]


def test_glare_and_a_single_pixel_are_not_judged(run, files):
    files.write_picture("glare.png", (255, 255, 255))
    cv2.imwrite("pixel.png", np.full((1, 1, 3), (44, 32, 200), np.uint8))
    told = run("decide", "glare.png", "pixel.png", "--recipe", "recipe.yaml", "--json")
    assert [(row["verdict"], row["reason"]) for row in told.rows] == [("invalid", "glare"), ("invalid", "too_small")]


@pytest.mark.usefixtures("files")
def test_sixteen_bits_a_channel_are_read_as_the_same_color(run):
    cv2.imwrite("deep.png", np.full((40, 40, 3), (44 * 257, 32 * 257, 200 * 257), np.uint16))
    told = run("decide", "deep.png", "--recipe", "recipe.yaml", "--json")
    assert [(row["verdict"], row["bin"]) for row in told.rows] == [("routed", "red")]


def test_what_cannot_be_read_is_told_and_the_rest_is_decided(run, files):
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    cv2.imwrite("grey.png", np.arange(1200, dtype=np.uint8).reshape(30, 40))
    files.write_csv("file\nnone.png\nbroken.png\ngrey.png\nred.png\n.\n")
    told = run("decide", "--boxes", "boxes.csv", "--recipe", "recipe.yaml", "--json")
    assert told.code == 1
    assert [row["bin"] for row in told.rows] == ["red"]
    assert told.err.splitlines() == [
        "none.png: no such file",
        "broken.png: not a readable picture (unknown format): replace or remove it",
        f"grey.png: {GREYSCALE}",
        ".: a folder, not a picture: name the pictures in it",
    ]


def test_an_even_gray_product_is_a_color_like_any_other_and_shades_of_gray_are_a_greyscale_camera(run, files):
    files.write_picture("even.png", (128, 128, 128))
    shades = np.repeat(np.linspace(20, 220, 40, dtype=np.uint8)[None, :, None], 30, axis=0)
    cv2.imwrite("shades.png", np.repeat(shades, 3, axis=2))
    told = run("decide", "even.png", "--recipe", "recipe.yaml", "--json")
    assert (told.code, told.rows[0]["verdict"], told.rows[0]["hex"]) == (0, "unknown", "#808080")
    told = run("decide", "shades.png", "--recipe", "recipe.yaml", "--json")
    told.refuses(1, f"shades.png: {GREYSCALE}")


BINS_ONCE = "decide needs its bins from one place: give either --config FILE or --recipe FILE"
PICTURES_ONCE = "decide needs pictures from one place: give either IMAGE... or --boxes CSV"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["red.png"], BINS_ONCE),
        (["red.png", "--recipe", "recipe.yaml", "--config", "sorter.yaml"], BINS_ONCE),
        (["--recipe", "recipe.yaml"], PICTURES_ONCE),
        (["red.png", "--boxes", "boxes.csv", "--recipe", "recipe.yaml"], PICTURES_ONCE),
        (["red.png", "--config", "sorter.yaml", "--line", "two"], "sorter.yaml has no line 'two', only 'one'"),
    ],
)
@pytest.mark.usefixtures("files")
def test_bins_and_pictures_come_from_one_place_each(run, arguments, sentence):
    run("decide", *arguments).refuses(2, sentence)


def test_a_mistaken_recipe_is_told_before_any_picture_is_looked_at(run, files):
    files.write_recipe(bins=[])
    run("decide", "none.png", "--recipe", "recipe.yaml").refuses(
        78, "recipe.yaml:3:10: bins: must have 1 or more entries, has 0"
    )


def test_a_name_that_is_no_text_or_an_order_to_the_terminal_is_written_with_escapes(run, files):
    odd = [b"\xff.png".decode("utf-8", "surrogateescape"), "red\x1b[2J.png"]
    for name in odd:
        Path("red.png").rename(name)
        assert run("decide", name, "--recipe", "recipe.yaml", "--json").rows[0]["bin"] == "red"
        told = run("decide", name, "--recipe", "recipe.yaml")
        assert "\x1b" not in told.out
        assert told.code == 0
        Path(name).rename("red.png")
    assert files
