"""The sorter's settings: site, lines, broker, metrics."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator

from sorter.settings.recipe import HexColor, Name, Strict, refuse_repeated

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FilePath = Annotated[str, Field(min_length=1)]
RTSP_PATTERN = r"^rtsps?://[^\s]+$"
TOPIC_PATTERN = r"^[^+#\x00/$][^+#\x00]*[^+#\x00/]$|^[^+#\x00/$]$"


class FileSource(Strict):
    """A film: any video file or animated GIF that FFmpeg reads."""

    kind: Literal["file"]
    path: FilePath
    """Relative to the settings file."""
    realtime: bool = False
    """Play at the film's own speed, as a camera would, instead of as fast as it can be decided."""


class FolderSource(Strict):
    """A folder of pictures, taken in the natural order of their names."""

    kind: Literal["folder"]
    path: FilePath
    """Relative to the settings file."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] = 30.0


class UsbSource(Strict):
    """A camera that OpenCV opens by number."""

    kind: Literal["usb"]
    device: Annotated[int, Field(ge=0, le=63)] = 0
    width_px: Annotated[int, Field(ge=16, le=16384)] | None = None
    height_px: Annotated[int, Field(ge=16, le=16384)] | None = None
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] | None = None


class RtspSource(Strict):
    """A network camera, over TCP."""

    kind: Literal["rtsp"]
    url: Annotated[str, Field(pattern=RTSP_PATTERN)]
    """Without user name and password: give those by username and password_env or password_file."""
    username: str | None = None
    password_env: str | None = None
    """Environment variable that holds the password."""
    password_file: FilePath | None = None
    """File that holds the password; relative to the settings file."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    _password: SecretStr | None = PrivateAttr(default=None)

    def with_password(self, password: str) -> Self:
        """A copy that carries a password typed on the command line: never dumped, printed or in the schema."""
        copy = self.model_copy()
        copy._password = SecretStr(password)
        return copy

    @property
    def password(self) -> SecretStr | None:
        """The password typed on the command line; None where it comes from password_env or password_file."""
        return self._password

    @field_validator("url")
    @classmethod
    def _no_secret(cls, url: str) -> str:
        host = url.split("://", 1)[1].split("/", 1)[0]
        # A password that holds a slash ends the host early, so a strange port is taken for one.
        if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:@\[\]]+)(:\d{1,5})?", host):
            msg = (
                "the URL must be rtsp://host:port/path, without user name and password: "
                "give those by username with password_env or password_file"
            )
            raise ValueError(msg)
        return url


class Shape(StrEnum):
    """Outlines the simulator can draw."""

    DISC = "disc"
    ELLIPSE = "ellipse"
    BOX = "box"
    HEXAGON = "hexagon"


class SimulatedProduct(Strict):
    """One kind of product on the simulated belt."""

    name: Name
    """The bin it belongs in: the truth that decisions are held against."""
    hex: HexColor
    shape: Shape = Shape.ELLIPSE
    length_mm: Annotated[float, Field(gt=0, le=2000)] = 60.0
    """Along the belt."""
    width_mm: Annotated[float, Field(gt=0, le=2000)] = 50.0
    """Across the belt."""


