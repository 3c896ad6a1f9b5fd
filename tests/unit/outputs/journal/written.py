"""Decisions to be written down."""

from __future__ import annotations

import numpy as np

from sorter.color.lab import bgr_to_lab
from sorter.outputs.journal.layout import Limits
from sorter.outputs.messages import LineIdentity, Message, decision_message
from sorter.records import Deadline, Decision, Evidence, RecipeId, Verdict

BOOT = "0123456789abcdef"
IDENTITY = LineIdentity("plant", "belt-1", BOOT, simulated=True)
DAY_S = 86400.0
ROOMY = Limits(max_bytes=40_000_000, max_age_s=30 * DAY_S)
TIGHT = Limits(max_bytes=1_000_000, max_age_s=30 * DAY_S)


def made(seq: int, pixels: int = 50, at_wall_s: float = 1.7e9) -> tuple[Decision, Message]:
    """An invalid product's decision with noise for pixels."""
    noise = np.random.default_rng(seq).integers(0, 256, (pixels, 3), np.uint8)
    decision = Decision(
        product=seq,
        verdict=Verdict.INVALID,
        branch="reject",
        captured_at_s=0.0,
        decided_at_s=0.01,
        deadline=Deadline(1.0, 2.0),
        frames_used=0,
        recipe=RecipeId("any", 1, "0" * 16),
        evidence=Evidence((bgr_to_lab(noise),), b"\xff\xd8 a picture"),
    )
    return decision, decision_message(decision, IDENTITY, seq, at_wall_s)
