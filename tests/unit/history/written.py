"""Recipes that came into force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sorter.history.entries import Origin, WentLive
from sorter.history.writing import History
from sorter.records import RecipeId
from sorter.settings.load import load_recipe

TEXT = """\
# by hand
name: fruit
revision: {revision}   # mine
bins:
  - name: red
    lab: [40, 60, 38]
    tolerance: {tolerance}   # in May
    branch: gate-1
  - {{name: green, hex: "#2e9e4f", tolerance: 11, branch: gate-2}}
fallback: {{unknown: reject, ambiguous: reject, late: reject, invalid: reject}}
"""
NOON_S = 1_769_860_800.0
"""2026-01-31T12:00:00Z."""


def text_of(revision: int = 1, tolerance: float = 8) -> str:
    return TEXT.format(revision=revision, tolerance=tolerance)


def live(revision: int = 1, **changes: Any) -> WentLive:
    """A revision of a recipe, with a tolerance of its own."""
    text = changes.pop("text", text_of(revision, 7 + revision))
    facts: dict[str, Any] = {
        "line": "belt-1",
        "recipe": load_recipe(Path("recipe.yaml"), text).value.identity
        if text.startswith("# by hand")
        else RecipeId("x", 1, "0" * 16),
        "text": text,
        "path": "recipe.yaml",
        "named": "recipe.yaml",
        "origin": Origin.FILE,
        "by": "Ana",
        "why": "too many unknown",
        "difference": () if revision == 1 else (f"bin red: tolerance {6 + revision} -> {7 + revision} (CIEDE2000)",),
        "rehearsal": {"products": 200, "rerouted": 3, "share": 0.015},
    }
    return WentLive(**(facts | changes))


def write(path: Path, *entries: WentLive) -> Path:
    """A history of entries a minute apart."""
    history = History(path)
    history.open()
    for number, entry in enumerate(entries):
        history.append(entry, NOON_S + 60 * number)
    assert history.troubles == {}
    history.close()
    return path
