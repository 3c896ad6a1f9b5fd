"""Each thing on the belt, followed from frame to frame, is one product and is decided once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sorter.product.blob import Blob
from sorter.product.region import DOWNSTREAM, UPSTREAM
from sorter.records import InvalidReason

_COAST_S = 0.5
"""A product that is not seen for this long, or for `_COAST_FRAMES`, is gone."""
_COAST_FRAMES = 3
_KEPT_SPEEDS = 512
_SHORTEST_STEP_S = 5e-4
"""Frames that seem to be nearer in time than this were put in order, not timed: no camera is so fast."""
_STRANGERS = 5
"""After so many frames in which nothing was where the belt's speed would have it, that speed is not believed."""
_UNLIKE = 5.0
"""A blob as unlike a track's next sighting as this is something else. It must not be larger: where one product has
left and another has come in, matching each to the next one's place would cost less than leaving two unmatched."""
_GROWN = 1.5
"""A thing that grows longer by this after it was whole has met another one that was not seen by itself."""


@dataclass(slots=True, eq=False)
class Track:
    """One thing followed along the belt. Positions are the belt's own, in pixels of the picture."""

    number: int
    born_px: float
    """Along the belt: its middle when first seen."""
    born_edges: frozenset[int]
    blob: Blob
    """As last seen."""
    seen_at_s: float
    rear_px: float
    front_px: float
    """Where it is now: as seen, or as the belt's speed says while it is hidden or partly out of the region."""
    whole: Blob | None = None
    """As last seen whole."""
    sightings: int = 1
    unseen: int = 0
    merged: bool = False
    """In this frame it is part of a thing that holds another track too."""
    overgrown: bool = False
    """In this frame it is much longer than it was when whole: something else sticks to it."""
    faults: dict[InvalidReason, int] = field(default_factory=dict)
    """Why it was not whole, by number of frames."""
    traveled_px: float = 0.0
    """How far it was seen to be carried by the belt: where it met or left another thing its ends jumped, and that is
    no travel."""
    hidden_px: float = 0.0
    """How far the belt is thought to have carried it since it was last seen."""
    still_px: float = 0.0
    """Where it was when it last moved ..."""
    still_since_s: float = 0.0
    """... and when that was."""

    @property
    def center_px(self) -> float:
        """Middle along the belt."""
        return (self.rear_px + self.front_px) / 2

    @property
    def is_product(self) -> bool:
        """Seen more than once, and carried along by the belt: neither a flash nor dirt on the lens."""
        return self.sightings >= 2 and self.traveled_px >= 2.0 + 0.05 * self.blob.length_px

    @property
    def main_fault(self) -> InvalidReason:
        """Why it could not be judged, where it never was whole."""
        # A product is cut off whenever it enters or leaves: only where nothing else was ever wrong is that the reason.
        others = {reason: count for reason, count in self.faults.items() if reason is not InvalidReason.CUT_OFF}
        return max(others, key=lambda reason: others[reason]) if others else InvalidReason.CUT_OFF

    def note_fault(self, reason: InvalidReason) -> None:
        """Count a frame in which it could not be judged."""
        self.faults[reason] = self.faults.get(reason, 0) + 1


