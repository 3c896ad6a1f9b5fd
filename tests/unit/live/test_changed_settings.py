from __future__ import annotations

from typing import Any

import pytest

from sorter.live.changed_settings import LIVE_KEYS, compare
from sorter.settings.site import LineSettings, SiteSettings
from tests.unit.conftest import LINE

EYE = {"kind": "photo_eye", "distance_mm": 300, "window_s": 0.1}
CHANGES: dict[str, Any] = {
    "recipe": "another.yaml",
    "shadow": "candidate.yaml",
    "branches": {name: {"distance_mm": 900} for name in ("gate-1", "gate-2", "reject", "gate-4")},
    "timing": {"belt_speed_mm_per_s": 300},
    "confirmation": {"within_s": 3, "alarm_after": 4},
    "fail_safe": {"overloaded": {"after": 9}},
    "source": LINE["source"] | {"seed": 4},
    "guards": {"max_age_s": 0.7},
    "region": {"x": 0, "y": 0, "width": 100, "height": 100},
    "belt": {"direction": "left"},
    "look_rate_hz": 20,
    "decision_line": 0.5,
    "product": {"min_length_px": 9},
    "trigger": EYE,
}


def site(line: dict[str, Any] | None = None, **more: Any) -> SiteSettings:
    return SiteSettings.model_validate({"site": "plant", "lines": [LINE | (line or {})], **more})


def test_every_setting_of_a_line_is_taken_up_or_told_to_need_a_restart():
    assert {*CHANGES, "name"} == set(LineSettings.model_fields)


@pytest.mark.parametrize("key", CHANGES)
def test_a_setting_is_taken_up_or_waits_for_a_restart(key):
    before, after = site(), site({key: CHANGES[key]})
    changed = compare(before, after)
    taken = changed.lines["one"]
    if key in LIVE_KEYS:
        assert taken == after.lines[0]
        assert not changed.needs_restart
    else:
        assert taken == before.lines[0]
        assert changed.needs_restart == (f"lines.one.{key}",)


def test_behind_a_photo_eye_branches_and_timing_wait_for_a_restart():
    changed = compare(site({"trigger": EYE}), site({"trigger": EYE, "timing": CHANGES["timing"]}))
    assert changed.needs_restart == ("lines.one.timing",)


def test_the_row_of_the_last_will_waits_for_a_restart():
    table = {"sorter_lost": {"branch": "gate-1"}, "broker_lost": {"stop_line": True}}
    changed = compare(site(), site({"fail_safe": table}))
    assert changed.needs_restart == ("lines.one.fail_safe.sorter_lost",)
    taken = changed.lines["one"].fail_safe
    assert taken.broker_lost.stop_line
    assert taken.sorter_lost.branch is None


def test_what_is_no_line_s_own_waits_for_a_restart():
    another = SiteSettings.model_validate({"site": "plant", "lines": [LINE, LINE | {"name": "two"}]})
    assert compare(site(), another).needs_restart == ("lines.two",)
    assert compare(another, site()).needs_restart == ("lines.two",)
    assert compare(site(), site(metrics={"port": 1})).needs_restart == ("metrics",)
    assert list(compare(another, site()).lines) == ["one"]


def test_what_did_not_change_changes_nothing():
    changed = compare(site(), site())
    assert changed.lines["one"] == site().lines[0]
    assert not changed.needs_restart
