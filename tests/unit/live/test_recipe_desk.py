from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sorter.live.line_recipes import LineRecipes
from sorter.live.site_recipes import Wanted
from sorter.outputs.command import Code, Command, CommandName
from sorter.recipe_desk import RecipeDesk, WhenChanged
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings
from tests.unit.conftest import LINE
from tests.unit.live.conftest import Folder, bins, recipe_text


@dataclass
class Process:
    """A line's process that takes its rules, or is busy."""

    busy: bool = False
    done: bool = False
    told: list[tuple[str, str | None, LineSettings]] = field(default_factory=list)

    def change_rules(self, recipe: Recipe, shadow: Recipe | None, settings: LineSettings) -> bool:
        if not self.busy:
            beside = None if shadow is None else f"{shadow.name} {shadow.revision}"
            self.told.append((f"{recipe.name} {recipe.revision}", beside, settings))
        return not self.busy


class Desk:
    def __init__(self, folder: Folder, shadow: Path | None = None) -> None:
        self.folder = folder
        self.process = Process()
        self.changes: list[Any] = []
        self.pairs: list[tuple[str, str | None]] = []
        self.pair: tuple[str, str | None] | None = None
        self.recipes: LineRecipes = folder.recipes(shadow)
        when = WhenChanged(
            lambda recipe, is_another: self.changes.append((recipe.name, recipe.revision, is_another)),
            self.note_shadow,
            lambda settings: self.changes.append(settings.timing.belt_speed_mm_per_s),
        )
        self.desk = RecipeDesk(folder.line, folder.base, self.recipes, None, self.process, when)

    def note_shadow(self, recipe: Recipe, shadow: Recipe | None) -> None:
        """Told again, it is the same pair."""
        if self.pair != (recipe.name, shadow and shadow.name):
            self.pair = (recipe.name, shadow and shadow.name)
            self.pairs.append(self.pair)

    def ask(self, name: CommandName, recipe: str | None = None, **facts: Any) -> Code:
        return self.desk.carry_out(Command(name, recipe=recipe, **facts)).code

    def settle(self) -> None:
        self.folder.look(self.recipes)
        self.desk.listen()


@pytest.fixture
def desk(folder) -> Desk:
    for name in ("pears", "candidate"):
        (folder.base / f"{name}.yaml").write_text(recipe_text(name=name), "utf-8")
    return Desk(folder)


def test_an_edit_goes_live_once_the_line_can_take_it(desk):
    desk.process.busy = True
    desk.folder.write(revision=2)
    desk.settle()
    assert desk.desk.recipe.revision == 1
    assert not desk.changes
    desk.process.busy = False
    desk.settle()
    assert desk.desk.recipe.revision == 2
    assert desk.changes == [("two colors", 2, False)]
    desk.settle()
    assert len(desk.process.told) == 1


def test_a_changeover_is_told_as_another_recipe(desk):
    assert desk.ask(CommandName.RECIPE, "pears") is Code.DONE
    assert desk.changes == [("pears", 1, True)]
    assert desk.ask(CommandName.RECIPE, "pears") is Code.ALREADY


@pytest.mark.parametrize(
    ("name", "recipe", "code"),
    [
        (CommandName.RECIPE, "apples", Code.REFUSED),
        (CommandName.CONFIRM_RECIPE, None, Code.REFUSED),
        (CommandName.REJECT_RECIPE, None, Code.REFUSED),
        (CommandName.PROMOTE, None, Code.REFUSED),
        (CommandName.SHADOW, "apples", Code.REFUSED),
        (CommandName.SHADOW, None, Code.ALREADY),
    ],
)
def test_what_cannot_be_done_is_refused(desk, name, recipe, code):
    assert desk.ask(name, recipe) is code
    assert not desk.process.told


def test_a_line_that_has_ended_is_not_ready_and_a_busy_one_is_told_to_be(desk):
    desk.process.busy = True
    for name in (CommandName.RECIPE, CommandName.SHADOW):
        assert desk.ask(name, "pears") is Code.BUSY
    desk.process.done = True
    assert desk.ask(CommandName.RECIPE, "pears") is Code.NOT_READY


def test_what_waits_is_confirmed_by_its_hash_and_by_no_other(desk):
    desk.folder.write(revision=2, bins=bins("red"))
    desk.settle()
    assert not desk.process.told
    assert "recipe_waits" in desk.desk.troubles
    assert desk.ask(CommandName.RECIPE, "two colors") is Code.REFUSED
    assert desk.ask(CommandName.CONFIRM_RECIPE, hash="0" * 16) is Code.REFUSED
    wanted = desk.recipes.held.candidate.recipe.identity.hash
    assert desk.ask(CommandName.CONFIRM_RECIPE, hash=wanted, by="Anna") is Code.DONE
    desk.settle()
    assert desk.changes == [("two colors", 2, False)]
    assert not desk.desk.troubles


def test_what_waits_is_rejected(desk):
    desk.folder.write(revision=2, bins=bins("red"))
    desk.settle()
    assert desk.ask(CommandName.REJECT_RECIPE) is Code.DONE
    desk.settle()
    assert not desk.process.told
    assert list(desk.desk.troubles) == ["recipe_refused"]
    assert desk.ask(CommandName.RECIPE, "two colors") is Code.REFUSED
    assert desk.ask(CommandName.RECIPE, "pears") is Code.DONE
    assert desk.ask(CommandName.RECIPE, "two colors") is Code.REFUSED, "nor on a way around"


def test_an_edit_that_has_not_settled_yet_is_not_let_through_by_its_name(desk):
    desk.folder.write(revision=2, bins=bins("red"))
    assert desk.ask(CommandName.RECIPE, "two colors") is Code.REFUSED