class Tracker:
    """Follows things along the belt by their place, size and color.

    Everything that lies on a belt moves at the belt's speed, so one speed is learned from all tracks and predicts
    where each is next.
    """

    def __init__(self, length_px: float) -> None:
        self._length_px = length_px
        self._numbers = 0
        self._at_s: float | None = None
        self._speeds: deque[tuple[float, float]] = deque(maxlen=_KEPT_SPEEDS)
        """What the speed was, and when, as far back as a frozen picture may go unnoticed."""
        self.speed_px_per_s: float | None = None
        """The belt's speed, as learned; None until something has moved."""
        self.tracks: list[Track] = []
        self._strangers = 0
        """Frames in a row in which things were seen, and none of them was one that was followed."""

    def update(self, blobs: Sequence[Blob], at_s: float) -> list[Track]:
        """Take one frame's blobs; returns the tracks that are gone, which are dropped from `tracks`."""
        elapsed_s = 0.0 if self._at_s is None else max(at_s - self._at_s, 0.0)
        self._at_s = at_s
        pairs = self._assign(blobs, elapsed_s)
        self._doubt_speed(met=bool(pairs), missed=bool(blobs and self.tracks))
        before = {id(track): track.center_px for track in self.tracks}
        moves = [self._see(track, blobs[index], at_s, elapsed_s) for track, index in pairs]
        self._learn_speed([move for move in moves if move is not None], elapsed_s)
        taken = {index for _, index in pairs}
        seen = {id(track) for track, _ in pairs}
        for track in self.tracks:
            track.merged = False
            if id(track) not in seen:
                self._coast(track, before[id(track)], elapsed_s)
        self._mark_merged()
        for index, blob in enumerate(blobs):
            if index not in taken:
                self._begin(blob, at_s)
        return self._drop_gone(at_s)

    def rest(self, at_s: float) -> None:
        """The belt stood until now, ``at_s``: nothing was carried on since the last frame."""
        # No time has passed, then, in which a speed could be measured.
        self._at_s = at_s

    def rewind(self, to_s: float) -> None:
        """What was seen since ``to_s`` was a frozen picture: the belt went on as it moved before."""
        if self._at_s is None or to_s >= self._at_s:
            return
        self._at_s = to_s
        # The last look may have shown the frozen picture already: it is worth less than the one before it.
        known = [speed for at_s, speed in self._speeds if at_s < to_s]
        self.speed_px_per_s = known[-1] if known else self.speed_px_per_s
        for track in self.tracks:
            track.seen_at_s = min(track.seen_at_s, to_s)

    def _assign(self, blobs: Sequence[Blob], elapsed_s: float) -> list[tuple[Track, int]]:
        if not blobs or not self.tracks:
            return []
        costs = np.array([[self._cost(track, blob, elapsed_s) for blob in blobs] for track in self.tracks])
        # Imported when first needed: a third of a second, which a line spends learning its belt anyway.
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - see above

        costs = np.minimum(costs, _UNLIKE)
        rows, columns = linear_sum_assignment(costs)
        return [
            (self.tracks[row], int(column))
            for row, column in zip(rows, columns, strict=True)
            if costs[row, column] < _UNLIKE
        ]

    def _cost(self, track: Track, blob: Blob, elapsed_s: float) -> float:
        """How unlike a track's next sighting a blob is; infinite where it cannot be one."""
        length = max(track.front_px - track.rear_px, blob.length_px, 1.0)
        width = max(track.blob.width_px, blob.width_px, 1.0)
        moved = _displacement(track, blob)
        expected = None if self.speed_px_per_s is None else self.speed_px_per_s * elapsed_s
        furthest = self._length_px * 0.6 if expected is None else 1.5 * expected + 0.6 * length
        aside = abs(blob.middle_px - track.blob.middle_px)
        overlap = min(track.blob.far_px, blob.far_px) - max(track.blob.near_px, blob.near_px)
        if not -0.35 * length <= moved <= furthest or (aside > 0.5 * width and overlap < 0.5 * width):
            return math.inf
        off_course = abs(moved) / furthest if expected is None else abs(moved - expected) / length
        size = abs(math.log(max(blob.area_px, 1.0) / max(track.blob.area_px, 1.0)))
        color = math.dist(blob.color, track.blob.color) / 30
        return off_course + aside / width + 0.5 * size + color

    def _see(self, track: Track, blob: Blob, at_s: float, elapsed_s: float) -> float | None:
        """Move a track to its new sighting; returns how far it went, where both sightings tell."""
        moved = _displacement(track, blob)
        alike = self._is_alike(track.blob, blob, elapsed_s)
        telling = alike and track.unseen == 0 and elapsed_s >= _SHORTEST_STEP_S
        track.traveled_px += moved + track.hidden_px if alike else 0.0
        track.hidden_px = 0.0
        track.rear_px, track.front_px = _extent(track, blob, moved)
        track.blob, track.seen_at_s, track.unseen = blob, at_s, 0
        track.sightings += 1
        if abs(track.center_px - track.still_px) > 2.0 + 0.05 * blob.length_px:
            track.still_px, track.still_since_s = track.center_px, at_s
        return moved if telling else None

    def _is_alike(self, before: Blob, blob: Blob, elapsed_s: float) -> bool:
        """Whether two sightings show the same thing, so that travel and speed can be read from them.

        Where two things met or parted, the ends jump by a product's length: taken for the belt's speed, one such jump
        would send those that are hidden meanwhile astray.
        """
        edges = blob.edges | before.edges
        if {UPSTREAM, DOWNSTREAM} <= edges:
            return False
        room = 2.0 + 0.1 * max(blob.length_px, before.length_px)
        if edges:  # it comes into view, or leaves it
            room += math.inf if self.speed_px_per_s is None else 1.5 * self.speed_px_per_s * elapsed_s
        return abs(blob.length_px - before.length_px) <= room

    def _learn_speed(self, moves: Sequence[float], elapsed_s: float) -> None:
        if not moves:
            return
        measured = max(float(np.median(moves)) / elapsed_s, 0.0)
        known = self.speed_px_per_s
        self.speed_px_per_s = measured if known is None else 0.7 * known + 0.3 * measured
        self._speeds.append((self._at_s or 0.0, self.speed_px_per_s))

    def _doubt_speed(self, *, met: bool, missed: bool) -> None:
        """A wrong speed finds nothing again, so that none could be measured ever after: learn it anew."""
        if met:
            self._strangers = 0
        elif missed:
            self._strangers += 1
            if self._strangers >= _STRANGERS:
                self.speed_px_per_s, self._strangers = None, 0

    def _coast(self, track: Track, before_px: float, elapsed_s: float) -> None:
        """Not seen: the belt carries it on."""
        moved = (self.speed_px_per_s or 0.0) * elapsed_s - (track.center_px - before_px)
        track.rear_px += moved
        track.front_px += moved
        track.hidden_px += moved
        track.unseen += 1

    def _mark_merged(self) -> None:
        """A hidden track whose middle lies in another track's blob has merged with it.

        If it never was whole, it was a part of the other product that came into view by itself, and is dropped.
        """
        seen = [track for track in self.tracks if track.unseen == 0]
        for hidden in [track for track in self.tracks if track.unseen]:
            host = next((track for track in seen if _covers(track.blob, hidden)), None)
            if host is not None and hidden.whole is None:
                self.tracks.remove(hidden)
            elif host is not None:
                hidden.merged = host.merged = True
        for track in seen:
            whole = track.whole
            track.overgrown = whole is not None and track.blob.length_px > _GROWN * whole.length_px

    def _begin(self, blob: Blob, at_s: float) -> None:
        self._numbers += 1
        track = Track(
            number=self._numbers,
            born_px=blob.center_px,
            born_edges=blob.edges,
            blob=blob,
            seen_at_s=at_s,
            rear_px=blob.rear_px,
            front_px=blob.front_px,
            still_px=blob.center_px,
            still_since_s=at_s,
        )
        self.tracks.append(track)

    def _drop_gone(self, at_s: float) -> list[Track]:
        gone = [track for track in self.tracks if self._is_gone(track, at_s)]
        self.tracks = [track for track in self.tracks if track not in gone]
        return gone

    def _is_gone(self, track: Track, at_s: float) -> bool:
        if not track.unseen or track.merged:
            return False
        left = track.center_px > self._length_px or DOWNSTREAM in track.blob.edges
        return left or (at_s - track.seen_at_s > _COAST_S and track.unseen > _COAST_FRAMES)


