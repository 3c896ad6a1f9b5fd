"""Frame in, decisions out: the stages in their order, pure but for what they remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2

from sorter.deciding import SLOWEST_PX_PER_S, Decider, Followed
from sorter.product.belt import Belt, Contrast, LabCells, cells_to_lab
from sorter.product.blob import WholeLimits, blur_part, clean, find_blobs, mask_on_grid
from sorter.product.gap import GapWatch
from sorter.product.region import DOWNSTREAM, Grid, build_grid
from sorter.product.track import Track, Tracker
from sorter.product.warmup import Warmup, spread
from sorter.records import BgrImage, Decision, Frame, Lab
from sorter.sampling import Sampler, View
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings
from sorter.timing import Timing

_STILL_S = 3.0
_LOOKS = 20
"""While a product passes through the region."""
_SCENE_CHANGE = 0.5
"""A part of the region this large that turns into something else from one frame to the next is no product."""


@dataclass(slots=True)
class PipelineCounts:
    """What became of what the pipeline saw."""

    products: int = 0
    """Products decided."""
    vanished: int = 0
    """Things that moved with the belt and were gone before the decision line."""
    intruders: int = 0
    """Things that came from elsewhere than upstream and never were a whole product: a hand, say."""
    ghosts_absorbed: int = 0
    """Things that stood on the belt while it was learned, and left."""
    belts_learned: int = 0


class Pipeline:
    """One line's stages. Feed it frames in order; it answers with the decisions that fall due.

    Args:
        line: the line's settings.
        recipe: the bins.
        grid: the region laid over the picture.
        now_s: the time at which a frame is being processed, on the line's monotonic clock; a film runs on its own.
        first_product: number of the first product.
        keep_evidence: whether decisions carry what they were made from.
    """

    def __init__(  # noqa: PLR0913 - what decides, handed in by `open_pipeline`
        self,
        line: LineSettings,
        recipe: Recipe,
        grid: Grid,
        now_s: Callable[[Frame], float],
        first_product: int = 1,
        *,
        keep_evidence: bool = False,
    ) -> None:
        self._grid = grid
        self._limits = WholeLimits.of(line.product)
        self._sampler = Sampler(grid, self._limits, line.product.max_frames)
        self._contrast = Contrast(line.belt.min_contrast, line.belt.shadow_lightness)
        self._line_px = line.decision_line * grid.length_px
        timing = Timing.of(line)
        self._decider = Decider(grid, recipe, timing, self._line_px, now_s, first_product, keep_evidence=keep_evidence)
        self._warmup = Warmup(line.belt.learn_s)
        self._learn_s = line.belt.learn_s
        self._belt: Belt | None = None
        self._tracker = Tracker(grid.length_px)
        self._followed: dict[int, Followed] = {}
        self._last: Frame | None = None
        self._covered = 0.0
        self._gaps = GapWatch()
        self.counts = PipelineCounts()
        self.belt_lab: Lab | None = None
        """The empty belt's mean color under the newest light; None before it was learned."""
        self.may_decide: Callable[[], bool] = lambda: True
        """While it says no, the belt is learned on: nothing that passes is lost, as it would be by waiting."""

    @property
    def learning(self) -> bool:
        """Whether the empty belt is being learned; products seen meanwhile are decided right after."""
        return self._belt is None

    @property
    def belt_speed_px_per_s(self) -> float | None:
        """The belt's speed in the picture, as learned from products; None until one has moved."""
        return self._tracker.speed_px_per_s

    @property
    def looks_apart_s(self) -> float:
        """How far apart looks at the belt may be, seconds; 0 while every frame counts.

        A product is seen in twenty looks on its way; it is a matter of cost, not of need, to look more often.
        """
        speed = self.belt_speed_px_per_s
        if self.learning or speed is None:
            return 0.0
        return self._grid.length_px / _LOOKS / max(speed, SLOWEST_PX_PER_S)

    def use(self, recipe: Recipe, timing: Timing, shadow: Recipe | None = None) -> None:
        """Decide by these from the next frame on; what is half seen is judged by them, too.

        Args:
            recipe: the bins.
            timing: when each branch's diverter must act.
            shadow: a recipe whose opinion the decisions tell.
        """
        self._decider.use(recipe, timing, shadow)

    def process(self, frame: Frame) -> list[Decision]:
        """Take the next frame."""
        if self._belt is not None:
            return self._look(self._grid.crop(frame.image_bgr, frame.origin_px), frame, self._belt)
        self._warmup.add(self._crop_only(frame))
        return self._replay() if self._warmup.complete and self.may_decide() else []

    def finish(self) -> list[Decision]:
        """No more frames: decide every product that was whole in at least one."""
        decisions = [] if self._belt is not None or self._warmup.empty else self._replay()
        decisions += self.foresee()
        self._tracker = Tracker(self._grid.length_px)
        self._followed.clear()
        return decisions

    def foresee(self, still_since_s: float | None = None) -> list[Decision]:
        """No frame comes for now: decide what was whole in one, by where the belt carries it, while that still helps.

        The tracks are kept: what is still there when the frames come back is known again, and not decided twice.

        Args:
            still_since_s: the picture was frozen from this time on (monotonic seconds); None where it was not.
        """
        if still_since_s is not None and self._last is not None:
            self._rewind(still_since_s)
            self._last = replace(self._last, captured_at_s=min(still_since_s, self._last.captured_at_s))
        decisions: list[Decision] = []
        for track in self._tracker.tracks:
            if self._last is not None and not self._followed[track.number].decided and track.is_product:
                decisions.extend(self._decide_if_whole(track, self._last))
        return decisions

    def _crop_only(self, frame: Frame) -> Frame:
        """A frame that holds the region alone, in its own memory: what waits must not hold whole pictures."""
        crop = self._grid.crop(frame.image_bgr, frame.origin_px).copy()
        return Frame(crop, frame.number, frame.captured_at_s, time_base=frame.time_base)

    def _replay(self) -> list[Decision]:
        crops = self._warmup.take()
        cells = [cells_to_lab(self._grid.cells_bgr(one.image_bgr)) for one in spread(crops)]
        self._belt = belt = Belt.learn(cells, self._grid.inside, self._grid.lanes, self._contrast)
        self.counts.belts_learned += 1
        self._covered = 0.0
        # A frame among them that shows another scene was a flash, or the end of the old light: it tells nothing.
        return [decision for crop in crops for decision in self._look(crop.image_bgr, crop, belt, replayed=True)]

    def _look(self, crop_bgr: BgrImage, frame: Frame, belt: Belt, *, replayed: bool = False) -> list[Decision]:
        cells = cells_to_lab(self._grid.cells_bgr(crop_bgr))
        raw = belt.foreground(cells)
        covered = cv2.countNonZero(raw) / max(cv2.countNonZero(self._grid.inside), 1)
        if covered - self._covered > _SCENE_CHANGE and self._last is not None:
            return [] if replayed else self._learn_again(crop_bgr, frame)
        self._covered = covered
        foreground = clean(raw, self._grid.cell_px, self._limits.min_length_px)
        elapsed_s = 0.0 if self._last is None else frame.captured_at_s - self._last.captured_at_s
        if self._gaps.stood(foreground, elapsed_s, was_still=frame.still_since_s is not None):
            self._tracker.rest(frame.captured_at_s)
        elif frame.still_since_s is not None:
            self._rewind(frame.still_since_s)
        blobs = find_blobs(foreground, cells, self._grid, self._limits.min_length_px)
        gone = self._tracker.update(blobs, frame.captured_at_s)
        self._last = Frame(frame.image_bgr[:0], frame.number, frame.captured_at_s)
        decisions = self._judge_tracks(gone, crop_bgr, cells, belt, frame)
        belt.follow(cells, raw | foreground, elapsed_s)
        self.belt_lab = belt.color()
        self._absorb_ghosts(cells, belt, frame.captured_at_s)
        return decisions

    def _rewind(self, to_s: float) -> None:
        """Forget what was seen since then: it was a frozen picture."""
        self._tracker.rewind(to_s)
        for followed in self._followed.values():
            if followed.before_line_at_s is not None:
                followed.before_line_at_s = min(followed.before_line_at_s, to_s)

    def _learn_again(self, crop_bgr: BgrImage, frame: Frame) -> list[Decision]:
        """The light was switched or the camera moved: what is known of the belt is worth nothing now."""
        # What is on the belt is still followed: the frames of the learning time come one after another then.
        self._belt = None
        self._warmup = Warmup(self._learn_s)
        self._warmup.add(Frame(crop_bgr.copy(), frame.number, frame.captured_at_s))
        return []

    def _judge_tracks(
        self, gone: list[Track], crop_bgr: BgrImage, cells: LabCells, belt: Belt, frame: Frame
    ) -> list[Decision]:
        view = View(crop_bgr, cells, belt.expected)
        decisions: list[Decision] = []
        for track in self._tracker.tracks:
            followed = self._followed.setdefault(track.number, Followed(self._sampler.begin()))
            if not followed.decided and track.unseen == 0:
                self._sampler.look(track, followed.samples, view)
                self._decider.note_look(track, followed, crop_bgr)
            if track.center_px < self._line_px:
                followed.before_line_at_s = frame.captured_at_s
            elif not followed.decided and track.is_product:
                decisions.extend(self._decide_if_whole(track, frame) or self._give_up_if_leaving(track, frame))
        for track in gone:
            followed = self._followed.setdefault(track.number, Followed(self._sampler.begin()))
            if not followed.decided:
                decisions.extend(self._account_for(track, frame))
            del self._followed[track.number]
        return decisions

    def _decide_if_whole(self, track: Track, frame: Frame) -> list[Decision]:
        return [self._decide(track, frame)] if self._followed[track.number].samples.votes.samples() else []

    def _give_up_if_leaving(self, track: Track, frame: Frame) -> list[Decision]:
        """Never whole, and it is about to leave: say so while the diverter can still act."""
        came_along = track.born_px < self._line_px
        return [self._decide(track, frame)] if came_along and DOWNSTREAM in track.blob.edges else []

    def _account_for(self, track: Track, frame: Frame) -> list[Decision]:
        """A track is gone without a decision."""
        if not track.is_product:
            return []
        if track.born_px >= self._line_px:
            self.counts.intruders += 1
            return []
        if track.center_px >= self._line_px:
            # It crossed hidden, or between two frames that were far apart: what was seen of it before still holds.
            decisions = self._decide_if_whole(track, frame)
            # What never was whole must have been seen beyond the line: else it may have been no product at all.
            if decisions or track.blob.front_px >= self._line_px:
                return decisions or [self._decide(track, frame)]
        self.counts.vanished += 1
        return []

    def _decide(self, track: Track, frame: Frame) -> Decision:
        followed = self._followed[track.number]
        followed.decided = True
        self.counts.products += 1
        return self._decider.decide(track, frame, followed, self._tracker.speed_px_per_s)

    def _absorb_ghosts(self, cells: LabCells, belt: Belt, at_s: float) -> None:
        """What stood on the belt while it was learned leaves a ghost when it goes: an outline only the model has.

        So does a spot of light that comes up: it has no outline at all, only a soft rim. A product that stops has its
        outline in the frame, and stays a product however long it stands.
        """
        for track in list(self._tracker.tracks):
            if track.unseen == 0 and at_s - track.still_since_s > _STILL_S:
                track.still_since_s = at_s
                where = mask_on_grid(track.blob, self._grid)
                in_frame, in_model = belt.contour_contrast(cells, where)
                soft = blur_part(track.blob, cells, belt.expected) > self._limits.max_blur
                if soft or in_frame < 0.5 * in_model:
                    belt.absorb(cells, where)
                    self._tracker.tracks.remove(track)
                    self._followed.pop(track.number, None)
                    self.counts.ghosts_absorbed += 1


def open_pipeline(  # noqa: PLR0913 - a line, its first frame, and how it goes on
    line: LineSettings,
    recipe: Recipe,
    first_frame: Frame,
    now_s: Callable[[Frame], float],
    first_product: int = 1,
    *,
    keep_evidence: bool = False,
) -> Pipeline:
    """Lay the region over the first frame's picture and build the stages.

    Raises:
        RegionOutsideError: the region does not fit the picture.
    """
    size_px = first_frame.picture_size_px
    grid = build_grid(line.region, line.belt.direction, size_px, line.product.min_length_px)
    return Pipeline(line, recipe, grid, now_s, first_product, keep_evidence=keep_evidence)
