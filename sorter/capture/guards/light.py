"""Pictures too dark or too bright to show a color."""

from __future__ import annotations

from sorter.capture.guards.probe import Probe


def too_dark(probe: Probe, level: int) -> str | None:
    """Whether next to nothing in the picture reaches ``level``, 0..255; with 0 no picture is dark."""
    if level == 0 or probe.dark_share(level) <= 0.995:
        return None
    return "the picture is dark: check the lamp, the lens cap and the exposure"


def too_bright(probe: Probe, share: float) -> str | None:
    """Whether more than ``share`` of the picture is white without any difference left."""
    if probe.clipped_share(250) <= share:
        return None
    return "too much of the picture is overexposed: lower the exposure, or shade the belt from the sun"
