"""What an operator is told of a value that is wrong, and where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sorter.settings.load import load_recipe, load_site

Write = Callable[[str, str | bytes], Path]
Told = Callable[[Callable[[Path], object], str], list[str]]

RECIPE_MISTAKES = {
    "too large": ("lab: [40, 60, 38]", "lab: [170, 60, 38]", "4:11: bins.0.lab.0: must be at most 100, got 170"),
    "too small": ("tolerance: 8", "tolerance: 0", "5:16: bins.0.tolerance: must be more than 0, got 0"),
    "endless": ("tolerance: 8", "tolerance: 1e999", "5:16: bins.0.tolerance: must be a finite number, got 1e999"),
    "word": ("tolerance: 8", "tolerance: wide", "5:16: bins.0.tolerance: must be a number, got 'wide'"),
    "comma": ("tolerance: 8", "tolerance: 1,5", "5:16: bins.0.tolerance: must be a number, got '1,5' (write 1.5)"),
    "nothing": ("tolerance: 8", "tolerance:", "5:15: bins.0.tolerance: must be a number, got nothing"),
    "list": ("tolerance: 8", "tolerance: [8]", "5:16: bins.0.tolerance: must be a number, got a list"),
    "too short": ("lab: [40, 60, 38]", "lab: [40]", "4:10: bins.0.lab: must be a list of 3 numbers, has 1"),
    "too long": ("lab: [40, 60, 38]", "lab: [40,60,38,1]", "4:10: bins.0.lab: must be a list of 3 numbers, has 4"),
    "no list": ("lab: [40, 60, 38]", "lab: 40 60", "4:10: bins.0.lab: must be a list of 3 numbers, got '40 60'"),
    "two colors": (
        "lab: [40, 60, 38]",
        "lab: [40, 60, 38]\n    rgb: [1, 2, 3]",
        "3:5: bins.0: bin 'red' needs its color once, as lab, hex or rgb; it has lab and rgb",
    ),
    "no color": (
        "    lab: [40, 60, 38]\n",
        "",
        "3:5: bins.0: bin 'red' needs its color once, as lab, hex or rgb; it has none of them",
    ),
    "comment for a color": (
        "lab: [40, 60, 38]",
        "hex: #c8202c",
        "3:5: bins.0: bin 'red' has no color after hex: write it in quotes, since # begins a comment",
    ),
    "color's name": (
        "lab: [40, 60, 38]",
        "hex: red",
        '4:10: bins.0.hex: must be a color in quotes, such as "#d62828": without quotes a # begins a comment, '
        "got 'red'",
    ),
    "misspelled": (
        "tolerance: 8",
        "tolerence: 8",
        "5:5: bins.0: unknown key 'tolerence', did you mean 'tolerance'?",
    ),
    "unknown": (
        "name: fruit",
        "name: fruit\ncolour_space: hsv",
        "2:1: unknown key 'colour_space'; the keys here are name, revision, bins, fallback, min_margin",
    ),
    "missing": ("    tolerance: 8\n", "", "3:5: bins.0: the key 'tolerance' is missing: add it"),
    "missing at the top": ("name: fruit\n", "", "1:1: the key 'name' is missing: add it"),
    "empty name": ("name: fruit", 'name: ""', "1:7: name: must not be empty, got ''"),
    "long name": (
        "name: fruit",
        f"name: {'x' * 65}",
        f"1:7: name: must have at most 64 characters, got '{'x' * 37}...'",
    ),
    "odd name": (
        "name: fruit",
        "name: a/b+c",
        "1:7: name: the name 'a/b+c' holds '+' '/': use letters, digits, spaces and . _ : -",
    ),
    "same name": ("name: green", "name: red", "7:11: bins.1.name: another bin has the name 'red': rename one"),
    "keys wanted": (
        "fallback: {unknown: right, ambiguous: right, late: right, invalid: right}",
        "fallback: right",
        "11:11: fallback: must be keys with values, one 'key: value' a line, got 'right'",
    ),
}


@pytest.mark.parametrize("name", RECIPE_MISTAKES)
def test_a_mistake_in_a_recipe_gets_one_plain_sentence_with_its_place(
    write: Write, told: Told, recipe_text: str, name: str
) -> None:
    good, bad, expected = RECIPE_MISTAKES[name]
    write("recipe.yaml", recipe_text.replace(good, bad, 1))
    assert told(load_recipe, "recipe.yaml") == [f"recipe.yaml:{expected}"]


def test_a_recipe_needs_bins(write: Write, told: Told) -> None:
    write("recipe.yaml", "name: a\nbins: []\nfallback: {unknown: a, ambiguous: a, late: a, invalid: a}\n")
    assert told(load_recipe, "recipe.yaml") == ["recipe.yaml:2:7: bins: must have 1 or more entries, has 0"]


FILM = "kind: file\n      path: film.mp4"
ONE_OF = "must be one of file, folder, usb, rtsp, genicam, simulator"
SITE_MISTAKES = {
    "kind": (FILM, "kind: film", f"5:13: lines.0.source.kind: {ONE_OF}, got 'film', did you mean 'file'?"),
    "no kind": (
        FILM,
        "path: film.mp4",
        "5:7: lines.0.source: the key 'kind' is missing: add it, one of file, folder, usb, rtsp, genicam, simulator",
    ),
    "empty kind": (FILM, "kind:", f"5:12: lines.0.source.kind: {ONE_OF}, got nothing"),
    "listed kind": (FILM, "kind: [file]", f"5:13: lines.0.source.kind: {ONE_OF}, got a list"),
    "missing in a kind": (FILM, "kind: file", "5:7: lines.0.source: the key 'path' is missing: add it"),
    "unknown in a kind": (
        FILM,
        f"{FILM}\n      file: x",
        "7:7: lines.0.source: unknown key 'file'; the keys here are kind, path, realtime",
    ),
    "deep in a kind": (
        FILM,
        'kind: simulator\n      products: [{name: a, hex: "#123456"}, {name: b, hex: "#123456", shape: disk}]',
        "6:78: lines.0.source.products.1.shape: must be one of disc, ellipse, box, hexagon, got 'disk', "
        "did you mean 'disc'?",
    ),
    "no products": (
        FILM,
        "kind: simulator\n      products: []",
        "6:17: lines.0.source.products: must have 1 or more entries, has 0",
    ),
    "direction": (
        "direction: right",
        "direction: rigth",
        "9:18: lines.0.belt.direction: must be one of left, right, up, down or a number, got 'rigth', "
        "did you mean 'right'?",
    ),
    "direction in degrees": (
        "direction: right",
        "direction: 400",
        "9:18: lines.0.belt.direction: must be one of left, right, up, down or at most 360, got 400",
    ),
    "branch name": (
        "left: {distance_mm: 100}",
        "le/ft: {distance_mm: 100}",
        "11:7: lines.0.branches.le/ft: the name 'le/ft' holds '/': use letters, digits, spaces and . _ : -",
    ),
    "in a branch": (
        "left: {distance_mm: 100}",
        "left: {distance_mm: -1}",
        "11:27: lines.0.branches.left.distance_mm: must be at least 0, got -1",
    ),
    "half a region": (
        "    belt:",
        "    region: {x: 1}\n    belt:",
        "8:13: lines.0.region: a region is either x, y, width and height, or a polygon",
    ),
    "half a corner": (
        "    belt:",
        "    region: {polygon: [[1, 2], [3], [4, 5]]}\n    belt:",
        "8:32: lines.0.region.polygon.1: must be a list of 2 numbers, has 1",
    ),
    "two corners": (
        "    belt:",
        "    region: {polygon: [[1, 2], [3, 4]]}\n    belt:",
        "8:23: lines.0.region.polygon: must have 3 or more entries, has 2",
    ),
    "part of a pixel": (
        "    belt:",
        "    region: {x: 1.5, y: 0, width: 9, height: 9}\n    belt:",
        "8:17: lines.0.region.x: must be a whole number, got 1.5",
    ),
    "yes or no": (
        FILM,
        f"{FILM}\n      realtime: maybe",
        "7:17: lines.0.source.realtime: must be true or false, got 'maybe'",
    ),
    "sizes": (
        "    belt:",
        "    product: {max_width_px: 9}\n    belt:",
        "8:14: lines.0.product: max_width_px is 9 but min_length_px is 16: make it larger",
    ),
    "port": ("site: plant", "site: plant\nmqtt: {port: 70000}", "2:14: mqtt.port: must be at most 65535, got 70000"),
    "protocol": (
        "site: plant",
        "site: plant\nmqtt: {protocol: 4}",
        "2:18: mqtt.protocol: must be one of 5, 3.1.1, got 4",
    ),
    "topic": (
        "site: plant",
        "site: plant\nmqtt: {base_topic: /a/}",
        "2:20: mqtt.base_topic: must be a topic without + and #, and without / or $ at its ends, got '/a/'",
    ),
    "two passwords": (
        "site: plant",
        "site: plant\nmqtt: {password_env: A, password_file: b}",
        "2:7: mqtt: password_env and password_file are both given: keep one",
    ),
    "trigger's kind": (
        "    belt:",
        "    trigger: {kind: photoeye, distance_mm: 300}\n    belt:",
        "8:21: lines.0.trigger.kind: must be one of vision, photo_eye, got 'photoeye', did you mean 'photo_eye'?",
    ),
    "no trigger's kind": (
        "    belt:",
        "    trigger: {distance_mm: 300}\n    belt:",
        "8:14: lines.0.trigger: the key 'kind' is missing: add it, one of vision, photo_eye",
    ),
    "eye without a distance": (
        "    belt:",
        "    trigger: {kind: photo_eye}\n    belt:",
        "8:14: lines.0.trigger: the key 'distance_mm' is missing: add it",
    ),
    "eye downstream": (
        "    belt:",
        "    trigger: {kind: photo_eye, distance_mm: -300}\n    belt:",
        "8:45: lines.0.trigger.distance_mm: must be at least 0, got -300",
    ),
    "eye's keys without an eye": (
        "    belt:",
        "    trigger: {kind: vision, window_s: 0.2}\n    belt:",
        "8:29: lines.0.trigger: unknown key 'window_s'; the keys here are kind",
    ),
    "no window": (
        "    belt:",
        "    trigger: {kind: photo_eye, distance_mm: 300, window_s: 0}\n    belt:",
        "8:60: lines.0.trigger.window_s: must be more than 0, got 0",
    ),
    "no lines": (None, "site: a\nlines: []\n", "2:8: lines: must have 1 or more entries, has 0"),
}


@pytest.mark.parametrize("name", SITE_MISTAKES)
def test_a_mistake_in_the_settings_gets_one_plain_sentence_with_its_place(
    write: Write, told: Told, site_text: str, name: str
) -> None:
    good, bad, expected = SITE_MISTAKES[name]
    write("sorter.yaml", site_text.replace(good, bad, 1) if good else bad)
    assert told(load_site, "sorter.yaml") == [f"sorter.yaml:{expected}"]


def test_two_lines_of_one_name_are_told_at_the_second(write: Write, told: Told, site_text: str) -> None:
    write("sorter.yaml", site_text + site_text.split("lines:\n")[1])
    assert told(load_site, "sorter.yaml") == [
        "sorter.yaml:14:11: lines.1.name: another line has the name 'l1': rename one"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://joe:hunter2@10.0.0.2/stream",
        "rtsp://joe:hunter2@10.0.0.2/stream",
        "rtsp://joe:hunt/er2@10.0.0.2/stream",
        "rtsp://joe:hunter2/stream",
        "rtsp://joe:hun ter2@10.0.0.2/",
        "joe:hunter2@10.0.0.2",
    ],
)
def test_a_password_in_a_url_is_refused_and_never_shown(write: Write, told: Told, site_text: str, url: str) -> None:
    write("sorter.yaml", site_text.replace(FILM, f"kind: rtsp\n      url: {url}"))
    (sentence,) = told(load_site, "sorter.yaml")
    assert sentence.startswith("sorter.yaml:6:12: lines.0.source.url: ")
    assert not any(secret in sentence for secret in ("joe", "hunt", "er2"))


@pytest.mark.parametrize("url", ["rtsp://camera/a@b", "rtsps://[::1]:8554/x", "rtsp://10.0.0.2:554/s?p=1:2"])
def test_a_url_without_a_password_is_taken(write: Write, site_text: str, url: str) -> None:
    write("sorter.yaml", site_text.replace(FILM, f"kind: rtsp\n      url: {url}"))
    source = load_site(Path("sorter.yaml")).value.lines[0].source
    assert source.kind == "rtsp"
    assert source.url == url


def test_every_mistake_is_told_at_once_in_reading_order(write: Write, told: Told) -> None:
    write(
        "recipe.yaml",
        """\
