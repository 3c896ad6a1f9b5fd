"""``decide``: pictures, or boxes of pictures, each as one product."""

from __future__ import annotations

import argparse
import math
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from sorter.capture.clock import SystemClock
from sorter.color.bins import Bins
from sorter.color.dominant import read_color
from sorter.commands.boxes import PictureBox, read_boxes
from sorter.commands.choose import choose_line
from sorter.commands.pictures import MIN_SIDE_PX, CutOut, read_color_picture, whole_picture
from sorter.commands.report import DecisionReport
from sorter.decision import Ballot, cast, vote
from sorter.errors import SourceError, UsageError
from sorter.line import configure_threads
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.ports import Clock
from sorter.records import Box, Deadline, Decision, InvalidReason, Verdict
from sorter.settings.load import load_project, load_recipe
from sorter.settings.recipe import Recipe

_FOREVER = Deadline(-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class _Judge:
    """A recipe, ready to decide regions."""

    recipe: Recipe
    bins: Bins
    clock: Clock

    def decide(self, product: int, region: CutOut, box: Box) -> Decision:
        at_s = self.clock.monotonic_s()
        seen = self._look(region)
        outcome = vote([seen], self.recipe) if isinstance(seen, Ballot) else None
        verdict = Verdict.INVALID if outcome is None else outcome.verdict
        routed = outcome is not None and verdict is Verdict.ROUTED
        return Decision(
            product=product,
            verdict=verdict,
            branch=outcome.ballot.match.branch if outcome and routed else self.recipe.fallback.branch_for(verdict),
            captured_at_s=at_s,
            decided_at_s=self.clock.monotonic_s(),
            deadline=_FOREVER,
            frames_used=0 if outcome is None else 1,
            recipe=self.recipe.identity,
            reason=outcome.doubt if outcome else seen if isinstance(seen, InvalidReason) else None,
            match=None if outcome is None else outcome.ballot.match,
            reading=None if outcome is None else outcome.ballot.reading,
            stability=None if outcome is None else outcome.stability,
            box=box,
        )

    def _look(self, region: CutOut) -> Ballot | InvalidReason:
        """What the region says, or why it says nothing."""
        if min(region.image_bgr.shape[:2]) < MIN_SIDE_PX:
            return InvalidReason.TOO_SMALL
        pixels = region.sample()
        if pixels is None:
            return InvalidReason.NO_COLOR
        return cast(read_color(pixels), self.bins) if len(pixels) else InvalidReason.GLARE


def execute(options: argparse.Namespace) -> int:
    """Print one decision for each picture or box; 1 where a picture could not be read."""
    names, recipe = _recipe(options)
    regions = _regions(options)
    configure_threads()
    clock = SystemClock()
    judge = _Judge(recipe, Bins.of(recipe), clock)
    identity = LineIdentity(*names, boot_id=uuid.uuid4().hex, simulated=False)
    report = DecisionReport([recipe], as_json=options.json)
    failures = 0
    product = 0
    for path, boxes in groupby(regions, key=lambda region: region.path):
        try:
            picture = read_color_picture(path)
        except SourceError as error:
            sys.stderr.write(f"{error}\n")
            failures += 1
            continue
        for region in boxes:
            product += 1
            height, width = picture.image_bgr.shape[:2]
            box = region.within(width, height)
            decision = judge.decide(product, picture.within(box), box)
            message = decision_message(decision, identity, product, clock.wall_s() - clock.monotonic_s())
            report.show(message | {"ref": region.ref}, name=region.name)
    report.close()
    return SourceError.exit_code if failures else 0


def _recipe(options: argparse.Namespace) -> tuple[tuple[str, str], Recipe]:
    """Site and line to name in the decisions, and the recipe."""
    if (options.config is None) == (options.recipe is None):
        raise UsageError("decide needs its bins from one place: give either --config FILE or --recipe FILE")
    if options.recipe is not None:
        return ("local", "decide"), load_recipe(options.recipe).value
    project = load_project(options.config)
    _, line = choose_line(project.site, options.line)
    return (project.site.value.site, line.name), project.recipes[line.name].value


def _regions(options: argparse.Namespace) -> Iterator[PictureBox]:
    if bool(options.images) == (options.boxes is not None):
        raise UsageError("decide needs pictures from one place: give either IMAGE... or --boxes CSV")
    if options.boxes is not None:
        return iter(read_boxes(options.boxes))
    return iter([whole_picture(path) for path in options.images])
