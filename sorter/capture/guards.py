"""What makes a live picture unfit to decide by: small detectors, pure; each tells a fault in one sentence or nothing.

Decoders hand out damaged pictures as good, cameras and servers repeat the last one, and after a gap old ones come in a
burst. The detectors look at the line's part of the picture alone, at a `Probe` of it: a few rows cost a tenth of a
millisecond, the whole picture ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sorter.records import Frame
from sorter.settings.guards import GuardSettings


class Fault(StrEnum):
    """What is wrong with a picture; each is counted, and each is a row of the fail-safe table."""

    GAP = "gap"
    """It follows a gap, and whether the stream is live again is not known yet."""
    STALE = "stale"
    FROZEN = "frozen"
    CORRUPT = "corrupt"
    DARK = "dark"
    OVEREXPOSED = "overexposed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture is unfit."""

    fault: Fault
    reason: str
    """One sentence: what is seen, and the remedy."""


_PROBE_ROWS = 32
_BLOCK_PX = 16
"""Side of a macroblock, the unit in which a damaged film is wrong."""
_DETAIL = 8
"""A block whose values spread by more shows something: texture, an edge, noise."""
_FILLS_BGR = ((130, 130, 130), (0, 135, 0))
"""What decoders fill in where they know nothing: the middle of YUV, and its zero."""
_FILL_ROOM = 3


