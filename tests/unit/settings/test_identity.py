"""What changes the meaning of a recipe changes its hash, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from sorter.settings.recipe import Recipe

FALLBACK = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject")
RED = {"name": "red", "hex": "#c8202c", "tolerance": 8, "branch": "a"}
ANY = {
    "name": "brown",
    "any_of": [{"hex": "#6b3f2a"}, {"lab": [50, 10, 20]}],
    "tolerance": {"delta_l": 9, "delta_ab": 4},
    "branch": "b",
}
ALL = {
    "name": "flag",
    "all_of": [{"hex": "#c8202c", "min_share": 0.3}, {"hex": "#f0f0f0", "min_share": 0.2}],
    "tolerance": 6,
    "branch": "c",
}
TAUGHT = {"at": "2026-01-31T10:00:00Z", "samples": 9, "spread": 1.5, "source": "samples", "software": "1"}


def hash_of(*bins: dict[str, Any], **more: object) -> str:
    return Recipe.model_validate({"name": "r", "bins": bins, "fallback": FALLBACK} | more).identity.hash


PLAIN = hash_of(RED, ANY, ALL)


def changed(bin_: dict[str, Any], **more: object) -> dict[str, Any]:
    return bin_ | more


@pytest.mark.parametrize(
    "same",
    [
        hash_of(ALL, RED, ANY),
        hash_of(RED, changed(ANY, any_of=ANY["any_of"][::-1]), ALL),
        hash_of(RED, ANY, changed(ALL, all_of=ALL["all_of"][::-1])),
        hash_of(changed(RED, taught=TAUGHT), ANY, ALL),
        hash_of(changed(RED, hex="#C8202C"), ANY, ALL),
        hash_of(changed(RED, tolerance={"delta_e": 8.0}), ANY, ALL),
        hash_of(changed(RED, exposure_range=1), ANY, ALL),
        hash_of(RED, ANY, ALL, min_margin=1, sort_mode="nearest_within_tolerance", min_stability=0.7),
        hash_of(RED, ANY, ALL, name="another", revision=7),
    ],
)
def test_what_means_the_same_has_the_same_hash(same: str) -> None:
    assert same == PLAIN


@pytest.mark.parametrize(
    "other",
    [
        hash_of(RED, ANY),
        hash_of(changed(RED, tolerance=8.1), ANY, ALL),
        hash_of(changed(RED, tolerance={"delta_l": 8, "delta_ab": 8}), ANY, ALL),
        hash_of(changed(RED, exposure_range=2), ANY, ALL),
        hash_of(changed(RED, branch="b"), ANY, ALL),
        hash_of(RED, changed(ANY, any_of=ANY["any_of"][:1]), ALL),
        hash_of(RED, ANY, changed(ALL, all_of=[part | {"min_share": 0.25} for part in ALL["all_of"]])),
        hash_of(RED, ANY, ALL, min_margin=2),
        hash_of(RED, ANY, ALL, sort_mode="unique"),
        hash_of(RED, ANY, ALL, min_stability=0.8),
    ],
)
def test_what_means_something_else_has_another_hash(other: str) -> None:
    assert other != PLAIN
