"""From a followed product to its decision: verdict, branch, deadline, and what it was made from. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sorter.color.bins import Bins
from sorter.decision import Outcome, decide_readings, read_samples
from sorter.product.blob import Blob
from sorter.product.region import Grid
from sorter.product.track import Track
from sorter.readings import pack_readings
from sorter.records import BgrImage, Box, ColorReading, Decision, Evidence, Frame, LabPixels, Opinion, Verdict
from sorter.sampling import Samples
from sorter.settings.recipe import Recipe
from sorter.thumbnail import shrink, to_jpeg
from sorter.timing import Timing

_PICTURE_EVERY = 1 / 8
"""Of the way to the decision line, a picture of a product is made: each costs about 0.1 ms."""
SLOWEST_PX_PER_S = 1.0
"""A belt that is slower stands, and nobody knows when it will go on."""


@dataclass(slots=True, eq=False)
class Followed:
    """What the pipeline keeps of one track."""

    samples: Samples
    decided: bool = False
    before_line_at_s: float | None = None
    """The last frame in which its middle had not crossed the decision line."""
    picture_bgr: BgrImage | None = None
    """What it looked like, small; None where nobody keeps evidence."""
    pictured_px: float = -math.inf
    """Where along the belt it was then."""


class Decider:
    """Makes a line's decisions, and numbers its products.

    Args:
        grid: the region laid over the picture.
        recipe: the bins.
        timing: when each branch's diverter must act.
        line_px: where the decision line is, along the belt.
        now_s: the time at which a frame is being processed.
        first_product: number of the first product.
        keep_evidence: whether decisions carry what they were made from.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a decision depends on, handed in by the pipeline
        self,
        grid: Grid,
        recipe: Recipe,
        timing: Timing,
        line_px: float,
        now_s: Callable[[Frame], float],
        first_product: int,
        *,
        keep_evidence: bool,
    ) -> None:
        self._grid = grid
        self.use(recipe, timing)
        self._line_px = line_px
        self._now_s = now_s
        self._next_product = first_product
        self._keep_evidence = keep_evidence

    def use(self, recipe: Recipe, timing: Timing, shadow: Recipe | None = None) -> None:
        """Decide by this recipe and timing from now on, and note what a shadow recipe would decide."""
        self._recipe, self._recipe_id, self._bins = recipe, recipe.identity, Bins.of(recipe)
        self._timing = timing
        self._shadow = None if shadow is None else (shadow, shadow.identity, Bins.of(shadow))

    def note_look(self, track: Track, followed: Followed, crop_bgr: BgrImage) -> None:
        """A frame shows the product: keep a small picture of it, where evidence is kept and it has come on a little."""
        if self._keep_evidence and track.center_px - followed.pictured_px >= _PICTURE_EVERY * self._line_px:
            followed.pictured_px = track.center_px
            cell, blob = self._grid.cell_px, track.blob
            rows = slice(blob.rows.start * cell, blob.rows.stop * cell)
            columns = slice(blob.columns.start * cell, blob.columns.stop * cell)
            followed.picture_bgr = shrink(crop_bgr[rows, columns])

    def decide(self, track: Track, frame: Frame, followed: Followed, belt_speed_px_per_s: float | None) -> Decision:
        """By what was sampled of it; nothing may have been, and then it is invalid.

        Args:
            track: the product.
            frame: the newest.
            followed: what is kept of it.
            belt_speed_px_per_s: the belt's speed, None where it is not known.
        """
        samples = [] if track.overgrown else followed.samples.votes.samples()
        readings = read_samples(samples)
        outcome = decide_readings(readings, self._bins, self._recipe) if readings else None
        crossed_at_s = self._crossed_at_s(track, frame.captured_at_s, followed, belt_speed_px_per_s)
        now_s = self._now_s(frame)
        verdict = Verdict.INVALID if outcome is None else outcome.verdict
        branch = branch_of(outcome, self._recipe)
        deadline = self._timing.deadline(branch, crossed_at_s)
        if now_s > deadline.act_before_s:
            verdict, branch = Verdict.LATE, self._recipe.fallback.late
            deadline = self._timing.deadline(branch, crossed_at_s)
        product, self._next_product = self._next_product, self._next_product + 1
        return Decision(
            product=product,
            verdict=verdict,
            branch=branch,
            captured_at_s=track.seen_at_s,
            decided_at_s=now_s,
            crossed_at_s=crossed_at_s,
            deadline=deadline,
            frames_used=len(samples),
            recipe=self._recipe_id,
            reason=track.main_fault if outcome is None else outcome.doubt,
            match=None if outcome is None else outcome.ballot.match,
            reading=None if outcome is None else outcome.ballot.reading,
            stability=None if outcome is None else outcome.stability,
            box=self._picture_box(track.blob),
            time_base=frame.time_base,
            evidence=self._evidence(samples, readings, followed),
            shadow=self._opinion(readings),
        )

    def _evidence(self, samples: list[LabPixels], readings: list[ColorReading], followed: Followed) -> Evidence | None:
        if not self._keep_evidence:
            return None
        return Evidence(tuple(samples), to_jpeg(followed.picture_bgr), pack_readings(readings) if readings else b"")

    def _opinion(self, readings: list[ColorReading]) -> Opinion | None:
        """The shadow recipe's; what was read of the product is read once for both."""
        if self._shadow is None or not readings:
            return None
        recipe, identity, bins = self._shadow
        outcome = decide_readings(readings, bins, recipe)
        match = outcome.ballot.match
        branch = branch_of(outcome, recipe)
        return Opinion(identity, outcome.verdict, branch, match.bin, match.delta_e, match.margin)

    def _crossed_at_s(self, track: Track, now_s: float, followed: Followed, belt_speed_px_per_s: float | None) -> float:
        """When its middle crossed the decision line, or will."""
        if belt_speed_px_per_s is None:
            return now_s
        # The learned speed of a belt that stands is nearly zero: a product that crossed by a hair's breadth would
        # have done so long ago, though it was seen before the line in the last frame.
        speed = max(belt_speed_px_per_s, SLOWEST_PX_PER_S)
        crossed_at_s = now_s - (track.center_px - self._line_px) / speed
        before_at_s = followed.before_line_at_s
        return crossed_at_s if before_at_s is None else max(crossed_at_s, before_at_s)

    def _picture_box(self, blob: Blob) -> Box:
        cell, origin = self._grid.cell_px, self._grid.box
        return Box(
            origin.x0 + blob.columns.start * cell,
            origin.y0 + blob.rows.start * cell,
            origin.x0 + blob.columns.stop * cell,
            origin.y0 + blob.rows.stop * cell,
        )


def branch_of(outcome: Outcome | None, recipe: Recipe) -> str:
    """Where the conveyor is to send a product, were there time enough."""
    if outcome is None:
        return recipe.fallback.invalid
    if outcome.verdict is Verdict.ROUTED:
        return outcome.ballot.match.branch
    return recipe.fallback.branch_for(outcome.verdict)
