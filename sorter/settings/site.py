"""The sorter's settings: site, lines, broker, metrics."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails

from sorter.settings.confirmation import ConfirmationSettings
from sorter.settings.fail_safe import FailSafeTable
from sorter.settings.genicam import GenicamSource
from sorter.settings.guards import GuardSettings
from sorter.settings.journal import JournalSettings
from sorter.settings.mqtt import MqttProtocol, MqttSettings
from sorter.settings.palettes import ServerSettings
from sorter.settings.recipes import RecipesSettings
from sorter.settings.source import (
    FilePath,
    FileSource,
    FolderSource,
    Fraction,
    Positive,
    RtspSource,
    Shape,
    SimulatedProduct,
    SimulatorSource,
    Source,
    UsbSource,
)
from sorter.settings.strict import Name, Strict, refuse_repeated
from sorter.settings.trigger import PhotoEyeTrigger, Trigger, VisionTrigger

__all__ = [
    "BeltSettings",
    "BranchSettings",
    "ConfirmationSettings",
    "Direction",
    "FailSafeTable",
    "FileSource",
    "FolderSource",
    "GenicamSource",
    "GuardSettings",
    "JournalSettings",
    "LineSettings",
    "MetricsSettings",
    "MqttProtocol",
    "MqttSettings",
    "PhotoEyeTrigger",
    "ProductSettings",
    "RecipesSettings",
    "Region",
    "RtspSource",
    "ServerSettings",
    "Shape",
    "SimulatedProduct",
    "SimulatorSource",
    "SiteSettings",
    "Source",
    "TimingSettings",
    "Trigger",
    "UsbSource",
    "VisionTrigger",
]

MOST_BRANCHES = 64


class Region(Strict):
    """The part of the picture where products are judged: a rectangle, or a polygon."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["x", "y", "width", "height"]}, {"required": ["polygon"]}]}
    )

    x: Annotated[int, Field(ge=0)] | None = None
    """Left edge, in pixels from the left of the picture."""
    y: Annotated[int, Field(ge=0)] | None = None
    """Top edge, in pixels from the top of the picture."""
    width: Annotated[int, Field(ge=8)] | None = None
    """In pixels."""
    height: Annotated[int, Field(ge=8)] | None = None
    """In pixels."""
    polygon: Annotated[tuple[tuple[int, int], ...], Field(min_length=3, max_length=64)] | None = None
    """Corners [x, y] in pixels."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        rectangle = [self.x, self.y, self.width, self.height]
        complete = all(value is not None for value in rectangle)
        empty = all(value is None for value in rectangle)
        if (self.polygon is None and not complete) or (self.polygon is not None and not empty):
            msg = "a region is either x, y, width and height, or a polygon"
            raise ValueError(msg)
        return self


class Direction(StrEnum):
    """Where products move in the picture."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


class BeltSettings(Strict):
    """How the belt moves and how its empty look is learned."""

    direction: Direction | Annotated[float, Field(ge=-360, le=360)]
    """left, right, up or down; or degrees, 0 to the right and 90 downward."""
    learn_s: Annotated[float, Field(gt=0, le=120)] = 2.0
    """How long the empty belt is learned at the start; products in view meanwhile are decided afterwards."""
    min_contrast: Annotated[float, Field(gt=0, le=100)] = 8.0
    """Smallest Lab distance from the belt's own color that can be a product."""
    shadow_lightness: Annotated[float, Field(ge=0, le=100)] = 18.0
    """A darkening of up to this much L* without a change of hue is taken for a shadow."""


class ProductSettings(Strict):
    """What counts as one whole product."""

    min_length_px: Annotated[float, Field(gt=0)] = 16.0
    """A product smaller than this along or across the belt is invalid: too_small. Seams and specks thinner than a
    quarter of it are ignored; things nearer to each other than half of it are one."""
    max_length_px: Annotated[float, Field(gt=0)] | None = None
    """A product longer than this along the belt is invalid: merged."""
    max_width_px: Annotated[float, Field(gt=0)] | None = None
    """A product wider than this across the belt is invalid: merged."""
    detect_merged: bool = True
    """Take a thing with a narrow neck for two that touch; switch off for dumbbell-shaped products."""
    max_blur: Fraction = 0.35
    """A frame whose product edge is wider than this part of the product's size does not vote."""
    max_frames: Annotated[int, Field(ge=1, le=99)] = 7
    """How many frames of a product vote, evenly spread over those in which it was whole."""

    @model_validator(mode="after")
    def _some_size_is_right(self) -> Self:
        for key in ("max_length_px", "max_width_px"):
            largest = getattr(self, key)
            if largest is not None and largest <= self.min_length_px:
                msg = f"{key} is {largest:g} but min_length_px is {self.min_length_px:g}: make it larger"
                raise ValueError(msg)
        return self


