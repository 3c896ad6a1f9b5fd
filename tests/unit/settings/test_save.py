"""Taught bins in a recipe file: only their characters change, and the file is never half written."""

from __future__ import annotations

import errno
import json
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorter.errors import ConfigurationError, SorterError
from sorter.records import Lab
from sorter.settings.bins import Taught
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Change
from sorter.settings.save import TaughtBin, find_recipe_file, open_recipe, restore, revise, save

ROOT = Path(__file__).parents[3]
TAUGHT = Taught(at=datetime(2026, 1, 2, tzinfo=UTC), samples=12, spread=1.25, source="a.csv", software="0.1.0")
PLAIN = """\
name: two
revision: 3   # mine
bins:
  # measured in May
  - name: red
    hex: "#c8202c"   # by hand

    tolerance: 11
    branch: gate-1
  - {name: green, rgb: [46, 158, 79], tolerance: 7, branch: gate-2}   # two
fallback: {unknown: reject, ambiguous: reject,
  late: reject,  # too late
  invalid: reject}
"""


def taught(name: str) -> TaughtBin:
    return TaughtBin(name, Lab(40.25, 60.0, -0.5), 7.5, TAUGHT, "new-branch")


def write(tmp_path: Path, text: str, name: str = "recipe.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def teach(path: Path, *bins: TaughtBin) -> str:
    save(revise(open_recipe(path), bins))
    return path.read_bytes().decode()


def test_only_what_was_taught_changes(tmp_path):
    told = teach(write(tmp_path, PLAIN), taught("red"))
    expected = PLAIN.replace("revision: 3", "revision: 4").replace('hex: "#c8202c"', "lab: [40.25, 60, -0.5]")
    provenance = """
    taught:
      at: "2026-01-02T00:00:00Z"
      samples: 12
      spread: 1.25
      source: a.csv
      software: "0.1.0\""""
    assert told == expected.replace("tolerance: 11", "tolerance: 7.5").replace("gate-1", f"gate-1{provenance}")


def test_a_bin_in_brackets_stays_in_brackets(tmp_path):
    told = teach(write(tmp_path, PLAIN), taught("green"))
    line = (
        "  - {name: green, lab: [40.25, 60, -0.5], tolerance: 7.5, branch: gate-2, "
        'taught: {at: "2026-01-02T00:00:00Z", samples: 12, spread: 1.25, source: a.csv, software: "0.1.0"}}   # two'
    )
    assert line in told.splitlines()


def test_teaching_again_replaces_what_was_taught(tmp_path):
    path = write(tmp_path, PLAIN)
    once = teach(path, taught("red"), taught("green"), taught("no"))
    twice = teach(path, taught("red"), taught("green"), taught("no"))
    assert twice == once.replace("revision: 4", "revision: 5")


@pytest.mark.parametrize("color", ["any_of: [{hex: '#c8202c'}, {rgb: [1, 2, 3]}]", "any_of:\n    - lab: [1, 2, 3]"])
def test_several_colors_become_the_one_that_was_taught(tmp_path, color):
    path = write(tmp_path, PLAIN.replace('hex: "#c8202c"   # by hand\n', f"{color}\n"))
    teach(path, taught("red"))
    red = load_recipe(path).value.bins[0]
    assert (red.lab, red.any_of) == ((40.25, 60, -0.5), None)


def test_a_tolerance_of_another_shape_becomes_a_number_and_the_rest_of_the_bin_stays(tmp_path):
    shape = "tolerance:\n      delta_l: 9\n      delta_ab: 4\n    exposure_range: 2"
    path = write(tmp_path, PLAIN.replace("tolerance: 11", shape))
    teach(path, taught("red"))
    red = load_recipe(path).value.bins[0]
    assert (red.tolerance.delta_e, red.exposure_range, red.branch, red.taught) == (7.5, 2, "gate-1", TAUGHT)


@pytest.mark.parametrize("example", sorted((ROOT / "config").rglob("recipes/*.yaml")), ids=lambda path: path.stem)
def test_the_recipes_that_come_with_the_sorter_keep_every_other_line(tmp_path, example):
    text = example.read_text("utf-8")
    path = write(tmp_path, text)
    first = next(one.name for one in load_recipe(path).value.bins if one.colors_given())
    told = teach(path, taught(first), taught("a new one")).splitlines()
    kept = [line for line in text.splitlines() if not re.search(r"revision: 1|hex|lab: \[|tolerance: \d", line)]
    remaining = iter(told)
    assert all(line in remaining for line in kept)


def test_json_stays_json(tmp_path):
    fallback = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject")
    bins = [{"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"}]
    path = write(tmp_path, json.dumps({"name": "x", "bins": bins, "fallback": fallback}, indent=1))
    told = json.loads(teach(path, taught("red"), taught("blue")))
    assert (told["revision"], [one["name"] for one in told["bins"]]) == (2, ["red", "blue"])


@dataclass
class Text:
    """A recipe as somebody may have written it."""

    lines: list[str] = field(default_factory=list)
    changing: set[int] = field(default_factory=set)
    """Lines that teaching the bin *red* may change."""


COMMENT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=12).map(
    lambda text: f"  # {text}"
)
TRAILING = st.one_of(st.just(""), st.just("   "), COMMENT)
COLORS = ["lab: [ 1.0,2 , 3]", "hex: '#C8202C'", 'hex:   "#c8202c"', "rgb: [1,2,   3]", "any_of: [{hex: '#c8202c'}]"]


