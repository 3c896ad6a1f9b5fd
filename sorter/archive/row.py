"""One picture's row: where it is, what is wrong with it or what colors it has."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from sorter.archive.failures import MOST_ATTEMPTS, backoff_s
from sorter.archive.stores import read, shown
from sorter.archive.swift import colors_of
from sorter.errors import SourceError


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of every picture of a job."""

    colors: int | None
    """1 to 256; None: as many as people would tell apart."""
    endpoint_url: str | None
    """Of the server that ``s3://`` means; None: what the environment says."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture; where there is an error, all but it and ``uri`` are None."""

    uri: str
    """Without what looks like a credential in it."""
    error: str | None
    """One sentence; None where all is well."""
    bytes: int | None = None
    sha256: str | None = None
    """Of the file, hexadecimal."""
    width: int | None = None
    """Upright, in pixels."""
    height: int | None = None
    hex: list[str] | None = None
    """As "#rrggbb", largest share first; empty where every pixel is transparent."""
    lab: list[float] | None = None
    """Three numbers a color."""
    share: list[float] | None = None
    """Above 0, to 1."""
    dominant_lab: list[float] | None = None
    foreground: str | None = None
    background: str | None = None
    accent: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """By the names of the columns."""
        return asdict(self)


def row_of(uri: str, wish: Wish) -> Row:
    """Read a picture and find its colors; whatever is wrong with it is told in the row."""
    try:
        content = read(uri, wish.endpoint_url, _waited)
        found = colors_of(content, wish.colors)
    except SourceError as error:
        return failed(uri, str(error))
    lab = found.lab.reshape(-1).tolist()
    return Row(
        uri=shown(uri),
        error=None,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        width=found.width,
        height=found.height,
        hex=list(found.hex),
        lab=lab,
        share=found.shares.tolist(),
        dominant_lab=lab[:3] or None,
        foreground=found.foreground,
        background=found.background,
        accent=found.accent,
    )


def failed(uri: str, sentence: str) -> Row:
    """The row of a picture that has no colors to tell."""
    return Row(shown(uri), f"{shown(uri)}: {sentence.removeprefix(_NAMELESS)}")


_NAMELESS = "the picture's bytes: "
"""How reading names what it is handed as bytes: here there is a better name."""


def _waited(failures: int) -> bool:
    if failures >= MOST_ATTEMPTS:
        return False
    time.sleep(backoff_s(failures, random.random()))  # noqa: S311 - spreads the waiting
    return True
