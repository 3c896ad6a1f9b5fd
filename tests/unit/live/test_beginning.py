from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sorter.errors import ConfigurationError
from sorter.history.approvals import reject
from sorter.history.entries import Origin
from sorter.live.beginning import begin
from sorter.live.candidate import Candidate
from sorter.live.line_recipes import LineRecipes
from sorter.outputs.recipe_metrics import RecipeMetrics
from sorter.settings.load import load_recipe
from sorter.settings.recipes import ConfirmSettings
from tests.unit.conftest import LINE
from tests.unit.live.conftest import Folder, bins, recipe_text


def write_site(folder: Folder, line: dict[str, Any] | None = None, **recipes: Any) -> Path:
    path = folder.base / "sorter.yaml"
    settings = {
        "site": "plant",
        "lines": [LINE | (line or {})],
        "recipes": {"history": "state/recipes.jsonl"} | recipes,
    }
    path.write_text(json.dumps(settings), "utf-8")
    return path


@pytest.fixture
def ran(folder):
    """A folder in which the sorter ran once, and was stopped."""
    folder.look(folder.recipes())
    folder.history.close()
    return folder


def test_without_a_history_a_start_is_as_strict_as_ever(folder):
    folder.path.write_text("name: [", "utf-8")
    folder.history_path.unlink(missing_ok=True)
    with pytest.raises(ConfigurationError, match=r"recipe\.yaml:1:8"):
        begin(write_site(folder), {})


def test_it_begins_with_the_file_as_it_is_now(ran):
    ran.write(revision=7, bins=bins("red", "green", tolerance=5))
    assert begin(write_site(ran), {}).recipes["one"].value.revision == 7


@pytest.mark.parametrize("text", ["name: [", "", recipe_text().replace("gate-2", "gate-9"), None])
def test_it_begins_with_the_last_good_recipe_where_the_file_is_not_right(ran, text):
    if text is None:
        ran.path.unlink()
    else:
        ran.path.write_text(text, "utf-8")
    loaded = begin(write_site(ran), {}).recipes["one"]
    assert loaded.document.text == recipe_text()
    assert loaded.path == ran.path


def test_who_would_rather_not_run_on_an_older_recipe_says_so(ran):
    ran.path.write_text("name: [", "utf-8")
    with pytest.raises(ConfigurationError, match=r"recipe\.yaml"):
        begin(write_site(ran, on_mistake="exit"), {})


@pytest.mark.parametrize("on_mistake", ["keep", "exit"])
def test_a_restart_confirms_nothing_that_takes_a_bin_away(ran, on_mistake):
    ran.write(revision=2, bins=bins("red"))
    assert begin(write_site(ran, on_mistake=on_mistake), {}).recipes["one"].value.revision == 1
    loose = write_site(ran, confirm={"removed_bins": False})
    assert begin(loose, {}).recipes["one"].value.revision == 2


def test_a_restart_confirms_nothing_that_was_held_or_rejected(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    digest = recipes.held.candidate.text_sha256
    folder.history.close()
    loose = write_site(folder, confirm={"removed_bins": False})
    assert begin(loose, {}).recipes["one"].value.revision == 1
    recipes.reject("Anna", None)
    recipes.write()
    assert begin(loose, {}).recipes["one"].value.revision == 1
    folder.write(revision=3, bins=bins("red"))
    assert begin(loose, {}).recipes["one"].value.revision == 3
    reject(folder.history_path, digest, None, None, 0.0)


def test_a_changeover_by_command_outlives_a_restart_until_the_settings_name_another(ran):
    other = ran.base / "other.yaml"
    other.write_text(recipe_text(name="other"), "utf-8")
    ran.history.open()
    recipes = ran.recipes()
    recipes.use(Candidate(load_recipe(other), Origin.COMMAND))
    recipes.write()
    ran.history.close()
    for on_mistake in ("keep", "exit"):
        loaded = begin(write_site(ran, on_mistake=on_mistake), {}).recipes["one"]
        assert (loaded.value.name, loaded.path) == ("other", other)
    other.write_text("name: [", "utf-8")
    with pytest.raises(ConfigurationError, match=r"other\.yaml"):
        begin(write_site(ran, on_mistake="exit"), {})
    third = ran.base / "third.yaml"
    third.write_text(recipe_text(name="third"), "utf-8")
    assert begin(write_site(ran, {"recipe": "third.yaml"}), {}).recipes["one"].value.name == "third"


def test_where_the_branches_of_the_last_recipe_are_gone_the_file_must_be_right(ran):
    branches = {name: {"distance_mm": 800} for name in ("left", "reject")}
    path = write_site(ran, {"branches": branches})
    with pytest.raises(ConfigurationError, match="has no branch gate-1"):
        begin(path, {})
    ran.write(bins=[one | {"branch": "left"} for one in bins("red", "green")])
    assert begin(path, {}).recipes["one"].value.branches() == {"left", "reject"}


def test_a_mistaken_shadow_is_left_out(ran, caplog):
    shadow = ran.base / "shadow.yaml"
    shadow.write_text("name: [", "utf-8")
    assert not begin(write_site(ran, {"shadow": "shadow.yaml"}), {}).shadows
    assert "line one has no shadow recipe" in caplog.text
    shadow.write_text(recipe_text(name="candidate"), "utf-8")
    assert begin(write_site(ran, {"shadow": "shadow.yaml"}), {}).shadows["one"].value.name == "candidate"


def test_every_other_mistake_of_the_settings_is_told(ran):
    path = write_site(ran)
    path.write_text(path.read_text("utf-8").replace('"plant"', '"plant", "mqtt": {"password_file": "gone"}'), "utf-8")
    with pytest.raises(ConfigurationError, match="there is no password file"):
        begin(path, {})


def test_what_was_rejected_does_not_go_live_after_a_restart_though_nothing_need_be_confirmed_any_more(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    recipes.reject("Anna", None)
    folder.look(recipes)
    folder.confirm = ConfirmSettings(removed_bins=False, rerouted_share=None)
    project = begin(write_site(folder, confirm={"removed_bins": False}), {})
    again = LineRecipes(
        folder.line, project.recipes["one"], None, folder.confirm, folder.ledger, RecipeMetrics(CollectorRegistry())
    )
    folder.look(again)
    assert again.wanted is None
    assert "was rejected by Anna" in again.troubles["recipe_refused"]
