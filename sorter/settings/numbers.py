"""Numbers and times that two readers would not read alike: refused, so that a file means one thing to everybody.

Pydantic takes 010 for ten, and a program that knows YAML 1.1 takes it for eight; 1_1, mistyped for 1.1, is eleven; a
time of only digits counts seconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel

from sorter.settings.document import Document, Finding, Location
from sorter.settings.sentences import prefixed, shown

_PLAIN = re.compile(r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_COUNTED = re.compile(r"[-+]?[0-9.]+")


def unclear_numbers(document: Document, value: object, loc: Location = ()) -> Iterator[Finding]:
    """Find every one.

    Args:
        document: the file.
        value: the model that was made of it, or what of it stands at ``loc``.
        loc: a place of the document.
    """
    written = document.get(*loc)
    if isinstance(written, str):
        sentence = _unclear(written, value)
        if sentence is not None:
            yield document.at(document.mark(*loc), prefixed(loc, f"{sentence}, got {shown(written)}"))
    elif isinstance(written, list) and isinstance(value, tuple | list):
        for index, one in enumerate(value):
            yield from unclear_numbers(document, one, (*loc, index))
    elif isinstance(written, dict) and isinstance(value, BaseModel | dict):
        for key in written:
            one = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
            yield from unclear_numbers(document, one, (*loc, key))


def _unclear(written: str, value: object) -> str | None:
    """What is wanted instead; None where all is clear. A model made of a bare text was made of a number."""
    if isinstance(value, datetime):
        return "must be a time, such as 2026-01-31T10:00:00Z" if _COUNTED.fullmatch(written) else None
    is_number = isinstance(value, int | float | BaseModel) and not isinstance(value, bool)
    if is_number and not _PLAIN.fullmatch(written):
        return "must be a number without zeros before it, spaces and _"
    return None
