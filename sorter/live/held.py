"""A recipe that waits until a person confirms it, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sorter.live.candidate import Candidate
from sorter.settings.recipes import ConfirmSettings

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Held:
    """What waits."""

    candidate: Candidate
    reasons: tuple[str, ...]
    """In the operator's words, such as "it takes away the bin 'blue'"."""

    @property
    def words(self) -> str:
        """For an alarm."""
        recipe = self.candidate.recipe
        what = f"{recipe.name}, revision {recipe.revision}, hash {recipe.identity.hash}"
        return (
            f"{self.candidate.path.name}: {what}, waits to be confirmed: "
            f"{'; '.join(self.reasons)}: python run_sorter.py recipes confirm, or the command confirm_recipe"
        )


def reasons_to_wait(confirm: ConfirmSettings, removed: Sequence[str], rerouted: int, rehearsed: int) -> tuple[str, ...]:
    """Why a change must wait for a person; none where it need not.

    Args:
        confirm: which changes wait.
        removed: the bins that it takes away.
        rerouted: recent products that it would send to another branch.
        rehearsed: recent products that it was tried on.
    """
    reasons = []
    if confirm.removed_bins and removed:
        names = ", ".join(map(repr, removed[:_MOST_NAMED])) + (", ..." if len(removed) > _MOST_NAMED else "")
        reasons.append(f"it takes away the bin{'' if len(removed) == 1 else 's'} {names}")
    limit = confirm.rerouted_share
    if limit is not None and rehearsed and rerouted > limit * rehearsed:
        share = rerouted / rehearsed
        reasons.append(f"it sends {rerouted} of the last {rehearsed} products ({share:.0%}) to another branch")
    return tuple(reasons)
