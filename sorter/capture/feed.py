"""The pictures of a live source as a line may use them: newest, fresh and sound, or none and the reason why."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from sorter.capture.guards.chain import Fault, Finding, Guards
from sorter.capture.guards.gap import too_old
from sorter.capture.health import POOR_SHARE, Blindness, Grade, Health
from sorter.capture.latest import LatestFrame
from sorter.capture.link import Link, LinkState, Patience
from sorter.capture.opening import Opening
from sorter.capture.picture import is_grey
from sorter.errors import SourceError
from sorter.ports import Clock, FrameSource
from sorter.records import Box, Frame, TimeBase
from sorter.settings.guards import GuardSettings

_WATCH_S = 0.05
_ROOM_S = 0.005
"""A frame that comes this much before its time is taken, rather than the next one."""
_STOP_S = 0.9
"""A read that hangs in a native library is left to its own time-out; nobody waits longer for it."""
_FOR_EVER = Patience(math.inf, math.inf, math.inf)
_MOST_HANGING = 3
"""So many reads that hang in native code are left behind; with one more the process is worth nothing."""


class HangingError(Exception):
    """Reads hang in native code and do not come back: only a new process helps."""


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """What became of a feed's pictures since it began."""

    given_up: int
    """A newer one was there before they could be looked at."""
    corrupt: int
    """Could not be decoded."""
    passed_over: int
    """Not needed, since the belt had hardly moved."""
    repeated: int
    unfit: dict[str, int]
    """By fault."""


