"""What one line decides by, at the service's desk: changed by files and by commands, in force between two products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sorter.errors import ConfigurationError
from sorter.history.entries import Origin
from sorter.line_process import LineProcess
from sorter.live.candidate import Candidate
from sorter.live.line_recipes import LineRecipes
from sorter.live.site_recipes import Wanted
from sorter.outputs.command import Code, Command, CommandName, Outcome
from sorter.settings.load import Loaded, load_recipe
from sorter.settings.recipe import Recipe
from sorter.settings.recipe_folder import find_recipe
from sorter.settings.site import LineSettings


@dataclass(frozen=True, slots=True)
class WhenChanged:
    """Who is told, in the service's thread, once the line's process has been."""

    recipe: Callable[[Recipe, bool], None]
    """The recipe in force; and whether it is another one, and not a new revision."""
    shadow: Callable[[Recipe, Recipe | None], None]
    """The recipe in force, and the shadow beside it."""
    settings: Callable[[LineSettings], None]


class RecipeDesk:
    """Gives the line's process its rules.

    Args:
        settings: of the line, at the start.
        folder: where recipes are looked for by their names.
        recipes: as the files tell them.
        shadow: at the start.
        process: the line's.
        when_changed: who is told.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a desk, handed in
        self,
        settings: LineSettings,
        folder: Path,
        recipes: LineRecipes,
        shadow: Loaded[Recipe] | None,
        process: LineProcess,
        when_changed: WhenChanged,
    ) -> None:
        self.settings = settings
        self._folder = folder
        self._recipes = recipes
        self._shadow = shadow
        self._process = process
        self._when_changed = when_changed
        self._wanted: Wanted | None = None
        self._unfit: Wanted | None = None
        self._refused: str | None = None
        """Why a changed settings file does not fit the recipe in force."""

    @property
    def recipe(self) -> Recipe:
        """In force."""
        return self._recipes.in_force.value

    @property
    def troubles(self) -> dict[str, str]:
        """Cause and reason of what is wrong now."""
        troubles = self._recipes.troubles
        if self._refused is not None:
            words = (troubles.get("recipe_refused"), self._refused)
            troubles["recipe_refused"] = "; ".join(one for one in words if one is not None)
        return troubles

    def want(self, wanted: Wanted) -> None:
        """The settings file was changed: taken up as soon as the line can."""
        self._wanted, self._unfit = wanted, None

    def listen(self) -> None:
        """Take up what the files tell; where the line cannot yet, the next call tries again."""
        if self._wanted is not None and self._take_up(self._wanted):
            self._wanted = None
        candidate = self._recipes.wanted
        if candidate is not None:
            self._go_live(candidate)
        shadow = self._recipes.wanted_shadow
        if shadow is not None:
            self._use_shadow(shadow)

    def carry_out(self, command: Command) -> Outcome:
        """Do what a command about recipes asks."""
        if self._process.done:
            return Outcome(Code.NOT_READY, "the line has ended")
        match command.name:
            case CommandName.RECIPE:
                return self._change_over(command)
            case CommandName.CONFIRM_RECIPE:
                return self._confirm(command)
            case CommandName.REJECT_RECIPE:
                return self._reject(command)
            case CommandName.SHADOW:
                return self._change_shadow(command)
            case _:
                return self._promote(command)

    def _change_over(self, command: Command) -> Outcome:
        try:
            loaded = find_recipe(self._folder, command.recipe or "", self.settings)
        except ConfigurationError as error:
            return _refused(error)
        held, in_force = self._recipes.held, self._recipes.in_force
        if held is not None and held.candidate.path == loaded.path:
            return Outcome(Code.REFUSED, f"{held.words}: that, or reject_recipe, first")
        if loaded.path == in_force.path:
            if loaded.value.identity == in_force.value.identity:
                return Outcome(Code.ALREADY, f"the recipe {command.recipe} is in force")
            return Outcome(Code.REFUSED, f"{loaded.path.name} is in force, and an edit of it is taken by no command")
        candidate = Candidate(loaded, Origin.COMMAND, command.by, command.reason)
        rejection = self._recipes.rejection(candidate)
        if rejection is not None:
            return Outcome(Code.REFUSED, rejection)
        return self._by_command(candidate)

    def _by_command(self, candidate: Candidate) -> Outcome:
        if not self._go_live(candidate):
            return Outcome(Code.BUSY, "the line has not taken the change before this one yet: try again")
        recipe = candidate.recipe
        return Outcome(Code.DONE, f"{recipe.name}, revision {recipe.revision}, decides from the next picture on")

    def _confirm(self, command: Command) -> Outcome:
        held = self._recipes.held
        if held is None:
            return Outcome(Code.REFUSED, "no changed recipe waits to be confirmed")
        recipe = held.candidate.recipe
        if command.hash not in {None, recipe.identity.hash}:
            return Outcome(Code.REFUSED, f"what waits now is another content, with the hash {recipe.identity.hash}")
        self._recipes.confirm(command.by, command.reason)
        return Outcome(Code.DONE, f"{recipe.name}, revision {recipe.revision}, decides within a moment")

    def _reject(self, command: Command) -> Outcome:
        held = self._recipes.reject(command.by, command.reason)
        if held is None:
            return Outcome(Code.REFUSED, "no changed recipe waits to be confirmed")
        return Outcome(Code.DONE, f"{self.recipe.name}, revision {self.recipe.revision}, goes on")

    def _change_shadow(self, command: Command) -> Outcome:
        if command.recipe is None:
            return self._shadow_outcome(None)
        try:
            return self._shadow_outcome(find_recipe(self._folder, command.recipe, self.settings))
        except ConfigurationError as error:
            return _refused(error)

    def _shadow_outcome(self, shadow: Loaded[Recipe] | None) -> Outcome:
        if _identity(shadow) == self.recipe.identity:
            return Outcome(Code.REFUSED, f"{self.recipe.name} is in force: it has nothing to say beside itself")
        if _identity(shadow) == _identity(self._shadow):
            return Outcome(Code.ALREADY, "there is no shadow recipe" if shadow is None else "it is the shadow already")
        if not self._use_shadow(shadow):
            return Outcome(Code.BUSY, "the line has not taken the change before this one yet: try again")
        if shadow is None:
            return Outcome(Code.DONE, "no recipe is asked beside the one in force")
        return Outcome(Code.DONE, f"{shadow.value.name}, revision {shadow.value.revision}, is asked, and not obeyed")

    def _promote(self, command: Command) -> Outcome:
        if self._shadow is None:
            return Outcome(Code.REFUSED, "there is no shadow recipe: give one with the command shadow")
        return self._by_command(Candidate(self._shadow, Origin.PROMOTED, command.by, command.reason))

    def _go_live(self, candidate: Candidate) -> bool:
        before, recipe = self.recipe, candidate.recipe
        shadow = shadow_beside(recipe, self._shadow)
        if not self._process.change_rules(recipe, _value(shadow), self.settings):
            return False
        self._recipes.use(candidate)
        self._when_changed.recipe(recipe, recipe.name != before.name)
        self._note_shadow(shadow)
        self._wanted, self._unfit = self._wanted or self._unfit, None  # settings that did not fit may fit now
        return True

    def _use_shadow(self, wanted: Loaded[Recipe] | None) -> bool:
        shadow = shadow_beside(self.recipe, wanted)
        if not self._process.change_rules(self.recipe, _value(shadow), self.settings):
            return False
        self._shadow = shadow
        self._recipes.watch_shadow(wanted)
        self._when_changed.shadow(self.recipe, _value(shadow))
        return True

    def _note_shadow(self, shadow: Loaded[Recipe] | None) -> None:
        if shadow is not self._shadow:  # else its file may hold news that nobody has taken yet
            self._shadow = shadow
            self._recipes.watch_shadow(shadow)
        self._when_changed.shadow(self.recipe, _value(shadow))

    def _take_up(self, wanted: Wanted) -> bool:
        """Take up changed settings; whether that is done with."""
        names_another = wanted.settings.recipe != self.settings.recipe
        loaded = wanted.recipe if names_another else self._recipes.in_force
        try:
            load_recipe(loaded.path, loaded.document.text, wanted.settings)
        except ConfigurationError as error:
            self._unfit, self._refused = wanted, f"{error.mistakes[0]}; the settings as they were go on"
            return True
        beside = wanted.shadow if wanted.settings.shadow != self.settings.shadow else self._shadow
        shadow = shadow_beside(loaded.value, beside)
        if not self._process.change_rules(loaded.value, _value(shadow), wanted.settings):
            return False
        before, self._refused, self.settings = self.recipe, None, wanted.settings
        self._recipes.use_settings(wanted.settings)
        self._when_changed.settings(wanted.settings)
        if names_another:
            self._recipes.use(Candidate(loaded, Origin.FILE))
            self._when_changed.recipe(loaded.value, loaded.value.name != before.name)
        self._note_shadow(shadow)
        return True


def shadow_beside(recipe: Recipe, shadow: Loaded[Recipe] | None) -> Loaded[Recipe] | None:
    """The shadow of a recipe in force: one that is the same has nothing to say beside it."""
    return None if _identity(shadow) == recipe.identity else shadow


def _value(loaded: Loaded[Recipe] | None) -> Recipe | None:
    return None if loaded is None else loaded.value


def _identity(loaded: Loaded[Recipe] | None) -> object:
    return None if loaded is None else loaded.value.identity


def _refused(error: ConfigurationError) -> Outcome:
    first = error.mistakes[0]
    return Outcome(Code.REFUSED, f"{Path(first.place).name}: {first.sentence}")
