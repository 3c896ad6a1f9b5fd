"""One color as an operator writes it: as Lab, as hex or as RGB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from sorter.records import Lab
from sorter.settings.strict import Strict

HEX_PATTERN = "^#[0-9a-fA-F]{6}$"
HexColor = Annotated[str, Field(pattern=HEX_PATTERN), AfterValidator(str.lower)]
"""sRGB as "#rrggbb"; kept in small letters, so that both ways of writing mean the same recipe."""
LabTriple = tuple[
    Annotated[float, Field(ge=0, le=100)],
    Annotated[float, Field(ge=-128, le=128)],
    Annotated[float, Field(ge=-128, le=128)],
]
RgbTriple = tuple[
    Annotated[int, Field(ge=0, le=255)],
    Annotated[int, Field(ge=0, le=255)],
    Annotated[int, Field(ge=0, le=255)],
]
SrgbToLab = Callable[[int, int, int], Lab]
"""Maps sRGB values 0..255 (three integers) to a Lab; handed in, so that settings need no color science."""

COLOR_KEYS = ("lab", "hex", "rgb")


class ColorSettings(Strict):
    """A color, written in one of three ways."""

    lab: LabTriple | None = None
    """L* 0..100, a* and b* -128..128: CIE L*a*b*, D65, 2 degree observer."""
    hex: HexColor | None = None
    """sRGB as "#rrggbb"; write it in quotes, since # begins a comment."""
    rgb: RgbTriple | None = None
    """sRGB, 0..255 each."""

    def colors_given(self) -> list[str]:
        """Which of the three ways were used."""
        return [key for key in COLOR_KEYS if getattr(self, key) is not None]

    def in_lab(self, srgb_to_lab: SrgbToLab) -> Lab:
        """The color in Lab; one way must have been used."""
        if self.lab is not None:
            return Lab(*self.lab)
        if self.rgb is not None:
            return srgb_to_lab(*self.rgb)
        red, green, blue = bytes.fromhex(str(self.hex)[1:])
        return srgb_to_lab(red, green, blue)


class ReferenceColor(ColorSettings):
    """One of several colors of a bin. Give it once: as lab, as hex or as rgb."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["lab"]}, {"required": ["hex"]}, {"required": ["rgb"]}]}
    )

    @model_validator(mode="after")
    def _one_color(self) -> Self:
        given = self.colors_given()
        if not given and "hex" in self.model_fields_set:
            msg = "there is no color after hex: write it in quotes, since # begins a comment"
            raise ValueError(msg)
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            msg = f"give the color once, as lab, hex or rgb; it has {found}"
            raise ValueError(msg)
        return self


class PartColor(ReferenceColor):
    """One of the colors that a product of several colors must show."""

    min_share: Annotated[float, Field(gt=0, le=1)]
    """Least part of the product that shows this color, 0..1."""