class BranchSettings(Strict):
    """A branch of the line: where the conveyor can send a product."""

    distance_mm: Annotated[float, Field(ge=0)]
    """From the decision line to the branch's diverter, along the belt."""
    actuator_delay_s: Annotated[float, Field(ge=0, le=60)] | None = None
    """Of this branch's diverter; left out: the timing's."""


class TimingSettings(Strict):
    """When the diverter must act: travel time from the decision line, less the actuator's delay."""

    belt_speed_mm_per_s: Positive
    """The belt's speed, as measured."""
    actuator_delay_s: Annotated[float, Field(ge=0, le=60)] = 0.05
    """From receiving the decision to the diverter having moved."""
    tolerance_s: Annotated[float, Field(gt=0, le=60)] = 0.1
    """How much earlier or later the diverter may move."""


class LineSettings(Strict):
    """One camera over one belt with its branches."""

    name: Name
    """The line's name; in every topic and decision."""
    source: Source
    """Where the pictures come from; kind says which keys follow."""
    guards: GuardSettings = GuardSettings()
    """When a live picture is not to be believed."""
    recipe: FilePath
    """Recipe file, relative to this file."""
    shadow: FilePath | None = None
    """Recipe file of a candidate that decides beside it, and on which nobody acts; left out: none does."""
    region: Region | None = None
    """Left out: the whole picture."""
    belt: BeltSettings
    """How the belt moves and how its empty look is learned."""
    look_rate_hz: Annotated[float, Field(ge=1, le=1000)] = 10.0
    """How often a second a live belt is looked at. More often where it moves so fast that a product would pass in less
    than 20 looks; every picture, until the belt's speed is known. The pictures between are not needed."""
    decision_line: Fraction = 0.6
    """Where a product is decided: part of the region's length along the belt, 0 where products enter."""
    product: ProductSettings = ProductSettings()
    """What counts as one whole product."""
    branches: Annotated[dict[Name, BranchSettings], Field(min_length=1, max_length=MOST_BRANCHES)]
    """The ways out of this line, each by its name."""
    timing: TimingSettings
    """When the diverter must act."""
    trigger: Trigger = VisionTrigger(kind="vision")
    """What numbers the products; kind says which keys follow."""
    confirmation: ConfirmationSettings | None = None
    """The diverters of this line answer each decision; left out: their answers are counted, and none is missed."""
    fail_safe: FailSafeTable = FailSafeTable()
    """What happens when something is wrong: one row for each cause."""

    @model_validator(mode="after")
    def _branches_are_declared(self) -> Self:
        has = ", ".join(sorted(self.branches))
        errors = [
            InitErrorDetails(
                type="value_error",
                loc=("fail_safe", cause, "branch"),
                input=row.branch,
                ctx={"error": f"the line has no branch {row.branch!r}: use one of its own; it declares {has}"},
            )
            for cause, row in self.fail_safe.rows()
            if row.branch is not None and row.branch not in self.branches
        ]
        if errors:
            raise ValidationError.from_exception_data("fail_safe", errors)
        return self


class MetricsSettings(Strict):
    """Prometheus metrics, /healthz and /readyz over HTTP."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen on; 127.0.0.1 is this machine only, 0.0.0.0 is every network."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """0 takes any free port and logs it."""


class SiteSettings(Strict):
    """The settings file."""

    site: Name
    """The plant's name; the first level of every MQTT topic after the base topic."""
    lines: Annotated[tuple[LineSettings, ...], Field(min_length=1, max_length=64)]
    """The belts, each with its camera."""
    mqtt: MqttSettings = MqttSettings()
    """The broker that decisions go to."""
    metrics: MetricsSettings = MetricsSettings()
    """Where Prometheus reads the figures, and health checks ask."""
    require_synchronized_clock: bool = False
    """Raise an alarm while this machine's clock is not synchronized as far as its system says."""
    journal: JournalSettings = JournalSettings()
    """Where each decision is written down, with what became of it."""
    recipes: RecipesSettings = RecipesSettings()
    """What happens to a recipe that changes while the sorter runs."""
    palettes: ServerSettings = ServerSettings()
    """Palettes of pictures over HTTP, beside the lines."""

    @field_validator("lines", mode="after")
    @classmethod
    def _unique_names(cls, lines: tuple[LineSettings, ...]) -> tuple[LineSettings, ...]:
        refuse_repeated("line", [line.name for line in lines])
        return lines
