"""What is doubtful about samples, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calibration.teach_color import Learned, Sample

_FEW_SAMPLES = 8
_UNIFORM_SPREAD = 0.2
"""Pictures of different products differ by more than this (CIEDE2000): the camera's noise alone does."""
_MUCH_GLARE = 0.25
_LITTLE_SHARE = 0.4
_BLURRED = 0.25
"""Edges as wide as this part of the shorter side: no real crop in focus had more than 0.23."""
_NAMED = 3


def warnings_of(samples: Sequence[Sample], learned: Learned) -> Iterator[str]:
    """Sentences on the samples of one bin.

    Args:
        samples: all of them, outliers too.
        learned: what was learned from them.
    """
    yield from _of_number(learned)
    if learned.apart:
        yield (
            f"the samples do not agree on a color: {learned.apart} of {len(samples)} lie apart from the others; "
            "look them through, or teach them as several bins with the same branch"
        )
    glary = [one.name for one in samples if one.glare_share > _MUCH_GLARE]
    yield from _of_some(samples, glary, "glary: turn the light or the camera until they do not shine")
    blurred = [one.name for one in samples if one.edge_width is not None and one.edge_width > _BLURRED]
    yield from _of_some(samples, blurred, "blurred: mend the focus, or expose more briefly")
    mixed = [one.name for one in samples if one.reading.dominant.share < _LITTLE_SHARE]
    yield from _of_some(samples, mixed, f"of many colors, none on {_LITTLE_SHARE:.0%} of it: cut nearer to the product")


def _of_number(learned: Learned) -> Iterator[str]:
    if learned.used < _FEW_SAMPLES:
        only = f"only {learned.used} sample{'' if learned.used == 1 else 's'}"
        yield f"{only}: give at least {_FEW_SAMPLES}, of different products, or the tolerance is a guess"
    if learned.used > 1 and learned.spread < _UNIFORM_SPREAD:
        yield "the samples hardly differ: is it one picture, copied? The tolerance is a guess"


def _of_some(samples: Sequence[Sample], names: Sequence[str], sentence: str) -> Iterator[str]:
    if names:
        more = ", ..." if len(names) > _NAMED else ""
        verb = "is" if len(names) == 1 else "are"
        yield f"{len(names)} of {len(samples)} samples ({', '.join(names[:_NAMED])}{more}) {verb} {sentence}"