class Probe:
    """A few rows of a picture, and what the detectors want to know of them, each worked out once.

    Args:
        frame: the picture.
    """

    def __init__(self, frame: Frame) -> None:
        image = frame.image_bgr
        step = max(2, image.shape[0] // _PROBE_ROWS)
        self.rows = image[: image.shape[0] - 1 : step]
        """Shape (about 32, width, 3), a view."""
        self._below = image[1::step][: len(self.rows)]
        self.size_px = frame.picture_size_px
        self._blocks = self._cut(self.rows)

    @staticmethod
    def _cut(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pieces of rows as long as a block, shape (n, 16, 3); of a narrower picture the rows themselves."""
        block = min(_BLOCK_PX, rows.shape[1])
        width = rows.shape[1] // block * block
        return rows[:, :width].reshape(-1, block, 3)

    def smeared_share(self) -> float:
        """Part of the rows that repeat the row above, though they show something, 0..1."""
        if not self.rows.size:
            return 0.0
        same = (self.rows == self._below).all(axis=(1, 2))
        return float((same & (np.ptp(self.rows[..., 1], axis=1) > _DETAIL)).mean())

    def filled_share(self) -> float:
        """Part of the picture that has exactly a color that decoders fill in, 0..1."""
        first = self._blocks[:, 0].astype(np.int16)
        shares = 0.0
        for fill in _FILLS_BGR:
            near = np.flatnonzero((np.abs(first - fill) <= _FILL_ROOM).all(axis=1))
            flat = self._blocks[near].max(axis=1) - self._blocks[near].min(axis=1) <= 1
            shares += float(flat.all(axis=1).sum()) / max(len(first), 1)
        return shares

    def detailed(self) -> NDArray[np.bool_]:
        """Which blocks show something, shape (n,)."""
        green = self._blocks[..., 1]
        return np.asarray(green.max(axis=1) - green.min(axis=1) > _DETAIL)

    def lit_share(self, level: int) -> float:
        """Part of the pixels with any channel at ``level`` (0..255) or above, 0..1."""
        return float((self.rows[:, ::4].max(axis=2) >= level).mean()) if self.rows.size else 0.0

    def clipped_share(self, level: int) -> float:
        """Part of the pixels with every channel at ``level`` (0..255) or above, 0..1."""
        return float((self.rows[:, ::4].min(axis=2) >= level).mean()) if self.rows.size else 0.0


class FrozenGuard:
    """The same picture in new frames.

    A frame whose pixels are those of the one before tells nothing new, so it is left out at once; that it has gone on
    for too long is the fault. A camera's noise, or a belt that moves, makes every picture different.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._before: NDArray[np.uint8] | None = None
        self._since_s = 0.0
        self.repeats = 0
        """Identical frames in a row, up to the last one looked at."""

    def check(self, probe: Probe, frame: Frame) -> str | None:
        """Why the picture is held to be frozen, if it is."""
        if self._before is None or not np.array_equal(self._before, probe.rows):
            self._before = probe.rows.copy()
            self._since_s, self.repeats = frame.captured_at_s, 0
            return None
        self.repeats += 1
        still_s = frame.captured_at_s - self._since_s
        if still_s < self._longest_s:
            return None
        return (
            f"the picture has not changed for {still_s:.0f} s: if the belt moves, restart the camera; "
            "if it stands, this clears when it moves"
        )


class CorruptGuard:
    """Pictures that no camera takes: of a wrong size, smeared, filled in, or without the detail they just had.

    What the last sound picture looked like is the norm: a belt may be flat, gray or striped by itself. The norm is not
    moved by a picture that failed.
    """

    _SMEARED, _FILLED = 0.1, 0.05
    """More than this part of the picture than in the norm."""
    _LEFT_OF_DETAIL = 0.25
    _LEAST_DETAIL = 0.1
    _NEW_NORM_S = 10.0
    """A picture that has been without its detail for this long shows another scene."""

    def __init__(self) -> None:
        self._size_px: tuple[int, int] | None = None
        self._smeared = self._filled = 0.0
        self._detailed: NDArray[np.bool_] | None = None
        self._plain_since_s: float | None = None

    def check(self, probe: Probe, frame: Frame) -> str | None:
        """What is wrong with the picture, if anything is."""
        self._size_px = self._size_px or probe.size_px
        if probe.size_px != self._size_px:
            (was_w, was_h), (now_w, now_h) = self._size_px, probe.size_px
            return (
                f"the picture changed from {was_w} x {was_h} to {now_w} x {now_h} pixels: set the camera back, "
                "or restart the sorter to take the new size"
            )
        smeared, filled, detailed = probe.smeared_share(), probe.filled_share(), probe.detailed()
        reason = self._flaw(smeared, filled, detailed, frame.captured_at_s)
        if reason is None:
            self._smeared, self._filled, self._detailed = smeared, filled, detailed
        return reason

    def _flaw(self, smeared: float, filled: float, detailed: NDArray[np.bool_], at_s: float) -> str | None:
        if self._detailed is None:
            return None
        if smeared > self._smeared + self._SMEARED:
            return f"{smeared:.0%} of the picture's rows are smeared: check the camera and its cable"
        if filled > self._filled + self._FILLED:
            return f"{filled:.0%} of the picture is filled in by the decoder: check the camera and its cable"
        return self._blur(detailed, at_s)

    def _blur(self, detailed: NDArray[np.bool_], at_s: float) -> str | None:
        had = self._detailed
        kept = 1.0 if had is None or had.mean() < self._LEAST_DETAIL else float(detailed[had].mean())
        if kept >= self._LEFT_OF_DETAIL:
            self._plain_since_s = None
            return None
        self._plain_since_s = at_s if self._plain_since_s is None else self._plain_since_s
        if at_s - self._plain_since_s > self._NEW_NORM_S:
            self._plain_since_s = None
            return None
        return "the picture has suddenly lost its detail: check the camera, its lens and its cable"


def too_dark(probe: Probe, level: int) -> str | None:
    """Whether next to nothing in the picture reaches ``level``, 0..255."""
    if probe.lit_share(level) >= 0.005:
        return None
    return "the picture is dark: check the lamp, the lens cap and the exposure"


def too_bright(probe: Probe, share: float) -> str | None:
    """Whether more than ``share`` of the picture is white without any difference left."""
    clipped = probe.clipped_share(250)
    if clipped <= share:
        return None
    return f"{clipped:.0%} of the picture is overexposed: lower the exposure, or shade the belt from the sun"


class GapGuard:
    """Pictures after a gap are not believed until they come at the stream's own pace again.

    What was held up on the way arrives in a burst, oldest first; while the pictures come faster than they were taken
    they are not live. It begins with a gap: a camera's server may send what it kept before.
    """

    _PICTURES = 3
    _AT_PACE_S = 0.1
    _LEAST_PACE = 0.5

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._before: tuple[float, float | None] | None = None
        self._usual_s = 0.0
        self._at_pace = 0
        self._at_pace_since_s = 0.0
        self._live = False

    def begin(self) -> None:
        """The stream was opened anew."""
        self._live, self._before, self._at_pace = False, None, 0

    def check(self, frame: Frame, arrived_s: float) -> str | None:
        """Why it is not known to be live, if it is not."""
        before, self._before = self._before, (arrived_s, frame.pts_s)
        if before is None:
            return self._not_yet()
        waited_s, step_s = arrived_s - before[0], self._step_s(before[1], frame.pts_s)
        if waited_s > self._longest_s:
            self._live, self._at_pace = False, 0
        elif not self._live:
            self._judge_pace(waited_s, step_s, arrived_s)
        else:
            self._usual_s = 0.9 * self._usual_s + 0.1 * waited_s if self._usual_s else waited_s
        return None if self._live else self._not_yet()

    def _step_s(self, before_pts_s: float | None, pts_s: float | None) -> float:
        """How long after the one before it was taken: by its time stamp, else as usual."""
        step_s = 0.0 if before_pts_s is None or pts_s is None else pts_s - before_pts_s
        return step_s if 0 < step_s <= self._longest_s else self._usual_s

    def _judge_pace(self, waited_s: float, step_s: float, arrived_s: float) -> None:
        if waited_s < self._LEAST_PACE * step_s:
            self._at_pace = 0
            return
        self._at_pace += 1
        if self._at_pace == 1:
            self._at_pace_since_s = arrived_s - waited_s
        long_enough = arrived_s - self._at_pace_since_s >= self._AT_PACE_S
        self._live = self._at_pace >= self._PICTURES and long_enough

    @staticmethod
    def _not_yet() -> str:
        return "the stream has just begun, or goes on after a gap: it is watched until it is live"


def too_old(age_s: float, longest_s: float) -> str | None:
    """Whether a picture has been under way for longer than ``longest_s``."""
    if age_s <= longest_s:
        return None
    return f"the picture is {age_s:.1f} s old: check the network, the camera's load and this machine's"


class Guards:
    """All detectors of one line, in the order in which one makes the next pointless.

    Args:
        settings: the limits.
    """

    def __init__(self, settings: GuardSettings) -> None:
        self._settings = settings
        self._gap = GapGuard(settings.max_gap_s)
        self._frozen = FrozenGuard(settings.frozen_s)
        self._corrupt = CorruptGuard()

    def begin(self) -> None:
        """The stream was opened anew; what its pictures look like is still known."""
        self._gap.begin()

    @property
    def repeats(self) -> int:
        """How often the picture last looked at has come again."""
        return self._frozen.repeats

    def check(self, frame: Frame, arrived_s: float) -> Finding | None:
        """Look at the next picture; None where it may be decided by."""
        limits, probe = self._settings, Probe(frame)
        checks: Sequence[tuple[Fault, Callable[[], str | None]]] = (
            (Fault.GAP, lambda: self._gap.check(frame, arrived_s)),
            (Fault.STALE, lambda: too_old(arrived_s - frame.captured_at_s, limits.max_age_s)),
            (Fault.FROZEN, lambda: self._frozen.check(probe, frame)),
            (Fault.DARK, lambda: too_dark(probe, limits.dark_level)),
            (Fault.OVEREXPOSED, lambda: too_bright(probe, limits.overexposed_share)),
            (Fault.CORRUPT, lambda: self._corrupt.check(probe, frame)),
        )
        for fault, check in checks:
            reason = check()
            if reason is not None:
                return Finding(fault, reason)
        return None
