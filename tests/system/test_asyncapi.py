"""The AsyncAPI document before its official parser, and its examples beside what a running service says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from benchmarks.contract.specimens import collect_specimens
from docs.write_asyncapi import ANSWER, CHANNELS, DOCUMENT, EXAMPLES, SCHEMAS

pytestmark = pytest.mark.system

HERE = Path(__file__).parents[1] / "asyncapi"
BUILD = Path(__file__).parents[2] / ".build" / "asyncapi"


def _or_skip(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and the continuous checks need it")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def parser() -> list[str]:
    """The command that parses a document; its packages are installed once, as the lock file says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _or_skip("node and npm are not installed (Debian: nodejs, npm)")
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "parse.mjs"):
        shutil.copy(HERE / name, BUILD / name)
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    mark = BUILD / ".installed"
    if not mark.exists() or mark.read_text() != wanted:
        done = subprocess.run([str(npm), "ci"], cwd=BUILD, capture_output=True, text=True, check=False, timeout=150)
        if done.returncode:
            _or_skip(f"the parser's packages could not be installed: {done.stderr.strip()[-300:]}")
        mark.write_text(wanted)
    return [str(node), str(BUILD / "parse.mjs")]


def test_the_official_parser_finds_neither_error_nor_warning(parser):
    done = subprocess.run([*parser, str(DOCUMENT)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert json.loads(done.stdout) == {"operations": len(CHANNELS), "channels": len(CHANNELS) + 1}


def test_the_official_parser_does_find_mistakes(parser, tmp_path):
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(DOCUMENT.read_text("utf-8").replace("action: send", "action: shout"), "utf-8")
    done = subprocess.run([*parser, str(broken)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "action" in done.stdout


def shape(value: Any) -> Any:
    """Keys and kinds of values; of a list, its first; a number is a number."""
    if isinstance(value, Mapping):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def agree(one: Any, other: Any) -> bool:
    """Whether two shapes are the same; null agrees with everything, and so does an empty list with any list."""
    if type(None) in (one, other):
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return set(one) == set(other) and all(agree(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return not one or not other or agree(one[0], other[0])
    return one == other


def open_counts(name: str, message: dict[str, Any]) -> list[dict[str, int]]:
    """Taken out of it: counts whose keys are names of this plant; which of them have been counted so far is chance."""
    places = (message, message["batch"]) if name == "stats" else ()
    return [place.pop(key) for place in places for key in ("branches", "bins")]


@pytest.mark.usefixtures("mosquitto_program")
def test_the_examples_have_the_shape_of_what_a_running_service_says():
    found = collect_specimens()
    assert {f"{name}.json" for name in found} == {path.name for path in EXAMPLES.iterdir()}
    schemas = {one.name: one.schema for one in CHANNELS} | {ANSWER: ANSWER}
    for name, message in found.items():
        schema = json.loads((SCHEMAS / f"{schemas[name.split('-')[0]]}.schema.json").read_text("utf-8"))
        Draft202012Validator(schema).validate(message)
        example = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
        for one in (message, example):
            assert {type(count) for counts in open_counts(name, one) for count in counts.values()} <= {int}
        assert agree(shape(message), shape(example)), f"{name}: run make asyncapi"
