"""On real footage and on a simulated belt: what a backtest foretells is what deciding anew under the recipe does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.source import open_source, parse_source
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.pipeline import open_pipeline
from sorter.records import Decision, Frame
from sorter.settings.load import load_project
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings
from tests.unit.commands.conftest import Outcome
from tests.unit.commands.journaled import BOOT, write_journal
from tests.unit.test_pipeline import RECIPE, line_of, simulated

Run = Callable[..., Outcome]
ROOT = Path(__file__).parents[3]
IDENTITY = LineIdentity("plant", "one", BOOT, simulated=True)
FILMS = {
    "fruit": "intel_fruit-and-vegetable-detection_preview.gif",
    "packs": "threezinedine_conveyor_packs.mp4",
}
Way = tuple[str, str | None, str]


def decide(line: LineSettings, recipe: Recipe, frames: Sequence[Frame]) -> list[Decision]:
    pipeline = open_pipeline(line, recipe, frames[0], lambda frame: frame.captured_at_s, keep_evidence=True)
    return [decision for frame in frames for decision in pipeline.process(frame)] + pipeline.finish()


def ways(decisions: Sequence[Decision]) -> dict[str, Way]:
    """What goes on the wire of each product, by its decision id."""
    messages = [decision_message(decision, IDENTITY, seq, 1.7e9) for seq, decision in enumerate(decisions, start=1)]
    return {one["decision_id"]: (one["verdict"], one["bin"], one["branch"]) for one in messages}


def with_tolerance(recipe: Recipe, tolerance: float) -> Recipe:
    document = recipe.model_dump(mode="json", exclude_none=True)
    document["bins"] = [one | {"tolerance": tolerance} for one in document["bins"]]
    return Recipe.model_validate(document | {"revision": recipe.revision + 1})


def foretold(run: Run, journal: Path, recipe: Recipe) -> dict[str, tuple[Way, Way]]:
    """What changes for which product, as the command says; no move has more products than it names."""
    path = journal.with_name("new.yaml")
    path.write_text(recipe.model_dump_json(exclude_none=True), "utf-8")
    (facts,) = run("backtest", "--recipe", path, "--journal", journal, "--json").rows
    moves = facts["moves"]
    assert sum(facts["not_compared"].values()) == 0
    assert [len(move["examples"]) for move in moves] == [move["count"] for move in moves]
    both = [(move, (tuple(move["then"].values()), tuple(move["now"].values()))) for move in moves]
    return {example: change for move, change in both for example in move["examples"]}


@dataclass(frozen=True)
class Scene:
    """Pictures of a line, and the recipe that it ran under."""

    line: LineSettings
    frames: Sequence[Frame]
    recipe: Recipe

    @classmethod
    def of_footage(cls, example: str, films: Path, tolerance: float) -> Self:
        project = load_project(ROOT / "config" / "examples" / f"{example}.yaml")
        film = parse_source(str(films / FILMS[example]))
        line = project.site.value.lines[0].model_copy(update={"source": film})
        with closing(open_source(line, project.base, SystemClock())) as source:
            frames = list(source.frames())
        return cls(line, frames, with_tolerance(project.recipes[line.name].value, tolerance))

    def changes(self, run: Run, journal: Path, tolerances: Sequence[float]) -> list[int]:
        """How many products each tolerance changes, each held against the line running under it."""
        decisions = decide(self.line, self.recipe, self.frames)
        before = ways(decisions)
        write_journal(journal, decisions, self.recipe)
        counts = []
        for tolerance in tolerances:
            wider = with_tolerance(self.recipe, tolerance)
            anew = ways(decide(self.line, wider, self.frames))
            assert anew.keys() == before.keys()
            changed = {one: (before[one], anew[one]) for one in before if before[one] != anew[one]}
            assert foretold(run, journal, wider) == changed
            counts.append(len(changed))
        return counts


@pytest.mark.parametrize("example", list(FILMS))
def test_on_footage_a_wider_tolerance_reroutes_exactly_the_products_that_were_foretold(
    run: Run, data: Path, tmp_path: Path, example: str
) -> None:
    narrow, wider = {"fruit": (3, {4.6: 2, 12: 3}), "packs": (2, {18: 3})}[example]
    scene = Scene.of_footage(example, data / "belt_videos", narrow)
    assert scene.changes(run, tmp_path / "j.sqlite", list(wider)) == list(wider.values())


def test_on_a_simulated_belt_too(run: Run, tmp_path: Path) -> None:
    line = line_of({"noise": 1, "glare": 1, "texture": 1, "gap_mm": 25})
    scene = Scene(line, list(simulated(line, 8)), with_tolerance(RECIPE, 1))
    few, many = scene.changes(run, tmp_path / "j.sqlite", (1.5, 11))
    assert 0 < few < many
