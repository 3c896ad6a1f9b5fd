from __future__ import annotations

import json
from pathlib import Path

import pytest

from sorter.errors import ConfigurationError
from sorter.settings.recipe_folder import find_recipe
from sorter.settings.site import LineSettings
from tests.unit.conftest import LINE, RECIPE

ANY_LINE = LineSettings.model_validate(LINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    files = {
        "a.yaml": RECIPE | {"name": "red apples"},
        "b.yml": RECIPE | {"name": "pears"},
        "c.yaml": RECIPE | {"name": "pears, ripe"},
        "twice-1.yaml": RECIPE | {"name": "twice"},
        "twice-2.yaml": RECIPE | {"name": "twice"},
        "far.yaml": RECIPE | {"name": "far", "fallback": RECIPE["fallback"] | {"late": "gate-9"}},
        "bad.yaml": {"name": "bad"},
        "sub/hidden.yaml": RECIPE | {"name": "hidden"},
        "note.txt": RECIPE | {"name": "note"},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    (tmp_path / "torn.yaml").write_bytes(b"\xff\xfepears: [")
    return tmp_path


def test_a_recipe_is_found_by_the_name_it_gives_itself(folder):
    assert find_recipe(folder, "red apples", ANY_LINE).value.name == "red apples"
    assert find_recipe(folder, "pears", ANY_LINE).value.name == "pears"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", "there is no recipe 'nothing'"),
        ("hidden", "there is no recipe"),
        ("note", "there is no recipe"),
        ("../a", "there is no recipe"),
        ("twice", "twice-1.yaml, twice-2.yaml; rename one"),
        ("far", "has no branch gate-9"),
        ("bad", "bins"),
    ],
)
def test_one_that_is_not_there_or_not_right_is_refused_with_the_reason(folder, name, why):
    with pytest.raises(ConfigurationError, match=why):
        find_recipe(folder, name, ANY_LINE)


def test_a_folder_that_is_gone_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        find_recipe(tmp_path / "gone", "any", ANY_LINE)
