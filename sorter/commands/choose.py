"""Which line of a settings file is meant."""

from __future__ import annotations

from sorter.errors import UsageError
from sorter.settings.load import Loaded
from sorter.settings.site import LineSettings, SiteSettings


def choose_line(site: Loaded[SiteSettings], name: str | None) -> tuple[int, LineSettings]:
    """The line of this name and its place in the list; the only one where no name is given.

    Raises:
        UsageError: there is no such line, or several and no name.
    """
    lines = site.value.lines
    names = ", ".join(repr(line.name) for line in lines)
    if name is None and len(lines) > 1:
        raise UsageError(f"{site.path} has several lines ({names}): say which with --line")
    for index, line in enumerate(lines):
        if name in {None, line.name}:
            return index, line
    raise UsageError(f"{site.path} has no line {name!r}, only {names}")
