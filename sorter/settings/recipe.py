"""The recipe: a named, versioned set of color bins with their branches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from sorter.records import Lab, RecipeId, Verdict


def _plain_name(name: str) -> str:
    """Refuse what would break an MQTT topic, a metrics label or a log line."""
    if name != name.strip():
        msg = f"the name {name!r} begins or ends with a space: remove it"
        raise ValueError(msg)
    odd = sorted({letter for letter in name if letter in '/+#"\\$' or not letter.isprintable()})
    if odd:
        msg = f"the name {name!r} holds {' '.join(map(repr, odd))}: use letters, digits, spaces and . _ : -"
        raise ValueError(msg)
    return name


Name = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(_plain_name),
]
"""Letters, digits, spaces and . _ : -."""
HEX_PATTERN = "^#[0-9a-fA-F]{6}$"
HexColor = Annotated[str, Field(pattern=HEX_PATTERN), AfterValidator(str.lower)]
"""sRGB as "#rrggbb"; kept in small letters, so that both ways of writing mean the same recipe."""


def repeated_names(what: str, names: Sequence[object]) -> list[tuple[int, str]]:
    """Where a name was given before: its position in the list, and a sentence."""
    first: dict[object, int] = {}
    return [
        (index, f"another {what} has the name {name!r}: rename one")
        for index, name in enumerate(names)
        if isinstance(name, str) and first.setdefault(name, index) != index
    ]


def refuse_repeated(what: str, names: Sequence[str]) -> None:
    """Raise a pydantic error at each name that was given before, so that its place can be told."""
    errors = [
        InitErrorDetails(type="value_error", loc=(index, "name"), input=names[index], ctx={"error": sentence})
        for index, sentence in repeated_names(what, names)
    ]
    if errors:
        raise ValidationError.from_exception_data(what, errors)


class Strict(BaseModel):
    """A frozen settings node: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


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


class BinSettings(Strict):
    """A named color with a tolerance. Give the color once: as lab, as hex or as rgb."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["lab"]}, {"required": ["hex"]}, {"required": ["rgb"]}]}
    )

    name: Name
    """What people call the color; it is in every decision, so let it stay."""
    lab: LabTriple | None = None
    """L* 0..100, a* and b* -128..128: CIE L*a*b*, D65, 2 degree observer."""
    hex: HexColor | None = None
    """sRGB as "#rrggbb"; write it in quotes, since # begins a comment."""
    rgb: RgbTriple | None = None
    """sRGB, 0..255 each."""
    tolerance: Annotated[float, Field(gt=0, le=100)]
    """Largest CIEDE2000 difference at which a product still belongs to this bin."""
    branch: Name
    """Where products of this color go: one of the line's branches."""

    @model_validator(mode="after")
    def _one_color(self) -> Self:
        given = [key for key in ("lab", "hex", "rgb") if getattr(self, key) is not None]
        if not given and "hex" in self.model_fields_set:
            msg = f"bin {self.name!r} has no color after hex: write it in quotes, since # begins a comment"
            raise ValueError(msg)
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            msg = f"bin {self.name!r} needs its color once, as lab, hex or rgb; it has {found}"
            raise ValueError(msg)
        return self


class FallbackBranches(Strict):
    """Where products go that no bin takes."""

    unknown: Name
    """No bin reaches the color."""
    ambiguous: Name
    """Two bins reach it, or the frames disagree."""
    late: Name
    """Decided after the diverter could act."""
    invalid: Name
    """Not judgeable: cut off, merged, too small, blurred."""

    def branch_for(self, verdict: Verdict) -> str:
        """The branch of a verdict that is not *routed*."""
        return str(getattr(self, verdict.value))


class Recipe(Strict):
    """A recipe file: which colors go to which branch."""

    name: Name
    """What people call the recipe; it is in every decision."""
    revision: Annotated[int, Field(ge=1)] = 1
    """Raise it by one with every change, so that people can talk about it."""
    bins: Annotated[tuple[BinSettings, ...], Field(min_length=1, max_length=256)]
    """The colors, at least one; the order has no meaning."""
    fallback: FallbackBranches
    """Where products go that no bin takes."""
    min_margin: Annotated[float, Field(ge=0, le=100)] = 1.0
    """A product is ambiguous when its second bin is less than this much farther (CIEDE2000)."""

    @field_validator("bins", mode="after")
    @classmethod
    def _unique_names(cls, bins: tuple[BinSettings, ...]) -> tuple[BinSettings, ...]:
        refuse_repeated("bin", [one.name for one in bins])
        return bins

    @property
    def identity(self) -> RecipeId:
        """Name, revision and a hash of the recipe's meaning: comments and order do not change it."""
        meaning = self.model_dump(mode="json", exclude={"name", "revision"})
        meaning["bins"].sort(key=lambda one: one["name"])
        digest = hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]
        return RecipeId(name=self.name, revision=self.revision, hash=digest)

    def branches(self) -> frozenset[str]:
        """Every branch the recipe can send a product to."""
        return frozenset({one.branch for one in self.bins} | set(self.fallback.model_dump().values()))


def color_of(settings: BinSettings, srgb_to_lab: Callable[[int, int, int], Lab]) -> Lab:
    """The bin's color in Lab; ``srgb_to_lab`` is handed in so that settings need no color science.

    Args:
        settings: the bin.
        srgb_to_lab: maps sRGB values 0..255 (three integers) to a Lab.
    """
    if settings.lab is not None:
        return Lab(*settings.lab)
    if settings.rgb is not None:
        return srgb_to_lab(*settings.rgb)
    red, green, blue = bytes.fromhex(str(settings.hex)[1:])
    return srgb_to_lab(red, green, blue)
