"""``decide``: pictures, or boxes of pictures, each as one product."""

from __future__ import annotations

import argparse
import math
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sorter.capture.clock import SystemClock
from sorter.capture.picture import GreyscaleError, greyscale_sentence, is_grey, read_cut_out
from sorter.color.bins import Bins
from sorter.color.dominant import read_color
from sorter.color.sample import sample_box, sample_cut_out
from sorter.commands.boxes import PictureBox, read_boxes
from sorter.commands.choose import choose_line
from sorter.commands.report import DecisionReport
from sorter.decision import Ballot, cast, vote
from sorter.errors import SourceError, UsageError
from sorter.line import configure_threads
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.ports import Clock
from sorter.records import BgrImage, Box, Deadline, Decision, InvalidReason, LabPixels, Mask, Verdict
from sorter.settings.load import load_project, load_recipe
from sorter.settings.recipe import Recipe

_MIN_SIDE_PX = 3
"""Smaller regions hold no pixel that is not edge."""
_FOREVER = Deadline(-math.inf, math.inf)


class CutOut(NamedTuple):
    """A region of a picture."""

    image_bgr: BgrImage
    opaque: Mask | None
    """Where it shows something, shape (height, width); None where the picture knows no transparency."""

    def within(self, box: Box) -> CutOut:
        """A part of it."""
        rows, columns = slice(box.y0, box.y1), slice(box.x0, box.x1)
        return CutOut(self.image_bgr[rows, columns], None if self.opaque is None else self.opaque[rows, columns])

    def sample(self) -> LabPixels | None:
        """See `sample_box` and `sample_cut_out`."""
        if self.opaque is None or self.opaque.all():
            return sample_box(self.image_bgr)
        return sample_cut_out(self.image_bgr, self.opaque)


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
        if min(region.image_bgr.shape[:2]) < _MIN_SIDE_PX:
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
            picture = _read_color_picture(path)
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
    return iter([_whole_picture(path) for path in options.images])


def _whole_picture(path: Path) -> PictureBox:
    # A file's name may hold bytes that are no text at all.
    name = str(path).encode("utf-8", "backslashreplace").decode()
    return PictureBox(path, None, {"file": name}, name)


def _read_color_picture(path: Path) -> CutOut:
    if path.is_dir():
        raise SourceError(f"{path}: a folder, not a picture: name the pictures in it")
    image, opaque = read_cut_out(path)
    # One even gray is a product; shades of gray without any color are a greyscale camera's picture.
    if is_grey(image) and len(np.unique(image[..., 1])) > 16:
        raise GreyscaleError(greyscale_sentence(str(path)))
    return CutOut(image, opaque)