def quoted(draw, word: str) -> str:
    return draw(st.sampled_from([word, f"'{word}'", f'"{word}"', f"  {word}"]))


@st.composite
def recipes(draw) -> tuple[str, list[str]]:
    """A recipe's text, and the lines of it that must survive."""
    text = Text()

    def line(content: str, *, changes: bool = False) -> None:
        for extra in draw(st.lists(st.one_of(st.just(""), COMMENT), max_size=1)):
            text.lines.append(extra)
        if changes:
            text.changing.add(len(text.lines))
        text.lines.append(content + draw(TRAILING))

    def one_bin(name: str, margin: str) -> None:
        changes = name == "red"
        keys = [
            (f"name: {quoted(draw, name)}", False),
            (draw(st.sampled_from(COLORS)), changes),
            (draw(st.sampled_from(["tolerance: 11", "tolerance:  4.50", "tolerance: {delta_e: 3}"])), changes),
            (f"branch: {quoted(draw, 'gate')}", False),
        ]
        keys = draw(st.permutations(keys))
        if draw(st.booleans()):
            content = ", ".join(key for key, _ in keys)
            line(f"{margin}- {{{content}}}", changes=changes)
            return
        gap = draw(st.sampled_from([" ", "   "]))
        for index, (key, is_changed) in enumerate(keys):
            line((f"{margin}-{gap}" if index == 0 else f"{margin} {gap}") + key, changes=is_changed)

    def bins() -> None:
        line("bins:")
        margin = draw(st.sampled_from(["", "  ", "    "]))
        for name in draw(st.permutations(["red", "green", "blue"])):
            one_bin(name, margin)

    def fallback() -> None:
        line("fallback:")
        for verdict in draw(st.permutations(["unknown", "ambiguous", "late", "invalid"])):
            line(f"   {verdict}: {quoted(draw, 'reject')}")

    def revision() -> None:
        line("revision:  7", changes=True)

    parts = [lambda: line(f"name: {quoted(draw, 'mine')}"), bins, fallback, *draw(st.sampled_from([[], [revision]]))]
    for part in draw(st.permutations(parts)):
        part()
    kept = [one for index, one in enumerate(text.lines) if index not in text.changing]
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    return ends.join(text.lines) + draw(st.sampled_from(["", ends, ends * 2])), kept


def comments(text: str) -> list[str]:
    """Sorted, since a color's comment may come to stand behind another line."""
    return sorted(re.findall(r"(?<![\'\"])#[^\r\n]*", text))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recipes(), st.booleans())
def test_however_a_recipe_is_written_its_other_lines_and_all_comments_survive(tmp_path, written, is_new):
    text, kept = written
    path = write(tmp_path, text)
    before = load_recipe(path).value
    told = teach(path, taught("red"), *([taught("purple")] if is_new else []))
    remaining = iter(told.replace("\r\n", "\n").split("\n"))
    assert all(line in remaining for line in kept)
    assert comments(told) == comments(text)
    after = {one.name: one for one in load_recipe(path).value.bins}
    assert after["red"].lab == (40.25, 60, -0.5)
    assert all(after[one.name] == one for one in before.bins if one.name != "red")
    assert ("purple" in after) == is_new