def _displacement(track: Track, blob: Blob) -> float:
    """How far a track went along the belt if this blob is it, by the ends that both sightings show."""
    entering = UPSTREAM in blob.edges or UPSTREAM in track.blob.edges
    leaving = DOWNSTREAM in blob.edges or DOWNSTREAM in track.blob.edges
    if entering and not leaving:
        return blob.front_px - track.front_px
    if leaving and not entering:
        return blob.rear_px - track.rear_px
    return blob.center_px - track.center_px


def _extent(track: Track, blob: Blob, moved: float) -> tuple[float, float]:
    """Where the whole product reaches from and to, though part of it may be out of the region."""
    length = max(track.front_px - track.rear_px, blob.length_px)
    if DOWNSTREAM in blob.edges and UPSTREAM not in blob.edges:
        return blob.rear_px, blob.rear_px + length
    if UPSTREAM in blob.edges and DOWNSTREAM not in blob.edges:
        return blob.front_px - length, blob.front_px
    if blob.edges:
        return track.rear_px + moved, track.front_px + moved
    return blob.rear_px, blob.front_px


def _covers(blob: Blob, track: Track) -> bool:
    along = blob.rear_px <= track.center_px <= blob.front_px
    return along and blob.near_px <= track.blob.middle_px <= blob.far_px