revision: 1.5
bins:
  - {name: a, lab: [1, 2, 3], tolerance: 5, branch: x, tolerance: 6}
  - {name: a, rgb: [1, 2, 300], tolerance: -1, branch: x}
  - {name: b, lab: [1, 2, 3], tolerance: 5, brunch: x}
fallback: {unknown: x, ambiguous: x, late: !bad x, invalid: "a#b"}
min_margin: wide
""",
    )
    assert told(load_recipe, "recipe.yaml") == [
        "recipe.yaml:1:1: the key 'name' is missing: add it",
        "recipe.yaml:1:11: revision: must be a whole number, got 1.5",
        "recipe.yaml:3:56: the key 'tolerance' was given before, on line 3: remove one",
        "recipe.yaml:4:12: bins.1.name: another bin has the name 'a': rename one",
        "recipe.yaml:4:27: bins.1.rgb.2: must be at most 255, got 300",
        "recipe.yaml:4:44: bins.1.tolerance: must be more than 0, got -1",
        "recipe.yaml:5:45: bins.2: unknown key 'brunch', did you mean 'branch'?",
        "recipe.yaml:6:44: the tag '!bad' is not allowed: remove it",
        "recipe.yaml:6:61: fallback.invalid: the name 'a#b' holds '#': use letters, digits, spaces and . _ : -",
        "recipe.yaml:7:13: min_margin: must be a number, got 'wide'",
    ]
