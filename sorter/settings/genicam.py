"""An industrial camera by GenICam as a line's source: GigE Vision, USB3 Vision and others."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sorter.settings.strict import Strict

Pixels = Annotated[int, Field(ge=0, le=65536)]
Ratio = Annotated[float, Field(gt=0, le=64)]
FeatureEntry = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]


class PixelFormat(StrEnum):
    """Formats that are taken, by their names in GenICam's Pixel Format Naming Convention; 8 bits of each are kept."""

    BAYER_RG_8 = "BayerRG8"
    BAYER_GR_8 = "BayerGR8"
    BAYER_GB_8 = "BayerGB8"
    BAYER_BG_8 = "BayerBG8"
    BAYER_RG_10 = "BayerRG10"
    BAYER_GR_10 = "BayerGR10"
    BAYER_GB_10 = "BayerGB10"
    BAYER_BG_10 = "BayerBG10"
    BAYER_RG_12 = "BayerRG12"
    BAYER_GR_12 = "BayerGR12"
    BAYER_GB_12 = "BayerGB12"
    BAYER_BG_12 = "BayerBG12"
    BAYER_RG_16 = "BayerRG16"
    BAYER_GR_16 = "BayerGR16"
    BAYER_GB_16 = "BayerGB16"
    BAYER_BG_16 = "BayerBG16"
    RGB_8 = "RGB8"
    BGR_8 = "BGR8"
    RGBA_8 = "RGBa8"
    BGRA_8 = "BGRa8"
    RGB_10 = "RGB10"
    BGR_10 = "BGR10"
    RGB_12 = "RGB12"
    BGR_12 = "BGR12"
    RGB_16 = "RGB16"
    BGR_16 = "BGR16"


class Edge(StrEnum):
    """Which change of a signal counts."""

    RISING = "rising"
    FALLING = "falling"


class HardwareTrigger(Strict):
    """A wire that tells the camera when to take a picture, as an encoder does every few millimetres of belt."""

    line: FeatureEntry = "Line0"
    """The camera's input, as the camera calls it."""
    activation: Edge = Edge.RISING
    """rising or falling."""
    delay_us: Annotated[float, Field(ge=0, le=10_000_000)] = 0.0
    """From the signal to the picture, in microseconds."""


class GenicamSource(Strict):
    """An industrial camera, through the GenTL producer of its maker."""

    kind: Literal["genicam"]
    """An industrial camera."""
    producer: Annotated[str, Field(min_length=1)] | None = None
    """The camera maker's GenTL producer, a .cti file, relative to the settings file; left out: all in the folders of
    the environment variable GENICAM_GENTL64_PATH."""
    serial: Annotated[str, Field(min_length=1)] | None = None
    """Serial number of the camera; left out, with the next two: the only one there is."""
    camera_name: Annotated[str, Field(min_length=1)] | None = None
    """The name that a user gave the camera (DeviceUserID), in place of its serial number."""
    index: Annotated[int, Field(ge=0, le=255)] | None = None
    """Which of the cameras found, from 0, in place of the serial number; changes with what else is plugged in."""
    width_px: Annotated[int, Field(ge=16, le=65536)] | None = None
    """Width of the picture; left out: the camera's own, as for all that follow."""
    height_px: Annotated[int, Field(ge=16, le=65536)] | None = None
    """Height of the picture."""
    offset_x_px: Pixels | None = None
    """Left edge of the picture on the sensor."""
    offset_y_px: Pixels | None = None
    """Upper edge of the picture on the sensor."""
    pixel_format: PixelFormat | None = None
    """Such as BayerRG8 or RGB8."""
    exposure_us: Annotated[float, Field(gt=0, le=10_000_000)] | None = None
    """Exposure in microseconds. Automatic exposure, gain and white balance are always switched off."""
    gain_db: Annotated[float, Field(ge=-20, le=100)] | None = None
    """Gain in decibel."""
    balance_red: Ratio | None = None
    """White balance: how much red is amplified."""
    balance_blue: Ratio | None = None
    """White balance: how much blue is amplified."""
    gamma: Annotated[float, Field(gt=0, le=10)] = 1.0
    """1 switches the camera's gamma off."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=10000)] | None = None
    """Pictures a second."""
    hardware_trigger: HardwareTrigger | None = None
    """A wire that tells the camera when to take a picture; left out: it runs freely."""
    buffers: Annotated[int, Field(ge=2, le=256)] = 4
    """How many pictures the producer can hold until they are read."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    """No picture for this long: the camera counts as lost; with a hardware trigger: it is asked whether it is there."""

    @field_validator("pixel_format", mode="before")
    @classmethod
    def _in_color(cls, pixel_format: object) -> object:
        if isinstance(pixel_format, str) and pixel_format.startswith("Mono"):
            msg = f"{pixel_format[:16]} is greyscale and has no color to sort by: use a camera set to color"
            raise ValueError(msg)
        return pixel_format

    @model_validator(mode="after")
    def _one_camera(self) -> Self:
        given = [key for key in ("serial", "camera_name", "index") if getattr(self, key) is not None]
        if len(given) > 1:
            msg = f"{' and '.join(given)} are given: keep one"
            raise ValueError(msg)
        return self
