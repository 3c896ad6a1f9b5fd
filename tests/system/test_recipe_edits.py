"""The recipe is edited while the sorter runs, in small: what ``python -m benchmarks edits`` does two hundred times."""

from __future__ import annotations

import pytest

from benchmarks.edits.campaign import SHORT, measure_edits
from benchmarks.edits.ways import WAYS

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("mosquitto_program")]


def test_every_right_edit_is_live_soon_no_wrong_one_ever_and_each_product_has_one_decision_under_one_recipe():
    found = measure_edits(SHORT)
    assert [f"{one.way}, {one.kind}: {one.fault}" for one in found.outcomes if one.fault] == []
    assert list(found.faults) == []
    assert {one.way for one in found.outcomes if one.live_s is not None} >= {way.name for way in WAYS}
    assert sum(one.live_s is None for one in found.outcomes) == SHORT.edits // 3
    assert found.decisions > 60
    assert not found.failed
