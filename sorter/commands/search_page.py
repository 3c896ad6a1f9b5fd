"""What a search has found, as one self-contained contact sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sorter import __version__
from sorter.archive.search import Answer, Color, Found
from sorter.archive.thumbnails import local_file
from sorter.archive.wanted import Wanted
from sorter.color.lab import lab_to_hex
from sorter.pages import render
from sorter.palette.names import nearest_name


def search_page(answer: Answer, wanted: Sequence[Wanted], searched: int, thumbnails: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        answer: what was found.
        wanted: what was searched for.
        searched: pictures in the archive.
        thumbnails: JPEGs by uri; empty, or not there, where a picture is not to be shown.
    """
    return render(
        "search.html.j2",
        version=__version__,
        wanted=[_wanted(one) for one in wanted],
        total=answer.total,
        searched=searched,
        found=[
            _found(one, rank, thumbnails.get(one.uri, b"")) for rank, one in enumerate(answer.found, start=1)
        ],
    )  # fmt: skip


def _wanted(one: Wanted) -> dict[str, Any]:
    return {
        "hex": lab_to_hex(one.lab),
        "name": nearest_name(one.lab),
        "tolerance": one.tolerance,
        "min_share": one.min_share,
    }


def _found(one: Found, rank: int, jpeg: bytes) -> dict[str, Any]:
    return {
        "rank": rank,
        "uri": one.uri,
        "name": one.uri.rstrip("/").rpartition("/")[2] or one.uri,
        "address": _address(one.uri),
        "jpeg": jpeg,
        "score": one.score,
        "palette": [_color(color) for color in one.palette if color.share > 0],
        "matches": [[_color(match.color) | {"delta_e": match.delta_e} for match in matches] for matches in one.matches],
    }


def _color(color: Color) -> dict[str, Any]:
    return {"hex": color.hex, "share": color.share}


def _address(uri: str) -> str | None:
    """Where a click may lead: to files and web pages, not to what else a browser would carry out."""
    if uri.startswith(("https://", "http://")):
        return uri
    file = local_file(uri)
    return None if file is None else file.absolute().as_uri()
