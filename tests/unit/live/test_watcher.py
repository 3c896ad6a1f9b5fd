from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sorter.live.settings_file import SettingsFile
from sorter.live.watcher import Watcher
from sorter.settings.load import load_site
from tests.unit.live.conftest import bins
from tests.unit.live.test_beginning import write_site


def wait_until(true: Callable[[], Any]) -> None:
    end_s = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.fixture
def watch(folder) -> Iterator[Callable[..., SettingsFile]]:
    started: list[Watcher] = []

    def begin(recipes, *, reload: bool) -> SettingsFile:
        settings = SettingsFile(load_site(write_site(folder)))
        started.append(Watcher({"one": recipes}, [folder.ledger.retry], settings, folder.clock, reload=reload))
        started[-1].start()
        return settings

    yield begin
    for one in started:
        one.close(folder.clock.monotonic_s() + 10)


def test_where_nothing_is_reloaded_a_start_still_tells_which_file_it_did_not_take(folder, watch):
    recipes = folder.recipes()
    folder.path.write_text("name: [", "utf-8")
    watch(recipes, reload=False)
    wait_until(lambda: "recipe.yaml:1:8" in recipes.troubles.get("recipe_refused", ""))
    folder.write(revision=2)
    folder.clock.now_s += 10
    time.sleep(0.6)  # two looks, if there were any
    assert recipes.wanted is None


def test_where_nothing_is_reloaded_what_waits_at_a_start_can_be_confirmed(folder, watch):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    watch(recipes, reload=False)
    wait_until(lambda: recipes.held)
    recipes.confirm("Anna", None)
    assert recipes.wanted.recipe.revision == 2


def test_settings_that_were_refused_for_a_recipe_are_taken_once_the_recipe_fits(folder, watch):
    recipes = folder.recipes()
    settings = watch(recipes, reload=True)
    few = {name: {"distance_mm": 800} for name in ("gate-1", "reject")}
    write_site(folder, {"branches": few})
    wait_until(lambda: folder.clock.wait_s(1) or "has no branch gate-2" in settings.troubles.get("recipe_refused", ""))
    folder.write(revision=2, bins=bins("red"))
    wait_until(lambda: folder.clock.wait_s(1) or not settings.troubles)
    assert set(settings.take().site.value.lines[0].branches) == set(few)
