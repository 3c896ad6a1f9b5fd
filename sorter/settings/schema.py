"""JSON Schemas for editors, generated from the models; ``python -m sorter.settings.schema`` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from sorter.settings.recipe import Recipe
from sorter.settings.site import SiteSettings

FOLDER = Path(__file__).parents[2] / "config" / "schema"
SCHEMAS: Mapping[str, tuple[type[BaseModel], str]] = {
    "sorter.schema.json": (SiteSettings, "Conveyor color sorter: settings"),
    "recipe.schema.json": (Recipe, "Conveyor color sorter: recipe"),
}


class _Untitled(GenerateJsonSchema):
    """A field's key is its title: "Belt Speed Mm Per S" would only hide the description in an editor."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  # pydantic's signature
        """Never."""
        return False


def schema_text(file_name: str) -> str:
    """The text of one schema file, a key of ``SCHEMAS``."""
    model, title = SCHEMAS[file_name]
    schema = model.model_json_schema(schema_generator=_Untitled)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return json.dumps(head | {key: value for key, value in schema.items() if key != "title"}, indent=2) + "\n"


def write_schemas(folder: Path = FOLDER) -> None:
    """Write every schema file."""
    folder.mkdir(parents=True, exist_ok=True)
    for file_name in SCHEMAS:
        (folder / file_name).write_text(schema_text(file_name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
