"""The settings file and its recipes, held together."""

import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sorter.errors import ConfigurationError
from sorter.settings.load import load_project, load_recipe, load_site

Write = Callable[[str, str | bytes], Path]
Told = Callable[[Callable[[Path], object], str], list[str]]


def test_a_project_is_the_settings_and_the_recipe_of_each_line(write: Write, site_text: str, recipe_text: str) -> None:
    write("config/sorter.yaml", site_text.replace("recipe.yaml", "recipes/fruit.yaml"))
    write("config/recipes/fruit.yaml", recipe_text)
    by_folder, by_file = load_project(Path("config")), load_project(Path("config/sorter.yaml"))
    assert by_folder == by_file
    assert by_folder.base == Path("config")
    assert by_folder.site.value.site == "plant"
    assert list(by_folder.recipes) == ["l1"]
    assert by_folder.recipes["l1"].path == Path("config/recipes/fruit.yaml")
    assert by_folder.recipes["l1"].value.name == "fruit"


def test_every_value_has_its_place(write: Write, recipe_text: str) -> None:
    recipe = load_recipe(write("recipe.yaml", recipe_text))
    assert recipe.place("bins", 1, "hex") == "recipe.yaml:8:10"
    assert recipe.place("bins", 0, "lab", 2) == "recipe.yaml:4:19"
    assert recipe.place("bins", 0) == "recipe.yaml:3:5"
    assert recipe.place() == "recipe.yaml:1:1"


def test_what_was_left_out_has_the_place_of_what_would_hold_it(write: Write, recipe_text: str) -> None:
    recipe = load_recipe(write("recipe.yaml", recipe_text))
    assert recipe.place("bins", 1, "lab", 0) == "recipe.yaml:7:5"
    assert recipe.place("bins", 9, "lab") == "recipe.yaml:3:3"
    assert recipe.place("min_margin") == "recipe.yaml:1:1"
    assert str(recipe.mistake("is too small", "min_margin")) == "recipe.yaml:1:1: min_margin: is too small"


def test_a_loaded_recipe_can_travel_to_another_process(write: Write, recipe_text: str) -> None:
    recipe = load_recipe(write("recipe.yaml", recipe_text))
    copy = pickle.loads(pickle.dumps(recipe))  # noqa: S301  # our own bytes
    assert copy == recipe
    assert copy.place("bins", 1, "hex") == "recipe.yaml:8:10"


def test_a_branch_that_the_line_does_not_declare_is_told_where_the_recipe_uses_it(
    write: Write, told: Told, site_text: str, recipe_text: str
) -> None:
    write("sorter.yaml", site_text)
    text = recipe_text.replace("branch: left", "branch: lefft").replace("late: right", "late: dump")
    write("recipe.yaml", text)
    assert told(load_project, "sorter.yaml") == [
        "recipe.yaml:6:13: bins.0.branch: the line 'l1' has no branch 'lefft', did you mean 'left'? "
        "it declares left, right",
        "recipe.yaml:11:52: fallback.late: the line 'l1' has no branch 'dump': "
        "add it there, or use one of its own; it declares left, right",
    ]


def test_two_lines_may_share_a_recipe_only_when_both_have_its_branches(
    write: Write, told: Told, site_text: str, recipe_text: str
) -> None:
    second = site_text.split("lines:\n")[1].replace("l1", "l2").replace("      left: {distance_mm: 100}\n", "")
    write("sorter.yaml", site_text + second)
    write("recipe.yaml", recipe_text)
    assert told(load_project, "sorter.yaml") == [
        "recipe.yaml:6:13: bins.0.branch: the line 'l2' has no branch 'left': "
        "add it there, or use one of its own; it declares right",
    ]


def test_files_that_do_not_exist_are_told_where_they_are_named(write: Write, told: Told, site_text: str) -> None:
    camera = "kind: rtsp\n      url: rtsp://cam/1\n      password_file: secrets/cam"
    broker = "mqtt: {password_file: secrets/mqtt, tls_ca_file: ca.pem}\n"
    write("plant/sorter.yaml", site_text.replace("kind: file\n      path: film.mp4", camera) + broker)
    write("plant/secrets/cam", "hunter2")
    assert told(load_project, "plant") == [
        "plant/sorter.yaml:8:13: lines.0.recipe: there is no recipe file 'plant/recipe.yaml': "
        "create it, or name the right one",
        "plant/sorter.yaml:15:23: mqtt.password_file: there is no password file 'plant/secrets/mqtt': "
        "create it, or name the right one",
        "plant/sorter.yaml:15:50: mqtt.tls_ca_file: there is no certificate file 'plant/ca.pem': "
        "create it, or name the right one",
    ]


def test_the_mistakes_of_all_files_are_told_at_once(write: Write, told: Told, site_text: str, recipe_text: str) -> None:
    second = site_text.split("lines:\n")[1].replace("l1", "l2").replace("recipe.yaml", "other.yaml")
    write("sorter.yaml", (site_text + second).replace("site: plant", "sight: plant"))
    write("recipe.yaml", recipe_text.replace("tolerance: 8", "tolerance: -8").replace("branch: left", "branch: up"))
    write("other.yaml", "name: [")
    assert [sentence.split(": ")[0] for sentence in told(load_project, "sorter.yaml")] == [
        "sorter.yaml:1:1",
        "recipe.yaml:5:16",
        "recipe.yaml:6:13",
        "recipe.yaml:9:16",
        "other.yaml:1:8",
    ]


@pytest.mark.parametrize("name", ["a\\0b", "x" * 5000, "..", "/dev/zero", "~/recipe.yaml"])
def test_a_strange_recipe_name_is_a_mistake_and_no_traceback(write: Write, site_text: str, name: str) -> None:
    write("sorter.yaml", site_text.replace("recipe: recipe.yaml", f'recipe: "{name}"'))
    with pytest.raises(ConfigurationError):
        load_project(Path("sorter.yaml"))


def test_loading_the_shipped_settings_is_quick() -> None:
    config = Path(__file__).parents[3] / "config"
    load_project(config)
    best_s = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        load_project(config)
        best_s = min(best_s, time.perf_counter() - started)
    assert best_s < 0.1


def test_loading_settings_imports_nothing_heavy() -> None:
    program = (
        "import sys, sorter.settings.load\n"
        "print([name for name in ('cv2', 'sklearn', 'scipy', 'av', 'paho', 'PIL') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_settings_alone_need_no_recipe(write: Write, site_text: str) -> None:
    assert load_site(write("sorter.yaml", site_text)).value.lines[0].recipe == "recipe.yaml"


def test_a_fail_safe_row_that_names_a_branch_the_line_lacks_is_told_with_its_place(
    write: Write, told: Told, site_text: str, recipe_text: str
) -> None:
    write("recipe.yaml", recipe_text)
    rows = "    fail_safe:\n      camera_lost: {branch: nowhere}\n      disk_ful: {action: divert}\n"
    text = site_text.replace("    timing:", rows + "    timing:", 1)
    assert text != site_text
    place = text[: text.index("disk_ful")].count("\n") + 1
    write("sorter.yaml", text)
    assert told(load_project, "sorter.yaml") == [
        f"sorter.yaml:{place}:7: lines.0.fail_safe: unknown key 'disk_ful', did you mean 'disk_full'?"
    ]
    write("sorter.yaml", text.replace("disk_ful:", "disk_full:"))
    (sentence,) = told(load_project, "sorter.yaml")
    assert sentence.startswith(
        f"sorter.yaml:{place - 1}:29: lines.0.fail_safe.camera_lost.branch: the line has no branch"
    )
