"""What each stage of the pipeline takes, by timing its functions where they are called."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from benchmarks.timing import Spread
from sorter.color.bins import Bins
from sorter.color.dominant import read_color
from sorter.color.sample import sample_cells
from sorter.decision import vote
from sorter.product.belt import Belt, cells_to_lab
from sorter.product.blob import clean, find_blobs, judge_extent, judge_shape
from sorter.product.region import Grid
from sorter.product.track import Tracker
from sorter.sampling import core_of

_STAGES: dict[str, tuple[Callable[..., object], ...]] = {
    "crop and cells": (Grid.crop, Grid.cells_bgr),
    "Lab of the cells": (cells_to_lab,),
    "belt: foreground": (Belt.foreground,),
    "belt: follow": (Belt.follow,),
    "blobs": (clean, find_blobs),
    "track": (Tracker.update,),
    "whole or not": (judge_extent, judge_shape),
    "sample": (core_of, sample_cells),
    "dominant color": (read_color,),
    "bins": (Bins.match_all,),
    "vote": (vote,),
}


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage over a run."""

    name: str
    mean_ms: float
    """Of all frames, those that did not need it included."""
    calls_per_frame: float
    call: Spread | None
    """One call; None where there was none."""


class StageWatch:
    """Times the stages of whatever pipelines run while it watches."""

    def __init__(self) -> None:
        self._times_s: dict[str, list[float]] = {name: [] for name in _STAGES}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within this context, calls are timed; outside it, the pipeline is as it ships."""
        with ExitStack() as stack:
            for name, functions in _STAGES.items():
                for function in functions:
                    timed = self._timed(function, self._times_s[name])
                    for owner in _owners(function):
                        stack.enter_context(patch.object(owner, function.__name__, timed))
            yield

    def _timed(self, function: Callable[..., object], times_s: list[float]) -> Callable[..., object]:
        def timed(*arguments: object, **named: object) -> object:
            began_s = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                times_s.append(time.process_time() - began_s)

        return timed

    def stages(self, frames: int, frame_mean_ms: float) -> list[StageTime]:
        """Each stage, and the rest of the frame's time.

        Args:
            frames: how many were watched.
            frame_mean_ms: what one of them took while it was watched.
        """
        found = [_stage(name, times_s, frames) for name, times_s in self._times_s.items()]
        rest_ms = frame_mean_ms - sum(stage.mean_ms for stage in found)
        return [*found, StageTime("the rest", rest_ms, 1.0, None)]


def _stage(name: str, times_s: list[float], frames: int) -> StageTime:
    spread = Spread.of(times_s) if times_s else None
    return StageTime(name, sum(times_s) * 1e3 / frames, len(times_s) / frames, spread)


def _owners(function: Callable[..., object]) -> Iterator[object]:
    """Its class, or every module of the sorter that has the function under its name."""
    home = sys.modules[function.__module__]
    class_name, _, _ = function.__qualname__.rpartition(".")
    if class_name:
        yield getattr(home, class_name)
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("sorter.") and vars(module).get(function.__name__) is function:
            yield module
