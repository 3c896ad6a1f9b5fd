"""Pictures that no color camera takes."""

from __future__ import annotations

from sorter.capture.guards.probe import Probe
from sorter.records import Frame


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
