"""The editors' schemas, and the files that an operator begins with."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

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
