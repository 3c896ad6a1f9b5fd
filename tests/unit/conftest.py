"""A small simulated line, quick to draw, for the tests of what runs a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sorter.line_reports import LineJob
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings

JobMaker = Callable[..., LineJob]

RECIPE = {
    "name": "two colors",
    "bins": [
        {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"},
        {"name": "green", "hex": "#2e9e4f", "tolerance": 11, "branch": "gate-2"},
    ],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
}
SIMULATOR = {
    "kind": "simulator",
    "seed": 3,
    "width_px": 320,
    "height_px": 180,
    "frame_rate_hz": 30,
    "mm_per_px": 1,
    "belt_speed_mm_per_s": 250,
    "lead_in_s": 0.4,
    "gap_mm": 30,
    "realtime": True,
    "products": [
        {"name": "red", "hex": "#c8202c", "length_mm": 40, "width_mm": 40},
        {"name": "green", "hex": "#2e9e4f", "length_mm": 40, "width_mm": 40},
    ],
}
LINE = {
    "name": "one",
    "recipe": "recipe.yaml",
    "source": SIMULATOR,
    "belt": {"direction": "right", "learn_s": 0.3},
    "branches": {name: {"distance_mm": 800} for name in ("gate-1", "gate-2", "reject")},
    "timing": {"belt_speed_mm_per_s": 250},
}


@pytest.fixture
def make_job(tmp_path: Path) -> JobMaker:
    """Makes the job of a line; keyword arguments replace the line's settings, ``source`` those of its simulator."""

    def make(source: dict[str, Any] | None = None, **changes: Any) -> LineJob:
        chosen = {**LINE, **changes}
        if source is not None:
            chosen["source"] = source if "kind" in source else {**SIMULATOR, **source}
        settings = LineSettings.model_validate(chosen)
        return LineJob(settings, Recipe.model_validate(RECIPE), tmp_path, "sorter.yaml:7:5")

    return make
