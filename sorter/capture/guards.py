"""What makes a live picture unfit to decide by: small detectors, pure; each tells a fault in one sentence or nothing.

Decoders hand out damaged pictures as good, cameras and servers repeat the last one, and after a gap old ones come in a
burst. The detectors look at the line's part of the picture alone, at a `Probe` of it: a few rows cost a tenth of a
millisecond, the whole picture ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from sorter.capture.picture import is_grey
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
        self.size_px = frame.picture_size_px
        self.rows = np.ascontiguousarray(image[: image.shape[0] - 1 : step])
        """Shape (about 32, width, 3)."""
        self._below = np.ascontiguousarray(image[1::step][: len(self.rows)])
        # Pieces of rows as long as a block, shape (n, block, 3); of a narrower picture the rows themselves.
        block = min(_BLOCK_PX, self.rows.shape[1])
        self._blocks = self.rows[:, : self.rows.shape[1] // block * block].reshape(-1, block, 3)
        self._pixels = np.ascontiguousarray(self.rows[:, ::4])

    def smeared_share(self) -> float:
        """Part of the rows that repeat the row above, though they show something, 0..1."""
        flat = len(self.rows), -1
        differs = cv2.absdiff(self.rows.reshape(flat), self._below.reshape(flat)).max(axis=1, initial=0) > 0
        repeats = self.rows[~differs, :, 1]
        return float((np.ptp(repeats, axis=1) > _DETAIL).sum()) / max(len(self.rows), 1) if repeats.size else 0.0

    def filled_share(self) -> float:
        """Part of the picture that has exactly a color that decoders fill in, 0..1."""
        filled = 0
        first = np.ascontiguousarray(self._blocks[:, :1])
        for fill in _FILLS_BGR:
            low, high = [max(one - _FILL_ROOM, 0) for one in fill], [one + _FILL_ROOM for one in fill]
            near = np.flatnonzero(_within(first, low, high))
            spread = np.ptp(self._blocks[near], axis=1) if near.size else np.empty((0, 3))
            filled += int((spread <= 1).all(axis=1).sum())
        return filled / max(len(self._blocks), 1)

    def detailed_share(self) -> float:
        """Part of the blocks that show something, 0..1."""
        # Every seventh block is enough for a share, and seldom twice in one column of the picture; laid side by side
        # they are reduced all at once.
        green = np.ascontiguousarray(self._blocks[::7, :, 1].T)
        return float((green.max(axis=0) - green.min(axis=0) > _DETAIL).mean()) if green.size else 0.0

    def colored(self) -> bool:
        """Whether any pixel has a color."""
        return not is_grey(self._pixels)

    def dark_share(self, level: int) -> float:
        """Part of the pixels with every channel below ``level`` (1..255), 0..1."""
        return self._share([0] * 3, [level - 1] * 3)

    def clipped_share(self, level: int) -> float:
        """Part of the pixels with every channel at ``level`` (0..255) or above, 0..1."""
        return self._share([level] * 3, [255] * 3)

    def _share(self, low: list[int], high: list[int]) -> float:
        return cv2.countNonZero(_within(self._pixels, low, high)) / max(self._pixels.size // 3, 1)


def _within(pixels: NDArray[np.uint8], low: list[int], high: list[int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.inRange(pixels, np.array(low, np.uint8), np.array(high, np.uint8)), np.uint8)


class FrozenGuard:
    """The same picture in new frames.

    A frame with the very pixels of the one before tells nothing new, so it is left out at once. A picture that an
    encoder codes again and again changes in a few pixels, and in many at each key frame, but nothing in it moves:
    measured on H.264, 0 to 3 % of the values change from frame to frame then, and over 50 % with a belt that moves.
    That either has gone on for too long is the fault.
    """

    _LIVELY_SHARE = 0.05
    """Values that change from one frame to the next; a sensor's noise or a moving belt changes more."""
    _LIVELY_FRAMES = 0.15
    """Part of the frames that may be lively nevertheless: key frames."""
    _MOVED = 12
    """A difference (0..255) between mean colors of a small patch that no encoder makes: measured, it stays within 8."""
    _PATCHES_ACROSS = 160

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._rows: NDArray[np.uint8] | None = None
        self._patches: NDArray[np.uint8] | None = None
        """Of the first picture of the still; None while the picture moves."""
        self._before_s = self._since_s = 0.0
        self._frames = self._lively = 0
        self.repeats = False
        """Whether the last frame had the very pixels of the one before."""

    @property
    def still_since_s(self) -> float | None:
        """When the picture was taken that has not moved since; None while it moves."""
        return None if self._patches is None else self._since_s

    def check(self, probe: Probe, frame: Frame) -> str | None:
        """Why the picture is held to be frozen, if it is."""
        before, self._rows = self._rows, probe.rows
        changed = 1.0 if before is None or before.shape != self._rows.shape else _changed_share(before, self._rows)
        self.repeats = changed == 0.0
        if not self._goes_on(changed > self._LIVELY_SHARE, frame):
            self._patches = None
        self._before_s = frame.captured_at_s
        if self._patches is None or frame.captured_at_s - self._since_s < self._longest_s:
            return None
        return (
            f"the picture has not changed for more than {self._longest_s:g} s: if the belt moves, restart the camera; "
            "if it stands, this clears when it moves"
        )

    def _goes_on(self, lively: bool, frame: Frame) -> bool:  # noqa: FBT001 - one of two kinds of frame
        """Whether the picture stands still, or begins to."""
        if self._patches is None:
            if lively:
                return False
            self._patches, self._since_s = self._small(frame), self._before_s
            self._frames = self._lively = 0
            return True
        self._frames += 1
        self._lively += int(lively)
        if self._lively > 2 + self._LIVELY_FRAMES * self._frames:
            return False
        if self.repeats:
            return True
        patches = self._small(frame)
        return patches.shape == self._patches.shape and bool(cv2.absdiff(patches, self._patches).max() <= self._MOVED)

    def _small(self, frame: Frame) -> NDArray[np.uint8]:
        height, width = frame.image_bgr.shape[:2]
        scale = min(1.0, self._PATCHES_ACROSS / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(cv2.resize(frame.image_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _changed_share(before: NDArray[np.uint8], rows: NDArray[np.uint8]) -> float:
    flat = rows.shape[0], -1
    return cv2.countNonZero(cv2.absdiff(before.reshape(flat), rows.reshape(flat))) / max(rows.size, 1)


class CorruptGuard:
    """Pictures that no color camera takes: of a wrong size, smeared, filled in, without the detail or color they had.

    What the last sound picture looked like is the norm: a belt may be flat, gray or striped by itself. The norm is not
    moved by a picture that failed.
    """

    _SMEARED, _FILLED = 0.1, 0.05
    """More than this part of the picture than in the norm."""
    _LEFT_OF_DETAIL = 0.25
    _LEAST_DETAIL = 0.1
    """A belt that shows less by itself has nothing to lose. Measured on H.264: from a key frame to those that follow
    detail falls to a third, so the norm is the least of some seconds."""
    _NORM_S = 5
    _NEW_NORM_S = 10.0
    """A picture that has been without its detail for this long shows another scene."""

    def __init__(self) -> None:
        self._size_px: tuple[int, int] | None = None
        self._smeared = self._filled = 0.0
        self._begun = False
        self._least: dict[int, tuple[float, bool]] = {}
        """Detail, and whether there was color, by the second: of the last few that had sound pictures."""
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
        smeared, filled, detail = probe.smeared_share(), probe.filled_share(), probe.detailed_share()
        colored = probe.colored()
        reason = self._flaw(smeared, filled, frame.captured_at_s, detail, colored=colored)
        if reason is None:
            self._begun, self._smeared, self._filled = True, smeared, filled
            self._note(detail, int(frame.captured_at_s), colored=colored)
        return reason

    def _flaw(self, smeared: float, filled: float, at_s: float, detail: float, *, colored: bool) -> str | None:
        if not self._begun:
            return None
        if smeared > self._smeared + self._SMEARED:
            return "rows of the picture are smeared: check the camera and its cable"
        if filled > self._filled + self._FILLED:
            return "parts of the picture are filled in by the decoder: check the camera and its cable"
        if not colored and len(self._least) == self._NORM_S and all(had for _, had in self._least.values()):
            return "the picture has lost its color: switch off the camera's night mode and its infrared lamp"
        return self._blur(detail, at_s)

    def _note(self, detail: float, second: int, *, colored: bool) -> None:
        least, all_colored = self._least.get(second, (1.0, True))
        self._least[second] = min(detail, least), all_colored and colored
        while len(self._least) > self._NORM_S:
            del self._least[min(self._least)]

    def _blur(self, detail: float, at_s: float) -> str | None:
        norm = min((detail for detail, _ in self._least.values()), default=0.0)
        if norm < self._LEAST_DETAIL or detail >= self._LEFT_OF_DETAIL * norm:
            self._plain_since_s = None
            return None
        self._plain_since_s = at_s if self._plain_since_s is None else self._plain_since_s
        if at_s - self._plain_since_s > self._NEW_NORM_S:
            self._plain_since_s = None
            self._least.clear()
            return None
        return "the picture has suddenly lost its detail: check the camera, its lens and its cable"


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
    def repeats(self) -> bool:
        """Whether the frame last looked at had the very pixels of the one before."""
        return self._frozen.repeats

    @property
    def still_since_s(self) -> float | None:
        """When the picture was taken that has not moved since; None while it moves."""
        return self._frozen.still_since_s

    def check(self, frame: Frame, arrived_s: float) -> Finding | None:
        """Look at the next picture; None where it may be decided by."""
        return self.check_times(frame, arrived_s) or self._check_pixels(frame)

    def check_times(self, frame: Frame, arrived_s: float) -> Finding | None:
        """As `check`, of a picture that nobody needs: only whether it is live and fresh."""
        reason = self._gap.check(frame, arrived_s)
        if reason is not None:
            return Finding(Fault.GAP, reason)
        reason = too_old(arrived_s - frame.captured_at_s, self._settings.max_age_s)
        return None if reason is None else Finding(Fault.STALE, reason)

    def _check_pixels(self, frame: Frame) -> Finding | None:
        limits, probe = self._settings, Probe(frame)
        checks: Sequence[tuple[Fault, Callable[[], str | None]]] = (
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
