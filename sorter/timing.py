"""When a diverter must act, from where it stands and how fast the belt runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sorter.records import Deadline, Decision, Verdict
from sorter.settings.site import BranchSettings, LineSettings


@dataclass(frozen=True, slots=True)
class Timing:
    """When each branch's diverter must act."""

    travel_s: dict[str, float]
    """From the decision line to each branch, less the actuator's delay."""
    tolerance_s: float

    @classmethod
    def of(cls, line: LineSettings, belt_speed_mm_per_s: float | None = None) -> Timing:
        """Read a line's distances; a speed that was measured takes the place of the settings'."""
        timing = line.timing
        speed = timing.belt_speed_mm_per_s if belt_speed_mm_per_s is None else belt_speed_mm_per_s

        def travel_s(branch: BranchSettings) -> float:
            delay_s = timing.actuator_delay_s if branch.actuator_delay_s is None else branch.actuator_delay_s
            return branch.distance_mm / speed - delay_s

        return cls({name: travel_s(branch) for name, branch in line.branches.items()}, timing.tolerance_s)

    def deadline(self, branch: str, crossed_at_s: float) -> Deadline:
        """When the diverter of a branch may act on a product that crossed the decision line at ``crossed_at_s``."""
        act_at_s = crossed_at_s + self.travel_s[branch]
        return Deadline(act_at_s - self.tolerance_s, act_at_s + self.tolerance_s)


def retimed(decision: Decision, timing: Timing, late_branch: str, now_s: float) -> Decision:
    """The decision with the deadline of another belt speed; late, with its branch, where that has passed by now."""
    crossed_at_s = decision.crossed_at_s
    if crossed_at_s is None:
        return decision
    deadline = timing.deadline(decision.branch, crossed_at_s)
    if now_s <= deadline.act_before_s:
        return replace(decision, deadline=deadline)
    deadline = timing.deadline(late_branch, crossed_at_s)
    return replace(decision, verdict=Verdict.LATE, branch=late_branch, deadline=deadline)


def diverted(decision: Decision, cause: str, branch: str, timing: Timing) -> Decision:
    """The decision as a row of the fail-safe table has it: invalid for the cause, and to the row's branch.

    What was seen of the product is kept. One that is late stays late: nobody can act on it any more.
    """
    if decision.verdict is Verdict.LATE:
        return decision
    crossed_at_s = decision.crossed_at_s
    deadline = decision.deadline if crossed_at_s is None else timing.deadline(branch, crossed_at_s)
    return replace(decision, verdict=Verdict.INVALID, reason=None, branch=branch, deadline=deadline, diverted_by=cause)
