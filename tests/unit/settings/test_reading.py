"""What YAML may hold, and what is said of a file that is no good YAML."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sorter.settings.load import load_recipe, load_site

Write = Callable[[str, str | bytes], Path]
Told = Callable[[Callable[[Path], object], str], list[str]]


def test_words_and_numbers_that_yaml_would_change_stay_as_they_are_written(write: Write) -> None:
    write(
        "recipe.yaml",
        """\
name: no
bins:
  - {name: on, rgb: [77, 1, 2], tolerance: 1e1, branch: 12:30}
  - {name: 0777, lab: [5e1, 0, -0.5], tolerance: 5, branch: 2024-01-01}
  - {name: "null", lab: [60, 0, 0], tolerance: 5, branch: 1_000}
fallback: {unknown: yes, ambiguous: "~", late: 1e3, invalid: .5}
""",
    )
    recipe = load_recipe(Path("recipe.yaml")).value
    assert recipe.name == "no"
    assert [one.name for one in recipe.bins] == ["on", "0777", "null"]
    assert [one.branch for one in recipe.bins] == ["12:30", "2024-01-01", "1_000"]
    assert list(recipe.fallback.model_dump().values()) == ["yes", "~", "1e3", ".5"]
    assert recipe.bins[0].rgb == (77, 1, 2)
    assert recipe.bins[0].tolerance.delta_e == 10
    assert recipe.bins[1].lab == (50, 0, -0.5)


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_only_an_unquoted_null_is_nothing(write: Write, site_text: str, nothing: str) -> None:
    write("sorter.yaml", site_text + f"    region: {nothing}\n")
    assert load_site(Path("sorter.yaml")).value.lines[0].region is None


@pytest.mark.parametrize(("written", "meant"), [("yes", True), ("off", False), ("true", True), ("0", False)])
def test_a_yes_or_no_is_read_where_one_is_wanted(write: Write, site_text: str, written: str, meant: object) -> None:
    write("sorter.yaml", site_text.replace("film.mp4", f"film.mp4\n      realtime: {written}"))
    source = load_site(Path("sorter.yaml")).value.lines[0].source
    assert source.kind == "file"
    assert source.realtime is meant


def test_anchors_are_read(write: Write, recipe_text: str) -> None:
    shared = recipe_text.replace("tolerance: 8", "tolerance: &wide 8", 1)
    write("recipe.yaml", shared.replace("tolerance: 8", "tolerance: *wide"))
    assert [one.tolerance.delta_e for one in load_recipe(Path("recipe.yaml")).value.bins] == [8, 8]


BROKEN = {
    "empty": ("", "1:1: the file is empty: fill it in"),
    "comments": ("# nothing\n# here\n", "1:1: the file is empty: fill it in"),
    "list": ("- a\n- b\n", "1:1: the file holds a list, not settings: write 'key: value' lines"),
    "text": ("hello\n", "1:1: the file holds a single text, not settings: write 'key: value' lines"),
    "tab": ("name: x\nbins:\n\t- a\n", "3:1: a tab stands here: indent with spaces"),
    "latin-1": (b"name: x\nbins: caf\xe9\n", "2:10: this is not UTF-8 text: save the file as UTF-8"),
    "bom": (b"\xef\xbb\xbfname: x\n", "1:1: the file begins with a byte-order mark: save it as UTF-8 without BOM"),
    "utf-16": ("name: x\n".encode("utf-16"), "1:1: the file begins with a byte-order mark"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "1:1: this is not UTF-8 text"),
    "zeros": (b"name: x\n\x00\x00", "2:1: the character '\\x00' is not text: is this a YAML file?"),
    "after line breaks": ("a: b\r\n\r\nc: \x07", "3:4: the character '\\x07' is not text"),
    "colon": ("name: a: b\n", "1:8: a ':' is not expected here: mend the indentation"),
    "indentation": ("a: 1\nb:\n    c: 1\n  d: 2\n", "4:3: this does not fit the lines above it"),
    "bracket": ("a: 1\nlab: [1, 2\n", "2:6: the bracket opened here lacks a comma, or is never closed"),
    "half a list": ("name: [\n", "2:1: a value is missing here: add it, or close the bracket before"),
    "comma": ("lab: [1 2\nb: 3\n", "1:6: the bracket opened here lacks a comma, or is never closed"),
    "quote": ("a: 1\nb: 'x\n", "2:4: the quote opened here is never closed: close it"),
    "no colon": ("abc: x\nde\nfg: h\n", "2:1: this lacks a ': ' after its key, or a quote"),
    "at": ("a: @b\n", "1:4: a text cannot begin with '@': put it in quotes"),
    "star": ("path: *.mp4\n", "1:8: a text cannot begin with * or &: put it in quotes"),
    "alias": ("path: *film\n", "1:7: there is no anchor 'film': a text that begins with * needs quotes"),
    "two anchors": ("a: &x 1\nb: &x 2\n", "2:4: this anchor was given before: rename one"),
    "unknown escape": ('a: "C:\\data"\n', "1:8: this backslash means nothing in double quotes"),
    "no such character": ('a: "\\UFFFFFFFF"\n', "1:7: this holds a character or number that does not exist"),
    "long version": ("%YAML " + "9" * 5000 + ".1\n---\na: b\n", "1:7: this holds a character or number"),
    "two documents": ("a: 1\n---\nb: 2\n", "2:1: a second document begins here: keep one in a file"),
    "tag handle": ("a: !x!y b\n", "1:4: a text cannot begin with !: put it in quotes"),
    "deep": ("a: " + "[" * 100 + "\n", "1:27: the file is nested too deep: this is not a settings file"),
    "many": ("a:\n" + "  - x\n" * 30_000, "19999:5: the file holds over 20000 values"),
    "endless": ("a: &x [*x]\n", "1:4: an anchor holds itself, or the nesting is too deep: write it out"),
    "long": (b"a" * (1024 * 1024 + 1), " the file is longer than 1024 KiB: this is not a settings file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_yaml_gets_one_plain_sentence_with_its_place(write: Write, told: Told, name: str) -> None:
    content, expected = BROKEN[name]
    write("recipe.yaml", content)
    sentences = told(load_recipe, "recipe.yaml")
    assert len(sentences) == 1
    assert sentences[0].startswith(f"recipe.yaml:{expected}")


def test_aliases_that_would_fill_the_memory_are_refused_at_once(write: Write, told: Told) -> None:
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 20)]
    write("recipe.yaml", "\n".join(["a0: &a0 [x, x, x]", *levels]))
    started = time.monotonic()
    assert "aliases make more than 20000 values of this: write it out" in told(load_recipe, "recipe.yaml")[0]
    assert time.monotonic() - started < 5


def test_a_key_given_twice_names_the_line_of_the_first(write: Write, told: Told, recipe_text: str) -> None:
    write("recipe.yaml", recipe_text.replace("    branch: left", "    branch: left\n    tolerance: 9"))
    assert told(load_recipe, "recipe.yaml") == [
        "recipe.yaml:7:5: the key 'tolerance' was given before, on line 5: remove one"
    ]


def test_tags_and_merge_keys_are_refused_and_hide_no_other_mistake(write: Write, told: Told, recipe_text: str) -> None:
    text = recipe_text.replace("name: fruit", "name: !!python/object/apply:os.system [ls]")
    text = text.replace("    tolerance: 8\n    branch: right", "    <<: {tolerance: 8}\n    branch: a/b")
    write("recipe.yaml", text)
    assert told(load_recipe, "recipe.yaml") == [
        "recipe.yaml:1:7: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed: remove it",
        "recipe.yaml:9:5: merge keys (<<) are not read: write the keys out",
        "recipe.yaml:10:13: bins.1.branch: the name 'a/b' holds '/': use letters, digits, spaces and . _ : -",
    ]


@pytest.mark.parametrize("odd", ['"a\\nb"', '"C:\\films"', '"\\ud800"', '"\\0"', '"\\e[31m"', '"a\\tb"'])
def test_a_text_with_an_invisible_character_is_refused_before_it_can_reach_a_screen(
    write: Write, told: Told, recipe_text: str, odd: str
) -> None:
    write("recipe.yaml", recipe_text.replace("name: fruit", f"name: {odd}\n{odd}: 1"))
    assert told(load_recipe, "recipe.yaml") == [
        "recipe.yaml:1:7: the text holds a line break or an invisible character: remove it",
        "recipe.yaml:2:1: a key must be a plain word: mend or remove it",
    ]


def test_a_key_that_is_a_list_is_refused(write: Write, told: Told, recipe_text: str) -> None:
    write("recipe.yaml", recipe_text + "? [a, b]\n: c\n")
    assert told(load_recipe, "recipe.yaml") == ["recipe.yaml:12:3: a key must be a plain word: mend or remove it"]


def test_what_is_no_readable_file_is_named_with_a_remedy(write: Write, told: Told) -> None:
    write("folder/x", "")
    assert told(load_recipe, "nope.yaml") == ["nope.yaml: there is no such file: create it, or name the right one"]
    assert told(load_site, "folder") == ["folder/sorter.yaml: there is no such file: create it, or name the right one"]
    assert told(load_recipe, "folder") == ["folder: this is a folder, not a file: name a YAML file"]
    assert told(load_recipe, "/dev/null") == ["/dev/null: this is a device or pipe, not a file: name a YAML file"]
    assert "cannot be read (" in told(load_site, "x" * 300)[0]
