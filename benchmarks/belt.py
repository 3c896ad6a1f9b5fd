"""The simulated belt of ``config/sorter.yaml`` and its variations, drawn as fast as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Self

from sorter.capture.simulator.source import SimulatedBelt
from sorter.errors import UsageError
from sorter.pipeline import Pipeline, open_pipeline
from sorter.product.region import direction_deg
from sorter.records import Frame
from sorter.settings.load import load_project
from sorter.settings.recipe import Recipe
from sorter.settings.site import BeltSettings, Direction, LineSettings, SimulatorSource

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config"


class StillClock:
    """`ports.Clock` that stands still: a frame's time is then its place on the belt, from 0."""

    def monotonic_s(self) -> float:
        """Always 0."""
        return 0.0

    def wall_s(self) -> float:
        """Always 0."""
        return 0.0

    def wait_s(self, duration_s: float) -> None:
        """Return at once."""


@dataclass(frozen=True, slots=True)
class BenchBelt:
    """A line on a simulated belt."""

    line: LineSettings
    source: SimulatorSource
    recipe: Recipe

    @classmethod
    def of_config(cls) -> Self:
        """The belt that ships with the sorter, not held to real time.

        Raises:
            UsageError: the settings were changed to something else than a simulated belt.
        """
        project = load_project(CONFIG)
        line = project.site.value.lines[0]
        if not isinstance(line.source, SimulatorSource):
            raise UsageError(f"{project.site.path}: the benchmarks draw its first line's belt: use kind: simulator")
        silent = line.model_copy(update={"confirmation": None})  # nobody diverts here, and nobody misses an answer
        return cls(silent, line.source, project.recipes[line.name].value).with_source(realtime=False)

    def with_source(self, **changes: object) -> Self:
        """The same line on a changed belt."""
        source = SimulatorSource.model_validate(self.source.model_dump() | changes)
        return type(self)(self.line.model_copy(update={"source": source}), source, self.recipe)

    def moving(self, direction: Direction | float) -> Self:
        """The same belt, moving another way in the picture."""
        belt = BeltSettings.model_validate(self.line.belt.model_dump() | {"direction": direction})
        return type(self)(self.line.model_copy(update={"belt": belt}), self.source, self.recipe)

    def in_1080p(self) -> Self:
        """The same scene in a picture of 1920 x 1080."""
        across = 1920 / self.source.width_px
        return self.with_source(width_px=1920, height_px=1080, mm_per_px=self.source.mm_per_px / across)

    @property
    def degrees(self) -> float:
        """Where it moves in the picture."""
        return direction_deg(self.line.belt.direction)

    def open_source(self) -> SimulatedBelt:
        """The belt from its beginning."""
        return SimulatedBelt(self.source, self.degrees, StillClock())

    def frames(self, seconds: float) -> Iterator[Frame]:
        """The first pictures; each is drawn when it is asked for."""
        return takewhile(lambda frame: frame.captured_at_s < seconds, self.open_source().frames())

    def open_pipeline(self, first: Frame) -> Pipeline:
        """The stages, on the frames' own time."""
        return open_pipeline(self.line, self.recipe, first, lambda frame: frame.captured_at_s)