@pytest.mark.parametrize("opening", ["  - # not a-b\n    name: red", "  -\n    name: red"])
def test_a_new_bin_stands_under_the_others_dash(tmp_path, opening):
    path = write(tmp_path, PLAIN.replace("  - name: red", opening))
    assert "\n  - {name: purple, lab" in teach(path, taught("purple"))


def test_a_new_file_is_a_recipe_with_comments(tmp_path):
    told = teach(tmp_path / "my candy.yaml", taught("red"), taught("no"))
    assert told.startswith("# A recipe:")
    recipe = load_recipe(tmp_path / "my candy.yaml").value
    assert (recipe.name, recipe.revision, [one.name for one in recipe.bins]) == ("my candy", 1, ["red", "no"])
    assert recipe.branches() == {"new-branch", "reject"}
    assert stat.S_IMODE((tmp_path / "my candy.yaml").stat().st_mode) == 0o644


def test_a_new_file_names_the_schema_where_there_is_one(tmp_path):
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "recipe.schema.json").touch()
    (tmp_path / "recipes").mkdir()
    told = teach(tmp_path / "recipes" / "a.yaml", taught("red"))
    assert told.startswith("# yaml-language-server: $schema=../schema/recipe.schema.json\n")


def test_a_new_file_whose_name_is_no_name_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="named after its file"):
        revise(open_recipe(tmp_path / "a#b.yaml"), [taught("red")])


def test_the_files_mode_stays_and_a_link_stays_a_link(tmp_path):
    path = write(tmp_path, PLAIN, "real.yaml")
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to("real.yaml")
    teach(link, taught("red"))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "revision: 4" in path.read_text()


def test_a_file_that_was_changed_meanwhile_is_left_alone(tmp_path):
    path = write(tmp_path, PLAIN)
    revision = revise(open_recipe(path), [taught("red")])
    path.write_text(PLAIN.replace("mine", "yours"))
    with pytest.raises(ConfigurationError, match="changed by someone else"):
        save(revision)
    assert path.read_text() == PLAIN.replace("mine", "yours")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appeared_meanwhile_is_left_alone(tmp_path):
    revision = revise(open_recipe(tmp_path / "recipe.yaml"), [taught("red")])
    path = write(tmp_path, PLAIN)
    with pytest.raises(ConfigurationError, match="changed by someone else"):
        save(revision)
    assert path.read_text() == PLAIN


@pytest.mark.parametrize("at", ["os.fsync", "pathlib.Path.replace"])
def test_a_fault_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, at):
    path = write(tmp_path, PLAIN)
    revision = revise(open_recipe(path), [taught("red")])

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(at, fail)
    with pytest.raises(SorterError, match=r"cannot be written \(No space left on device\)") as told:
        save(revision)
    assert told.value.exit_code == 1
    assert path.read_text() == PLAIN
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_before_the_new_file_takes_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    path = write(tmp_path, PLAIN)
    revision = revise(open_recipe(path), [taught("red")])

    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    monkeypatch.setattr("pathlib.Path.replace", cut)
    with pytest.raises(PowerCut):
        save(revision)
    assert path.read_text() == PLAIN


ALIASES = PLAIN.replace("tolerance: 11", "tolerance: &far 11").replace("tolerance: 7", "tolerance: *far")


def test_what_would_not_be_read_as_meant_is_not_written(tmp_path):
    path = write(tmp_path, ALIASES)
    with pytest.raises(ConfigurationError, match=r"cannot be changed here .*nothing was written"):
        teach(path, taught("red"))
    assert path.read_text() == ALIASES


def test_an_alias_elsewhere_is_no_matter(tmp_path):
    path = write(tmp_path, ALIASES)
    teach(path, taught("green"))
    assert [one.tolerance.delta_e for one in load_recipe(path).value.bins] == [11, 7.5]


