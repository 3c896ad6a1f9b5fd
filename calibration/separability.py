"""Whether the bins of a recipe can be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sorter.color.bins import bin_colors
from sorter.color.difference import ciede2000
from sorter.settings.load import Loaded
from sorter.settings.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two bins that can both reach one color: products between them are ambiguous."""

    first: str
    second: str
    delta_e: float
    """CIEDE2000 between the two colors."""
    reach: float
    """The sum of the two tolerances, larger than ``delta_e``."""
    places: tuple[str, str] | None = None
    """``file:line:column`` of the two bins, where the recipe came from a file."""

    def __str__(self) -> str:
        return (
            f"bins {self.first!r} and {self.second!r} overlap: their colors differ by {self.delta_e:.1f}, "
            f"their tolerances reach {self.reach:.1f} (CIEDE2000); lower a tolerance, or expect ambiguous products"
        )


def overlapping_bins(recipe: Recipe | Loaded[Recipe]) -> list[Overlap]:
    """The pairs of bins that lie nearer to each other than their tolerances reach, in the file's order.

    CIEDE2000 is no metric, so a pair just outside the list may still share a color or two; a pair in it need
    not, when the colors between the two cannot be shown.

    Args:
        recipe: with its file, the overlaps have their places.
    """
    settings = recipe.value if isinstance(recipe, Loaded) else recipe
    colors = np.array([bin_colors(one)[0] for one in settings.bins])
    tolerances = np.array([one.tolerance.delta_e or 0.0 for one in settings.bins])
    differences = ciede2000(colors[:, None], colors[None, :])
    reaches = tolerances[:, None] + tolerances[None, :]
    return [
        Overlap(
            first=settings.bins[first].name,
            second=settings.bins[second].name,
            delta_e=float(differences[first, second]),
            reach=float(reaches[first, second]),
            places=_places(recipe, int(first), int(second)),
        )
        for first, second in np.argwhere(np.triu(differences < reaches, k=1))
    ]


def _places(recipe: Recipe | Loaded[Recipe], first: int, second: int) -> tuple[str, str] | None:
    if not isinstance(recipe, Loaded):
        return None
    return recipe.place("bins", first, "name"), recipe.place("bins", second, "name")
