from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sorter.history.reading import read_entries
from sorter.history.writing import History
from sorter.live.ledger import RecipeLedger
from sorter.live.line_recipes import LineRecipes
from sorter.live.watched import Watched
from sorter.outputs.recipe_metrics import RecipeMetrics
from sorter.settings.load import load_recipe
from sorter.settings.recipes import ConfirmSettings
from sorter.settings.site import LineSettings
from tests.unit.clock import WrittenClock
from tests.unit.conftest import LINE, RECIPE

SETTLED_S = 10.0
"""Long enough for every file."""


def recipe_text(**changes: Any) -> str:
    """JSON is YAML, too."""
    return json.dumps(RECIPE | changes, indent=1) + "\n"


def bins(*names: str, tolerance: float = 11) -> list[dict[str, Any]]:
    return [one | {"tolerance": tolerance} for one in RECIPE["bins"] if one["name"] in names]


@dataclass
class Folder:
    """A line's recipe file with all that lies around it."""

    base: Path
    clock: WrittenClock = field(default_factory=WrittenClock)
    confirm: ConfirmSettings = field(default_factory=ConfirmSettings)
    line: LineSettings = field(default_factory=lambda: LineSettings.model_validate(LINE))

    def __post_init__(self) -> None:
        self.path = self.base / "recipe.yaml"
        self.history_path = self.base / "state" / "recipes.jsonl"
        self.history = History(self.history_path)
        self.ledger = RecipeLedger(self.history, self.history_path, self.base, self.clock)
        self.ledger.open()

    def write(self, **changes: Any) -> None:
        self.path.write_text(recipe_text(**changes), "utf-8")

    def recipes(self, shadow: Path | None = None) -> LineRecipes:
        """As a service that starts now makes them."""
        loaded = load_recipe(self.path)
        beside = None if shadow is None else Watched(shadow, shadow.read_text("utf-8"))
        self.registry = CollectorRegistry()
        return LineRecipes(self.line, loaded, beside, self.confirm, self.ledger, RecipeMetrics(self.registry))

    def look(self, recipes: LineRecipes) -> None:
        """Let everything settle."""
        for _ in range(2):
            self.clock.now_s += SETTLED_S
            recipes.look(self.clock.now_s)
            recipes.hear()
            recipes.write()

    def entries(self) -> list[Any]:
        return [one.live for one in read_entries(self.history_path)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    made.write()
    yield made
    made.history.close()