def test_a_shadow_is_asked_beside_every_recipe_until_it_is_promoted(desk):
    assert desk.ask(CommandName.SHADOW, "candidate") is Code.DONE
    assert desk.ask(CommandName.SHADOW, "candidate") is Code.ALREADY
    assert desk.ask(CommandName.RECIPE, "pears") is Code.DONE
    assert desk.ask(CommandName.PROMOTE, by="Anna") is Code.DONE
    said = [told[:2] for told in desk.process.told]
    assert said == [("two colors 1", "candidate 1"), ("pears 1", "candidate 1"), ("candidate 1", None)]
    assert desk.changes == [("pears", 1, True), ("candidate", 1, True)]
    assert desk.pairs == [("two colors", "candidate"), ("pears", "candidate"), ("candidate", None)]
    desk.settle()
    assert desk.folder.entries()[-1].origin == "promoted"
    assert desk.folder.entries()[-1].by == "Anna"


def test_a_shadow_ends_by_command(desk):
    desk.ask(CommandName.SHADOW, "candidate")
    assert desk.ask(CommandName.SHADOW) is Code.DONE
    assert desk.process.told[-1][1] is None


def test_a_recipe_in_force_is_no_shadow_of_itself(desk):
    assert desk.ask(CommandName.SHADOW, "two colors") is Code.REFUSED
    assert desk.ask(CommandName.SHADOW, "candidate") is Code.DONE
    assert desk.ask(CommandName.PROMOTE) is Code.DONE
    assert desk.ask(CommandName.SHADOW, "candidate") is Code.REFUSED
    assert desk.ask(CommandName.PROMOTE) is Code.REFUSED


def test_a_shadow_and_the_recipe_in_force_may_change_in_the_same_moment(desk):
    desk.ask(CommandName.SHADOW, "candidate")
    desk.folder.write(revision=2)
    (desk.folder.base / "candidate.yaml").write_text(recipe_text(name="candidate", revision=2), "utf-8")
    desk.settle()
    desk.settle()
    assert desk.process.told[-1][:2] == ("two colors 2", "candidate 2")


def test_a_shadow_that_was_mistaken_at_the_start_is_watched_on_when_the_recipe_changes(folder):
    candidate = folder.base / "candidate.yaml"
    candidate.write_text("name: [", "utf-8")
    desk = Desk(folder, candidate)
    folder.write(revision=2)
    desk.settle()
    candidate.write_text(recipe_text(name="candidate"), "utf-8")
    desk.settle()
    assert desk.process.told[-1][:2] == ("two colors 2", "candidate 1")


def wanted(folder: Folder, recipe: str = "recipe.yaml", **changes: Any) -> Wanted:
    settings = LineSettings.model_validate(LINE | {"recipe": recipe} | changes)
    return Wanted(settings, load_recipe(folder.base / recipe), None)


def test_changed_settings_are_in_force_once_the_line_can_take_them(desk):
    desk.process.busy = True
    desk.desk.want(wanted(desk.folder, timing={"belt_speed_mm_per_s": 300}))
    desk.desk.listen()
    assert not desk.changes
    desk.process.busy = False
    desk.desk.listen()
    desk.desk.listen()
    assert desk.changes == [300]
    assert len(desk.process.told) == 1
    assert desk.process.told[0][2].timing.belt_speed_mm_per_s == 300


def test_settings_that_name_another_recipe_change_over(desk):
    desk.desk.want(wanted(desk.folder, "pears.yaml"))
    desk.desk.listen()
    assert desk.changes == [250, ("pears", 1, True)]
    desk.settle()
    entry = desk.folder.entries()[-1]
    assert (entry.path, entry.named) == ("pears.yaml", "pears.yaml")


def test_settings_that_do_not_fit_the_recipe_in_force_are_refused_until_they_do(desk):
    few = {"gate-1": {"distance_mm": 900}, "reject": {"distance_mm": 100}}
    desk.desk.want(wanted(desk.folder, branches=few))
    desk.desk.listen()
    assert "has no branch gate-2" in desk.desk.troubles["recipe_refused"]
    assert not desk.process.told
    desk.desk.want(wanted(desk.folder))
    desk.desk.listen()
    assert not desk.desk.troubles


def test_settings_that_did_not_fit_are_taken_up_when_the_recipe_is_changed_so_that_they_do(desk):
    few = {name: {"distance_mm": 900} for name in ("gate-1", "reject")}
    desk.desk.want(wanted(desk.folder, branches=few))
    desk.desk.listen()
    assert desk.desk.troubles
    desk.folder.write(revision=2, bins=bins("red"))
    desk.settle()
    assert desk.ask(CommandName.CONFIRM_RECIPE) is Code.DONE
    desk.settle()
    desk.settle()
    assert set(desk.desk.settings.branches) == set(few)
    assert not desk.desk.troubles


def test_a_recipe_that_was_refused_for_its_branch_is_looked_at_again_when_the_line_has_it(desk):
    desk.folder.path.write_text(recipe_text(revision=2).replace("gate-2", "gate-4"), "utf-8")
    desk.settle()
    assert "has no branch gate-4" in desk.desk.troubles["recipe_refused"]
    more = {name: {"distance_mm": 800} for name in ("gate-1", "gate-2", "gate-4", "reject")}
    desk.desk.want(Wanted(LineSettings.model_validate(LINE | {"branches": more}), desk.recipes.in_force, None))
    desk.desk.listen()
    desk.settle()
    assert desk.desk.recipe.revision == 2
    assert not desk.desk.troubles
