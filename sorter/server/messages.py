"""What goes in and out, as the API describes it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sorter.palette.public_address import LONGEST_URL

Count = Annotated[int, Field(ge=1, le=256, description="How many colors, 1 to 256; a picture of fewer gives fewer.")]


class Format(StrEnum):
    """How a palette is written."""

    RGB = "rgb"
    HEX = "hex"
    COOLORS = "coolors"


class Question(BaseModel):
    """A picture by its address or path."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"url_or_path": "belt.jpg", "num_clusters": 4}}
    )

    url_or_path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_URL,
            description="A path in the server's folder; or an http:// or https:// address, where the server allows it.",
        ),
    ]
    num_clusters: Count = 4


class Rgb(BaseModel):
    """8-bit sRGB."""

    R: Annotated[int, Field(ge=0, le=255)]
    G: Annotated[int, Field(ge=0, le=255)]
    B: Annotated[int, Field(ge=0, le=255)]


class PredominantColor(BaseModel):
    """A color, and its share of the picture."""

    color: Rgb
    percentage: Annotated[str, Field(description="Of all pixels that count.", json_schema_extra={"example": "54.56%"})]


class Colors(BaseModel):
    """The colors of a picture, largest share first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"predominant_colors": [{"color": {"R": 192, "G": 57, "B": 43}, "percentage": "54.56%"}]}
        }
    )

    predominant_colors: list[PredominantColor]


class ShownPalette(BaseModel):
    """A palette in the form that was asked for, largest share first."""

    model_config = ConfigDict(json_schema_extra={"example": {"palette": ["#c0392b", "#ecf0f1"]}})

    palette: Annotated[
        list[tuple[int, int, int]] | list[str] | str,
        Field(
            description="rgb: a list of [red, green, blue], 0 to 255; hex: a list of #rrggbb; "
            "coolors: the palette's address at coolors.co."
        ),
    ]


class Refusal(BaseModel):
    """Why there is no answer."""

    detail: Annotated[str, Field(description="One sentence.")]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in {
        400: "The request or the address in it cannot be read.",
        403: "The path or address must not be visited.",
        404: "There is no such file.",
        413: "The file, or the picture in it, is too large.",
        415: "It is no picture that can be read.",
        422: "A value is missing or out of its range.",
        502: "The address gave nothing that could be used.",
        503: "Too many requests at a time; ask again after Retry-After seconds.",
        504: "It took too long.",
    }.items()
}