class SimulatorSource(Strict):
    """A drawn belt with exact truth for every product."""

    kind: Literal["simulator"]
    seed: int = 1
    width_px: Annotated[int, Field(ge=64, le=8192)] = 960
    height_px: Annotated[int, Field(ge=64, le=8192)] = 540
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] = 30.0
    mm_per_px: Positive = 0.5
    belt_speed_mm_per_s: Positive = 250.0
    belt_hex: HexColor = "#3c4046"
    products: Annotated[tuple[SimulatedProduct, ...], Field(min_length=1)]
    lanes: Annotated[int, Field(ge=1, le=8)] = 1
    """Products can lie side by side, one in each lane."""
    gap_mm: Annotated[float, Field(ge=0, le=10000)] = 60.0
    """Shortest gap between products of a lane; the drawn gaps lie between this and twice this."""
    texture: Fraction = 0.3
    """Weave and stains of the belt."""
    shading: Fraction = 0.3
    """How much darker the picture is toward its corners."""
    noise: Fraction = 0.3
    """Sensor noise: 1 is a standard deviation of 8 gray levels."""
    glare: Fraction = 0.3
    """Specular highlights on the products."""
    exposure_s: Annotated[float, Field(ge=0, le=0.1)] = 0.002
    """Motion blur is belt speed times exposure."""
    light_drift_per_min: Annotated[float, Field(ge=-0.9, le=9)] = 0.0
    """Relative change of brightness per minute."""
    lead_in_s: Annotated[float, Field(ge=0, le=60)] = 2.5
    """Empty belt before the first product."""
    realtime: bool = True
    """Draw at the frame rate, as a camera would; else as fast as possible."""


Source = Annotated[FileSource | FolderSource | UsbSource | RtspSource | SimulatorSource, Field(discriminator="kind")]


class Region(Strict):
    """The part of the picture where products are judged: a rectangle, or a polygon."""

    x: Annotated[int, Field(ge=0)] | None = None
    y: Annotated[int, Field(ge=0)] | None = None
    width: Annotated[int, Field(ge=8)] | None = None
    height: Annotated[int, Field(ge=8)] | None = None
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


class BranchSettings(Strict):
    """A branch of the line: where the conveyor can send a product."""

    distance_mm: Annotated[float, Field(ge=0)]
    """From the decision line to the branch's diverter, along the belt."""


class TimingSettings(Strict):
    """When the diverter must act: travel time from the decision line, less the actuator's delay."""

    belt_speed_mm_per_s: Positive
    actuator_delay_s: Annotated[float, Field(ge=0, le=60)] = 0.05
    """From receiving the decision to the diverter having moved."""
    tolerance_s: Annotated[float, Field(gt=0, le=60)] = 0.1
    """How much earlier or later the diverter may move."""


class LineSettings(Strict):
    """One camera over one belt with its branches."""

    name: Name
    source: Source
    recipe: FilePath
    """Recipe file, relative to this file."""
    region: Region | None = None
    """Left out: the whole picture."""
    belt: BeltSettings
    decision_line: Fraction = 0.6
    """Where a product is decided: part of the region's length along the belt, 0 where products enter."""
    product: ProductSettings = ProductSettings()
    branches: Annotated[dict[Name, BranchSettings], Field(min_length=1)]
    timing: TimingSettings


class MqttProtocol(StrEnum):
    """Protocol version spoken with the broker."""

    V5 = "5"
    V311 = "3.1.1"


class MqttSettings(Strict):
    """The broker."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    protocol: MqttProtocol = MqttProtocol.V5
    keepalive_s: Annotated[int, Field(ge=2, le=3600)] = 10
    base_topic: Annotated[str, Field(pattern=TOPIC_PATTERN)] = "sorter"
    username: str | None = None
    password_env: str | None = None
    """Environment variable that holds the password."""
    password_file: FilePath | None = None
    """File that holds the password; relative to this file."""
    tls_ca_file: FilePath | None = None
    """Certificate authority of the broker: switches TLS on; relative to this file."""


class MetricsSettings(Strict):
    """Prometheus metrics, /healthz and /readyz over HTTP."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """0 takes any free port and logs it."""


class SiteSettings(Strict):
    """The settings file."""

    site: Name
    lines: Annotated[tuple[LineSettings, ...], Field(min_length=1, max_length=64)]
    mqtt: MqttSettings = MqttSettings()
    metrics: MetricsSettings = MetricsSettings()

    @field_validator("lines", mode="after")
    @classmethod
    def _unique_names(cls, lines: tuple[LineSettings, ...]) -> tuple[LineSettings, ...]:
        refuse_repeated("line", [line.name for line in lines])
        return lines
