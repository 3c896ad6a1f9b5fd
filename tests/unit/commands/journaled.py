"""A journal of products of plain colors, decided under a recipe as a line would."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sorter.capture.clock import SystemClock
from sorter.color.bins import Bins
from sorter.color.lab import bgr_to_lab
from sorter.deciding import branch_of
from sorter.decision import decide_readings, read_samples
from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.readings import pack_readings
from sorter.records import Deadline, Decision, Evidence, InvalidReason, LabPixels, Verdict
from sorter.settings.recipe import Recipe
from sorter.thumbnail import to_jpeg

BOOT = "0123456789abcdef"
Rgb = tuple[int, int, int]
RED, GREEN, BLUE, PINK = (200, 32, 44), (46, 158, 79), (36, 87, 181), (214, 70, 74)
"""Pink is unknown to a red bin of a tolerance of 5."""


def samples_of(rgb: Rgb, seed: int) -> tuple[LabPixels, ...]:
    """Two samples of a color with a little noise."""
    noise = np.random.default_rng(seed).integers(-2, 3, (2, 80, 3))
    pixels = np.clip(np.array(rgb[::-1]) + noise, 0, 255).astype(np.uint8)
    return tuple(bgr_to_lab(some) for some in pixels)


def decided(number: int, rgb: Rgb, recipe: Recipe) -> Decision:
    samples = samples_of(rgb, number)
    readings = read_samples(samples)
    outcome = decide_readings(readings, Bins.of(recipe), recipe)
    picture = np.full((30, 40, 3), rgb[::-1], np.uint8)
    return Decision(
        product=number,
        verdict=outcome.verdict,
        branch=branch_of(outcome, recipe),
        captured_at_s=float(number),
        decided_at_s=number + 0.1,
        deadline=Deadline(number + 1.0, number + 2.0),
        frames_used=len(samples),
        recipe=recipe.identity,
        reason=outcome.doubt,
        match=outcome.ballot.match,
        reading=outcome.ballot.reading,
        stability=outcome.stability,
        evidence=Evidence(samples, to_jpeg(picture), pack_readings(readings)),
    )


def late(decision: Decision, recipe: Recipe) -> Decision:
    return replace(decision, verdict=Verdict.LATE, branch=recipe.fallback.late)


def diverted(decision: Decision, recipe: Recipe) -> Decision:
    branch = recipe.fallback.invalid
    return replace(decision, verdict=Verdict.INVALID, reason=None, branch=branch, diverted_by="paused")


def cut_off(number: int, recipe: Recipe) -> Decision:
    return Decision(
        product=number,
        verdict=Verdict.INVALID,
        branch=recipe.fallback.invalid,
        captured_at_s=float(number),
        decided_at_s=number + 0.1,
        deadline=Deadline(number + 1.0, number + 2.0),
        frames_used=0,
        recipe=recipe.identity,
        reason=InvalidReason.CUT_OFF,
        evidence=Evidence((), b""),
    )


def write_journal(
    path: Path, decisions: Sequence[Decision], recipe: Recipe | None, line: str = "one", **keeping: Any
) -> Path:
    """Decisions a minute old and younger; without a recipe its meaning is not kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(path, Limits(50_000_000, 1e9), SystemClock(), Keeping(**keeping))
    if recipe is not None:
        journal.remember(recipe)
    journal.start()
    identity = LineIdentity("plant", line, BOOT, simulated=True)
    shift_s = time.time() - 60
    for seq, decision in enumerate(decisions, start=1):
        journal.add(decision, decision_message(decision, identity, seq, shift_s))
    journal.close(time.monotonic() + 20)
    assert journal.counts.waiting == journal.counts.failed == 0
    return path
