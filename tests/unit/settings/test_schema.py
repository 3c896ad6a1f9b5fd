"""The editors' schemas, and the files that an operator begins with."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from sorter.settings.load import load_project, load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.schema import FOLDER, SCHEMAS, schema_text, write_schemas
from sorter.settings.site import PhotoEyeTrigger, SiteSettings

CONFIG = Path(__file__).parents[3] / "config"
FILES = sorted(CONFIG.rglob("*.yaml"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_files_are_in_step_with_the_models(name: str) -> None:
    """Mend with: python -m sorter.settings.schema."""
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_text(name)


def test_the_schemas_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    write_schemas(tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_has_a_description(name: str) -> None:
    schema = json.loads(schema_text(name))
    Draft202012Validator.check_schema(schema)
    for owner, node in {"the file": schema, **schema["$defs"]}.items():
        for key, value in node.get("properties", {}).items():
            described = value | schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert described.get("description"), f"{owner}.{key}"


def test_there_are_files_to_try() -> None:
    assert CONFIG / "sorter.yaml" in FILES
    assert CONFIG / "recipes" / "demo.yaml" in FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIG)))
def test_every_shipped_file_loads_and_names_the_schema_that_it_fits(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named, "the first line must name the schema"
    schema_file = (path.parent / named[1]).resolve()
    assert schema_file.parent == FOLDER
    if schema_file.name == "recipe.schema.json":
        load_recipe(path)
    else:
        load_project(path)
    Draft202012Validator(json.loads(schema_file.read_text())).validate(yaml.safe_load(text))


def _keys(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    for node in (schema, *schema["$defs"].values()):
        yield from node.get("properties", {})


@pytest.mark.parametrize(("file", "model"), [("sorter.yaml", SiteSettings), ("recipes/demo.yaml", Recipe)])
def test_the_shipped_files_show_every_key(file: str, model: type[BaseModel]) -> None:
    text = (CONFIG / file).read_text(encoding="utf-8")
    assert [key for key in _keys(model) if not re.search(rf"\b{key}:", text)] == []


def test_the_commented_out_trigger_of_the_shipped_settings_is_right(tmp_path: Path) -> None:
    text = (CONFIG / "sorter.yaml").read_text(encoding="utf-8")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "demo.yaml").write_bytes((CONFIG / "recipes" / "demo.yaml").read_bytes())
    before, rest = text.split("    trigger:\n      kind: vision\n    #\n")
    (tmp_path / "sorter.yaml").write_text(
        before + re.sub(r"(?m)^    # (?=trigger:|  )", "    ", rest, count=7), "utf-8"
    )
    trigger = load_project(tmp_path).site.value.lines[0].trigger
    assert isinstance(trigger, PhotoEyeTrigger)
    assert (trigger.distance_mm, trigger.latency_s, trigger.mm_per_count) == (300, 0.04, 0.1)


def test_the_commented_out_bins_of_the_shipped_recipe_are_right(tmp_path: Path) -> None:
    text = (CONFIG / "recipes" / "demo.yaml").read_text(encoding="utf-8")
    before, more, after = re.split(r"(?=# What else a bin|# The safe branch)", text)
    more = re.sub(r"(?m)^# (?=- |  )", "  ", more)
    path = tmp_path / "all.yaml"
    path.write_text(before + more + after, encoding="utf-8")
    shipped = len(load_recipe(CONFIG / "recipes" / "demo.yaml").value.bins)
    bins = load_recipe(path).value.bins[shipped:]
    assert [one.name for one in bins] == ["pink", "beige", "violet", "brown", "gray and white", "black"]
    used = {key for one in bins for key in one.model_fields_set}
    assert used >= {"any_of", "all_of", "exposure_range", "taught"}
    validator = Draft202012Validator(json.loads(schema_text("recipe.schema.json")))
    validator.validate(yaml.safe_load(path.read_text(encoding="utf-8").replace("2026-01-31T10:00:00Z", '"2026"')))


RED = {"name": "red", "hex": "#c8202c", "tolerance": 8, "branch": "a"}
FALLBACK = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "a")
PART = {"hex": "#c8202c", "min_share": 0.3}
GOOD_BINS = {
    "number": {"tolerance": 8.5},
    "ball": {"tolerance": {"delta_e": 8}},
    "cylinder": {"tolerance": {"delta_l": 8, "delta_ab": 3}},
    "box": {"tolerance": {"delta_l": 8, "delta_a": 3, "delta_b": 1}},
    "light": {"exposure_range": 2},
    "any_of": {"hex": ..., "any_of": [{"lab": [1, 2, 3]}, {"rgb": [1, 2, 3]}]},
    "all_of": {"hex": ..., "all_of": [PART, PART]},
}
BAD_BINS = {
    "zero": {"tolerance": 0},
    "word": {"tolerance": "wide"},
    "list": {"tolerance": [8]},
    "no shape": {"tolerance": {}},
    "half a shape": {"tolerance": {"delta_l": 8}},
    "two shapes": {"tolerance": {"delta_l": 8, "delta_ab": 3, "delta_e": 2}},
    "unknown limit": {"tolerance": {"delta_e": 8, "delta_h": 3}},
    "negative limit": {"tolerance": {"delta_l": 8, "delta_ab": -3}},
    "no tolerance": {"tolerance": ...},
    "darkness": {"exposure_range": 0.5},
    "hex and any_of": {"any_of": [{"hex": "#c8202c"}]},
    "no color": {"hex": ...},
    "nothing of any": {"hex": ..., "any_of": []},
    "two colors in one": {"hex": ..., "any_of": [{"hex": "#c8202c", "lab": [1, 2, 3]}]},
    "a share of any": {"hex": ..., "any_of": [PART]},
    "one of all": {"hex": ..., "all_of": [PART]},
    "no share": {"hex": ..., "all_of": [PART, {"hex": "#c8202c"}]},
    "share of nothing": {"hex": ..., "all_of": [PART, PART | {"min_share": 0}]},
    "misspelt": {"any_off": []},
}


@pytest.mark.parametrize("name", [*GOOD_BINS, *BAD_BINS])
def test_editors_are_told_of_a_bin_what_the_loader_says(name: str) -> None:
    changed = RED | (GOOD_BINS | BAD_BINS)[name]
    written = {key: value for key, value in changed.items() if value is not ...}
    recipe = {"name": "r", "bins": [written], "fallback": FALLBACK}
    fits = Draft202012Validator(json.loads(schema_text("recipe.schema.json"))).is_valid(recipe)
    try:
        Recipe.model_validate(recipe)
    except ValidationError:
        loads = False
    else:
        loads = True
    assert (fits, loads) == ((name in GOOD_BINS),) * 2


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("sort_mode", "unique", True),
        ("sort_mode", "uniqe", False),
        ("min_stability", 1, True),
        ("min_stability", 2, False),
    ],
)
def test_editors_are_told_of_a_recipes_ways(key: str, value: object, fits: bool) -> None:  # noqa: FBT001 - a table's column
    recipe = {"name": "r", "bins": [RED], "fallback": FALLBACK, key: value}
    assert Draft202012Validator(json.loads(schema_text("recipe.schema.json"))).is_valid(recipe) is fits


def test_the_commented_out_keys_of_the_shipped_settings_are_right(tmp_path: Path) -> None:
    """Each alternative source, put in place of the simulator, loads."""
    text = (CONFIG / "sorter.yaml").read_text(encoding="utf-8")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "demo.yaml").write_bytes((CONFIG / "recipes" / "demo.yaml").read_bytes())
    (tmp_path / "producer.cti").touch()
    before, rest = text.split("    source:\n", 1)
    between = rest[rest.index("    # The part of the picture") :]
    commented = re.findall(r"    # source:.*\n((?:    #   .*\n)+)", rest)
    assert len(commented) == 5
    for keys in commented:
        source = "    source:\n" + re.sub(r"(?m)^    #   ", "      ", keys)
        (tmp_path / "sorter.yaml").write_text(before + source + between, encoding="utf-8")
        kind = load_project(tmp_path).site.value.lines[0].source.kind
        assert f"kind: {kind}" in keys