class Feed:
    """Keeps a live source open, for ever; its pictures pass the guards before anyone sees them.

    Each opening reads in a thread of its own. One that hangs is left to its own time-out, and the source is opened anew
    beside it: the libraries' time-outs act at two or three times their value.

    Args:
        open_source: opens the source; may raise `SourceError`, and may hang.
        place: the source in words that people may read.
        guards: the limits.
        lost_s: no picture for this long, and it is opened anew.
        clock: time.
        name: of the line, for the threads' names.
        part: the part of the picture that the line looks at; None for all of it. The rest is cut off.
        may_be_silent: no picture for a long time is no fault; the source itself sees whether it still answers.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a source is, how long to wait for it, and the time
        self,
        open_source: Callable[[], FrameSource],
        place: str,
        guards: GuardSettings,
        lost_s: float,
        clock: Clock,
        name: str = "line",
        part: Box | None = None,
        *,
        may_be_silent: bool = False,
    ) -> None:
        now_s = clock.monotonic_s()
        self._open_source = open_source
        self._limits = guards
        self._lost_s = lost_s
        self._clock = clock
        self._name = name
        self._part = part
        self._lock = threading.Lock()
        self._shelf = LatestFrame()
        self._guards = Guards(guards, may_be_silent=may_be_silent)
        self._health = Health(guards.max_gap_s, guards.max_age_s, now_s)
        # An opening may take its time-out twice: to connect, and to the first picture.
        patience = Patience(guards.max_gap_s, max(lost_s, guards.max_gap_s), 2 * lost_s + 1.0)
        self._link = Link(place, _FOR_EVER if may_be_silent else patience, now_s)
        self._opening: Opening | None = None
        self._hanging: list[Opening] = []
        self._unfit: Counter[str] = Counter()
        self._repeated = self._passed_over = 0
        self._wanted_from_s = -math.inf
        self.color_seen = False
        """Whether any picture had a color: until then it may be a greyscale camera's, and nothing should be decided."""
        self._left_out_since_s: float | None = None
        """Since when the picture stood still, of which frames were left out."""
        self._corrupt = self._corrupt_before = 0
        self._given_up_told = 0
        self._time_base = TimeBase.ARRIVAL

    def start(self) -> None:
        """Begin to open the source; returns at once."""
        self._open()

    def stop(self) -> bool:
        """Stop reading, within a second; whether no read is left hanging."""
        with self._lock:
            openings = [*self._hanging, *([self._opening] if self._opening else [])]
            self._opening, self._hanging = None, []
        for one in openings:
            one.abandon()
        end_s = self._clock.monotonic_s() + _STOP_S
        for one in openings:
            one.wait(end_s - self._clock.monotonic_s())
        return not any(one.running for one in openings)

    def take(self, timeout_s: float) -> Frame | None:
        """The newest picture that may be decided by, waiting for one; None where none came in time.

        Raises:
            HangingError: too many reads hang.
        """
        end_s = self._clock.monotonic_s() + timeout_s
        while True:
            left_s = end_s - self._clock.monotonic_s()
            frame = self._shelf.take(max(0.0, min(left_s, _WATCH_S)))
            self._watch()
            if frame is not None and self._fresh(frame):
                return frame
            if left_s <= 0:
                return None

    def want_from(self, captured_at_s: float) -> None:
        """Pass over what is taken before this time (monotonic seconds); it still shows that the source lives."""
        self._wanted_from_s = captured_at_s

    def wants(self, captured_at_s: float) -> bool:
        """Whether the pixels of a frame taken then are needed."""
        return captured_at_s >= self._wanted_from_s - _ROOM_S

    @property
    def ended(self) -> bool:
        """Whether the source came to its end, as films do."""
        return self._link.state is LinkState.ENDED and self._shelf.empty

    @property
    def blindness(self) -> Blindness | None:
        """Why nothing can be decided now, if nothing can."""
        with self._lock:
            return self._health.blindness(self._link, self._clock.monotonic_s())

    @property
    def frozen_since_s(self) -> float | None:
        """When the picture was taken that is held to be frozen, monotonic seconds; None where none is."""
        with self._lock:
            blind = self._health.blindness(self._link, self._clock.monotonic_s())
            return self._guards.still_since_s if blind is not None and blind.cause == "picture_frozen" else None

    @property
    def link(self) -> Link:
        """The connection."""
        return self._link

    @property
    def counts(self) -> FeedCounts:
        """What became of its pictures."""
        with self._lock:
            return FeedCounts(
                self._shelf.frames_given_up, self._corrupt, self._passed_over, self._repeated, dict(self._unfit)
            )

    @property
    def degraded(self) -> bool:
        """Whether so many pictures are unfit that somebody should look after the camera."""
        with self._lock:
            return self._health.unfit_share(self._clock.monotonic_s()) > POOR_SHARE

    @property
    def quality(self) -> tuple[Grade, str]:
        """For people: how good the last ten seconds were, and why."""
        with self._lock:
            return self._health.grade(self._link, self._clock.monotonic_s())

    @property
    def time_base(self) -> TimeBase:
        """How it is known when the last picture was taken."""
        return self._time_base

    @property
    def clock_offset_s(self) -> float | None:
        """By how much the camera's clock seems to be behind ours, where it tells its time."""
        opening = self._opening
        return None if opening is None else opening.clock_offset_s

    def _open(self) -> None:
        self._guards.begin()
        self._corrupt_before = self._corrupt
        self._opening = Opening(self._open_source, self._arrived, self._broke_off, self._name)
        self._opening.start()

    def _watch(self) -> None:
        """See whether the source is silent, or behind, or due to be opened again."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            given_up = self._shelf.frames_given_up
            self._health.given_up(given_up - self._given_up_told, now_s)
            self._given_up_told = given_up
            if self._opening is not None:
                self._note_damage(self._opening, now_s)
            hangs = self._link.watch(now_s)
            if not hangs and self._link.state is LinkState.LIVE and self._falls_behind(now_s):
                why = (
                    f"for {self._lost_s:g} s its pictures have been old or with gaps: check the camera and the network"
                )
                self._link.failed(SourceError(f"{self._link.place}: {why}"), now_s)
                hangs = True
            if hangs:
                self._leave_behind()
            if self._link.may_open(now_s):
                self._open()

    def _falls_behind(self, now_s: float) -> bool:
        behind_s = min(self._health.blind_s(now_s), self._link.in_state_s(now_s))
        return self._health.behind and behind_s > max(self._lost_s, self._limits.max_gap_s)

    def _leave_behind(self) -> None:
        if self._opening is not None:
            self._opening.abandon()
            self._hanging.append(self._opening)
            self._opening = None
        self._shelf.clear()
        self._hanging = [one for one in self._hanging if one.running]
        if len(self._hanging) > _MOST_HANGING:
            raise HangingError(f"{self._link.place}: {len(self._hanging)} reads hang in native code")

    def _fresh(self, frame: Frame) -> bool:
        """Whether a picture is still fresh now that it is taken."""
        now_s = self._clock.monotonic_s()
        reason = too_old(now_s - frame.captured_at_s, self._limits.max_age_s)
        if reason is None:
            return True
        with self._lock:
            self._reject(Finding(Fault.STALE, reason), now_s)
        return False

    def _reject(self, finding: Finding, now_s: float) -> None:
        self._unfit[finding.fault.value] += 1
        self._health.unfit(finding, now_s)

    def _arrived(self, opening: Opening, frame: Frame) -> None:
        """In an opening's thread: a picture came."""
        now_s = self._clock.monotonic_s()
        arrived_s = now_s if frame.arrived_at_s is None else frame.arrived_at_s
        frame = _cut(frame, self._part)
        with self._lock:
            if opening is not self._opening:  # left behind: whatever it still gives is of no use
                return
            self._link.picture(now_s)
            self._note_damage(opening, now_s)
            self._time_base = frame.time_base
            if frame.passed_over or not self.wants(frame.captured_at_s):
                finding = self._guards.check_times(frame, arrived_s)
                if finding is None:
                    self._passed_over += 1
                    return
            else:
                finding = self._guards.check(frame, arrived_s)
            if finding is not None or self._guards.repeats:
                self._left_out_since_s = self._guards.still_since_s or self._left_out_since_s
            if finding is not None:
                self._reject(finding, now_s)
            elif self._guards.repeats:
                self._repeated += 1
                self._health.repeated(now_s)
            else:
                self._health.sound(now_s - frame.captured_at_s, now_s)
                self.color_seen = self.color_seen or not is_grey(frame.image_bgr)
                since_s, self._left_out_since_s = self._left_out_since_s, None
                self._shelf.put(frame if since_s is None else replace(frame, still_since_s=since_s))

    def _note_damage(self, opening: Opening, now_s: float) -> None:
        """Pictures that cannot be decoded show that the source lives, and that it is of no use."""
        more = self._corrupt_before + opening.frames_skipped - self._corrupt
        if more > 0:
            self._corrupt += more
            self._link.picture(now_s)
            reason = f"{self._link.place}: the stream is damaged: check the camera, the network and the cable"
            self._health.unfit(Finding(Fault.CORRUPT, reason), now_s, more)

    def _broke_off(self, opening: Opening, error: SourceError | None) -> None:
        """In an opening's thread: it is over; without an error the source is at its end."""
        with self._lock:
            if opening is not self._opening:
                return
            now_s = self._clock.monotonic_s()
            self._note_damage(opening, now_s)
            self._opening = None
            if error is None:
                self._link.ended(now_s)
            else:
                self._link.failed(error, now_s)


def _cut(frame: Frame, part: Box | None) -> Frame:
    """The part of a frame, as a view; a part that does not fit the picture is left for the line to complain of."""
    if part is None or frame.picture_px is not None:
        return frame
    width, height = frame.picture_size_px
    if min(part.x0, part.y0) < 0 or part.x1 > width or part.y1 > height:
        return frame
    view = frame.image_bgr[part.y0 : part.y1, part.x0 : part.x1]
    return replace(frame, image_bgr=view, origin_px=(part.x0, part.y0), picture_px=(width, height))
