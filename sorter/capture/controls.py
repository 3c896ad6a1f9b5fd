"""What can be set at a camera: set, read back, and told in one sentence each where the camera does otherwise.

Cameras and their drivers ignore what they do not like without a word, automatic exposure and white balance above all;
and these ruin color.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_log = logging.getLogger(__name__)

Value = bool | float | str
Id = TypeVar("Id")
_Id_contra = TypeVar("_Id_contra", contravariant=True)


class Controls(Protocol[_Id_contra]):
    """A camera's controls, by the ids of the library that reaches it; nothing here raises."""

    def get(self, control: _Id_contra) -> Value | None:
        """The value in force, in the camera's unit; None where the camera has no such control."""
        ...

    def set(self, control: _Id_contra, value: Value) -> None:
        """Ask for a value, in the camera's unit; only reading it back tells what became of it."""
        ...

    def takes(self, control: _Id_contra) -> str:
        """The values that it takes, or where to look them up, for a sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Wish(Generic[Id]):
    """A value that a control is to have."""

    setting: str
    """The key that asks for it, as in the settings file, with its unit."""
    control: Id
    value: Value
    """In the setting's unit."""
    unit: float = 1.0
    """One of the camera's units, in the setting's: 100 where it counts in 100 us and the setting in us."""
    tolerance: float = 0.0
    """Part of a number by which it may be off; half a unit may always be lost to rounding where ``unit`` is not 1."""
    may_be_absent: bool = False
    """A camera without this control behaves as if it had the value."""
    refused: str = ""
    """What is said where it has another value; empty: both values, and what it takes."""


@dataclass(frozen=True, slots=True)
class Automatic(Generic[Id]):
    """A control that the camera may turn by itself."""

    what: str
    """In words: exposure, white balance."""
    switch: Id
    off: Value
    setting: str
    """The key that gives the fixed value."""
    control: Id
    """What is turned."""
    unit: float = 1.0
    """As in `Wish`."""

    @property
    def off_wish(self) -> Wish[Id]:
        """Switches it off."""
        refused = f"its automatic {self.what} cannot be switched off: do it with the program of the camera's maker"
        return Wish(self.setting, self.switch, self.off, may_be_absent=True, refused=refused)


class Complaints:
    """Warns of what a camera does otherwise; each sentence once, however often the camera is opened.

    Args:
        place: the camera, which begins each sentence.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._said: set[str] = set()

    def say(self, sentences: Sequence[str]) -> None:
        """Warn of what is new among them."""
        for sentence in sentences:
            if sentence not in self._said:
                self._said.add(sentence)
                _log.warning("%s: %s", self._place, sentence)


def fulfil(controls: Controls[Id], wishes: Sequence[Wish[Id]]) -> list[str]:
    """Set all wishes in their order, then read all of them back.

    Read back only then, because one control can move another, and OpenCV takes width and height only together.

    Returns:
        One sentence for each wish that the camera does not fulfil.
    """
    for wish in wishes:
        controls.set(wish.control, _in_camera_units(wish))
    return [sentence for wish in wishes for sentence in _complaints(controls, wish)]


def running_by_themselves(controls: Controls[Id], automatics: Sequence[Automatic[Id]]) -> list[tuple[str, str, str]]:
    """Those that are switched on: in words what, the key that fixes it, and a remark on the value it has now."""
    return [
        (one.what, one.setting, _now(controls, one))
        for one in automatics
        if controls.get(one.switch) not in (None, one.off)
    ]


def _complaints(controls: Controls[Id], wish: Wish[Id]) -> Iterator[str]:
    given = controls.get(wish.control)
    if given is None:
        if not wish.may_be_absent:
            yield f"{wish.setting} cannot be set, the camera has no such control: remove it from its source settings"
    elif not _is_fulfilled(wish, given):
        yield wish.refused or (
            f"{wish.setting} is {_shown(given, wish.unit)}, not {_shown(wish.value)} as set: "
            f"choose what the camera takes ({controls.takes(wish.control)})"
        )


def _is_fulfilled(wish: Wish[Id], given: Value) -> bool:
    asked = wish.value
    if isinstance(asked, str | bool) or isinstance(given, str | bool):
        return asked == given
    rounding = 0.0 if wish.unit == 1.0 else wish.unit / 2
    return abs(given * wish.unit - asked) <= max(rounding, wish.tolerance * abs(asked)) + 1e-9


def _in_camera_units(wish: Wish[Id]) -> Value:
    return wish.value if isinstance(wish.value, str | bool) else wish.value / wish.unit


def _now(controls: Controls[Id], one: Automatic[Id]) -> str:
    value = controls.get(one.control)
    return "" if value is None else f" (it is {_shown(value, one.unit)} now)"


def _shown(value: Value, unit: float = 1.0) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else f"{value * unit:g}"
