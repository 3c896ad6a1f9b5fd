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
    """A film."""
    path: FilePath
    """Relative to the settings file."""
    realtime: bool = False
    """Play at the film's own speed, as a camera would, instead of as fast as it can be decided."""


class FolderSource(Strict):
    """A folder of pictures, taken in the natural order of their names."""

    kind: Literal["folder"]
    """A folder of pictures."""
    path: FilePath
    """Relative to the settings file."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] = 30.0
    """How many pictures stand for one second of the belt."""


class UsbSource(Strict):
    """A camera that OpenCV opens by number."""

    kind: Literal["usb"]
    """A camera at this machine."""
    device: Annotated[int, Field(ge=0, le=63)] = 0
    """0 is the first camera."""
    width_px: Annotated[int, Field(ge=16, le=16384)] | None = None
    """Width to ask of the camera; left out: its own."""
    height_px: Annotated[int, Field(ge=16, le=16384)] | None = None
    """Height to ask of the camera; left out: its own."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Pictures a second to ask of the camera; left out: its own."""


class RtspSource(Strict):
    """A network camera, over TCP."""

    kind: Literal["rtsp"]
    """A network camera."""
    url: Annotated[str, Field(pattern=RTSP_PATTERN)]
    """Without user name and password: give those by username and password_env or password_file."""
    username: str | None = None
    """Left out: the camera asks for none."""
    password_env: str | None = None
    """Environment variable that holds the password."""
    password_file: FilePath | None = None
    """File that holds the password; relative to the settings file."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    """No picture for this long: the camera counts as lost."""
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
    """sRGB as "#rrggbb"; write it in quotes, since # begins a comment."""
    shape: Shape = Shape.ELLIPSE
    """The outline that is drawn."""
    length_mm: Annotated[float, Field(gt=0, le=2000)] = 60.0
    """Along the belt."""
    width_mm: Annotated[float, Field(gt=0, le=2000)] = 50.0
    """Across the belt."""


class SimulatorSource(Strict):
    """A drawn belt with exact truth for every product."""

    kind: Literal["simulator"]
    """The built-in drawn belt."""
    seed: int = 1
    """The same number draws the same products again."""
    width_px: Annotated[int, Field(ge=64, le=8192)] = 960
    """Width of the picture."""
    height_px: Annotated[int, Field(ge=64, le=8192)] = 540
    """Height of the picture."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] = 30.0
    """Pictures a second."""
    mm_per_px: Positive = 0.5
    """How much of the belt one pixel shows."""
    belt_speed_mm_per_s: Positive = 250.0
    """How fast the drawn belt moves."""
    belt_hex: HexColor = "#3c4046"
    """The empty belt's color, in quotes."""
    products: Annotated[tuple[SimulatedProduct, ...], Field(min_length=1)]
    """The kinds of product, drawn in random order."""
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


class BranchSettings(Strict):
    """A branch of the line: where the conveyor can send a product."""

    distance_mm: Annotated[float, Field(ge=0)]
    """From the decision line to the branch's diverter, along the belt."""


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
    recipe: FilePath
    """Recipe file, relative to this file."""
    region: Region | None = None
    """Left out: the whole picture."""
    belt: BeltSettings
    """How the belt moves and how its empty look is learned."""
    decision_line: Fraction = 0.6
    """Where a product is decided: part of the region's length along the belt, 0 where products enter."""
    product: ProductSettings = ProductSettings()
    """What counts as one whole product."""
    branches: Annotated[dict[Name, BranchSettings], Field(min_length=1)]
    """The ways out of this line, each by its name."""
    timing: TimingSettings
    """When the diverter must act."""


class MqttProtocol(StrEnum):
    """Protocol version spoken with the broker."""

    V5 = "5"
    V311 = "3.1.1"


class MqttSettings(Strict):
    """The broker."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Name or address of the broker."""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    """Usually 1883, or 8883 with TLS."""
    protocol: MqttProtocol = MqttProtocol.V5
    """5, or 3.1.1 for an old broker; only 5 lets the broker expire late decisions."""
    keepalive_s: Annotated[int, Field(ge=2, le=3600)] = 10
    """How often the connection is proved alive; a dead broker is noticed after 1.5 times this."""
    base_topic: Annotated[str, Field(pattern=TOPIC_PATTERN)] = "sorter"
    """The first part of every topic."""
    username: str | None = None
    """Left out: the broker asks for none."""
    password_env: str | None = None
    """Environment variable that holds the password."""
    password_file: FilePath | None = None
    """File that holds the password; relative to this file."""
    tls_ca_file: FilePath | None = None
    """Certificate authority of the broker: switches TLS on; relative to this file."""


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

    @field_validator("lines", mode="after")
    @classmethod
    def _unique_names(cls, lines: tuple[LineSettings, ...]) -> tuple[LineSettings, ...]:
        refuse_repeated("line", [line.name for line in lines])
        return lines
