"""Bins taught from samples of known color, for sets that come without a recipe; as the command ``teach`` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.teach import Lesson
from calibration.teach import teach as learn
from calibration.teach_color import Sample
from sorter.errors import SourceError
from sorter.records import ColorReading, Lab, PaletteColor
from sorter.settings.bins import BinSettings, Tolerance
from sorter.settings.recipe import FallbackBranches, Recipe

_BRANCH = "out"


def teach(samples: Mapping[str, Sequence[Lab]]) -> Recipe:
    """Make a bin of each color.

    Args:
        samples: dominant colors by the name of their bin; at least one of each.
    """
    named = {name: [_sample(str(index), lab) for index, lab in enumerate(labs)] for name, labs in samples.items()}
    try:
        bins = [_bin(lesson) for lesson in learn(named)]
    except SourceError:  # a way that reads two colors alike: its nearest bins can be told, but nothing is routed
        bins = [_unreached(name, labs) for name, labs in samples.items()]
    fallback = FallbackBranches(unknown=_BRANCH, ambiguous=_BRANCH, late=_BRANCH, invalid=_BRANCH)
    return Recipe(name="taught", bins=tuple(bins), fallback=fallback)


def _sample(name: str, lab: Lab) -> Sample:
    return Sample(name, ColorReading((PaletteColor(lab, 1.0),)))


def _unreached(name: str, labs: Sequence[Lab]) -> BinSettings:
    color = tuple(np.median(np.array(labs), axis=0).tolist())
    return BinSettings(name=name, lab=color, tolerance=Tolerance(delta_e=1e-6), branch=_BRANCH)


def _bin(lesson: Lesson) -> BinSettings:
    tolerance = Tolerance(delta_e=lesson.tolerance)
    return BinSettings(name=lesson.bin, lab=lesson.color, tolerance=tolerance, branch=_BRANCH)
