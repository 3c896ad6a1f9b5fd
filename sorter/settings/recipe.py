"""The recipe: a named, versioned set of color bins with their branches."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from sorter.records import RecipeId, Verdict
from sorter.settings.bins import BinSettings
from sorter.settings.strict import Name, Strict, refuse_repeated

MOST_REVISIONS = 1_000_000_000
"""Any reader of JSON, and any database, takes a number as large as this."""


class SortMode(StrEnum):
    """What is asked of the bin a product is routed to."""

    NEAREST_WITHIN_TOLERANCE = "nearest_within_tolerance"
    """The nearest of the bins whose tolerance reaches the color, if it is clearly nearest."""
    NEAREST = "nearest"
    """The nearest of all bins, if it is clearly nearest; tolerances are not asked, so nothing is unknown."""
    UNIQUE = "unique"
    """The only bin whose tolerance reaches the color: where two do, the product is ambiguous."""


class FallbackBranches(Strict):
    """Where products go that no bin takes."""

    unknown: Name
    """No bin reaches the color."""
    ambiguous: Name
    """Two bins are as good as each other for it, or what was seen of it disagrees."""
    late: Name
    """Decided after the diverter could act."""
    invalid: Name
    """Not judgeable: cut off, merged, too small, blurred."""

    def branch_for(self, verdict: Verdict) -> str:
        """The branch of a verdict that is not *routed*."""
        return str(getattr(self, verdict.value))


class Change(Strict):
    """Who changed a recipe, and why: for the history."""

    by: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """A person's name."""
    why: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """In that person's words."""


class Recipe(Strict):
    """A recipe file: which colors go to which branch."""

    name: Name
    """What people call the recipe; it is in every decision."""
    revision: Annotated[int, Field(ge=1, le=MOST_REVISIONS)] = 1
    """Raise it by one with every change, so that people can talk about it."""
    bins: Annotated[tuple[BinSettings, ...], Field(min_length=1, max_length=256)]
    """The colors, at least one; the order has no meaning."""
    fallback: FallbackBranches
    """Where products go that no bin takes."""
    min_margin: Annotated[float, Field(ge=0, le=100)] = 1.0
    """A product is ambiguous when its second bin is less than this much farther (CIEDE2000)."""
    sort_mode: SortMode = SortMode.NEAREST_WITHIN_TOLERANCE
    """What is asked of a bin: nearest_within_tolerance, nearest, or unique."""
    min_stability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A product is ambiguous when less than this part of its disjoint samples says the same, 0..1."""

    change: Change | None = None
    """Who made this revision, and why; nothing is decided by it."""

    @field_validator("bins", mode="after")
    @classmethod
    def _unique_names(cls, bins: tuple[BinSettings, ...]) -> tuple[BinSettings, ...]:
        refuse_repeated("bin", [one.name for one in bins])
        return bins

    @property
    def identity(self) -> RecipeId:
        """Name, revision and a hash of the recipe's meaning: comments and order do not change it."""
        # What was not written and what was written as the default mean the same, also to a later version of us.
        meaning = self.model_dump(mode="json", exclude={"name", "revision", "change"}, exclude_defaults=True)
        for one in meaning["bins"]:
            one.pop("taught", None)
            for key in one.keys() & {"any_of", "all_of"}:
                one[key].sort(key=lambda color: json.dumps(color, sort_keys=True))
        meaning["bins"].sort(key=lambda one: one["name"])
        digest = hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]
        return RecipeId(name=self.name, revision=self.revision, hash=digest)

    def branches(self) -> frozenset[str]:
        """Every branch the recipe can send a product to."""
        return frozenset({one.branch for one in self.bins} | set(self.fallback.model_dump().values()))
