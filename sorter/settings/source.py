"""Where a line's pictures come from: one model for each kind of source."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator

from sorter.settings.color import HexColor
from sorter.settings.genicam import GenicamSource
from sorter.settings.strict import Name, Strict

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FilePath = Annotated[str, Field(min_length=1)]
RTSP_PATTERN = r"^rtsps?://[^\s]+$"
DEVICE_PATTERN = r"^/dev/\S+$"
FOURCC_PATTERN = r"^[A-Z0-9]{4}$"


def refuse_two_passwords(password_env: str | None, password_file: str | None) -> None:
    """A password has one place, so that nobody changes the one that is not read."""
    if password_env is not None and password_file is not None:
        raise ValueError("password_env and password_file are both given: keep one")


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
    """A camera that V4L2 knows: USB, or CSI where its driver gives finished pictures."""

    kind: Literal["usb"]
    """A camera at this machine."""
    device: Annotated[int, Field(ge=0, le=63)] | Annotated[str, Field(pattern=DEVICE_PATTERN)] = 0
    """0 is the first camera; or a path such as /dev/v4l/by-id/..., which stays the same wherever it is plugged in."""
    width_px: Annotated[int, Field(ge=16, le=16384)] | None = None
    """Width to ask of the camera; left out: its own."""
    height_px: Annotated[int, Field(ge=16, le=16384)] | None = None
    """Height to ask of the camera; left out: its own."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Pictures a second to ask of the camera; left out: its own."""
    pixel_format: Annotated[str, Field(pattern=FOURCC_PATTERN)] | None = None
    """Four letters, such as YUYV or MJPG; left out: the camera's own."""
    exposure_us: Annotated[float, Field(ge=100, le=10_000_000)] | None = None
    """Fixed exposure in microseconds, in steps of 100; left out: the camera's own, and a warning if it is automatic."""
    gain: Annotated[float, Field(ge=0, le=65535)] | None = None
    """Fixed gain, in the camera's own steps; left out: the camera's own."""
    white_balance_k: Annotated[int, Field(ge=1000, le=20000)] | None = None
    """Fixed white balance, as a color temperature in kelvin; left out: the camera's own, and a warning if it is
    automatic."""
    gamma: Annotated[float, Field(ge=0, le=65535)] | None = None
    """Gamma, in the camera's own steps (often 100 for 1.0); left out: the camera's own."""
    focus: Annotated[float, Field(ge=0, le=65535)] | None = None
    """Fixed focus, in the camera's own steps; left out: the camera's own, and a warning if it is automatic."""


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
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 3.0
    """No picture for this long: the camera counts as lost, and is connected anew."""
    _password: SecretStr | None = PrivateAttr(default=None)

    def with_password(self, password: str) -> Self:
        """A copy that carries a password typed on the command line: never dumped, printed or in the schema."""
        copy = self.model_copy()
        copy._password = SecretStr(password)  # noqa: SLF001  # a copy of itself
        return copy

    @property
    def password(self) -> SecretStr | None:
        """The password typed on the command line; None where it comes from password_env or password_file."""
        return self._password

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        refuse_two_passwords(self.password_env, self.password_file)
        return self

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
    products: Annotated[tuple[SimulatedProduct, ...], Field(min_length=1, max_length=64)]
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


Source = Annotated[
    FileSource | FolderSource | UsbSource | RtspSource | GenicamSource | SimulatorSource, Field(discriminator="kind")
]


def is_live(source: Source) -> bool:
    """Whether a source runs at its own pace, so that pictures not taken in time are lost."""
    match source:
        case FileSource() | SimulatorSource():
            return source.realtime
        case FolderSource():
            return False
        case _:
            return True


def may_be_silent(source: Source) -> bool:
    """Whether no picture for a long time is no fault: a camera that a wire triggers may have none to take."""
    return isinstance(source, GenicamSource) and source.hardware_trigger is not None
