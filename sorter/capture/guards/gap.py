"""Pictures after a gap, and old ones."""

from __future__ import annotations

from sorter.records import Frame


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
