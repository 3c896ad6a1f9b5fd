"""What all settings have in common: nodes that know their keys, and names that go everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails


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
