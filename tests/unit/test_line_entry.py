from __future__ import annotations

import multiprocessing
import time

from sorter.line_entry import Orders
from sorter.line_reports import Rules, Stop
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings
from tests.unit.conftest import LINE, RECIPE


def rules(name: str) -> Rules:
    recipe = Recipe.model_validate(RECIPE | {"name": name})
    return Rules(recipe, None, LineSettings.model_validate(LINE), 1)


def test_rules_are_kept_for_the_next_frame_and_only_stop_means_stop():
    ours, theirs = multiprocessing.Pipe()
    orders = Orders(theirs)
    assert not orders.stop_within(0)
    assert orders.new_rules() is None
    for name in ("first", "second"):
        ours.send(rules(name))
    assert not orders.stop_within(0.01)
    assert orders.new_rules().recipe.name == "second"
    assert orders.new_rules() is None
    ours.send(Stop())
    began_s = time.monotonic()
    assert orders.stop_within(30)
    assert time.monotonic() - began_s < 10
    assert orders.stop_within(0)


def test_the_end_of_the_pipe_means_stop():
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    assert Orders(theirs).stop_within(30)
