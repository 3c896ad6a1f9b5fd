"""What happens to a recipe that changes while the sorter runs, and where each one is written down."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sorter.settings.source import FilePath, Fraction
from sorter.settings.strict import Strict


class OnMistake(StrEnum):
    """What a mistaken recipe does to the service."""

    KEEP = "keep"
    """The last recipe that was right goes on, with an alarm; after a restart, too."""
    EXIT = "exit"
    """The service ends with exit code 78, at the start and at a change."""


class ConfirmSettings(Strict):
    """Which changes of a recipe wait until a person confirms them."""

    removed_bins: bool = True
    """A change that takes a bin away."""
    rerouted_share: Fraction | None = 0.1
    """A change that sends more than this part of the recent products to another branch; null: no such change waits."""
    recent_products: Annotated[int, Field(ge=1, le=10_000)] = 200
    """How many products each change is rehearsed on."""


class RecipesSettings(Strict):
    """Recipes while the sorter runs."""

    reload: bool = True
    """Whether a changed recipe or settings file is taken while the sorter runs; false: at its next start."""
    on_mistake: OnMistake = OnMistake.KEEP
    """keep: the last right recipe goes on, with an alarm; exit: the service ends with exit code 78."""
    confirm: ConfirmSettings = ConfirmSettings()
    """Which changes wait until a person confirms them."""
    history: FilePath | None = None
    """File of every recipe that was ever in force, relative to this file. Left out: recipes.jsonl in the folder that
    the environment's STATE_DIRECTORY names, else in the folder journal beside this file."""
