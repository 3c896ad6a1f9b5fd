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
        "2:1: unknown key 'colour_space'; the keys here are name, revision, bins, fallback, min_margin, "
        "sort_mode, min_stability, change",
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


T, L, N = "tolerance: 8", "lab: [40, 60, 38]", "name: fruit"
SHAPES = "a tolerance is a number, or it needs delta_e, or delta_l and delta_ab, or delta_l and delta_a and delta_b"
ONCE = "bin 'red' needs its color once, as lab, hex or rgb, or several of them under any_of or all_of; it has"
HEX = 'must be a color in quotes, such as "#d62828": without quotes a # begins a comment'
BIN_MISTAKES = {
    "not a number": (T, "tolerance: nan", "5:16: bins.0.tolerance: must be a finite number, got 'nan'"),
    "yaml's not a number": (T, "tolerance: .nan", "5:16: bins.0.tolerance: must be a number, got '.nan'"),
    "below zero": (T, "tolerance: -3", "5:16: bins.0.tolerance: must be more than 0, got -3"),
    "all colors": (T, "tolerance: 101", "5:16: bins.0.tolerance: must be at most 100, got 101"),
    "a tag": (T, "tolerance: !wide 3", "5:16: the tag '!wide' is not allowed: remove it"),
    "no shape": (T, "tolerance: {}", f"5:16: bins.0.tolerance: {SHAPES}; it has none of them"),
    "half a shape": (T, "tolerance: {delta_l: 3}", f"5:16: bins.0.tolerance: {SHAPES}; it has delta_l"),
    "two shapes": (
        T,
        "tolerance: {delta_e: 3, delta_ab: 2}",
        f"5:16: bins.0.tolerance: {SHAPES}; it has delta_e and delta_ab",
    ),
    "shape's key": (
        T,
        "tolerance: {delta_l: 3, delta_x: 2}",
        "5:29: bins.0.tolerance: unknown key 'delta_x', did you mean 'delta_l'?",
    ),
    "shape's number": (
        T,
        "tolerance: {delta_l: 3, delta_ab: 0}",
        "5:39: bins.0.tolerance.delta_ab: must be more than 0, got 0",
    ),
    "shape's word": (
        T,
        "tolerance: {delta_l: 3, delta_ab: wide}",
        "5:39: bins.0.tolerance.delta_ab: must be a number, got 'wide'",
    ),
    "shape's list": (T, "tolerance: {delta_e: [1]}", "5:26: bins.0.tolerance.delta_e: must be a number, got a list"),
    "Lab not a number": (L, "lab: [40, nan, 3]", "4:15: bins.0.lab.1: must be a finite number, got 'nan'"),
    "Lab out of range": (L, "lab: [40, 200, 3]", "4:15: bins.0.lab.1: must be at most 128, got 200"),
    "hex with a typo": (L, 'hex: "#c8202g"', f"4:10: bins.0.hex: {HEX}, got '#c8202g'"),
    "short hex": (L, 'hex: "#c82"', f"4:10: bins.0.hex: {HEX}, got '#c82'"),
    "none of any": (L, "any_of: []", "4:13: bins.0.any_of: must have 1 or more entries, has 0"),
    "any_of and hex": (L, 'any_of: [{hex: "#c8202c"}]\n    hex: "#c8202c"', f"3:5: bins.0: {ONCE} hex and any_of"),
    "any_of and all_of": (
        L,
        "any_of: [{rgb: [1, 2, 3]}]\n    all_of: [{rgb: [1, 2, 3], min_share: .2}, {rgb: [1, 2, 3], min_share: .2}]",
        f"3:5: bins.0: {ONCE} any_of and all_of",
    ),
    "no list of any": (
        L,
        "any_of: {rgb: [1, 2, 3]}",
        "4:13: bins.0.any_of: must be a list, each entry after a '- ', got keys and values",
    ),
    "bare color of any": (
        L,
        'any_of: ["#c8202c"]',
        "4:14: bins.0.any_of.0: must be keys with values, one 'key: value' a line, got '#c8202c'",
    ),
    "no color of any": (
        L,
        "any_of: [{rgb: [1, 2, 3]}, {}]",
        "4:32: bins.0.any_of.1: give the color once, as lab, hex or rgb; it has none of them",
    ),
    "two colors of any": (
        L,
        'any_of: [{hex: "#c8202c", lab: [1, 2, 3]}]',
        "4:14: bins.0.any_of.0: give the color once, as lab, hex or rgb; it has lab and hex",
    ),
    "comment for a color of any": (
        L,
        "any_of:\n    - hex: #c8202c",
        "5:7: bins.0.any_of.0: there is no color after hex: write it in quotes, since # begins a comment",
    ),
    "share of any": (
        L,
        "any_of: [{rgb: [1, 2, 3], min_share: 0.3}]",
        "4:31: bins.0.any_of.0: unknown key 'min_share'; the keys here are lab, hex, rgb",
    ),
    "one of all": (
        L,
        "all_of: [{rgb: [1, 2, 3], min_share: 0.3}]",
        "4:13: bins.0.all_of: must have 2 or more entries, has 1",
    ),
    "more than all": (
        L,
        "all_of: [{rgb: [1, 2, 3], min_share: 0.7}, {rgb: [9, 2, 3], min_share: 0.7}]",
        "3:5: bins.0: bin 'red' asks for shares of 1.4 together, more than the whole product: lower them",
    ),
    "share of nothing": (
        L,
        "all_of: [{rgb: [1, 2, 3], min_share: 0}, {rgb: [9, 2, 3], min_share: 0.7}]",
        "4:42: bins.0.all_of.0.min_share: must be more than 0, got 0",
    ),
    "no share": (
        L,
        "all_of: [{rgb: [1, 2, 3]}, {rgb: [9, 2, 3], min_share: 0.7}]",
        "4:14: bins.0.all_of.0: the key 'min_share' is missing: add it",
    ),
    "darkness": (
        L,
        f"{L}\n    exposure_range: 0.5",
        "5:21: bins.0.exposure_range: must be at least 1, got 0.5",
    ),
    "taught when": (
        L,
        f"{L}\n    taught: {{at: yesterday, samples: 3, spread: 1, source: x, software: y}}",
        "5:18: bins.0.taught.at: must be a time, such as 2026-01-31T10:00:00Z, got 'yesterday'",
    ),
    "taught by nothing": (
        L,
        f"{L}\n    taught: {{at: 2026-01-31, samples: 0, spread: 1, source: x, software: y}}",
        "5:39: bins.0.taught.samples: must be at least 1, got 0",
    ),
    "misspelt mode": (
        N,
        f"{N}\nsort_mode: nearst",
        "2:12: sort_mode: must be one of nearest_within_tolerance, nearest, unique, got 'nearst', "
        "did you mean 'nearest'?",
    ),
    "listed mode": (
        N,
        f"{N}\nsort_mode: [unique]",
        "2:12: sort_mode: must be one of nearest_within_tolerance, nearest, unique, got a list",
    ),
    "more than stable": (N, f"{N}\nmin_stability: 2", "2:16: min_stability: must be at most 1, got 2"),
}
RECIPE_MISTAKES |= BIN_MISTAKES


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