def test_a_bin_whose_name_is_an_alias_is_refused(tmp_path):
    path = write(tmp_path, PLAIN.replace("name: two", "name: &name two").replace("name: red", "name: *name"))
    with pytest.raises(ConfigurationError, match="written by aliases"):
        teach(path, taught("two"))


def test_more_bins_than_a_recipe_may_have_are_refused(tmp_path):
    path = write(tmp_path, PLAIN)
    with pytest.raises(ConfigurationError, match="would not be a recipe"):
        revise(open_recipe(path), [taught(f"bin {number}") for number in range(256)])


def test_a_broken_recipe_is_told_before_anything_else(tmp_path):
    path = write(tmp_path, PLAIN.replace("tolerance: 11", "tolerance: eleven"))
    with pytest.raises(ConfigurationError, match=r"recipe.yaml:8:16: bins\.0\.tolerance"):
        open_recipe(path)


WHO = Change(by="Ana", why="as it was: #1")


def put_back(path: Path, text: str, revision: int = 7, change: Change = WHO) -> str:
    save(restore(find_recipe_file(path), text, revision, change))
    return path.read_bytes().decode()


@pytest.mark.parametrize("now", [None, PLAIN.replace("red", "pink"), "bins: [broken"])
def test_an_earlier_text_is_put_back_whole_with_its_new_revision_and_who_did_it(tmp_path, now):
    path = tmp_path / "recipe.yaml" if now is None else write(tmp_path, now)
    told = put_back(path, PLAIN)
    expected = PLAIN.replace("revision: 3", "revision: 7") + 'change:\n  by: Ana\n  why: "as it was: #1"\n'
    assert told == expected
    assert load_recipe(path).value.change == WHO
    assert put_back(path, told, 8, Change(why="x")) == expected.replace("7", "8", 1).replace(
        '\n  by: Ana\n  why: "as it was: #1"', "\n  why: x"
    )


@pytest.mark.parametrize("text", [
    PLAIN.replace("\n", "\r\n"),
    PLAIN.rstrip("\n"),
    PLAIN + "# the end",
    PLAIN + "...\n",
    PLAIN + "change:\n",
    PLAIN + "change: {by: Eve}   # who\nmin_margin: 2\n",
    PLAIN.replace("revision: 3   # mine\n", ""),
    "---\n" + PLAIN,
])  # fmt: skip
def test_however_an_earlier_text_is_written_it_means_the_same_again(tmp_path, text):
    earlier = load_recipe(Path("before.yaml"), text).value
    told = put_back(tmp_path / "recipe.yaml", text)
    assert load_recipe(tmp_path / "recipe.yaml").value == earlier.model_copy(update={"revision": 7, "change": WHO})
    assert told.splitlines()[4:10] == text.splitlines()[4:10] or "revision: 3" not in text


def test_an_earlier_text_in_json_stays_json(tmp_path):
    fallback = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject")
    bins = [{"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"}]
    told = put_back(tmp_path / "x.yaml", json.dumps({"bins": bins, "fallback": fallback, "name": "x"}, indent=1))
    document = json.loads(told)
    assert (document["revision"], document["change"]) == (7, {"by": "Ana", "why": "as it was: #1"})


def test_what_is_no_recipe_is_not_put_back(tmp_path):
    path = write(tmp_path, PLAIN)
    with pytest.raises(ConfigurationError, match=r"bins\.0\.tolerance"):
        put_back(path, PLAIN.replace("tolerance: 11", "tolerance: eleven"))
    with pytest.raises(ConfigurationError, match=r"the character '\\x1b' is not text"):
        put_back(path, PLAIN + "# \x1b[2J")
    aliased = PLAIN.replace("revision: 3", "revision: &r 3").replace("tolerance: 11", "tolerance: *r")
    with pytest.raises(ConfigurationError, match="cannot be changed here"):
        put_back(path, aliased)
    assert path.read_text() == PLAIN


def test_a_file_that_was_changed_meanwhile_is_not_put_back_over(tmp_path):
    path = write(tmp_path, PLAIN)
    revision = restore(find_recipe_file(path), PLAIN, 7, WHO)
    path.write_text(PLAIN.replace("mine", "yours"))
    with pytest.raises(ConfigurationError, match="changed by someone else"):
        save(revision)
    assert path.read_text() == PLAIN.replace("mine", "yours")
