"""A bin: a named color, or several, with a tolerance and a branch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError

from sorter.settings.color import COLOR_KEYS, ColorSettings, PartColor, ReferenceColor
from sorter.settings.strict import Name, Strict

Difference = Annotated[float, Field(gt=0, le=100)]
_SHAPES = (("delta_e",), ("delta_l", "delta_ab"), ("delta_l", "delta_a", "delta_b"))
_WAYS = (*COLOR_KEYS, "any_of", "all_of")


class Tolerance(Strict):
    """How far a color may lie from a bin's: a ball, a cylinder or a box in Lab.

    A bare number is a ball: ``tolerance: 6`` is ``tolerance: {delta_e: 6}``.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": list(keys), "maxProperties": len(keys)} for keys in _SHAPES]}
    )

    delta_e: Difference | None = None
    """Ball: largest CIEDE2000 difference."""
    delta_l: Difference | None = None
    """Cylinder and box: largest difference of L*, up or down."""
    delta_ab: Difference | None = None
    """Cylinder: largest distance in the a*b* plane."""
    delta_a: Difference | None = None
    """Box: largest difference of a*, up or down."""
    delta_b: Difference | None = None
    """Box: largest difference of b*, up or down."""

    @model_validator(mode="before")
    @classmethod
    def _number_is_a_ball(cls, given: Any) -> Any:
        if given is None:
            raise PydanticKnownError("float_type")
        return given if isinstance(given, dict | cls) else {"delta_e": given}

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        given = tuple(key for key in type(self).model_fields if getattr(self, key) is not None)
        if given not in _SHAPES:
            shapes = ", or ".join(" and ".join(keys) for keys in _SHAPES)
            found = " and ".join(given) if given else "none of them"
            msg = f"a tolerance is a number, or it needs {shapes}; it has {found}"
            raise ValueError(msg)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bare number, or one of the shapes."""
        reference = handler(core)
        schema = handler.resolve_ref_schema(reference)
        shapes = {key: schema.pop(key) for key in ("type", "properties", "oneOf", "additionalProperties")}
        for field in shapes["properties"].values():
            number = next(one for one in field.pop("anyOf") if one["type"] == "number")
            del field["default"]
            field.update(number)
        schema["anyOf"] = [{key: value for key, value in number.items() if key != "title"}, shapes]
        return reference

    @model_serializer
    def _as_written(self) -> float | dict[str, float]:
        given = {key: getattr(self, key) for key in type(self).model_fields if getattr(self, key) is not None}
        return given["delta_e"] if set(given) == {"delta_e"} else given


class Taught(Strict):
    """Where a bin's numbers came from; ``teach`` writes it, and nothing is decided by it."""

    at: datetime
    """When."""
    samples: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """How many samples the color was learned from, outliers not counted."""
    spread: Annotated[float, Field(ge=0, le=100)]
    """Their standard deviation from the bin's color (root mean square of the CIEDE2000 differences)."""
    source: Annotated[str, Field(max_length=256)]
    """The files."""
    software: Annotated[str, Field(max_length=64)]
    """The sorter's version."""
    camera: Annotated[str, Field(max_length=256)] | None = None
    """The camera, where it is known."""


class BinSettings(ColorSettings):
    """A named color with a tolerance.

    Give the color once: as lab, hex or rgb; or several, of which any will do, under any_of; or, for products that
    show several colors at once, all of these under all_of.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in _WAYS]})

    name: Name
    """What people call the color; it is in every decision, so let it stay."""
    any_of: Annotated[tuple[ReferenceColor, ...], Field(min_length=1, max_length=32)] | None = None
    """Several reference colors: the one nearest to the product's counts."""
    all_of: Annotated[tuple[PartColor, ...], Field(min_length=2, max_length=8)] | None = None
    """Several colors on one product, each on at least its min_share of it."""
    tolerance: Tolerance
    """How far a product may differ and still belong to this bin: a number is the largest CIEDE2000 difference."""
    exposure_range: Annotated[float, Field(ge=1, le=16)] = 1.0
    """Lightness-tolerant: the light on a product may be up to this many times stronger or weaker than the bin's."""
    branch: Name
    """Where products of this color go: one of the line's branches."""
    taught: Taught | None = None
    """Where the numbers came from, written by teach."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [key for key in _WAYS if getattr(self, key) is not None]
        if not given and "hex" in self.model_fields_set:
            msg = f"bin {self.name!r} has no color after hex: write it in quotes, since # begins a comment"
            raise ValueError(msg)
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            several = ", or several of them under any_of or all_of" if set(given) - set(COLOR_KEYS) else ""
            msg = f"bin {self.name!r} needs its color once, as lab, hex or rgb{several}; it has {found}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = sum(part.min_share for part in self.all_of or ())
        if total > 1 + 1e-9:
            msg = f"bin {self.name!r} asks for shares of {total:g} together, more than the whole product: lower them"
            raise ValueError(msg)
        return self

    @property
    def references(self) -> tuple[ColorSettings, ...]:
        """Every color of the bin, at least one."""
        return self.any_of or self.all_of or (self,)
