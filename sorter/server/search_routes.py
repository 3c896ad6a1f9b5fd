"""``GET /api/search``: the pictures of an archive that have certain colors."""

from __future__ import annotations

from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sorter.archive.search import MOST_WANTED, PaletteIndex
from sorter.archive.telling import answer_facts
from sorter.archive.wanted import MIN_SHARE, MOST_TOLERANCE, TOLERANCE, wanted_color
from sorter.errors import UsageError

_MOST_FOUND = 1000

_Colors = Annotated[
    list[Annotated[str, Query(max_length=64)]],
    Query(
        min_length=1,
        max_length=MOST_WANTED,
        description="c0392b, teal, rgb(192,57,43) or lab(45 54 36); all are wanted; teal:0.2 has its own least share",
    ),
]
_Tolerance = Annotated[float, Query(ge=0, le=MOST_TOLERANCE, description="CIEDE2000 that a color may be away")]
_Share = Annotated[float, Query(ge=0, le=1, description="least part of the picture")]
_Limit = Annotated[int, Query(ge=1, le=_MOST_FOUND, description="pictures in the answer")]


def router(index: PaletteIndex) -> APIRouter:
    """The route, over one archive that is loaded already.

    Queries are answered one after the other: each takes all of a core and tens of MB for a moment.
    """
    routes = APIRouter(tags=["search"])
    turn = Lock()

    @routes.get("/api/search", summary="Pictures that have certain colors, best first")
    def search(
        color: _Colors, tolerance: _Tolerance = TOLERANCE, min_share: _Share = MIN_SHARE, limit: _Limit = 50
    ) -> dict[str, Any]:
        """The pictures that hold every color within the tolerance, at the least share."""
        try:
            wanted = tuple(wanted_color(one, tolerance, min_share) for one in color)
        except UsageError as error:
            raise HTTPException(422, str(error)) from error
        with turn:
            return answer_facts(index.query(wanted, limit), wanted)

    return routes
