"""Which part of the models stands at a place of a file.

Pydantic's locations also name the chosen member of a union (``source.simulator.products``) and mark keys
(``branches.left.[key]``). A file has no such steps, so they are taken out here.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from sorter.settings.document import Location

_KEY_MARKER = "[key]"


@dataclass(frozen=True, slots=True)
class Spot:
    """A location in the file and the type that the models want there."""

    loc: Location
    wanted: object
    """A type as annotated; ``Any`` where the models have nothing."""
    is_key: bool = False
    """The key is meant, not its value."""


def spot(model: type[BaseModel], loc: Location) -> Spot:
    """Translate a pydantic error's location in ``model``."""
    kept: list[str | int] = []
    wanted: object = model
    in_mapping = False
    for index, part in enumerate(loc):
        if in_mapping and part == _KEY_MARKER and index == len(loc) - 1:
            return Spot(tuple(kept), wanted, is_key=True)
        bare = _bare(wanted)
        in_mapping = get_origin(bare) is dict
        if not _is_union(bare):
            kept.append(part)
        wanted = _step(bare, part)
    return Spot(tuple(kept), _bare(wanted))


def keys_of(wanted: object) -> tuple[str, ...]:
    """The keys a model knows; none for what is no model."""
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        return tuple(wanted.model_fields)
    return ()


def kinds_of(wanted: object) -> tuple[str, ...]:
    """The values that choose a member of a discriminated union."""
    return tuple(kind for member in get_args(wanted) for kind in _tags(member))


def fixed_length(wanted: object) -> int | None:
    """How many entries a list of fixed length has; None for every other type."""
    arguments = get_args(wanted)
    return len(arguments) if get_origin(wanted) is tuple and Ellipsis not in arguments else None


def _bare(wanted: object) -> object:
    """Without ``Annotated`` and ``None``."""
    if get_origin(wanted) is Annotated:
        return _bare(get_args(wanted)[0])
    if _is_union(wanted):
        members = [member for member in get_args(wanted) if member is not types.NoneType]
        return _bare(members[0]) if len(members) == 1 else Union[tuple(members)]  # noqa: UP007  # built at run time
    return wanted


def _is_union(wanted: object) -> bool:
    return get_origin(wanted) in (Union, types.UnionType)


def _step(bare: object, part: str | int) -> object:
    """The type one step further in."""
    arguments = get_args(bare)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        field = bare.model_fields.get(str(part))
        return field.annotation if field else Any
    if _is_union(bare):
        return next((member for member in arguments if part in _tags(member)), Any)
    if get_origin(bare) is dict:
        return arguments[1]
    if get_origin(bare) is tuple and isinstance(part, int):
        return arguments[0] if Ellipsis in arguments else (*arguments, *[Any] * (part + 1))[part]
    return Any


def _tags(member: object) -> tuple[str, ...]:
    """The ``kind`` of a union's member."""
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return ()
    annotations = [field.annotation for field in member.model_fields.values()]
    return tuple(
        str(value) for annotation in annotations if get_origin(annotation) is Literal for value in get_args(annotation)
    )
