"""docs/asyncapi.yaml is written from the code, the schemas and the examples, and holds all of the wire."""

from __future__ import annotations

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from docs.write_asyncapi import ANSWER, CHANNELS, DOCUMENT, EXAMPLES, SCHEMAS, example_paths, text
from sorter.outputs.topics import Topics

_TOPICS = Topics("{base}", "{site}", "{line}")
_SETTINGS = {"sorter.schema.json", "recipe.schema.json"}


def test_the_document_is_what_the_code_writes() -> None:
    assert DOCUMENT.read_text("utf-8") == text(), "run make schema"


def test_every_topic_and_every_schema_of_the_wire_is_in_it() -> None:
    described = yaml.safe_load(text())["channels"]
    addresses = {one["address"] for one in described.values()}
    own = {getattr(_TOPICS, name) for name, member in vars(Topics).items() if isinstance(member, property)}
    assert {one.replace("+", "{command}") for one in own - {_TOPICS.of_line}} == addresses
    wire = {path.name for path in SCHEMAS.iterdir()} - _SETTINGS
    assert wire <= {f"{one.schema}.schema.json" for one in CHANNELS} | {"command_answer.schema.json"}


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda one: one.name)
def test_every_example_is_what_its_schema_says(channel) -> None:
    schema = SCHEMAS / f"{channel.schema}.schema.json"
    if not schema.exists():
        pytest.skip(f"{schema.name} is not there")
    assert example_paths(channel.name), "run make asyncapi"
    for path in example_paths(channel.name):
        Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(json.loads(path.read_text("utf-8")))


def test_the_answer_to_a_command_has_an_example_that_is_what_its_schema_says() -> None:
    schema = json.loads((SCHEMAS / f"{ANSWER}.schema.json").read_text("utf-8"))
    (path,) = example_paths(ANSWER)
    answer = json.loads(path.read_text("utf-8"))
    Draft202012Validator(schema).validate(answer)
    described = yaml.safe_load(text())["components"]["messages"]["commandAnswer"]
    assert [one["payload"] for one in described["examples"]] == [answer]


def test_every_example_is_of_a_message_that_is_described() -> None:
    taken = {path for channel in CHANNELS for path in example_paths(channel.name)}
    assert taken | set(example_paths(ANSWER)) == set(EXAMPLES.iterdir())


def test_tuples_are_said_in_the_words_of_draft_7() -> None:
    lab = yaml.safe_load(text())["components"]["messages"]["decision"]["payload"]["properties"]["lab"]
    assert [one["type"] for one in lab["items"]] == ["number"] * 3
    assert "prefixItems" not in text()
