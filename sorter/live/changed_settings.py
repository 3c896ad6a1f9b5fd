"""What of a changed settings file can be taken up while the lines run, and what needs a restart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sorter.settings.site import LineSettings, PhotoEyeTrigger, SiteSettings

LIVE_KEYS = ("recipe", "shadow", "branches", "timing", "confirmation", "fail_safe")
"""Of a line: taken up between two products. Everything else of the file needs a restart."""
_NOT_BEHIND_AN_EYE = ("branches", "timing")
"""A photo-eye's products were foretold by these."""
_LAST_WILL = "sorter_lost"
"""This row stands in the last will that the broker holds since the start."""


@dataclass(frozen=True, slots=True)
class ChangedSettings:
    """A changed settings file against the settings in force."""

    lines: Mapping[str, LineSettings]
    """Of each line that goes on: its settings, with what could be taken up."""
    needs_restart: tuple[str, ...]
    """Where the rest stands, as ``lines.belt-1.region``."""


def compare(in_force: SiteSettings, now: SiteSettings) -> ChangedSettings:
    """Part a change into what can be taken up and what cannot."""
    wanted = {line.name: line for line in now.lines}
    known = {line.name: line for line in in_force.lines}
    taken = {name: _taken_up(line, wanted[name]) for name, line in known.items() if name in wanted}
    needs = [key for key in SiteSettings.model_fields if key != "lines" and getattr(in_force, key) != getattr(now, key)]
    needs += [f"lines.{name}" for name in [*known, *wanted] if (name in known) != (name in wanted)]
    needs += [f"lines.{name}.{key}" for name, line in taken.items() for key in _left(line, wanted[name])]
    return ChangedSettings(taken, tuple(needs))


def _taken_up(in_force: LineSettings, now: LineSettings) -> LineSettings:
    has_eye = isinstance(in_force.trigger, PhotoEyeTrigger)
    keys = [key for key in LIVE_KEYS if not (has_eye and key in _NOT_BEHIND_AN_EYE)]
    changes: dict[str, Any] = {key: getattr(now, key) for key in keys}
    will = getattr(in_force.fail_safe, _LAST_WILL)
    changes["fail_safe"] = now.fail_safe.model_copy(update={_LAST_WILL: will})
    return in_force.model_copy(update=changes)


def _left(taken: LineSettings, now: LineSettings) -> Iterator[str]:
    for key in LineSettings.model_fields:
        if getattr(taken, key) != getattr(now, key):
            yield f"{key}.{_LAST_WILL}" if key == "fail_safe" else key
