"""``sort`` on drawn belts; real films are in tests/system."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from sorter.capture.clock import SystemClock
from sorter.capture.simulator.source import SimulatedBelt
from sorter.settings.site import SimulatorSource

SCHEMA = json.loads((Path(__file__).parents[3] / "config/schema/decision.schema.json").read_text("utf-8"))
PRODUCT = {"length_mm": 40, "width_mm": 40}
BELT = SimulatorSource.model_validate({
    "kind": "simulator", "seed": 3, "width_px": 320, "height_px": 180, "frame_rate_hz": 30, "mm_per_px": 1,
    "belt_speed_mm_per_s": 250, "lead_in_s": 0.4, "gap_mm": 30, "realtime": False,
    "products": [{"name": "red", "hex": "#c8202c", **PRODUCT}, {"name": "green", "hex": "#2e9e4f", **PRODUCT}],
})  # fmt: skip


@pytest.fixture
def belt(files) -> Path:
    """A folder with two seconds of a simulated belt."""
    folder = files.folder / "belt"
    folder.mkdir()
    for frame in SimulatedBelt(BELT, 0.0, SystemClock()).frames():
        cv2.imwrite(str(folder / f"{frame.number}.png"), frame.image_bgr)
        if frame.number == 59:
            break
    return folder


@pytest.mark.usefixtures("belt")
def test_every_product_is_decided_once_in_order_and_the_picture_is_the_sources_not_the_settings(run):
    told = run("sort", "belt", "--config", "sorter.yaml", "--json")
    assert (told.code, told.err) == (0, "")
    assert [row["product"] for row in told.rows] == [1, 2, 3, 4, 5]
    assert [row["seq"] for row in told.rows] == [1, 2, 3, 4, 5]
    assert {row["verdict"] for row in told.rows} == {"routed"}
    for row in told.rows:
        Draft202012Validator(SCHEMA).validate(row)
        assert (row["site"], row["line"], row["simulated"], row["age_ms"]) == ("plant", "one", False, 0)


@pytest.mark.usefixtures("belt")
def test_people_get_a_table_with_the_totals(run):
    told = run("sort", "belt", "--config", "sorter.yaml")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[-1] == "5 products decided: 5 routed"


def test_damaged_pictures_are_skipped_and_counted(run, belt):
    for number in (20, 59):
        (belt / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    told = run("sort", "belt", "--config", "sorter.yaml")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "5 products decided: 5 routed"
    assert told.err.splitlines()[-1] == "belt: corrupt frames skipped: 2"


def test_a_belt_on_which_nothing_lies_decides_nothing(run, files):
    (files.folder / "empty").mkdir()
    for number in range(20):
        files.write_picture(f"empty/{number}.png", (60, 64, 80), (320, 180))
    told = run("sort", "empty", "--config", "sorter.yaml")
    assert (told.code, told.out, told.err) == (0, "0 products decided\n", "")


def test_a_region_outside_the_picture_is_told_with_its_place_before_any_decision(run, files, belt):
    files.write_settings({"region": {"x": 300, "y": 0, "width": 100, "height": 100}})
    told = run("sort", belt, "--config", "sorter.yaml", "--json")
    told.refuses(
        78,
        "sorter.yaml:29:14: the region (x 300 to 400, y 0 to 100) reaches outside the picture, "
        "which is 320 x 180 pixels: make it fit",
    )
    assert files.settings.read_text().splitlines()[28] == '   "region": {'


def test_a_source_that_breaks_off_is_told_after_what_was_decided(run, belt):
    cv2.imwrite(str(belt / "50.png"), np.full((90, 160, 3), (20, 90, 200), np.uint8))
    told = run("sort", belt, "--config", "sorter.yaml", "--json")
    assert told.code == 1
    assert len(told.rows) >= 2
    assert told.err.count("\n") == 1
    assert "50.png: the picture is 160 x 90 pixels, those before it are 320 x 180" in told.err


SENTENCES = {
    "none.mp4": "none.mp4: no such film or folder: give an existing one, an rtsp:// address, or usb:0 for a camera",
    "empty.mp4": "{here}/empty.mp4: the file is empty: record or copy the film again",
    "text.mp4": "{here}/text.mp4: not a film that can be read: give a video file or animated GIF",
    "recipe.yaml": "{here}/recipe.yaml: not a film that can be read: give a video file or animated GIF",
    "bare": "{here}/bare: the folder holds no pictures: put bmp, jpeg, jpg, png, tif, tiff, webp files into it",
    "broken": "{here}/broken: no picture in the folder can be read: replace them",
    "grey": ("{here}/grey/0.png: the picture is greyscale and has no color to sort by: use a camera set to color"),
    "usb:63": (
        "camera 63 cannot be opened: check that it is plugged in, that its number or path is right and that you may "
        "read its device"
    ),
    "rtsp://": "rtsp://: not a stream address: write rtsp://host:port/path",
    "rtsp://me:gehe1m@127.0.0.1:9/x": (
        "rtsp://127.0.0.1:9/x: the camera cannot be reached (Connection refused): check its address and cable"
    ),
}


@pytest.mark.parametrize("source", SENTENCES)
def test_a_source_that_cannot_be_used_is_told_in_one_sentence(run, files, source):
    Path("empty.mp4").touch()
    Path("text.mp4").write_text("no film")
    for name in ("bare", "broken", "grey"):
        Path(name).mkdir()
    Path("broken/0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    cv2.imwrite("grey/0.png", np.arange(1200, dtype=np.uint8).reshape(30, 40))
    here = files.folder.absolute()
    run("sort", source, "--config", "sorter.yaml").refuses(1, SENTENCES[source].format(here=here))


MISTAKES = {
    "no bins": ({"bins": []}, "recipe.yaml:3:10: bins: must have 1 or more entries, has 0"),
    "a key too many": ({"tolerence": 3}, "recipe.yaml:1:1: unknown key 'tolerence'"),
    "no fallback": ({"fallback": None}, "recipe.yaml:17:14: fallback"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistaken_recipe_is_told_with_its_place_before_the_source_is_looked_at(run, files, what):
    changes, beginning = MISTAKES[what]
    files.write_recipe(**changes)
    told = run("sort", "none.mp4", "--config", "sorter.yaml")
    assert (told.code, told.out) == (78, "")
    assert told.err.count("\n") == 1
    assert told.err.startswith("recipe.yaml:")
    assert beginning.split(": ", 1)[1] in told.err


@pytest.mark.parametrize("config", ["none.yaml", ".", "recipe.yaml", "red.png"])
def test_settings_that_are_none_are_told(run, files, config):
    files.settings.unlink()
    told = run("sort", "none.mp4", "--config", config)
    assert (told.code, told.out) == (78, "")
    assert all(line.startswith((config, "sorter.yaml")) for line in told.err.splitlines())


def test_of_several_lines_one_must_be_named(run, files):
    files.write_settings({}, {"name": "two"})
    run("sort", "none.mp4", "--config", "sorter.yaml").refuses(
        2, "sorter.yaml has several lines ('one', 'two'): say which with --line"
    )


@pytest.mark.usefixtures("belt")
def test_a_shadow_recipe_of_the_settings_changes_no_decision(run, files):
    plain = run("sort", "belt", "--config", "sorter.yaml", "--json")
    files.write_recipe(name="candidate", min_margin=100).rename(files.folder / "candidate.yaml")
    files.write_recipe()
    files.write_settings({"shadow": "candidate.yaml"})
    told = run("sort", "belt", "--config", "sorter.yaml", "--json")
    chance = ("boot_id", "decision_id", "captured_at", "decided_at", "act_after", "act_before")
    assert told.code == 0
    assert [without(row, chance) for row in told.rows] == [without(row, chance) for row in plain.rows]


def without(row, keys):
    return {key: value for key, value in row.items() if key not in keys}
